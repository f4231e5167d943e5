package remote

import (
	"context"
	stderrors "errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/owner"
)

// A Config holds the remotes that the incus command knows. It doesn't change, so any number of tasks may use it.
type Config struct {
	env       Environment
	dir       string // of the user's configuration; empty for none
	globalDir string
	globalErr *errors.Error // why the global configuration couldn't be read

	remotes       map[string]entry
	defaultRemote string
	defaultFrom   string // what chose the default remote
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

	global bool   // it comes from the configuration for all users
	file   string // empty for what no file says
	line   int    // 0 where it isn't known
}

// UnmarshalYAML keeps the line, for messages.
func (e *entry) UnmarshalYAML(node *yaml.Node) error {
	type plain entry
	if err := node.Decode((*plain)(e)); err != nil {
		return err
	}
	e.line = node.Line
	return nil
}

// where is the entry's place, to begin a message with.
func (e entry) where() string {
	switch {
	case e.file == "":
		return ""
	case e.line == 0:
		return e.file + ": "
	}
	return fmt.Sprintf("%s:%d: ", e.file, e.line)
}

// A file is a config.yml, without what concerns only the incus command's own output.
type file struct {
	DefaultRemote string           `yaml:"default-remote"`
	Remotes       map[string]entry `yaml:"remotes"`
}

const localName = "local"

// Load reads the incus command's configuration. That there is none is no failure: there is always the local daemon.
func Load(ctx context.Context, env Environment) (*Config, error) {
	env = env.complete()
	c := &Config{env: env, dir: env.configDir(), globalDir: env.globalDir(), defaultRemote: localName}
	user, err := c.loadUser(ctx)
	if err != nil {
		return nil, err
	}
	// Like the incus command, look at the global remotes only where the user has a configuration.
	if user == nil {
		c.remotes = map[string]entry{
			"images": {Addr: "https://images.linuxcontainers.org", Protocol: SimpleStreams, Public: true},
		}
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
	// The incus command ignores INCUS_REMOTE where there is no config.yml. A script that was told to work on another
	// server must not work on this one instead.
	if name := env.Getenv("INCUS_REMOTE"); name != "" {
		c.defaultRemote, c.defaultFrom = name, "INCUS_REMOTE"
	}
	return c, nil
}

// loadUser reads the user's config.yml; nil where there is none.
func (c *Config) loadUser(ctx context.Context) (*file, error) {
	if c.dir == "" {
		return nil, nil
	}
	path := c.path("config.yml")
	c.trust(c.dir, path)
	content, err := read(ctx, path)
	switch {
	case stderrors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, unreadable(ctx, path, err)
	}
	return parse(path, content)
}

// addGlobal adds the remotes of all users where the user has none of that name.
func (c *Config) addGlobal(ctx context.Context) error {
	if c.globalDir == "" {
		return nil
	}
	path := filepath.Join(c.globalDir, "config.yml")
	c.trust(c.globalDir, path)
	content, err := read(ctx, path)
	switch {
	case stderrors.Is(err, fs.ErrNotExist):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		// The incus command goes on without it, so this is told only where one of its remotes may be meant.
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

// trust warns of a folder and a file in it that other users could have changed.
func (c *Config) trust(folder, file string) {
	c.env.warn(owner.Trusted(folder, c.env.UID))
	c.env.warn(owner.Trusted(file, c.env.UID))
}

// path is that of a file in the user's configuration.
func (c *Config) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// Names lists the remotes in order of their names.
func (c *Config) Names() []string { return slices.Sorted(maps.Keys(c.remotes)) }

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
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	goType   = regexp.MustCompile(`(map\[string\])?remote\.\w+`)
)

// badYAML makes the parser's words, which may take several lines and name this package's types, into one line.
func badYAML(path string, err error) *errors.Error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var mistakes *yaml.TypeError
	if stderrors.As(err, &mistakes) {
		text = strings.Join(mistakes.Errors, "; ")
	}
	text = oneLine(goType.ReplaceAllString(text, "a mapping"))
	place := path + ": "
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		place = path + ":" + m[1] + ": "
		text = text[len(m[0]):]
	}
	return failure(&reason{text, err}, "%snot a configuration of the incus command", place)
}

// A reason is a cause in words that fit into one line.
type reason struct {
	text string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// failure makes a configuration error whose message ends with its cause; nil for none.
func failure(cause error, format string, args ...any) *errors.Error {
	e := errors.New(errors.Config, format, args...)
	if cause != nil {
		e.Message += ": " + oneLine(cause.Error())
		e.Cause = cause
	}
	return e
}

// read reads a certificate, a key or a configuration, which have a limit.
func read(ctx context.Context, path string) ([]byte, error) { return input.File(ctx, path, input.Key) }

// unreadable is the error of a file that read didn't read: why the context has ended, where it has.
func unreadable(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return cannotRead(path, err)
}

func cannotRead(path string, err error) *errors.Error {
	var pathErr *fs.PathError
	if stderrors.As(err, &pathErr) {
		err = pathErr.Err // the message names the file already
	}
	return failure(err, "can't read %s", path)
}

// exists holds for what can't be told too, so that reading it says why.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !stderrors.Is(err, fs.ErrNotExist)
}
