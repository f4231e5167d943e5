package rest

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"

	"github.com/coder/websocket"
)

var (
	execSeed = flag.Uint64("exec-seed", 0, "the seed of TestExecCut; 0 takes another each time")
	execCuts = flag.Int("exec-cuts", 60, "how many commands TestExecCut runs")
)

// graces shortens the time that commands have to end.
func graces(t *testing.T, term, kill time.Duration) {
	before := [4]time.Duration{termGrace, killGrace, newsGrace, lostGrace}
	termGrace, killGrace = term, kill
	t.Cleanup(func() { termGrace, killGrace, newsGrace, lostGrace = before[0], before[1], before[2], before[3] })
}

// cat copies its input to its output.
func cat(c *fakeCommand) int {
	for {
		data, more := c.read()
		if !more || !c.write(Stdout, data) {
			return 7
		}
	}
}

// cutAfter is a connection that breaks after some bytes have gone one way.
type cutAfter struct {
	net.Conn
	left       *atomic.Int64
	fromClient bool
}

func (c cutAfter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.fromClient && c.left.Add(-int64(n)) < 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func (c cutAfter) Write(p []byte) (int, error) {
	if !c.fromClient && c.left.Add(-int64(len(p))) < 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// lingering is cat, which doesn't end at once with its input, and not before a signal if that is cut: the client finds that
// out by time.
func lingering(c *fakeCommand) int {
	for {
		kind, data, err := c.conn("0").Read(c.ctx)
		switch {
		case err != nil:
			select {
			case <-c.signal:
			case <-c.ctx.Done():
			case <-time.After(30 * time.Second):
			}
			return 7
		case kind != websocket.MessageBinary, !c.write(Stdout, data):
			time.Sleep(3 * firstPause)
			return 7
		}
	}
}

// TestExecCut breaks connections at random places. A command that is said to have succeeded has all its output and its
// status; all others have an error with an outcome.
func TestExecCut(t *testing.T) {
	graces(t, 100*time.Millisecond, 100*time.Millisecond)
	shortForgotten(t)
	seed := *execSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-exec-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	input := bytes.Repeat([]byte("0123456789abcde\n"), 8<<10)
	whole, failed := 0, 0
	for i := range *execCuts {
		which, after, fromClient := 2+r.IntN(6), int64(r.IntN(1<<(4+r.IntN(15)))), r.IntN(2) == 0
		f := newExecFake(t, lingering, func(f *execFake) {
			f.wrap = func(n int, c net.Conn) net.Conn {
				if n != which {
					return c
				}
				left := new(atomic.Int64)
				left.Store(after)
				return cutAfter{c, left, fromClient}
			}
		})
		client := newClient(t, Config{Socket: f.socket})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		e := f.begin(ctx, client, ExecOptions{Stdin: bytes.NewReader(input)})
		code, err := e.Wait(ctx)
		out, _ := e.Output()
		var ours *errors.Error
		switch {
		case ctx.Err() != nil:
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			t.Fatalf("command %d, connection %d cut after %d bytes: it didn't end", i, which, after)
		case err == nil && code == 137: // the server kills a command when its connection for signals breaks
			failed++
		case err == nil && (code != 7 || !bytes.Equal(out, input)):
			t.Errorf("command %d, connection %d cut after %d bytes: ended with %d and %d of %d bytes without an error", i, which, after, code, len(out), len(input))
		case err == nil:
			whole++
		case !errors.As(err, &ours) || ours.Outcome == "" || ours.OperationID == "":
			t.Errorf("command %d, connection %d cut after %d bytes: %#v", i, which, after, err)
		default:
			failed++
		}
		cancel()
		client.Close()
	}
	t.Logf("%d commands were whole, %d failed", whole, failed)
	if whole == 0 || failed == 0 {
		t.Error("nothing was tried")
	}
}

// shortForgotten makes waits that broke give up soon.
func shortForgotten(t *testing.T) {
	before := forgotten
	forgotten = 300 * time.Millisecond
	t.Cleanup(func() { forgotten = before })
}

// A websocket that can't be connected: the server runs nothing, but the answer to the last one may have been lost.
func TestExecNotAttached(t *testing.T) {
	f := newExecFake(t, cat, func(f *execFake) { f.refuse = func(name string) bool { return name == Stderr } })
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{})
	if code, err := e.Wait(t.Context()); code != -1 || asError(t, err).Outcome != errors.Unknown || asError(t, err).OperationID != opID {
		t.Errorf("%d, %#v", code, err)
	}
}

// A command doesn't begin without its websocket for signals, because it couldn't be stopped.
func TestExecWithoutControl(t *testing.T) {
	f := newExecFake(t, cat, func(f *execFake) { f.refuse = func(name string) bool { return name == control } })
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{Stdin: strings.NewReader("x")})
	if code, err := e.Wait(t.Context()); code != -1 || asError(t, err).Outcome != errors.NotSent {
		t.Error(code, err)
	}
	select {
	case <-f.now().attached:
		t.Error("the command began")
	default:
	}
}

