package repl

import "testing"

func TestPasteFilter(t *testing.T) {
	for in, want := range map[string]string{
		"typed\ttext\r\x03\x1b[A":                                  "typed\ttext\r\x03\x1b[A",
		pasteStart + "a\tb\r\nc\rd\n\n" + pasteEnd + "\r":          "a␉b␊c␊d␊␊\r",
		pasteStart + "é␊\x1b[A\x00\x7f" + pasteEnd:                 "é␊␛[A␀",
		pasteStart + "lost\r\x03\ttyped\r":                         "lost␊\x03\ttyped\r",
		pasteStart + "a" + pasteEnd + pasteStart + "\t" + pasteEnd: "a␉",
		pasteEnd + "x":         pasteEnd + "x",
		"\x1b[20x\x1b[2":       "\x1b[20x\x1b[2",
		"\x1b":                 "\x1b",
		pasteStart + "\x1b[20": "␛[20",
	} {
		for size := 1; size <= len(in); size++ {
			var f pasteFilter
			var got []byte
			for i := 0; i < len(in); i += size {
				got = append(got, f.feed([]byte(in[i:min(i+size, len(in))]))...)
			}
			got = append(got, f.flush()...)
			if string(got) != want {
				t.Errorf("%q in pieces of %d: got %q, want %q", in, size, got, want)
			}
		}
	}
}

func TestShow(t *testing.T) {
	const text = "def f():\n\treturn '\x1b[m'\n"
	if got := show(text); got != "def f():␊␉return '␛[m'␊" {
		t.Errorf("got %q", got)
	}
	if got := unshow(show(text)); got != text {
		t.Errorf("got %q back", got)
	}
}
