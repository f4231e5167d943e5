package files

import (
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/errors"
)

var cuts = flag.Int("cuts", 25, "the number of connections that TestCuts cuts, each way")

// treeToCut makes a folder with a random tree, named a, for transfers that are cut. It returns the tree, and the number of bytes that a
// connection carries for it, about.
func treeToCut(t *testing.T) (r *rand.Rand, dir, source string, whole tree, total int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the trees have files that only root can read")
	}
	r = random(t)
	dir = t.TempDir()
	source = filepath.Join(dir, "a")
	plant(t, r, source, 60)
	whole, _ = treeOf(t, source)
	for _, text := range whole {
		total += len(text) + 500
	}
	return r, dir, source, whole, total
}

// Wherever the connection is cut, no incomplete file has its final name, on either side; the error names the remaining
// files; and the next call completes the work.
func TestCuts(t *testing.T) {
	r, here, source, whole, total := treeToCut(t)
	for _, pull := range []bool{false, true} {
		failed := 0
		for n := 0; failed < *cuts && n < 10**cuts; n++ {
			f := newFake(t)
			p := f.pool(false)
			to := filepath.Join(f.dir, "a")
			if pull {
				mustDo(t, do(t, p, func(c *Call) error { _, err := c.Push(source, "/a", Attributes{}); return err }))
				p.CloseIdle()
				to = filepath.Join(here, "b")
				mustDo(t, os.RemoveAll(to))
			}
			f.most = 1 + r.IntN(total*2)
			transfer := func() error {
				return p.Do(t.Context(), "place", !pull, func(c *Call) (err error) {
					if pull {
						_, err = c.Pull("/a", to)
					} else {
						_, err = c.Push(source, "/a", Attributes{})
					}
					return err
				})
			}
			err := transfer()
			if err == nil {
				continue
			}
			failed++
			var e *errors.Error
			if !errors.As(err, &e) || e.Class != errors.Connection || pull != (e.Outcome == "") {
				t.Errorf("after %d bytes: %v, %v", f.most, err, e)
			}
			f.cut()
			f.serves.Wait() // the server may still be at work on what it got
			if _, statErr := os.Stat(to); statErr == nil {
				got, temporaries := treeOf(t, to)
				for path, text := range got {
					kind, content, _ := strings.Cut(text[strings.Index(text, " ")+1:], " ")
					_, want, _ := strings.Cut(whole[path][strings.Index(whole[path], " ")+1:], " ")
					if whole[path] == "" || !strings.HasPrefix(text, "d") && content != want {
						t.Errorf("after %d bytes: %q is half a file: %s %.40q", f.most, path, kind, content)
					}
				}
				if temporaries > 0 && (pull || !strings.Contains(err.Error(), "left behind")) {
					t.Errorf("after %d bytes %d temporary files are left: %v", f.most, temporaries, err)
				}
			}
			f.most = 0
			if err := transfer(); err != nil {
				t.Errorf("again: %v", err)
			}
			if got, _ := treeOf(t, to); differences(whole, got) != nil {
				t.Fatalf("again: %.1000v", differences(whole, got))
			}
		}
		if failed < *cuts {
			t.Errorf("pull %v: only %d of the connections were cut in time", pull, failed)
		}
	}
}

// The same for the change of one file: the old content or the new is there, and the outcome is right.
func TestCutsOfAWrite(t *testing.T) {
	old, now := bytes.Repeat([]byte("old\n"), 30_000), bytes.Repeat([]byte("new\n"), 30_001)
	outcomes := make(map[errors.Outcome]int)
	for most := 20; most < 130_000; most += 1 + most/20 {
		f := newFake(t)
		p := f.pool(false)
		file := filepath.Join(f.dir, "f")
		mustDo(t, os.WriteFile(file, old, 0o640))
		f.most = most
		err := do(t, p, func(c *Call) error { _, err := c.Write("/f", now, Attributes{}); return err })
		f.cut()
		f.serves.Wait()
		got, _ := os.ReadFile(file)
		outcome := errors.Done
		var e *errors.Error
		if errors.As(err, &e) {
			outcome = e.Outcome
		}
		outcomes[outcome]++
		written := bytes.Equal(got, now)
		switch {
		case !written && !bytes.Equal(got, old):
			t.Errorf("after %d bytes it is half a file: %d bytes", most, len(got))
		case written && outcome != errors.Done && outcome != errors.Unknown, !written && outcome == errors.Done:
			t.Errorf("after %d bytes: written: %v, and %v", most, written, err)
		}
	}
	if outcomes[errors.NotSent] == 0 || outcomes[errors.Unknown] == 0 || outcomes[errors.Done] == 0 {
		t.Errorf("outcomes %v", outcomes)
	}
}

