package remote

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
)

// lockPatience is the time to wait for another program that changes the configuration.
const lockPatience = 10 * time.Second

// lock makes the folder of the user's configuration, if it is missing, and locks it against other changes by this
// program. The incus command itself knows no locks. It removes the temporary files of killed processes.
func (c *Config) lock(ctx context.Context) (unlock func(), err error) {
	if c.dir == "" {
		return nil, failure(nil, "there is no folder for the configuration: neither HOME nor INCUS_CONF is set")
	}
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return nil, cannotWrite(c.dir, err)
	}
	folder, err := os.Open(c.dir)
	if err != nil {
		return nil, cannotWrite(c.dir, err)
	}
	for deadline := time.Now().Add(lockPatience); !tryLock(folder); {
		switch {
		case ctx.Err() != nil:
			folder.Close()
			return nil, context.Cause(ctx)
		case time.Now().After(deadline):
			folder.Close()
			return nil, failure(nil, "another program has been changing %s for %s", c.dir, lockPatience)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	atomicfile.Sweep(c.dir)
	for _, f := range perRemote {
		atomicfile.Sweep(c.path(f.folder))
	}
	return func() { folder.Close() }, nil
}

// cannotWrite returns the error of a file that can't be written.
func cannotWrite(path string, err error) error {
	e := cannotRead(path, err)
	e.Message = "can't write" + e.Message[len("can't read"):]
	return e
}

// A change is a change of the user's configuration: of config.yml, and of the files of remotes beside it.
type change struct {
	*document
	copies  [][2]string  // files and their new names, made before config.yml is written
	prepare func() error // called before config.yml is written; nil for nothing
}

// edit changes the user's configuration, and returns it with the change. It calls check, which returns an error if the
// change can't be made. It reads config.yml anew for make, because another program may have changed it. A change that was
// made already by a process that was killed before it ended is only completed.
func (c *Config) edit(ctx context.Context, begun edition, check func(now *Config) error, make func(now *Config, changes *change) error) (*Config, error) {
	if err := check(c); err != nil && !c.repeats(begun) {
		return nil, err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	again := c.repeats(begun)
	if !again || begun.Edit != adds {
		made, _, err := c.settle(ctx)
		if err != nil {
			return nil, err
		}
		if made && again {
			return Load(ctx, c.env)
		}
	}
	for range maxEditions {
		now, outdone, err := c.attempt(ctx, begun, check, make)
		if !outdone || err != nil {
			return now, err
		}
	}
	return nil, failure(nil, "another program changes %s all the time", c.path("config.yml"))
}

// maxEditions bounds the attempts of a change while another program, such as the incus command, changes config.yml.
const maxEditions = 20

// attempt makes a change, unless another program changes config.yml meanwhile: then it undoes what it has begun, and reports that it
// was outdone.
func (c *Config) attempt(ctx context.Context, begun edition, check func(now *Config) error, make func(now *Config, changes *change) error) (_ *Config, outdone bool, err error) {
	now, err := Load(ctx, c.env)
	if err != nil {
		return nil, false, err
	}
	path := c.path("config.yml")
	d, err := loadDocument(ctx, path)
	if err != nil {
		return nil, false, err
	}
	changes := &change{document: d}
	if err = check(now); err == nil {
		err = make(now, changes)
	}
	if err != nil {
		return nil, false, err
	}
	content, err := d.encode(path)
	if err != nil {
		return nil, false, err
	}
	if err := c.begin(begun); err != nil {
		return nil, false, err
	}
	if err = changes.copy(); err == nil && changes.prepare != nil {
		err = changes.prepare()
	}
	written := false
	if err == nil {
		outdone, err = d.replace(ctx, path, content)
		written = err == nil && !outdone
	}
	_, left, failed := c.settle(context.WithoutCancel(ctx))
	now, unread := (*Config)(nil), error(nil)
	if written {
		now, unread = Load(context.WithoutCancel(ctx), c.env)
	}
	return now, outdone, ended(path, written, err, append(left, failed, unread))
}

// ended returns the error of a change with what became of it; nil for neither failure nor remains. Failure kept config.yml
// from being written; after is what couldn't be done then, with nil for what could.
func ended(path string, written bool, failure error, after []error) error {
	var remains []string
	for _, err := range after {
		if e := (*errors.Error)(nil); errors.As(err, &e) && (failure == nil || err.Error() != failure.Error()) {
			remains = append(remains, e.Message)
		} else if err != nil && e == nil {
			remains = append(remains, oneLine(err.Error()))
		}
	}
	var e *errors.Error
	switch text := strings.Join(remains, "; "); {
	case text == "":
		return failure
	case written:
		return &errors.Error{Class: errors.Config, Message: "the change is in " + path + ", but not complete: " + text, Outcome: errors.Done}
	case errors.As(failure, &e):
		more := *e
		more.Message += "; and what was begun isn't undone: " + text
		return &more
	}
	return failure
}

// copy copies files to their new names, beside the old ones.
func (c *change) copy() error {
	for _, l := range c.copies {
		if err := atomicfile.Copy(l[0], l[1]); err != nil {
			return cannotWrite(l[1], err)
		}
	}
	return nil
}

// pins is the folder of the pinned certificates of servers.
const pins = "servercerts"

// perRemote are the files of a remote besides config.yml.
var perRemote = []struct {
	folder, suffix string
	own            bool // made by the user: not removed with the remote, as by the incus command
}{
	{pins, ".crt", false},
	{"oidctokens", ".json", false},
	{"jars", "", false},
	{"clientcerts", ".crt", true},
	{"clientcerts", ".key", true},
	{"clientcerts", ".ca", true},
}

// Remove removes a remote, the pinned certificate of its server and its tokens. It returns the configuration without it.
func (c *Config) Remove(ctx context.Context, name string) (*Config, error) {
	check := func(now *Config) error { return now.changeable(name, "removed") }
	return c.edit(ctx, edition{Edit: removes, Old: name}, check, func(_ *Config, changes *change) error {
		if name == changes.defaultRemote() {
			return failure(nil, "remote %q is the default one and can't be removed: make another one the default before", name)
		}
		changes.remove(name)
		return nil
	})
}

// SetDefault makes a remote the default one.
func (c *Config) SetDefault(ctx context.Context, name string) (*Config, error) {
	check := func(now *Config) error {
		if _, ok := now.remotes[name]; !ok {
			return now.unknown(name, "")
		}
		return nil
	}
	return c.edit(ctx, edition{}, check, func(_ *Config, changes *change) error {
		changes.setDefault(name)
		return nil
	})
}

// Rename renames a remote with its files. It returns the configuration with the new name.
func (c *Config) Rename(ctx context.Context, old, name string) (*Config, error) {
	check := func(now *Config) error {
		if err := now.changeable(old, "renamed"); err != nil {
			return err
		}
		return now.CheckNew(name)
	}
	return c.edit(ctx, edition{Edit: renames, Old: old, New: name}, check, func(_ *Config, changes *change) error {
		for _, f := range perRemote {
			from, to := c.path(f.folder, old+f.suffix), c.path(f.folder, name+f.suffix)
			if _, err := os.Lstat(to); !missing(err) {
				return failure(nil, "%s exists, and would be used for the renamed remote: it must be removed before", to)
			}
			if _, err := os.Lstat(from); !missing(err) {
				changes.copies = append(changes.copies, [2]string{from, to})
			}
		}
		changes.rename(old, name)
		return nil
	})
}

// changeable returns an error for a remote that isn't in the user's config.yml. Done is what can't be done with it.
func (c *Config) changeable(name, done string) error {
	switch e, ok := c.remotes[name]; {
	case !ok:
		return c.unknown(name, "")
	case name == localName:
		return failure(nil, "remote %q is built in and can't be %s", name, done)
	case e.global:
		return failure(nil, "remote %q is one for all users, from %s, and can't be %s here", name, filepath.Join(c.globalDir, "config.yml"), done)
	}
	return nil
}

// maxName is the limit of the name of a new remote, in bytes, which is part of the names of files.
const maxName = 240

// CheckNew returns an error for a name that a new remote can't have.
func (c *Config) CheckNew(name string) error {
	bad := strings.IndexFunc(name, func(r rune) bool { return strings.ContainsRune(":/=\\", r) || !unicode.IsPrint(r) })
	switch {
	case name == "":
		return failure(nil, "the name of the remote is empty")
	case bad >= 0:
		r, _ := utf8.DecodeRuneInString(name[bad:])
		return failure(nil, "%q can't be the name of a remote: it has %q", name, r)
	case len(name) > maxName:
		return failure(nil, "%.20q… can't be the name of a remote: it has %d bytes, more than %d", name, len(name), maxName)
	case strings.HasPrefix(name, ".") || strings.TrimSpace(name) != name:
		return failure(nil, "%q can't be the name of a remote: it begins with a dot, or begins or ends with a space", name)
	case c.Taken(name):
		return c.taken(name)
	}
	return nil
}
