//go:build unix && !solaris && !aix && !illumos

package terminal

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An input reads a terminal until it is closed.
type input struct {
	terminal int
	wake     [2]int // a pipe that ends select
	mu       sync.Mutex
	reading  sync.WaitGroup
	closed   bool
}

func (i *input) open(terminal *os.File) error {
	i.terminal = int(terminal.Fd())
	if err := unix.Pipe(i.wake[:]); err != nil {
		return err
	}
	for _, fd := range i.wake {
		unix.CloseOnExec(fd)
	}
	return nil
}

// Read reads typed input. It returns io.EOF after Close.
func (i *input) Read(p []byte) (int, error) {
	i.mu.Lock()
	if i.closed {
		i.mu.Unlock()
		return 0, io.EOF
	}
	i.reading.Add(1)
	i.mu.Unlock()
	defer i.reading.Done()
	for {
		switch ready, err := Select(i.terminal, i.wake[0], 0); {
		case err != nil:
			return 0, err
		case ready == Woken:
			return 0, io.EOF
		}
		n, err := unix.Read(i.terminal, p)
		switch {
		case err == unix.EINTR, err == unix.EAGAIN:
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Close ends Read.
func (i *input) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.closed {
		i.closed = true
		_, _ = unix.Write(i.wake[1], []byte{0})
	}
	return nil
}

// close releases the resources of open. Read must have returned, which Close ensures.
func (i *input) close() {
	i.reading.Wait()
	unix.Close(i.wake[0])
	unix.Close(i.wake[1])
}

// A changes reports changes of the terminal's size, and restores the terminal before a signal ends the process.
type changes struct {
	signals chan os.Signal
	resized chan struct{}
	done    chan struct{}
}

// stops makes SIGTSTP stop the process for the rest of its life, with the terminal restored. The runtime, once asked for the signal,
// never gives it its default action back. The process goes on in the group of the session's leader, which nobody would let go on.
var stops = sync.OnceFunc(func() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTSTP)
	go func() {
		for range c {
			takenMu.Lock()
			t := taken
			takenMu.Unlock()
			if t != nil {
				t.restore()
			} else if leader, err := unix.Getsid(0); err != nil || leader == unix.Getpgrp() {
				continue
			}
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
		}
	}()
})

func (c *changes) watch(t *Terminal) {
	stops()
	c.signals, c.resized, c.done = make(chan os.Signal, 4), make(chan struct{}, 1), make(chan struct{})
	signal.Notify(c.signals, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGABRT)
	go func() {
		defer close(c.done)
		for s := range c.signals {
			switch s {
			case syscall.SIGCONT:
				_ = t.raw()
			case syscall.SIGABRT: // which ends the process
				t.restore()
				signal.Reset(s)
				_ = syscall.Kill(syscall.Getpid(), s.(syscall.Signal))
			}
			select {
			case c.resized <- struct{}{}:
			default:
			}
		}
	}()
}

// Resized gets a value when the size has changed.
func (c *changes) Resized() <-chan struct{} { return c.resized }

func (c *changes) unwatch() {
	signal.Stop(c.signals)
	close(c.signals)
	<-c.done
}

// Results of Select.
const (
	Nothing = iota // timeout
	Typed
	Woken
)

// Select waits for input from a terminal, or for a byte in the pipe wake, without a limit if wait is 0.
func Select(terminal, wake int, wait time.Duration) (int, error) {
	for {
		var set unix.FdSet
		set.Set(terminal)
		set.Set(wake)
		var timeout *unix.Timeval
		if wait > 0 {
			t := unix.NsecToTimeval(wait.Nanoseconds())
			timeout = &t
		}
		_, err := unix.Select(max(terminal, wake)+1, &set, nil, nil, timeout)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return Nothing, err
		case set.IsSet(wake):
			return Woken, nil
		case set.IsSet(terminal):
			return Typed, nil
		}
		return Nothing, nil
	}
}

// InFront reports whether this process may set the mode of a terminal and read it: in the background it would be stopped.
func InFront(terminal int) bool {
	group, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// SetSize sets the size of the terminal that w writes to, of which its programs get a signal.
func SetSize(w io.Writer, width, height int) {
	if fd, ok := descriptor(w); ok {
		_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)})
	}
}
