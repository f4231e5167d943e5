//go:build unix && !solaris && !aix && !illumos

package repl

import (
	"bytes"
	"fmt"
	"io"
	"reflect"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// A marks follows the marks of pasted text in the terminal's input.
type marks struct {
	keys    sequences
	pasting bool
	matched int // bytes of the end mark
}

// marksAfter returns the marks after the input that a filter has had.
func marksAfter(f *pasteFilter) marks {
	m := marks{keys: f.keys, pasting: f.pasting}
	m.keys.params = bytes.Clone(f.keys.params)
	for _, b := range f.pasted[max(0, len(f.pasted)-len(pasteEnd)+1):] {
		m.add(b)
	}
	return m
}

// add takes the next byte, and reports whether it is neither pasted nor part of a sequence.
func (m *marks) add(b byte) bool {
	if !m.pasting {
		key, taken := m.keys.add(b)
		m.pasting = key == pasteBegins
		return !taken
	}
	switch {
	case b == pasteEnd[m.matched]:
		m.matched++
	case b == escByte:
		m.matched = 1
	default:
		m.matched = 0
	}
	if m.matched == len(pasteEnd) {
		m.pasting, m.matched = false, 0
	}
	return false
}

// A signalKeys has the keys of a terminal that are signals; 0 for none.
type signalKeys struct {
	interrupt, quit, suspend byte
	out                      io.Writer // shows them; nil if nothing does
}

// signalKeysOf returns the keys that are signals in a mode.
func signalKeysOf(mode liner.ModeApplier, out io.Writer) (keys signalKeys) {
	flags, chars := field(mode, "Lflag"), field(mode, "Cc")
	if !flags.CanUint() || !chars.IsValid() || flags.Uint()&unix.ISIG == 0 {
		return keys
	}
	for i, key := range map[int]*byte{unix.VINTR: &keys.interrupt, unix.VQUIT: &keys.quit, unix.VSUSP: &keys.suspend} {
		if b := byte(chars.Index(i).Uint()); b != 0xff { // no key, on some systems
			*key = b
		}
	}
	if flags.Uint()&unix.ECHO != 0 {
		keys.out = out
	}
	return keys
}

// show shows a key as the terminal does.
func (s signalKeys) show(key byte) {
	if s.out != nil {
		fmt.Fprintf(s.out, "^%c", key^0x40)
	}
}

// field returns a field of a mode, which is a struct of the system.
func field(mode liner.ModeApplier, name string) reflect.Value {
	return reflect.Indirect(reflect.ValueOf(mode)).FieldByName(name)
}

// withoutSignals changes the editor's mode so that no key is a signal. The editor itself sees to that only after it has drawn
// the prompt: a key such as Ctrl-\ until then, or such a character in a pasted text, would end the process or drop the input.
func withoutSignals(mode liner.ModeApplier) {
	if flags := field(mode, "Lflag"); flags.CanUint() && flags.CanSet() {
		flags.SetUint(flags.Uint() &^ unix.ISIG)
	}
}

// withFlow changes a mode so that Ctrl-S stops the output if it does in the other mode.
func withFlow(mode, other liner.ModeApplier) {
	if flags, from := field(mode, "Iflag"), field(other, "Iflag"); flags.CanUint() && flags.CanSet() {
		flags.SetUint(flags.Uint() | from.Uint()&unix.IXON)
	}
}
