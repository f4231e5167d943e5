//go:build unix && !solaris && !aix && !illumos

package repl

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"incus-star/starlarkincus/internal/terminal"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// maxAhead limits what is kept of the input between lines, in bytes.
const maxAhead = 4 << 20

// A between is the state of keys between lines, such as while an entry runs. The terminal stays in the editor's mode then, and its
// input is read: a terminal that edits lines itself cuts one at 4,095 bytes, with the end mark of a paste, and its Ctrl-C drops an
// unknown part of a paste. So Ctrl-C and its kind are keys, whose signals are sent from here.
type between struct {
	signals signalKeys
	resume  func() // sets the editor's mode again
	suspend func() // stops the process, with the mode that the terminal was found in

	ahead  []byte // the input, as it came
	pauses []int  // where in ahead each part starts that came at once
	last   time.Time
	marks  marks
	drops  drop
	ended  chan struct{} // closed when the reading has ended; nil within a line
}

// A drop is what is dropped of the input after Ctrl-C: the rest of pasted text.
type drop int

const (
	nothing drop = iota
	toMark       // up to the end mark, or a long pause, if that is lost
	toPause      // without marks
)

// signalsAs sets the keys that are signals between lines to those of a mode.
func (k *keys) signalsAs(mode liner.ModeApplier, out io.Writer) { k.signals = signalKeysOf(mode, out) }

// hold reads the terminal until release. What was read since the last line stays.
func (k *keys) hold() {
	k.pending, k.after = append(k.pending, k.after...), nil
	if len(k.ahead) == 0 {
		k.pauses = nil
	}
	k.ahead, k.fast = append(k.ahead, k.fast...), nil
	if k.drops != toMark {
		k.marks = marksAfter(&k.filter)
	}
	k.ended = make(chan struct{})
	go k.readAhead(k.ended)
}

// interrupted reports whether Ctrl-C was typed right after the last line, and drops the keys up to it. It is called before hold.
func (k *keys) interrupted() bool {
	i := bytes.LastIndexByte(k.pending, interruptKey)
	if i >= 0 {
		k.mu.Lock()
		k.blocks = k.blocks[bytes.Count(k.pending[:i], []byte(blockMark)):]
		k.mu.Unlock()
		k.pending = k.pending[i+1:]
	}
	return i >= 0
}

// release ends hold.
func (k *keys) release() {
	if k.ended == nil {
		return
	}
	_, _ = unix.Write(k.wake[1], []byte{0})
	<-k.ended
	k.ended = nil
	var b [1]byte
	_, _ = unix.Read(k.wake[0], b[:])
}

// drain takes what the terminal has after release, which may have come before that was read. A program elsewhere would take the
// marks of a paste for keys.
func (k *keys) drain() {
	for k.inFront() {
		ready, err := terminal.Select(k.terminal, k.wake[0], time.Microsecond)
		if err != nil || ready != terminal.Typed || !k.readOnce() {
			return
		}
	}
}

// give returns what was typed between lines, for a program elsewhere that gets it now.
func (k *keys) give() []byte {
	text := strings.NewReplacer(pasteStart, "", pasteEnd, "").Replace(string(k.ahead))
	k.ahead, k.pauses = nil, nil
	return []byte(text)
}

// readAhead reads the terminal until release, or until the terminal fails, which the next line notices as well.
func (k *keys) readAhead(ended chan struct{}) {
	defer close(ended)
	defer k.whenResumed()()
	for {
		switch ready, err := terminal.Select(k.terminal, k.wake[0], k.dropTime()); {
		case err != nil, ready == terminal.Woken:
			return
		case ready == terminal.Nothing:
			k.drops = nothing
			continue
		}
		if away, woken := k.front(); woken {
			return
		} else if away {
			k.resume()
		}
		if !k.readOnce() {
			return
		}
	}
}

// readOnce takes what the terminal has, and reports whether there may be more later.
func (k *keys) readOnce() bool {
	var buf [4096]byte
	n, err := unix.Read(k.terminal, buf[:])
	switch {
	case err == unix.EINTR, err == unix.EAGAIN:
		return true
	case err != nil, n == 0:
		return false
	}
	if k.paused() {
		k.pauses = append(k.pauses, len(k.ahead))
	}
	k.take(buf[:n])
	k.last = time.Now()
	return true
}

// whenResumed sets the editor's mode again when the process has the terminal after a stop, because a shell has had it. Stop ends
// that.
func (k *keys) whenResumed() (stop func()) {
	resumed, unwatch := notified(continued)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var later <-chan time.Time // nil while it has the terminal
		if !k.inFront() {
			later = time.After(frontTime)
		}
		for {
			select {
			case <-resumed:
			case <-later:
			case <-end:
				return
			}
			if later = nil; k.inFront() {
				k.resume()
			} else {
				later = time.After(frontTime)
			}
		}
	}()
	return func() {
		unwatch()
		close(end)
		<-ended
	}
}

