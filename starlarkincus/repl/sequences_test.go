package repl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// reports are sequences of each kind that a terminal sends unasked or as an answer, and keys that the editor doesn't have.
var reports = []string{
	"\x1b[I", "\x1b[O", // focus
	"\x1b[M !!", "\x1b[M\x20\xff\x80", "\x1b[M\x1b\r\x03", "\x1b[<0;10;20M", "\x1b[<35;1;1m", "\x1b[32;10;20M", // mouse
	"\x1b[24;80R", "\x1b[?1;2c", "\x1b[>41;354;0c", "\x1b[0n", "\x1b[?2026;2$y", "\x1b[8;24;80t", "\x1b[4;600;800t", "\x1b[?62;c", // answers
	"\x1b]10;rgb:ffff/ffff/ffff\x07", "\x1b]11;rgb:0000/0000/0000\x1b\\", "\x1b]52;c;Zm9v\x1b\\", "\x1b]l title é\x1b\\", "\x1b]l a\rb\x07", // OSC
	"\x1bP1$r0m\x1b\\", "\x1bP>|XTerm(370)\x1b\\", "\x1bP1+r544e=787465726d\x1b\\", "\x1b_Gi=31;OK\x1b\\", "\x1b^private\x1b\\", "\x1bXstart\x1b\\", // DCS, APC, PM, SOS
	"\x1b[97;5u", "\x1b[57358u", "\x1b[1;1:3A", "\x1b[97;2:3;65u", "\x1b[27;5;106~", "\x1b[?1u", // kitty and xterm
	"\x1bOP", "\x1bOS", "\x1b[11~", "\x1b[15~", "\x1b[24~", "\x1b[15;5~", "\x1b[[A", "\x1b[[E", "\x1b[1;2P", // function keys
	"\x1b[2~", "\x1b[5~", "\x1b[6~", "\x1bOp", "\x1bOy", "\x1bx", "\x1bé", "\x1b世", "\x1b\U0001f600", "\x1b5", "\x1b ", "\x1bNx",
	"\x1b[201~", "\x1b[" + strings.Repeat("1;", 300) + "R",
}

// known are the keys that the editor has, as terminals send them.
var known = map[string]string{
	"\x1b[A": keyUp, "\x1bOA": keyUp, "\x1b[1;5A": keyUp, "\x1b[B": keyDown, "\x1b[C": keyRight, "\x1bOD": keyLeft, "\x1b[1;2D": keyLeft,
	"\x1b[H": keyHome, "\x1bOH": keyHome, "\x1b[1~": keyHome, "\x1b[7~": keyHome, "\x1b[F": keyEnd, "\x1b[4~": keyEnd, "\x1b[8~": keyEnd,
	"\x1b[1;5C": keyWordRight, "\x1b[1;3D": keyWordLeft, "\x1bOc": keyWordRight, "\x1bO5D": keyWordLeft, "\x1b\x1b[C": keyRight,
	"\x1b[3~": keyDelete, "\x1b[3;5~": keyDelete, "\x1b[Z": keyShiftTab, "\x1b[1;2Z": keyShiftTab, "\x1bOM": "\r",
	"\x1bb": "\x1bb", "\x1bf": "\x1bf", "\x1bd": "\x1bd", "\x1by": "\x1by", "\x1b\x7f": "\x1b\x7f",
}

// TestReports checks that reports of a terminal, in any order between text and keys, and split at any byte, are swallowed, and
// that the text and the keys around them stay.
func TestReports(t *testing.T) {
	all := slices.Clone(reports)
	want := make(map[string]string)
	for in, key := range known {
		all, want[in] = append(all, in), key
	}
	for _, in := range all { // each alone
		for at := range len(in) + 1 {
			var f pasteFilter
			got := string(f.feed([]byte("a" + in[:at])))
			got += string(f.feed([]byte(in[at:] + "é")))
			if key := want[in]; got != "a"+key+"é" || f.wait() != 0 {
				t.Errorf("%q, split at %d: got %q", in, at, got)
			}
		}
	}
	r := newRand(t)
	for range 20 * *programs {
		var in, out strings.Builder
		for range r.IntN(20) {
			part := all[r.IntN(len(all))]
			if strings.HasSuffix(part, "\x1b") || want[part] == "\r" {
				continue
			}
			in.WriteString(part)
			out.WriteString(want[part])
			text := fmt.Sprint(r.IntN(100), "x世")
			in.WriteString(text)
			out.WriteString(text)
		}
		var f pasteFilter
		var got []byte
		for rest := []byte(in.String()); len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			got = append(got, f.feed(rest[:n])...)
			rest = rest[n:]
		}
		if string(got) != out.String() {
			t.Fatalf("%q: got %q, want %q", in.String(), got, out.String())
		}
	}
}

// TestAnyBytes checks that the editor gets no escape sequences but those that it has, whatever the terminal sends, and that what
// comes after a pause isn't swallowed.
func TestAnyBytes(t *testing.T) {
	r := newRand(t)
	has := strings.NewReplacer(keyWordLeft, "", keyWordRight, "", keyDelete, "", keyShiftTab, "", keyDeleteWord, "", keyRotate, "", keyEraseWord, "")
	for range 20 * *programs {
		var f pasteFilter
		var got []byte
		for range r.IntN(30) {
			in := []byte(randomSequence(r))
			if strings.Contains(string(in), pasteStart) {
				continue
			}
			got = append(got, f.feed(in)...)
		}
		if f.pasting {
			continue // the parts made up a mark
		}
		if left := has.Replace(string(got)); strings.Contains(left, "\x1b") {
			t.Fatalf("the editor gets %q of %q", left, got)
		}
		f.flush()
		if got := string(f.feed([]byte("typed"))); got != "typed" {
			t.Fatalf("%q is left of text after a pause", got)
		}
	}
}

func randomSequence(r *rand.Rand) string {
	const parts = "\x1b\x1b\x1b[[[OP]]_^X\\\x07\x18?<>;:019~ABMRuIé\x03\r\x7f$"
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteByte(parts[r.IntN(len(parts))])
	}
	return b.String()
}
