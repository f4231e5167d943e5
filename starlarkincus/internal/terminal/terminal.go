// Package terminal takes the user's terminal for a program that runs elsewhere, and gives it back.
//
// [Take] sets the terminal to raw mode. [Terminal.Release] restores it, and must be called in every case, which defer does
// after a panic too. A program that ends the process without returning calls [Restore] before.
package terminal

import (
	"os"
	"sync"
	"time"

	"incus-star/errors"

	"golang.org/x/term"
)

// A Terminal is the user's terminal in raw mode. Reading ends at Close.
type Terminal struct {
	in, out *os.File
	input   // reads in
	changes // of the size, and of whether the process is stopped

	mu     sync.Mutex
	before *term.State // nil where the terminal is in its own mode
}

var (
	takenMu sync.Mutex
	taken   *Terminal
	yield   func(taken bool)

	elsewhere stopwatch
)

// Elsewhere returns the time in which the terminal belonged to a program elsewhere, such as a shell or a pager.
func Elsewhere() time.Duration {
	takenMu.Lock()
	defer takenMu.Unlock()
	return elsewhere.total()
}

// A stopwatch adds up the time in which at least one program has the terminal.
type stopwatch struct {
	programs int
	since    time.Time
	sum      time.Duration
}

func (s *stopwatch) begin() {
	if s.programs++; s.programs == 1 {
		s.since = time.Now()
	}
}

func (s *stopwatch) end() {
	if s.programs--; s.programs == 0 {
		s.sum += time.Since(s.since)
	}
}

func (s *stopwatch) total() time.Duration {
	if s.programs > 0 {
		return s.sum + time.Since(s.since)
	}
	return s.sum
}

// OnTake sets the function that is called with true before the terminal belongs to a program elsewhere, and with false after
// it. It must not write to the terminal in between.
func OnTake(f func(taken bool)) {
	takenMu.Lock()
	defer takenMu.Unlock()
	yield = f
}

// Take takes the terminal that both files must be.
func Take(in, out *os.File) (*Terminal, error) {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, errors.Plain("standard input or output is none")
	}
	takenMu.Lock()
	defer takenMu.Unlock()
	if taken != nil {
		return nil, errors.Plain("the terminal is in use already")
	}
	t := &Terminal{in: in, out: out}
	if err := t.open(in); err != nil {
		return nil, err
	}
	if err := t.raw(); err != nil {
		t.input.close()
		return nil, err
	}
	t.watch(t)
	taken = t
	elsewhere.begin()
	if yield != nil {
		yield(true)
	}
	return t, nil
}

// Size returns the number of columns and rows; zero where they aren't known.
func (t *Terminal) Size() (width, height int) {
	width, height, _ = term.GetSize(int(t.out.Fd()))
	return width, height
}

// Write writes to the terminal.
func (t *Terminal) Write(p []byte) (int, error) { return t.out.Write(p) }

// raw sets raw mode.
func (t *Terminal) raw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil {
		return nil
	}
	before, err := term.MakeRaw(int(t.in.Fd()))
	if err == nil {
		t.before = before
	}
	return err
}

// restore restores the mode that the terminal had.
func (t *Terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil {
		_ = term.Restore(int(t.in.Fd()), t.before)
		t.before = nil
	}
}

// Release gives the terminal back as it was. Nobody may read it any more.
func (t *Terminal) Release() {
	takenMu.Lock()
	defer takenMu.Unlock()
	if taken != t {
		return
	}
	taken = nil
	elsewhere.end()
	t.unwatch()
	t.restore()
	_ = t.Close()
	t.input.close()
	if yield != nil {
		yield(false)
	}
}

// Restore gives back the terminal that is taken, if one is, for a process that is about to end.
func Restore() {
	takenMu.Lock()
	defer takenMu.Unlock()
	if taken != nil {
		taken.restore()
	}
}
