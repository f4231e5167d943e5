// Package remote reads the configuration of the incus command (its remotes, certificates and environment variables) and
// resolves the name of a remote to a [Target].
//
//	config, err := remote.Load(ctx, remote.OS())
//	target, err := config.Resolve(ctx, "") // the default remote
//
// A Target holds everything needed for a connection. The package itself doesn't connect. It writes only in [Config.Add],
// [Config.Remove], [Config.Rename], [Config.SetDefault] and [Config.MakeCertificate], and reads the certificates only of the
// remote that is resolved. All failures but those of the context are of type *errors.Error and
// class errors.Config.
package remote

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// An Environment holds the inputs of the configuration besides its files. A nil function means an environment without
// the feature.
type Environment struct {
	// Getenv returns an environment variable; empty if it isn't set.
	Getenv func(name string) string
	// HomeDir returns the user's home folder.
	HomeDir func() (string, error)
	// UserConfigDir returns the folder for the user's configuration of all programs, such as ~/.config.
	UserConfigDir func() (string, error)
	// UID is the user's id. It is part of the name of the project that incus-user creates for the user.
	UID int
	// SocketDirs are the candidate folders of the daemon's socket: the first that has one is used, else the last.
	SocketDirs []string
	// GlobalDir holds the configuration for all users, unless INCUS_GLOBAL_CONF names another.
	GlobalDir string
	// Writable reports whether the user may write to a file.
	Writable func(path string) bool
	// Keys keeps decrypted keys and asks for passphrases; nil for nobody to ask.
	Keys *Keyring
	// Warn, if set, receives a warning about each file that other users can read or change, whenever it is read.
	Warn func(message string)
}

// OS returns the environment of this process.
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

// homeDir returns the user's home folder: HOME, else the one in the user database, because services and cron jobs may
// run without HOME.
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

// warn passes a message that isn't empty to Warn.
func (e Environment) warn(message string) {
	if message != "" && e.Warn != nil {
		e.Warn(message)
	}
}

// complete returns e with functions in place of the nil ones; Warn stays nil.
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

// configDir returns the folder of the user's configuration; empty for a user without a home folder.
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
	// Incus 6 looks only into ~/.config, and newer versions move that folder to its new location at their first run.
	// This program may run before that, and moves nothing.
	if legacy != "" && !exists(dir) && exists(legacy) {
		return legacy
	}
	return dir
}

// globalDir returns the folder of the configuration for all users; empty for none.
func (e Environment) globalDir() string {
	if dir := e.Getenv("INCUS_GLOBAL_CONF"); dir != "" {
		return dir
	}
	return e.GlobalDir
}

// socket returns the path of the local daemon's socket, and the project that the user is confined to, if any.
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
	// Users without access to the daemon itself reach it through incus-user, which gives each a project.
	if restricted := path + ".user"; !e.Writable(path) && e.Writable(restricted) {
		return restricted, "user-" + strconv.Itoa(e.UID)
	}
	return path, ""
}