// No websocket is connected after the one that begins the command: Incus crashes if the operation ends in that moment.
func TestExecConnectsTheLastAlone(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var names []string
		f := newExecFake(t, func(*fakeCommand) int { return 0 }, func(f *execFake) {
			f.refuse = func(name string) bool { f.mu.Lock(); names = append(names, name); f.mu.Unlock(); return false }
		})
		e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{Terminal: terminal})
		if code, err := e.Wait(t.Context()); code != 0 || err != nil {
			t.Error(code, err)
		}
		f.mu.Lock()
		want := map[bool]string{false: Stderr, true: Stdin}[terminal]
		if last := names[len(names)-1]; last != want {
			t.Errorf("terminal %t: connected in the order %v, want %s last", terminal, names, want)
		}
		f.mu.Unlock()
	}
}

// What the command wrote before its end comes after the websocket for signals has closed: a slow reader gets all of it, at
// once, because servers wait only a second for what they can't send.
func TestExecOutputAfterTheEnd(t *testing.T) {
	const pieces = 200
	last := make(chan struct{})
	f := newExecFake(t, func(c *fakeCommand) int {
		for c.conn(control) == nil {
			time.Sleep(time.Millisecond)
		}
		c.die()
		for range pieces {
			c.write(Stdout, make([]byte, maxPiece))
		}
		close(last)
		return 0
	})
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{})
	got := 0
	for {
		piece, err := e.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 {
			select {
			case <-last:
			case <-time.After(10 * time.Second):
				t.Fatal("the command waits for its reader after its end")
			}
		}
		got += len(piece.Data)
	}
	if code, err := e.Wait(t.Context()); err != nil || code != 0 || got != pieces*maxPiece {
		t.Errorf("%d, %v: got %d bytes, want %d", code, err, got, pieces*maxPiece)
	}
}

// A command waits for a slow reader: the unread output is bounded.
func TestExecSlowReader(t *testing.T) {
	const total = 64 << 20
	var written atomic.Int64
	f := newExecFake(t, func(c *fakeCommand) int {
		for written.Load() < total && c.write(Stdout, make([]byte, maxPiece)) {
			written.Add(maxPiece)
		}
		return 0
	})
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{})
	var got int64
	for {
		piece, err := e.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 {
			time.Sleep(300 * time.Millisecond)
			if n := written.Load(); n > 8<<20 {
				t.Errorf("%d bytes were written while nobody read", n)
			}
		}
		got += int64(len(piece.Data))
	}
	if code, err := e.Wait(t.Context()); code != 0 || err != nil || got != total {
		t.Errorf("%d, %v: got %d bytes", code, err, got)
	}
}

// heeding is a command that ends at a signal, with its number above 128.
func heeding(signal int) func(*fakeCommand) int {
	return func(c *fakeCommand) int {
		for {
			select {
			case n := <-c.signal:
				if n == signal {
					return 128 + n
				}
			case <-c.ctx.Done():
				return 0
			}
		}
	}
}