// A connection that broke while nobody used it is opened again, for reading and writing, and one that breaks at the
// first request too, if that changes nothing. A change is never repeated.
func TestBrokenConnections(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	stat := func(c *Call) error { _, err := c.Stat("/", false); return err }
	mustDo(t, do(t, p, stat), do(t, p, stat))
	if n := f.dials.Load(); n != 1 {
		t.Fatalf("%d connections for two calls", n)
	}
	for range 20 {
		f.cut() // and go on at once, so that the loss is noticed before or after the request
		before := f.dials.Load()
		if err := do(t, p, func(c *Call) error { _, err := c.Write("/f", []byte("x"), Attributes{}); return err }); err != nil {
			t.Error(err)
		}
		if n := f.dials.Load() - before; n != 1 {
			t.Errorf("%d connections after a cut", n)
		}
	}
	calls := 0
	err := do(t, p, func(c *Call) error {
		calls++
		if err := c.mkdir("/made", Attributes{}); err != nil {
			return err
		}
		f.cut()
		_, err := c.Stat("/", false)
		return err
	})
	var e *errors.Error
	if calls != 1 || !errors.As(err, &e) || e.Class != errors.Connection || e.Outcome != errors.Unknown {
		t.Errorf("%d calls: %v", calls, err)
	}
}

// Idle connections are closed after a while, and before a change.
func TestIdleConnections(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	stat := func(c *Call) error { _, err := c.Stat("/", false); return err }
	mustDo(t, do(t, p, stat))
	p.CloseIdle()
	f.serves.Wait()
	mustDo(t, do(t, p, stat))
	start := time.Now()
	f.serves.Wait()
	if took := time.Since(start); took < idleTimeout/2 || took > 20*idleTimeout {
		t.Errorf("closed after %v", took)
	}
	p.Close()
	if err := do(t, p, stat); err == nil {
		t.Error("a closed pool connects")
	}
}

// The end of the context ends a call soon, removes its temporary files, and leaves no half file; also if the server
// doesn't answer any more.
func TestCancel(t *testing.T) {
	r := random(t)
	here := t.TempDir()
	source := filepath.Join(here, "a")
	mustDo(t, os.Mkdir(source, 0o755))
	for _, name := range []string{"x", "y", "z"} {
		mustDo(t, os.WriteFile(filepath.Join(source, name), bytes.Repeat([]byte(name), 20<<20), 0o644))
	}
	for range 10 {
		f := newFake(t)
		p := f.pool(false)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Duration(r.IntN(100))*time.Millisecond, func() { cancel(errors.Plain("enough")) })
		err := p.Do(ctx, "place", true, func(c *Call) error { _, err := c.Push(source, "/a", Attributes{}); return err })
		ended := time.Now()
		if err != nil && (!errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "enough")) {
			t.Error(err)
		}
		if late := time.Since(ended); late > grace {
			t.Errorf("it took %v to end", late)
		}
		if _, err := os.Stat(filepath.Join(f.dir, "a")); err != nil {
			continue
		}
		got, n := treeOf(t, filepath.Join(f.dir, "a"))
		for path, text := range got {
			if len(text) < 20<<20 && path != "." {
				t.Errorf("%s is half a file", path)
			}
		}
		if n > 0 {
			t.Errorf("%d temporary files are left", n)
		}
	}
}

// A server that doesn't answer doesn't keep a cancelled call.
func TestCancelOfASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := newSilent()
		p := NewPool(silent.dial, false)
		defer p.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		err := p.Do(ctx, "place", false, func(c *Call) error { _, err := c.Stat("/", false); return err })
		if took := time.Since(start); err == nil || took != time.Minute+grace {
			t.Errorf("%v after %v", err, took)
		}
	})
}
