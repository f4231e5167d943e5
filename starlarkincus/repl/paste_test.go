package repl

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPasteFilter(t *testing.T) {
	long := strings.Repeat("0123456789", 30)
	for in, want := range map[string]string{
		"typed text\r\x03\x1b[A": "typed text\r\x03" + keyUp,
		"typed ␊\xff":            show("typed ␊\xff"),
		pasteStart + "a\tb\r\nc\rd\n\n" + pasteEnd + "\r":          "a␉b␊c␊d␊␊\r",
		pasteStart + "é\x1b[A\x00\x7f" + pasteEnd:                  "é␛[A␀␡",
		pasteStart + "a" + pasteEnd + pasteStart + "\t" + pasteEnd: "a␉",
		pasteEnd + "x":                   "x",
		"\x1b[20x\x1b[2":                 "",
		"\x1b":                           "\x1b",
		pasteStart + "a\x1b[20":          "a",
		pasteStart + "lost\r":            "lost␊",
		pasteStart + "a\x03b" + pasteEnd: "a␃b",
		pasteStart + long + pasteEnd:     long,
		pasteStart + "\xe4\xb8":          "",
	} {
		for size := 1; size <= len(in); size++ {
			var f pasteFilter
			var got []byte
			for i := 0; i < len(in); i += size {
				got = append(got, f.feed([]byte(in[i:min(i+size, len(in))]))...)
			}
			got = append(got, f.flush()...)
			if got := expand(&f, got); got != want {
				t.Errorf("%q in pieces of %d: got %q, want %q", in, size, got, want)
			}
		}
	}
}

// expand returns the keys of a filter, with the texts that the editor would take at once.
func expand(f *pasteFilter, keys []byte) string {
	text := string(keys)
	for _, block := range f.blocks {
		text = strings.Replace(text, insertBlock, string(block), 1)
	}
	f.blocks = nil
	return text
}

// TestPastedInterrupt checks that pasted text can't end the paste, so that the rest would count as typed, and that Ctrl-C, a
// key that comes alone, does.
func TestPastedInterrupt(t *testing.T) {
	var f pasteFilter
	if got := string(f.feed([]byte(pasteStart + "a\x03b()\r" + pasteEnd))); got != "a␃b()␊" || f.pasting {
		t.Errorf("got %q", got)
	}
	got := string(f.feed([]byte(pasteStart+"a\x03"))) + string(f.feed([]byte("b\r"))) + string(f.flush())
	if got != "a␃b␊" || !f.pasting {
		t.Errorf("got %q", got)
	}
	if got := string(f.feed([]byte("\x03"))) + string(f.flush()); got != "\x03" || f.pasting {
		t.Errorf("got %q", got)
	}
}

// TestPasteLimit checks that a text over the limit is dropped, however it comes, and that one within it isn't.
func TestPasteLimit(t *testing.T) {
	defer func(most int) { maxPaste = most }(maxPaste)
	maxPaste = 100_000
	for _, size := range []int{maxPaste, maxPaste + 1, 3 * maxPaste} {
		for _, piece := range []int{4096, 4093, 2 * maxPaste} {
			var f pasteFilter
			var keys []byte
			refused := 0
			in := pasteStart + strings.Repeat("x", size) + pasteEnd + "y"
			for len(in) > 0 {
				n := min(piece, len(in))
				keys = append(keys, f.feed([]byte(in[:n]))...)
				in = in[n:]
				if f.refused {
					refused++
					f.refused = false
				}
			}
			want, wantRefused := "y", 1
			if size <= maxPaste {
				wantRefused = 0
				want = strings.Repeat("x", size) + "y"
			}
			if got := expand(&f, keys); got != want || refused != wantRefused || f.pasting {
				t.Errorf("%d bytes in pieces of %d: %d bytes, refused %d times", size, piece, len(got), refused)
			}
		}
	}
}

func TestShow(t *testing.T) {
	const text = "def f():\n\treturn '\x1b[m'\n"
	if got := show(text); got != "def f():␊␉return '␛[m'␊" {
		t.Errorf("got %q", got)
	}
}

// randomText returns random text with all characters that are special to an editor.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(40) {
		switch r.IntN(9) {
		case 0:
			b.WriteRune(rune(r.IntN(0xa0)))
		case 1:
			b.WriteRune(0x2400 + rune(r.IntN(0x27)))
		case 2:
			b.WriteRune(0xfe00 + rune(r.IntN(16)))
		case 3:
			b.WriteByte(byte(0x80 + r.IntN(0x80)))
		case 4:
			b.WriteString([]string{"\r\n", "\n", "\t", "\\", "\\n", "世", "é", "\u202e", "\u2066", "\ufeff", "\ufffd", "\u2028", "\U0001f469\u200d\U0001f680"}[r.IntN(13)])
		case 5:
			b.WriteRune(rune(r.IntN(0x110000)))
		case 6:
			b.WriteString(pasteEnd[:r.IntN(len(pasteEnd))])
		default:
			b.WriteRune('a' + rune(r.IntN(26)))
		}
	}
	return b.String()
}

// TestAnyTextRoundTrips checks that any text survives the editor's pictures, a terminal that sends it in pieces, and
// the history's file, and that the editor gets no control characters and no characters that change the direction of
// text.
func TestAnyTextRoundTrips(t *testing.T) {
	r := newRand(t)
	path := filepath.Join(t.TempDir(), "history")
	h := history{path: path}
	var want []string
	for n := range 50 * *programs {
		text := randomText(r)
		shown := show(text)
		if got := unshow(shown); got != text {
			t.Fatalf("%q is shown as %q, which stands for %q", text, shown, got)
		}
		if i := strings.IndexFunc(shown, func(r rune) bool { return unicode.IsControl(r) || slices.Contains(directions, r) }); i >= 0 || !utf8.ValidString(shown) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
		var f pasteFilter
		var read []byte
		text = strings.ReplaceAll(text, pasteEnd, "")
		pasted := pasteStart + text + pasteEnd
		for rest := pasted; rest != ""; {
			size := min(len(rest), 1+r.IntN(10))
			read = append(read, f.feed([]byte(rest[:size]))...)
			rest = rest[size:]
		}
		read = append(read, f.flush()...)
		ends := strings.NewReplacer("\r\n", "\n", "\r", "\n")
		if got := unshow(expand(&f, read)); got != ends.Replace(text) {
			t.Fatalf("%q is pasted as %q, which stands for %q", text, read, got)
		}
		if n < 900 && text != "" && (len(want) == 0 || want[len(want)-1] != text) {
			if err := h.add(text); err != nil {
				t.Fatal(err)
			}
			want = append(want, text)
		}
	}
	if got := load(t, path); !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("entry %d: got %q, want %q", i, got[i], want[i])
				break
			}
		}
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
}