func TestExecEnd(t *testing.T) {
	graces(t, 100*time.Millisecond, 100*time.Millisecond)
	for _, c := range []struct {
		signal int // that the command heeds
		says   string
		code   int
	}{{sigTerm, "was ended by SIGTERM", 143}, {sigKill, "was ended by SIGKILL", 137}, {sigKill, "was ended by SIGTERM", 143}, {0, "was ended by SIGKILL", 137}} {
		heeds := heeding(c.signal)
		f := newExecFake(t, func(command *fakeCommand) int {
			heeds(command)
			return c.code // perhaps of an earlier signal, which ended it late
		})
		client := newClient(t, Config{Socket: f.socket})
		e := f.begin(t.Context(), client, ExecOptions{Timeout: 50 * time.Millisecond})
		code, err := e.Wait(t.Context())
		if code != c.code || !errors.Is(err, errors.OperationTimeout) || !strings.HasSuffix(err.Error(), c.says+` (instance "c1")`) || asError(t, err).Outcome != errors.Unknown {
			t.Errorf("%+v: %d, %v", c, code, err)
		}

		// The same for a caller that was stopped, with its work.
		parent, stop := context.WithCancel(t.Context())
		ctx, w := Track(parent)
		e = f.begin(ctx, client, ExecOptions{})
		stop()
		if _, err := e.Wait(ctx); !errors.Is(err, context.Canceled) || !w.Abandoned() {
			t.Error(err)
		}
		w.Settle(t.Context(), time.Minute)
		left := w.Running(t.Context())
		if len(left) != 1 || !left[0].Stopped || left[0].Description != `the command cmd in instance "c1" `+c.says || w.Abandoned() {
			t.Errorf("%+v: %+v", c, left)
		}
		w.Close()
	}
}

// A failure of the input never looks like its end: the command is ended before.
func TestExecInputFails(t *testing.T) {
	sawEnd := false
	f := newExecFake(t, func(c *fakeCommand) int {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				data, more := c.read()
				if !more {
					sawEnd = c.ctx.Err() == nil
					return
				}
				_ = data
			}
		}()
		code := heeding(sigTerm)(c)
		c.kill()
		<-done
		return code
	})
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{Stdin: io.MultiReader(strings.NewReader("some"), failing{})})
	_, err := e.Wait(t.Context())
	if !errors.Is(err, errors.Exec) || !errors.Is(err, io.ErrNoProgress) || sawEnd {
		t.Error(err, sawEnd)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// Output that nobody takes has a limit.
func TestExecOutputLimit(t *testing.T) {
	f := newExecFake(t, func(c *fakeCommand) int {
		for {
			select {
			case n := <-c.signal:
				return 128 + n
			default:
				if !c.write(Stderr, make([]byte, maxPiece)) {
					return 1
				}
			}
		}
	})
	e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{MaxOutput: 1 << 20, Advice: ": ask for less"})
	code, err := e.Wait(t.Context())
	if out, stderr := e.Output(); code != 143 || !errors.Is(err, errors.Exec) || !strings.Contains(err.Error(), "was ended by SIGTERM: its output is larger than 1 MiB: ask for less") || len(out) != 0 || len(stderr) > 1<<20 {
		t.Error(code, err, len(out), len(stderr))
	}
}

// The client's end closes the connections, and with them ends the command.
func TestExecClientCloses(t *testing.T) {
	f := newExecFake(t, heeding(0))
	client := newClient(t, Config{Socket: f.socket})
	e := f.begin(t.Context(), client, ExecOptions{})
	if err := e.Signal(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	client.Close()
	select {
	case <-f.now().ended:
	case <-time.After(30 * time.Second):
		t.Error("the command goes on")
	}
	if _, err := e.Wait(t.Context()); err == nil {
		t.Error("a command of a closed client succeeded")
	}
	if err := e.Signal(t.Context(), 1); err == nil {
		t.Error("a command of a closed client took a signal")
	}
}
