package repl

import (
	"os"
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
	k.fast, k.burst = []byte("len("), 9
	k.hold()
	k.release()
	k.ahead = append(k.ahead, "d)\r"...)
	k.hold()
	k.release()
	if string(k.ahead) != "len(d)\r" || k.burst != 0 {
		t.Errorf("got %q from %d on", k.ahead, k.burst)
	}
}
