package printable

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"a b\n\tä 漢字 🎉 e\u0301 👨\u200d👩": "a b\n\tä 漢字 🎉 e\u0301 👨\u200d👩",
		"\x1b[31m":                 `\x1b[31m`,
		"a\rb\x7f\x00":             `a\rb\x7f\x00`,
		"\u009b31m\u0085":          `\u009b31m\u0085`,
		"a\u202eb\u2066\u2069":     `a\u202eb\u2066\u2069`,
		"\u200e\u200f\u061c\u2028": `\u200e\u200f\u061c\u2028`,
		"\ufeff\u2029\u00ad":       `\ufeff\u2029\u00ad`,
		"\U000e0041":               `\U000e0041`,
		"\xff\xc3":                 `\xff\xc3`,
		"\ufffd":                   "\ufffd",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := Line("a\nb\tc"); got != `a\nb\tc` {
		t.Error(got)
	}
}

// TestEveryRune checks that control characters, and characters that reorder text, are escaped, and that JSON keeps its
// value.
func TestEveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		text := "a" + string(r) + "b"
		raw := r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
			strings.ContainsRune("\u200e\u200f\u061c\u2028\u2029\ufeff", r)
		if got := Line(text); raw && strings.ContainsRune(got, r) {
			t.Errorf("%U stays", r)
		}
		data, _ := json.Marshal(text)
		out := JSON(data)
		var back string
		if err := json.Unmarshal(out, &back); err != nil || back != text || raw && strings.ContainsRune(string(out), r) {
			t.Errorf("%U: %s, %v", r, out, err)
		}
	}
}
