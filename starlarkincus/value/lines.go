package value

import (
	"bytes"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// maxLine is the size of the longest line, in bytes. Longer ones are split at the last whole character within it.
const maxLine = 1 << 20

// A Line is a line of a command's output, without its newline.
type Line struct {
	Stream string // stdout or stderr
	Text   starlark.Value
}

// Arguments returns the arguments to call fn with: the line and, if fn takes two, the name of its stream.
func (l Line) Arguments(fn starlark.Callable) starlark.Tuple {
	if f, ok := fn.(*starlark.Function); ok {
		positional := f.NumParams() - f.NumKwonlyParams()
		if f.HasVarargs() {
			positional--
		}
		if f.HasKwargs() {
			positional--
		}
		if positional >= 2 && f.ParamDefault(1) == nil {
			return starlark.Tuple{l.Text, starlark.String(l.Stream)}
		}
	}
	return starlark.Tuple{l.Text}
}

// Lines splits the output of a command into lines.
type Lines struct {
	encoding string
	terminal bool
	parts    map[string][]byte // of lines that aren't complete, by stream
	before   map[string]int    // number of complete lines, by stream
	ready    []Line
	some     bool           // there was output
	last     starlark.Value // the last line of stderr that isn't empty
	over     bool
}

// NewLines returns the Lines of output in an encoding of [Output]. The lines of a terminal end with a carriage return
// and a newline.
func NewLines(encoding string, terminal bool) *Lines {
	return &Lines{encoding: encoding, terminal: terminal, parts: make(map[string][]byte), before: make(map[string]int)}
}

// Add adds a piece of a stream, stdout or stderr. How the output is cut into pieces makes no difference to the lines.
func (s *Lines) Add(stream string, data []byte) error {
	s.some = s.some || len(data) > 0
	for len(data) > 0 {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		line, data = append(s.parts[stream], line...), rest
		for s.tooLong(line, ended) {
			size := wholeRunes(line, maxLine)
			if err := s.pass(stream, line[:size:size]); err != nil {
				return err
			}
			line = bytes.Clone(line[size:]) // which frees the rest
		}
		if !ended {
			s.parts[stream] = line
			break
		}
		s.parts[stream] = nil
		if err := s.complete(stream, line); err != nil {
			return err
		}
		s.before[stream]++
	}
	return nil
}

// tooLong reports whether a line is split. The carriage return of a terminal doesn't count, nor does one that may be it.
func (s *Lines) tooLong(line []byte, ended bool) bool {
	if s.terminal && (ended || len(line) == maxLine+1) {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	return len(line) > maxLine
}

// wholeRunes returns size, or the beginning of the character that it would cut in data.
func wholeRunes(data []byte, size int) int {
	for i := size - 1; i >= 0 && i > size-utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:size]) {
				return i
			}
			break
		}
	}
	return size
}

// End completes the last lines. No more output follows.
func (s *Lines) End() error {
	s.over = true
	for _, stream := range []string{"stdout", "stderr"} {
		if left := s.parts[stream]; len(left) > 0 {
			s.parts[stream] = nil
			if err := s.complete(stream, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete makes the end of a line ready.
func (s *Lines) complete(stream string, data []byte) error {
	if s.terminal {
		data = bytes.TrimSuffix(data, []byte("\r"))
	}
	return s.pass(stream, data)
}

// pass makes a line, or a part of a long one, ready.
func (s *Lines) pass(stream string, data []byte) error {
	text, err := outputAfter(s.before[stream], stream, data, s.encoding)
	if err != nil {
		return err
	}
	if stream == "stderr" && len(bytes.TrimSpace(data)) > 0 {
		s.last = text
	}
	s.ready = append(s.ready, Line{stream, text})
	return nil
}

// Next takes the next line, of one stream or of any.
func (s *Lines) Next(stream string) (Line, bool) {
	for s != nil && len(s.ready) > 0 {
		l := s.ready[0]
		s.ready[0] = Line{}
		s.ready = s.ready[1:]
		if stream == "" || l.Stream == stream {
			return l, true
		}
	}
	return Line{}, false
}

// GiveUp discards the unfinished lines. No more output follows.
func (s *Lines) GiveUp() { s.over = true }

// Over reports whether the output has ended.
func (s *Lines) Over() bool { return s.over }

// Any reports whether there was output. It is false for nil.
func (s *Lines) Any() bool { return s != nil && s.some }

// LastError returns the last line of stderr that isn't empty; nil for none.
func (s *Lines) LastError() starlark.Value {
	if s == nil {
		return nil
	}
	return s.last
}
