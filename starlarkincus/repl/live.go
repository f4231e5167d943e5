package repl

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"incus-star/starlarkincus"
)

// answerTime is the time in which each key is answered. The rest of the answer is used for the next key.
const answerTime = 180 * time.Millisecond

// The times for which names are kept, and after which a lookup is given up.
const (
	briefly   = 5 * time.Second
	long      = time.Hour
	giveUp    = 10 * time.Second
	failFor   = 10 * time.Second
	atOnce    = 4   // lookups that run at a time
	maxLookup = 256 // lists that are kept
)

// A reader reads a list of names.
type reader func(context.Context) ([]starlarkincus.Name, error)

// live looks up names in the background, and keeps them for a short time. Its methods are called by one goroutine.
type live struct {
	ctx    context.Context
	cancel context.CancelFunc
	lists  map[string]*lookup
	wait   sync.WaitGroup

	mu      sync.Mutex
	running int
}

// A lookup is a list of names that is being read, or was.
type lookup struct {
	done  chan struct{} // closed at the end
	names []starlarkincus.Name
	err   error
	until time.Time // the names are kept until then
	old   []starlarkincus.Name
}

func newLive() *live {
	l := &live{lists: make(map[string]*lookup)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// close ends the lookups, except those in folders that don't answer.
func (l *live) close() {
	if l == nil {
		return
	}
	l.cancel()
	l.wait.Wait()
}

// names returns the list of the key, as far as it is known at the deadline.
func (l *live) names(key string, keep time.Duration, read reader, deadline time.Time) []starlarkincus.Name {
	now := time.Now()
	u := l.lists[key]
	if u == nil || u.ended() && now.After(u.until) {
		if u = l.start(u, key, keep, read); u == nil {
			return nil
		}
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-u.done:
		if u.err == nil {
			return u.names
		}
		return nil
	case <-timer.C:
		return u.old
	}
}

// start starts a lookup, unless too many are running: then it returns the one before.
func (l *live) start(before *lookup, key string, keep time.Duration, read reader) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= atOnce {
		return before
	}
	if len(l.lists) >= maxLookup {
		clear(l.lists)
	}
	u := &lookup{done: make(chan struct{})}
	if before != nil && before.err == nil {
		u.old = before.names
	}
	l.lists[key] = u
	l.running++
	l.wait.Go(func() {
		defer func() {
			if recover() != nil {
				u.err = context.Canceled
			}
			l.mu.Lock()
			l.running--
			l.mu.Unlock()
			close(u.done)
		}()
		ctx, cancel := context.WithTimeout(l.ctx, giveUp)
		defer cancel()
		u.names, u.err = read(ctx)
		if u.err != nil {
			keep = failFor
		}
		u.until = time.Now().Add(keep)
	})
	return u
}

func (u *lookup) ended() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// readFolder returns a reader of the names in a folder. Those of folders end with a slash.
func readFolder(folder string) reader {
	return func(ctx context.Context) ([]starlarkincus.Name, error) {
		return readNames(ctx, folder, func(entry fs.DirEntry) (string, string) {
			name := entry.Name()
			if isFolder(folder, entry) {
				return name + "/", "folder"
			}
			return name, "file"
		})
	}
}

// readPrograms reads the names of the programs in $PATH.
func readPrograms(ctx context.Context) ([]starlarkincus.Name, error) {
	var out []starlarkincus.Name
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		names, _ := readNames(ctx, folder, func(entry fs.DirEntry) (string, string) {
			info, err := os.Stat(filepath.Join(folder, entry.Name()))
			if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
				return "", ""
			}
			return entry.Name(), "program"
		})
		out = append(out, names...)
	}
	return out, nil
}

// readNames reads the entries of a folder, without those that describe returns no name for.
func readNames(ctx context.Context, folder string, describe func(fs.DirEntry) (name, kind string)) ([]starlarkincus.Name, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []starlarkincus.Name
	for len(out) < maxCandidates && ctx.Err() == nil {
		entries, err := f.ReadDir(1000)
		for _, entry := range entries {
			if name, kind := describe(entry); name != "" {
				out = append(out, starlarkincus.Name{Text: name, Kind: kind})
			}
		}
		if err != nil {
			break // the end, or what can be read of it
		}
	}
	return out, nil
}

func isFolder(folder string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(strings.TrimSuffix(folder, "/") + "/" + entry.Name())
	return err == nil && info.IsDir()
}
