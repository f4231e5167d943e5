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
	ahead   []byte // typed before
	input          // reads in
	changes        // of the size, and of whether the process is stopped

	mu     sync.Mutex
	before *term.State // nil where the terminal is in its own mode
}

var (
	takenMu sync.Mutex
	taken   *Terminal
	yield   func(taken bool)

	keeper    *Keeper
	kept      bool // by the keeper, but for the programs that run now
	elsewhere stopwatch
)

// A Keeper has the terminal while it belongs to no program elsewhere.
type Keeper struct {
	// Yield gives the terminal back as it was found, and reports whether Resume is to be called later.
	Yield func() (resume bool)
	// Typed returns what was typed ahead, for a program that reads it in place of the keeper.
	Typed func() []byte
	// Resume takes the terminal again.
	Resume func()
	// Restore sets the mode that it was found in, in a process that is about to end.
	Restore func()
}

// Keep sets the keeper; nil for none.
func Keep(k *Keeper) {
	takenMu.Lock()
	defer takenMu.Unlock()
	keeper = k
}

// begin lets a program have the terminal. It runs with takenMu.
func begin() {
	if elsewhere.begin() && keeper != nil {
		kept = keeper.Yield()
	}
}

// end is called after each begin. It runs with takenMu.
func end() {
	if elsewhere.end() && keeper != nil && kept {
		kept = false
		keeper.Resume()
	}
}

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

// begin reports whether the program is the only one.
func (s *stopwatch) begin() bool {
	if s.programs++; s.programs == 1 {
		s.since = time.Now()
	}
	return s.programs == 1
}

// end reports whether the program was the last one.
func (s *stopwatch) end() bool {
	if s.programs--; s.programs == 0 {
		s.sum += time.Since(s.since)
	}
	return s.programs == 0
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
	begin()
	if err := t.raw(); err != nil {
		t.input.close()
		end()
		return nil, err
	}
	if kept {
		t.ahead = keeper.Typed()
	}
	t.watch(t)
	taken = t
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

// Read reads typed input. It returns io.EOF after Close.
func (t *Terminal) Read(p []byte) (int, error) {
	t.mu.Lock()
	n := copy(p, t.ahead)
	t.ahead = t.ahead[n:]
	t.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	return t.input.Read(p)
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
	if t.before != nil && InFront(int(t.in.Fd())) {
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
	t.unwatch()
	t.restore()
	_ = t.Close()
	t.input.close()
	end()
	if yield != nil {
		yield(false)
	}
}

// Restore gives back the terminal that is taken, if one is, for a process that is about to end.
func Restore() {
	takenMu.Lock()
	defer takenMu.Unlock()
	switch {
	case taken != nil:
		taken.restore()
	case keeper != nil:
		keeper.Restore()
	}
}