// inFront reports whether the process has the terminal.
func (k *keys) inFront() bool { return terminal.InFront(k.terminal) }

// front waits until the process has the terminal, without which reading would stop it, and reports whether it had to. It returns
// early if the waits for input are to end.
func (k *keys) front() (away, woken bool) {
	for ; !k.inFront(); away = true {
		if ready, err := terminal.Select(k.wake[0], k.wake[0], frontTime); err != nil || ready == terminal.Woken {
			return away, true
		}
	}
	return away, false
}

// leave lets go of the terminal if the process isn't in front. Each change of the terminal's mode would stop it, when it is to end.
func (k *keys) leave() {
	if k.inFront() {
		return
	}
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		k.left.Store(true)
		_ = unix.Dup2(int(null.Fd()), k.terminal)
		null.Close()
	}
}

// take takes input between lines.
func (k *keys) take(input []byte) {
	input = k.undropped(input)
	stopped := false
	for i, b := range input {
		if b == k.signals.interrupt && b != 0 { // also within pasted text
			k.forget()
			k.raise(b, syscall.SIGINT)
			k.take(input[i+1:])
			return
		}
		switch key := k.marks.add(b); {
		case key && b == k.signals.quit && b != 0:
			k.raise(b, syscall.SIGQUIT)
		case key && b == k.signals.suspend && b != 0:
			if stopped {
				continue // typed before the first one has stopped the process
			}
			stopped = true
			k.signals.show(b)
			k.suspend()
			if k.inFront() {
				k.resume()
			}
		default:
			k.ahead = append(k.ahead, b)
		}
	}
	if len(k.ahead) > maxAhead {
		k.forget()
		k.refused()
	}
}

// lastPause returns the start of the part of ahead that came last.
func (k *keys) lastPause() int {
	if len(k.pauses) == 0 {
		return 0
	}
	return k.pauses[len(k.pauses)-1]
}

// paused reports whether what comes now doesn't belong to what came last between lines.
func (k *keys) paused() bool {
	pause := fastTime
	if len(k.ahead)-k.lastPause() > maxTyped {
		pause = pasteTime // the terminal may be slow
	}
	return time.Since(k.last) >= pause
}

// readTyped takes what came between lines. Lines with pauses between them were typed one by one.
func (k *keys) readTyped() {
	if k.paused() {
		k.pauses = append(k.pauses, len(k.ahead))
	}
	ahead, pauses, done := k.ahead, k.pauses, 0
	k.ahead, k.pauses = nil, nil
	for _, at := range pauses {
		if at > done {
			k.read(ahead[done:at])
			k.endFast()
			done = at
		}
	}
	k.read(ahead[done:])
}

// unmarkedLines reports whether input that came at once may be a part of a paste without marks.
func unmarkedLines(input []byte) bool {
	return bytes.IndexByte(input, '\r') >= 0 && !bytes.HasSuffix(bytes.TrimRight(input, "\r"), []byte(pasteEnd))
}

// forget drops what was typed and pasted so far, and what is still to come of a paste. Lines that came at once were pasted.
func (k *keys) forget() {
	switch {
	case k.marks.pasting:
		k.drops = toMark
	case unmarkedLines(k.ahead[k.lastPause():]):
		k.drops = toPause
	}
	if k.drops != toMark {
		k.marks = marks{}
	}
	k.ahead, k.pauses, k.pending, k.filter = nil, nil, nil, pasteFilter{}
	k.mu.Lock()
	k.blocks = nil
	k.mu.Unlock()
}

// raise sends a key's signal as the terminal would, to all processes of the group.
func (k *keys) raise(key byte, sig syscall.Signal) {
	k.signals.show(key)
	_ = unix.Kill(0, sig)
}

// dropTime returns the length of the pause that ends the drop; 0 if nothing is dropped.
func (k *keys) dropTime() time.Duration {
	switch k.drops {
	case toMark:
		return reportTime
	case toPause:
		return dropPause
	}
	return 0
}

// undropped returns the input without what is dropped of it. Ctrl-C stays, and a key that comes alone was typed.
func (k *keys) undropped(input []byte) (kept []byte) {
	if k.drops == toPause && len(input) <= utf8.UTFMax && time.Since(k.last) > fastTime {
		k.drops = nothing
	}
	if k.drops != nothing {
		k.last = time.Now()
	}
	for i, b := range input {
		switch {
		case k.drops == nothing:
			return append(kept, input[i:]...)
		case b == interruptKey, b == k.signals.interrupt:
			kept = append(kept, b)
		case k.drops == toMark:
			if k.marks.add(b); !k.marks.pasting {
				k.drops = nothing
			}
		}
	}
	return kept
}
