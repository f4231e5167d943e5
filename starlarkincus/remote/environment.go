// Package remote reads what the incus command has configured (its remotes, certificates and environment variables) and
// says how to reach each remote.
//
//	config, err := remote.Load(ctx, remote.OS())
//	target, err := config.Resolve(ctx, "") // the default remote
//
// A [Target] is all that a connection needs. Nothing here connects or writes, and certificates are read only for the
// remote that is asked for. All failures are an *errors.Error of the class errors.Config.
package remote

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// An Environment is what the configuration depends on outside of its files. A missing function stands for an
// environment that lacks it.
type Environment struct {
	// Getenv gives an environment variable; empty where it isn't set.
	Getenv func(name string) string
	// HomeDir gives the user's home folder.
	HomeDir func() (string, error)
	// UserConfigDir gives the folder that holds the user's configuration of all programs.
	UserConfigDir func() (string, error)
	// UID is the user's id, by which incus-user names the user's own project.
	UID int
	// SocketDirs are the folders that the daemon's socket may be in: the first that has one, else the last.
	SocketDirs []string
	// GlobalDir holds the configuration for all users, unless INCUS_GLOBAL_CONF names another.
	GlobalDir string
	// Writable says whether this user may write to a file.
	Writable func(path string) bool
	// Warn is told of files that other users could have read or changed, each time that they are read.
	Warn func(message string)
}

// OS is the environment of this process.
func OS() Environment {
	return Environment{
		Getenv:        os.Getenv,
		HomeDir:       homeDir,
		UserConfigDir: os.UserConfigDir,
		UID:           os.Geteuid(),
		SocketDirs:    []string{"/run/incus", "/var/lib/incus"},
		GlobalDir:     "/etc/incus",
		Writable:      writable,
	}
}

// homeDir asks the user database too: a service and a cron job may run without HOME.
func homeDir() (string, error) {
	if home, err := os.UserHomeDir(); err == nil && home != "" {
		return home, nil
	}
	u, err := user.Current()
	if err != nil {
		return "", err
	}
	return u.HomeDir, nil
}

// warn tells of a warning that isn't empty.
func (e Environment) warn(message string) {
	if message != "" && e.Warn != nil {
		e.Warn(message)
	}
}

func (e Environment) complete() Environment {
	none := func() (string, error) { return "", os.ErrNotExist }
	if e.Getenv == nil {
		e.Getenv = func(string) string { return "" }
	}
	if e.HomeDir == nil {
		e.HomeDir = none
	}
	if e.UserConfigDir == nil {
		e.UserConfigDir = none
	}
	if e.Writable == nil {
		e.Writable = func(string) bool { return false }
	}
	return e
}

// configDir is the folder of the user's configuration; empty where there can't be one.
func (e Environment) configDir() string {
	if dir := e.Getenv("INCUS_CONF"); dir != "" {
		return os.Expand(dir, e.Getenv)
	}
	var legacy string
	if home, err := e.HomeDir(); err == nil && home != "" {
		legacy = filepath.Join(home, ".config", "incus")
	}
	base, err := e.UserConfigDir()
	if err != nil || base == "" {
		return legacy
	}
	dir := filepath.Join(base, "incus")
	// Incus 6 looks only into ~/.config, and newer versions move that folder to its new place at their first run. This
	// program may come before that run, and moves nothing.
	if legacy != "" && !exists(dir) && exists(legacy) {
		return legacy
	}
	return dir
}

func (e Environment) globalDir() string {
	if dir := e.Getenv("INCUS_GLOBAL_CONF"); dir != "" {
		return dir
	}
	return e.GlobalDir
}

// socket finds the local daemon's socket, and the project that its user is confined to; empty for none.
func (e Environment) socket() (path, project string) {
	if path := e.Getenv("INCUS_SOCKET"); path != "" {
		return path, ""
	}
	dir := e.Getenv("INCUS_DIR")
	if dir == "" {
		for _, dir = range e.SocketDirs {
			if exists(filepath.Join(dir, "unix.socket")) {
				break
			}
		}
	}
	path = filepath.Join(dir, "unix.socket")
	// Users who may not use the daemon itself reach it through incus-user, which gives each a project.
	if restricted := path + ".user"; !e.Writable(path) && e.Writable(restricted) {
		return restricted, "user-" + strconv.Itoa(e.UID)
	}
	return path, ""
}
