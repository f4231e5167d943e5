package repl

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	emulator "incus-star/starlarkincus/internal/screen"
)

// written waits until the prompt has written a text since the output had a length. A very narrow screen is hard to read.
func written(t *testing.T, s *emulator.Screen, since int, text string) {
	t.Helper()
	until(t, strconv.Quote(text), func() bool { return strings.Contains(s.Output()[since:], text) })
}

// prompted is written, and waits for the prompt after the text: a key that comes before it is one of the entry.
func prompted(t *testing.T, s *emulator.Screen, since int, text string) {
	t.Helper()
	written(t, s, since, text)
	until(t, "the prompt", func() bool {
		_, after, _ := strings.Cut(s.Output()[since:], text)
		return strings.Contains(after, ">>> ")
	})
}

// TestNarrow checks that lines can be typed, edited and dropped at each width of the terminal, also at one that changes meanwhile, and
// at none.
func TestNarrow(t *testing.T) {
	s := openPrompt(t, 12, 24, "INCUS_SOCKET=/dev/null/none") // too narrow for the editor itself
	// A key at the very moment at which the terminal loses its columns ends the line.
	resize := func(width int) {
		if s.Resize(width, 24); width == 0 {
			until(t, "columns", func() bool { return s.Columns() > 0 })
		}
	}
	for width := 24; width >= 0; width-- {
		resize(width)
		since := len(s.Output())
		s.Type(fmt.Sprintf("print('it', 'was', %dq\x7f)\r", width))
		prompted(t, s, since, fmt.Sprintf("it was %d\r\n", width))
		s.Type("print('not') \x03")
		prompted(t, s, since, "^C")
		if width%5 == 0 {
			s.Type("if True:\r")
			written(t, s, since, "... ")
			s.Type("print('in' + 'dented')\r")
			s.Type("\r")
			prompted(t, s, since, "indented\r\n")
		}
	}
	for i, widths := range [][]int{{80, 5, 80}, {80, 0, 80}, {3, 80, 0}, {0, 3, 90}} {
		since := len(s.Output())
		resize(widths[0])
		for n, part := range []string{"print('it', 'was',", fmt.Sprintf(" 'no %d',", i)} {
			s.Type(part)
			if widths[n+1] == 0 {
				written(t, s, since, part)
			}
			resize(widths[n+1])
		}
		s.Type(" 'lost')\r")
		prompted(t, s, since, fmt.Sprintf("it was no %d lost\r\n", i))
	}
	s.Resize(80, 24)
	s.Type("\x0c6 * 7\r")
	ends(s, ">>> 6 * 7\n42\n>>>")
	s.Resize(7, 24)
	s.Type("\x04")
	if status := s.Status(); status != 0 {
		t.Errorf("ended with %d", status)
	}
	if mode := s.Mode(); mode != s.Found() {
		t.Errorf("terminal mode\nbefore %+v\nafter  %+v", s.Found(), mode)
	}
}
