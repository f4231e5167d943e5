package cli

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"golang.org/x/term"
)

// A screen is a terminal with lines of progress below its text, in which all output passes through [screen.writer].
type screen struct {
	terminal *os.File

	frame bytes.Buffer // the lines that are written next; used by the renderer only

	mu    sync.Mutex
	lines []byte // the lines of progress
	width int    // the terminal's when they were made
	count int    // the number of them on the terminal
	away  bool   // the terminal belongs to a program elsewhere
	inner bool   // the text doesn't end with a newline, so that no line may follow
}

var _ mpb.ConsoleWriter = (*screen)(nil)

// Write adds to the next lines of progress.
func (s *screen) Write(p []byte) (int, error) { return s.frame.Write(p) }

// ReadFrom adds to the next lines of progress.
func (s *screen) ReadFrom(r io.Reader) (int64, error) { return s.frame.ReadFrom(r) }

// IsTerminal returns true.
func (s *screen) IsTerminal() bool { return true }

// GetTermSize returns the size of the terminal, one column less than it has, because some terminals wrap full lines.
func (s *screen) GetTermSize() (width, height int, err error) {
	width, height = s.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width = width
	return width - 1, height - 1, nil
}

func (s *screen) size() (width, height int) {
	width, height, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || width < 2 || height < 2 {
		return 80, 24
	}
	return width, height
}

// Flush replaces the lines of progress by the next ones.
func (s *screen) Flush(int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines[:0], s.frame.Bytes()...)
	s.frame.Reset()
	var out bytes.Buffer
	s.erase(&out)
	s.draw(&out)
	_, err := s.terminal.Write(out.Bytes())
	return err
}

// erase appends the escape codes that remove the lines from the terminal.
func (s *screen) erase(out *bytes.Buffer) {
	if s.count > 0 {
		out.WriteString("\x1b[" + strconv.Itoa(s.count) + "A\r\x1b[J")
		s.count = 0
	}
}

// draw appends the lines, unless they would be in the middle of a line of text, or are too long since the terminal has
// become narrower; then the next ones follow.
func (s *screen) draw(out *bytes.Buffer) {
	if s.inner || s.away || len(s.lines) == 0 {
		return
	}
	if width, _ := s.size(); width >= s.width {
		out.Write(s.lines)
		s.count = bytes.Count(s.lines, []byte("\n"))
	}
}

// clear removes the lines.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = s.lines[:0]
	var out bytes.Buffer
	s.erase(&out)
	_, _ = s.terminal.Write(out.Bytes())
}

// yield removes the lines while the terminal belongs to a program elsewhere.
func (s *screen) yield(taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out bytes.Buffer
	s.erase(&out)
	_, _ = s.terminal.Write(out.Bytes())
	s.away, s.inner = taken, false
}

// writer returns a writer of text above the lines. The file is the terminal, as standard output or standard error.
func (s *screen) writer(file *os.File) io.Writer { return textWriter{s, file} }

type textWriter struct {
	screen *screen
	file   *os.File
}

// Fd returns the file's descriptor, for the width of a terminal.
func (w textWriter) Fd() uintptr { return w.file.Fd() }

// Write writes text with one call of the file's Write, and the lines again.
func (w textWriter) Write(p []byte) (int, error) {
	s := w.screen
	s.mu.Lock()
	defer s.mu.Unlock()
	var around bytes.Buffer
	if s.erase(&around); around.Len() > 0 {
		if _, err := s.terminal.Write(around.Bytes()); err != nil {
			return 0, err
		}
	}
	n, err := w.file.Write(p)
	if n > 0 {
		s.inner = p[n-1] != '\n'
	}
	around.Reset()
	if s.draw(&around); around.Len() > 0 {
		_, _ = s.terminal.Write(around.Bytes())
	}
	return n, err
}
