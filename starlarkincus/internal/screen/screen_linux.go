package screen

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// Patience limits each wait.
const Patience = 30 * time.Second

// A Screen is a terminal with a program at its other end.
type Screen struct {
	t      testing.TB
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File // open during the test, to read its mode
	found  unix.Termios
	exited chan struct{}

	mu     sync.Mutex
	term   vt10x.Terminal
	output bytes.Buffer
	more   chan struct{} // closed and replaced at each output
}

// Start starts a command on a terminal of that size. The test ends it, if it doesn't end itself, and closes the terminal.
func Start(t testing.TB, cmd *exec.Cmd, cols, rows int) *Screen {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	s := &Screen{t: t, cmd: cmd, master: os.NewFile(uintptr(fd), "ptmx"), exited: make(chan struct{}), more: make(chan struct{})}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	s.check(err)
	s.check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	s.check(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(cols)}))
	s.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	s.check(err)
	s.found = s.Mode()
	s.term = vt10x.New(vt10x.WithSize(cols, rows), vt10x.WithWriter(s.master)) // it answers questions of the program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.check(cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.read()
	}()
	go func() {
		_ = cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.exited
		s.slave.Close()
		s.master.Close()
		<-read
		if t.Failed() {
			t.Logf("the screen at the end:\n%s", strings.Join(s.Rows(), "\n"))
		}
	})
	return s
}

func (s *Screen) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// selectors are the variation selectors, which have no width. The emulator would draw them.
var selectors = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("[\ufe00-\ufe0f]") })

func (s *Screen) read() {
	buf := make([]byte, 4096)
	var drawn []byte
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.output.Write(buf[:n])
		drawn = selectors().ReplaceAll(append(drawn, buf[:n]...), nil)
		whole := len(drawn)
		for _, part := range []string{"\xef", "\xef\xb8"} { // perhaps the start of one
			if bytes.HasSuffix(drawn, []byte(part)) {
				whole = len(drawn) - len(part)
			}
		}
		_, _ = s.term.Write(drawn[:whole])
		drawn = drawn[whole:]
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type types a text; "\r" is Enter, "\x03" Ctrl-C.
func (s *Screen) Type(text string) {
	s.t.Helper()
	s.check(s.master.SetWriteDeadline(time.Now().Add(Patience)))
	_, err := s.master.WriteString(text)
	s.check(err)
}

// Resize changes the size of the terminal, of which the program gets a signal.
func (s *Screen) Resize(cols, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.term.Resize(cols, rows)
	s.mu.Unlock()
	s.check(unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(cols)}))
}

// Columns returns the width that the terminal has for the program, which may have changed it.
func (s *Screen) Columns() int {
	s.t.Helper()
	size, err := unix.IoctlGetWinsize(int(s.slave.Fd()), unix.TIOCGWINSZ)
	s.check(err)
	return int(size.Col)
}

// Rows returns the rows of the screen, without spaces at their ends.
func (s *Screen) Rows() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows()
}

func (s *Screen) rows() []string {
	cols, count := s.term.Size()
	rows := make([]string, count)
	for y := range rows {
		var row strings.Builder
		for x := range cols {
			if c := s.term.Cell(x, y).Char; c != 0 {
				row.WriteRune(c)
			} else {
				row.WriteByte(' ')
			}
		}
		rows[y] = strings.TrimRight(row.String(), " ")
	}
	return rows
}

// Colors returns the colours of the letters of the first occurrence of a text on the screen.
func (s *Screen) Colors(text string) (colors []vt10x.Color) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for y, row := range s.rows() {
		if i := strings.Index(row, text); i >= 0 {
			x := len([]rune(row[:i]))
			for range []rune(text) {
				colors = append(colors, s.term.Cell(x, y).FG)
				x++
			}
			return colors
		}
	}
	return nil
}

// Cells returns the letters of the screen with their colours, row by row.
func (s *Screen) Cells() [][]vt10x.Glyph {
	s.mu.Lock()
	defer s.mu.Unlock()
	cols, count := s.term.Size()
	cells := make([][]vt10x.Glyph, count)
	for y := range cells {
		for x := range cols {
			cells[y] = append(cells[y], s.term.Cell(x, y))
		}
	}
	return cells
}

// WaitFor waits until the rows of the screen are right, and returns them.
func (s *Screen) WaitFor(what string, right func(rows []string) bool) []string {
	s.t.Helper()
	deadline := time.After(Patience)
	for {
		s.mu.Lock()
		rows, more := s.rows(), s.more
		s.mu.Unlock()
		if right(rows) {
			return rows
		}
		select {
		case <-more:
		case <-deadline:
			s.t.Fatalf("no %s on the screen:\n%s", what, strings.Join(rows, "\n"))
		}
	}
}

// Wait waits until a row has the text, and returns the rows.
func (s *Screen) Wait(text string) []string {
	s.t.Helper()
	return s.WaitFor(fmt.Sprintf("%q", text), func(rows []string) bool { return strings.Contains(strings.Join(rows, "\n"), text) })
}

// Ready waits until the last row with text is the prompt, and returns the rows.
func (s *Screen) Ready(prompt string) []string {
	s.t.Helper()
	return s.WaitFor("prompt", func(rows []string) bool {
		last := ""
		for _, row := range rows {
			if row != "" {
				last = row
			}
		}
		return last == strings.TrimRight(prompt, " ")
	})
}

// Clear types Ctrl-L, and waits until the prompt is all that the screen has.
func (s *Screen) Clear(prompt string) {
	s.t.Helper()
	s.Type("\x0c")
	s.WaitFor("empty screen", func(rows []string) bool { return strings.Join(rows, "") == strings.TrimRight(prompt, " ") })
}

// Hangup closes the terminal, as when its window is closed. Nothing can be typed or read after it.
func (s *Screen) Hangup() {
	s.slave.Close()
	s.master.Close()
}

// Output returns all that the program has written.
func (s *Screen) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// Mode returns the terminal's mode.
func (s *Screen) Mode() unix.Termios {
	s.t.Helper()
	mode, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	s.check(err)
	return *mode
}

// Found returns the mode that the terminal had before the program started.
func (s *Screen) Found() unix.Termios { return s.found }

// Status waits for the end of the program and returns its exit status.
func (s *Screen) Status() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(Patience):
		s.t.Fatal("the program doesn't end")
	}
	return s.cmd.ProcessState.ExitCode()
}

// Signal sends the program a signal.
func (s *Screen) Signal(signal os.Signal) error { return s.cmd.Process.Signal(signal) }

// Taken waits until the program has read all that was typed.
func (s *Screen) Taken() {
	s.t.Helper()
	for end := time.Now().Add(Patience); ; time.Sleep(5 * time.Millisecond) {
		left, err := unix.IoctlGetInt(int(s.slave.Fd()), unix.TIOCINQ)
		s.check(err)
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("the program doesn't read")
		}
	}
}
