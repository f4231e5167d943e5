package repl

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
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

// A nameSource is a list of names that can be read.
type nameSource struct {
	key    string
	server string // empty for a local list
	keep   time.Duration
	read   reader
}

// live looks up names in the background, and keeps them for a short time. Its methods are called by one goroutine.
type live struct {
	ctx    context.Context
	cancel context.CancelFunc
	lists  map[string]*lookup
	asking sync.WaitGroup // lookups on servers, which end with ctx
	local  bool           // asks no server

	mu      sync.Mutex
	running int
	asked   map[string]bool      // servers that haven't answered yet
	down    map[string]time.Time // servers that are not asked until then
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
	l := &live{lists: make(map[string]*lookup), asked: make(map[string]bool), down: make(map[string]time.Time)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// close ends the lookups. Those in folders that don't answer end with the process.
func (l *live) close() {
	if l == nil {
		return
	}
	l.cancel()
	l.asking.Wait()
}

// setCompletion implements :complete, which says whether completion asks servers, and sets it.
func (p *prompt) setCompletion(_ context.Context, arg string) error {
	switch {
	case arg != "" && arg != "local" && arg != "live":
		return usage("write :complete local, or :complete live")
	case p.live == nil:
		return usage("there is no completion on this terminal")
	case arg != "":
		p.live.local = arg == "local"
	}
	if p.live.local {
		return p.say("completion asks no server")
	}
	return p.say("completion asks servers for names")
}

// names returns the list of the source, as far as it is known at the deadline.
func (l *live) names(from nameSource, deadline time.Time) []starlarkincus.Name {
	if l.local && from.server != "" {
		return nil
	}
	u := l.lists[from.key]
	if u == nil || u.ended() && time.Now().After(u.until) {
		if u = l.start(u, from); u == nil {
			return nil
		}
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-u.done:
	case <-timer.C:
	}
	switch { // an answer that is there counts, however busy the machine is
	case !u.ended():
		return u.old
	case u.err == nil:
		return u.names
	}
	return nil
}

// start starts a lookup, unless too many are running, or the server is down or hasn't answered the one before. Then it
// returns what is known from before.
func (l *live) start(before *lookup, from nameSource) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running >= atOnce || l.asked[from.server] || time.Now().Before(l.down[from.server]) {
		return before
	}
	if len(l.lists) >= maxLookup {
		clear(l.lists)
	}
	u := &lookup{done: make(chan struct{})}
	if before != nil && before.err == nil {
		u.old = before.names
	}
	l.lists[from.key] = u
	l.running++
	if from.server == "" {
		go l.run(u, from)
		return u
	}
	l.asked[from.server] = true
	l.asking.Go(func() { l.run(u, from) })
	return u
}

// run runs a lookup.
func (l *live) run(u *lookup, from nameSource) {
	ctx, cancel := context.WithTimeout(l.ctx, giveUp)
	defer cancel()
	defer close(u.done)
	u.err = errPanicked
	defer func() {
		recover() // what a server answers must not end the prompt
		keep := from.keep
		if u.err != nil {
			keep = failFor
		}
		u.until = time.Now().Add(keep)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running--
		if from.server != "" {
			delete(l.asked, from.server)
			if errors.Is(u.err, errors.Connection) || errors.Is(u.err, context.DeadlineExceeded) {
				l.down[from.server] = u.until
			}
		}
	}()
	u.names, u.err = from.read(ctx)
}

// errPanicked is the error of a lookup that has no other.
var errPanicked = errors.Plain("the lookup failed")

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
