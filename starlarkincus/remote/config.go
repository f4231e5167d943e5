package remote

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/owner"
)

// A Config is the configuration of the incus command: its remotes. It is immutable, and so safe for concurrent use.
type Config struct {
	env       Environment
	dir       string // the user's configuration; empty for none
	globalDir string
	globalErr *errors.Error // reading the global configuration; nil for success

	noPins, noCertificates bool // ignore the pinned certificates, or all

	remotes       map[string]entry
	defaultRemote string
	defaultFrom   string // origin of defaultRemote, for messages; empty for the local daemon

	stamps []stamp         // of the files that were read
	gone   map[string]bool // remotes that were there before
}

// An entry is a remote as config.yml describes it.
type entry struct {
	Addr              string `yaml:"addr"`
	LastWorking       string `yaml:"last_working_address"`
	AuthType          string `yaml:"auth_type"`
	Project           string `yaml:"project"`
	Protocol          string `yaml:"protocol"`
	CredentialsHelper string `yaml:"credentials_helper"`
	Public            bool   `yaml:"public"`

	global bool   // from the configuration for all users
	file   string // empty for a built-in entry
	line   int    // 0 if unknown
}

// UnmarshalYAML decodes an entry and records its line, for messages.
func (e *entry) UnmarshalYAML(node *yaml.Node) error {
	type plain entry
	if err := node.Decode((*plain)(e)); err != nil {
		return err
	}
	e.line = node.Line
	return nil
}

// position returns the entry's file and line as the beginning of a message; empty for a built-in entry.
func (e entry) position() string {
	switch {
	case e.file == "":
		return ""
	case e.line == 0:
		return e.file + ": "
	}
	return fmt.Sprintf("%s:%d: ", e.file, e.line)
}

// A file is a config.yml, without the settings for the incus command's own output.
type file struct {
	DefaultRemote string           `yaml:"default-remote"`
	Remotes       map[string]entry `yaml:"remotes"`
}

const localName = "local"

// imagesEntry is the remote images of a user without a config.yml.
var imagesEntry = entry{Addr: "https://images.linuxcontainers.org", Protocol: SimpleStreams, Public: true}

// Load reads the incus command's configuration. A missing one is no failure: the local daemon is always a remote.
func Load(ctx context.Context, env Environment) (*Config, error) {
	env = env.complete()
	c := &Config{env: env, dir: env.configDir(), globalDir: env.globalDir(), defaultRemote: localName}
	user, err := c.loadUser(ctx)
	if err != nil {
		return nil, err
	}
	// Like the incus command, add the global remotes only if the user has a configuration.
	if user == nil {
		c.remotes = map[string]entry{"images": imagesEntry}
	} else {
		c.remotes = user.Remotes
		if c.remotes == nil {
			c.remotes = map[string]entry{}
		}
		if user.DefaultRemote != "" {
			c.defaultRemote = user.DefaultRemote
			c.defaultFrom = "default-remote in " + c.path("config.yml")
		}
		if err := c.addGlobal(ctx); err != nil {
			return nil, err
		}
	}
	c.remotes[localName] = entry{Addr: "unix://", Project: c.remotes[localName].Project}
	// The incus command ignores INCUS_REMOTE if there is no config.yml. A script for another server must not work on
	// this one instead.
	if name := env.Getenv("INCUS_REMOTE"); name != "" {
		c.defaultRemote, c.defaultFrom = name, "INCUS_REMOTE"
	}
	return c, nil
}

// loadUser returns the user's config.yml; nil for none.
func (c *Config) loadUser(ctx context.Context) (*file, error) {
	if c.dir == "" {
		return nil, nil
	}
	path := c.path("config.yml")
	c.checkOwners(c.dir, path)
	content, s, err := readConfig(ctx, path)
	c.stamps = append(c.stamps, s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, unreadable(ctx, path, err)
	}
	return parse(path, content)
}

// addGlobal adds the remotes for all users, except those with the name of one of the user's.
func (c *Config) addGlobal(ctx context.Context) error {
	if c.globalDir == "" {
		return nil
	}
	path := filepath.Join(c.globalDir, "config.yml")
	c.checkOwners(c.globalDir, path)
	content, s, err := readConfig(ctx, path)
	c.stamps = append(c.stamps, s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		// The incus command goes on without it. So the error is reported only for an unknown remote, which may be
		// defined there.
		c.globalErr = cannotRead(path, err)
		return nil
	}
	global, err := parse(path, content)
	if err != nil {
		return err
	}
	for name, e := range global.Remotes {
		if _, ok := c.remotes[name]; !ok {
			e.global = true
			c.remotes[name] = e
		}
	}
	return nil
}

// checkOwners warns of a folder, and of a file in it, if other users can change them.
func (c *Config) checkOwners(folder, file string) {
	c.env.warn(owner.Trusted(folder, c.env.UID))
	c.env.warn(owner.Trusted(file, c.env.UID))
}

// path returns the path of a file in the user's configuration.
func (c *Config) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// Names returns the names of the remotes, sorted.
func (c *Config) Names() []string { return slices.Sorted(maps.Keys(c.remotes)) }

// parse decodes a config.yml.
func parse(path string, content []byte) (*file, error) {
	f := &file{}
	if err := yaml.Unmarshal(content, f); err != nil {
		return nil, badYAML(path, err)
	}
	for name, e := range f.Remotes {
		e.file = path
		f.Remotes[name] = e
	}
	return f, nil
}

var (
	yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^line (\d+): `) })
	goType   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(map\[string\])?remote\.\w+`) })
)

// badYAML returns the error of a config.yml, with the parser's message, which may have several lines and the names of
// this package's types, as one line.
func badYAML(path string, err error) *errors.Error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var mistakes *yaml.TypeError
	if errors.As(err, &mistakes) {
		text = strings.Join(mistakes.Errors, "; ")
	}
	text = oneLine(goType().ReplaceAllString(text, "a mapping"))
	position := path + ": "
	if m := yamlLine().FindStringSubmatch(text); m != nil {
		position = path + ":" + m[1] + ": "
		text = text[len(m[0]):]
	}
	return failure(&reason{text, err}, "%snot a configuration of the incus command", position)
}

// A reason is a cause with a message of one line.
type reason struct {
	text string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// oneLine replaces each run of white space by one space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// failure returns a configuration error. A cause that isn't nil is appended to the message.
func failure(cause error, format string, args ...any) *errors.Error {
	e := errors.New(errors.Config, format, args...)
	if cause != nil {
		e.Message += ": " + oneLine(cause.Error())
		e.Cause = cause
	}
	return e
}

// read reads a file of the configuration, up to [input.Key]. Any but a regular file is an error.
func read(ctx context.Context, path string) ([]byte, error) {
	return input.Regular(ctx, path, input.Key)
}

// unreadable returns the error of a failed read: the context's cause if the context has ended.
func unreadable(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return cannotRead(path, err)
}

// cannotRead returns the error of a file that can't be read.
func cannotRead(path string, err error) *errors.Error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the message names the file already
	}
	return failure(err, "can't read %s", path)
}

// exists reports whether a file exists. It also returns true if that can't be determined: reading the file then gives
// the reason.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
