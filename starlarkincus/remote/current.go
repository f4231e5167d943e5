package remote

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// writeTime is the time for which a config.yml that was emptied counts as one that is being written, as the incus command does it in
// place.
var writeTime = time.Second

// The pause between two readings meanwhile, and the age from which the time of a file tells it from one that was changed later.
const (
	writePause = 5 * time.Millisecond
	stableAge  = 100 * time.Millisecond
)

// A stamp tells whether a file was changed since it was read.
type stamp struct {
	path string
	info fs.FileInfo // nil for a file that wasn't there
	read time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	return stamp{path, info, time.Now()}
}

// changed reports whether the file is another one than when it was read.
func (s stamp) changed() bool {
	now := stampOf(s.path)
	if s.info == nil || now.info == nil {
		return s.info != nil || now.info != nil
	}
	return !os.SameFile(s.info, now.info) || s.info.Size() != now.info.Size() || !s.info.ModTime().Equal(now.info.ModTime())
}

// young reports whether a change after the reading might not show.
func (s stamp) young() bool { return s.info != nil && s.read.Sub(s.info.ModTime()) < stableAge }

// readConfig reads a config.yml. For one that was emptied just now, it waits a moment for its content.
func readConfig(ctx context.Context, path string) ([]byte, stamp, error) {
	for begun := time.Now(); ; {
		s := stampOf(path)
		content, err := read(ctx, path)
		if err != nil || len(content) > 0 || s.info == nil || time.Since(s.info.ModTime()) > writeTime || time.Since(begun) > writeTime {
			return content, s, err
		}
		select {
		case <-ctx.Done():
			return nil, s, context.Cause(ctx)
		case <-time.After(writePause):
		}
	}
}

// Current reports whether the files are as they were when the configuration was read.
func (c *Config) Current() bool {
	return !c.outdated() && !slices.ContainsFunc(c.stamps, stamp.young)
}

func (c *Config) outdated() bool { return slices.ContainsFunc(c.stamps, stamp.changed) }

// Reload reads the configuration again. The new one knows which remotes are no longer there.
func (c *Config) Reload(ctx context.Context) (*Config, error) {
	now, err := Load(ctx, c.env)
	if err != nil {
		return nil, err
	}
	now.gone = make(map[string]bool)
	for _, before := range slices.Concat(c.Names(), keys(c.gone)) {
		if _, ok := now.remotes[before]; !ok {
			now.gone[before] = true
		}
	}
	return now, nil
}

func keys(m map[string]bool) (all []string) {
	for key := range m {
		all = append(all, key)
	}
	return all
}

// Settled reports whether a remote was resolved from files that belong together: another program that removes or renames it first
// removes its certificate, and then changes config.yml.
func (c *Config) Settled(t *Target) bool {
	if c.outdated() {
		return false
	}
	pinnable := t != nil && len(t.Endpoints) > 0 && t.ServerCertificate == nil
	return !pinnable || c.dir == "" || !stampOf(filepath.Join(c.dir, pins)).young()
}
