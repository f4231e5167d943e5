package value

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

var (
	lineSeed = flag.Uint64("line-seed", 0, "of the long lines; 0 chooses one")
	lineRuns = flag.Int("line-runs", 10, "how many outputs with long lines are split")
)

// TestLongLines splits lines about as long as the limit, and several times as long, of characters of all sizes, at random
// cuts: the parts are together the line, each but the last is as long as whole characters allow, and no line is empty
// unless it is in the output.
func TestLongLines(t *testing.T) {
	if *lineSeed == 0 {
		*lineSeed = rand.Uint64()
	}
	t.Logf("-line-seed %d", *lineSeed)
	r := rand.New(rand.NewPCG(*lineSeed, 0))
	for range *lineRuns {
		terminal, newline := r.IntN(2) == 0, "\n"
		if terminal {
			newline = "\r\n"
		}
		var texts []string
		for range 1 + r.IntN(2) {
			texts = append(texts, longText(r))
			if r.IntN(3) == 0 {
				texts = append(texts, "")
			}
		}
		output := []byte(strings.Join(texts, newline))
		if r.IntN(2) == 0 {
			output = append(output, newline...)
		} else if texts[len(texts)-1] == "" {
			texts = texts[:len(texts)-1]
		}
		var want []string
		for _, text := range texts {
			want = append(want, parts(text)...)
		}
		encoding := []string{AutoEncoding, TextEncoding}[r.IntN(2)]
		lines, got := NewLines(encoding, terminal), 0
		take := func() {
			for line, ok := lines.Next("stdout"); ok; line, ok = lines.Next("stdout") {
				switch text, isText := line.Text.(starlark.String); {
				case !isText:
					t.Fatalf("line %d is %s", got, line.Text.Type())
				case got == len(want):
					t.Fatalf("there are more lines than %d, the next with %d bytes", len(want), len(text))
				case string(text) != want[got]:
					t.Fatalf("line %d has %d bytes, want %d", got, len(text), len(want[got]))
				}
				got++
			}
		}
		for left := output; len(left) > 0; {
			size := min(len(left), cut(r, left))
			if err := lines.Add("stdout", left[:size]); err != nil {
				t.Fatal(err)
			}
			left = left[size:]
			take()
		}
		if err := lines.End(); err != nil {
			t.Fatal(err)
		}
		if take(); got != len(want) {
			t.Fatalf("%d lines, want %d", got, len(want))
		}
	}
}

// longText returns a text whose size is near a multiple of the limit. It may have carriage returns, but not at its end.
func longText(r *rand.Rand) string {
	size := max(0, r.IntN(4)*maxLine+r.IntN(9)-4)
	unit := []string{"a", "é", "€", "😀", "aé€😀\r"}[r.IntN(5)]
	text := strings.Repeat("x", r.IntN(4)) + strings.Repeat(unit, size/len(unit)+1)
	for text = text[:min(len(text), size)]; !utf8.ValidString(text); {
		text = text[:len(text)-1]
	}
	text += strings.Repeat("y", size-len(text))
	return strings.TrimRight(text, "\r")
}

// parts returns the lines that a text is passed on as.
func parts(text string) []string {
	var found []string
	for len(text) > maxLine {
		size := maxLine
		for !utf8.RuneStart(text[size]) {
			size--
		}
		found, text = append(found, text[:size]), text[size:]
	}
	return append(found, text)
}

// cut returns the size of the next piece of the output: anything up to several lines, or where the line ends, or nearly.
func cut(r *rand.Rand, left []byte) int {
	switch i := bytes.IndexByte(left, '\n'); {
	case i > 0 && r.IntN(3) == 0:
		return i
	case r.IntN(3) == 0:
		return max(1, maxLine+r.IntN(5)-2)
	case r.IntN(3) == 0:
		return 1 + r.IntN(3)
	}
	return 1 + r.IntN(2*maxLine)
}

// TestLongBytes checks that a long line of no text is passed on whole, in parts of the limit.
func TestLongBytes(t *testing.T) {
	for _, invalid := range []string{"\xff", "\x80", "\xf0\x9f\x98", "\xc3"} {
		data := bytes.Repeat([]byte(invalid), 2*maxLine/len(invalid)+1)
		for _, encoding := range []string{AutoEncoding, BytesEncoding} {
			lines := NewLines(encoding, false)
			if err := lines.Add("stderr", data); err != nil {
				t.Fatal(err)
			}
			if err := lines.End(); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for line, ok := lines.Next(""); ok; line, ok = lines.Next("") {
				part := line.Text.(starlark.Bytes)
				if len(part) > maxLine {
					t.Errorf("%q: a line has %d bytes", invalid, len(part))
				}
				got = append(got, part...)
			}
			if !bytes.Equal(got, data) {
				t.Errorf("%q: the lines have %d bytes, want %d", invalid, len(got), len(data))
			}
		}
		err := NewLines(TextEncoding, false).Add("stderr", data)
		if want := `stderr: line 1 is not UTF-8: encoding="bytes" gives bytes, and so does "auto"`; err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", invalid, err, want)
		}
	}
}
