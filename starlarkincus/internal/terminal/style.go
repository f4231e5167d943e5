package terminal

import (
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// descriptor returns the file descriptor of a file, or of a writer to one.
func descriptor(w io.Writer) (int, bool) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	return int(f.Fd()), true
}

// Is reports whether w writes to a terminal.
func Is(w io.Writer) bool {
	fd, ok := descriptor(w)
	return ok && term.IsTerminal(fd)
}

// Size returns the columns and rows of the terminal that w writes to; 0 if it isn't one, or doesn't tell.
func Size(w io.Writer) (width, height int) {
	if fd, ok := descriptor(w); ok {
		width, height, _ = term.GetSize(fd)
	}
	return width, height
}

// Colored reports whether output to w may have escape sequences for colours.
func Colored(w io.Writer) bool {
	return Is(w) && os.Getenv("NO_COLOR") == "" && !Dumb()
}

// Dumb reports whether the terminal has no escape sequences, or an unknown kind. On Windows TERM is normally unset.
func Dumb() bool {
	name := os.Getenv("TERM")
	return name == "dumb" || name == "" && runtime.GOOS != "windows"
}

// Lend runs a program on the user's terminal, such as a pager, and restores the terminal's mode afterwards.
func Lend(run func() error) error {
	takenMu.Lock()
	say := yield
	begin()
	takenMu.Unlock()
	if say != nil {
		say(true)
		defer say(false)
	}
	defer func() {
		takenMu.Lock()
		defer takenMu.Unlock()
		end()
	}()
	fd := int(os.Stdin.Fd())
	if before, err := term.GetState(fd); err == nil {
		defer func() {
			if InFront(fd) {
				_ = term.Restore(fd, before)
			}
		}()
	}
	return run()
}
