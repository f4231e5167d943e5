package repl

import (
	"os"
	"strings"
	"testing"
)

// Keys that were read after a line stay when the reading begins anew before the next one.
func TestHeldTwice(t *testing.T) {
	in, out, err := os.Pipe()
	check(t, err)
	defer in.Close()
	defer out.Close()
	k, err := newKeys(in)
	check(t, err)
	defer k.close()
	k.fast, k.pauses = []byte("len("), []int{9}
	k.hold()
	k.release()
	k.ahead = append(k.ahead, "d)\r"...)
	k.hold()
	k.release()
	if string(k.ahead) != "len(d)\r" || k.lastPause() != 0 {
		t.Errorf("got %q from %d on", k.ahead, k.lastPause())
	}
}

// TestLinesTypedAhead checks that lines which are typed one by one while an entry runs are entries of their own, and that those which come
// at once are one.
func TestLinesTypedAhead(t *testing.T) {
	k := &keys{}

	for _, c := range []struct {
		parts []string
		want  string
	}{
		{[]string{"1 +", " 1\r", "x?\r", "\x02f\r"}, "1 + 1\rx?\r\x02f\r"},
		{[]string{"1\r2\r", "3\r"}, "1␊2\r3\r"},
		{[]string{pasteStart + "1\r", "2", pasteEnd, "\r"}, "1␊2\r"},
	} {
		k.pending, k.filter = nil, pasteFilter{}
		for _, part := range c.parts {
			k.pauses = append(k.pauses, len(k.ahead))
			k.ahead = append(k.ahead, part...)
		}
		k.readTyped()
		k.endFast()
		if got := strings.ReplaceAll(strings.ReplaceAll(string(k.pending), enterMoved, "\r"), "\x05", ""); got != c.want {
			t.Errorf("%q: got %q, want %q", c.parts, got, c.want)
		}
	}
}
