//go:build unix && !solaris && !aix && !illumos

package repl

import (
	"bytes"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/terminal"

	"golang.org/x/sys/unix"
)

// continued are the signals of a process that goes on after a stop, and resizes those of a terminal whose size changes.
var continued, resizes = []os.Signal{unix.SIGCONT}, []os.Signal{unix.SIGWINCH}

// keys copies the input of a terminal to the line editor through a pipe. So pasted text can be filtered, a prompt can
// be ended from outside, and the terminal isn't read while a script runs, which may read it itself.
type keys struct {
	terminal  int
	file      *os.File // the editor's end of the pipe
	pipe      *os.File
	wake      [2]int // a pipe that ends select
	filter    pasteFilter
	fast      []byte // lines that came too fast to be typed, until a pause
	pending   []byte // read, but not yet written to the pipe
	after     []byte // the same, for the next line
	lineEnded bool   // the editor has got a key that normally ends the line

	between

	refused func() // called after a pasted text that was too long

	mu     sync.Mutex // serializes writes to the pipe
	search []byte     // keys of the search that is on, from Ctrl-R on
	blocks [][]byte   // pasted texts, of which the pipe has the keys
	done   chan struct{}
	failed atomic.Bool // the terminal is gone
	left   atomic.Bool // the terminal was let go
}

func newKeys(in *os.File) (*keys, error) {
	k := &keys{terminal: int(in.Fd())}
	var err error
	if k.file, k.pipe, err = os.Pipe(); err != nil {
		return nil, err
	}
	if err := unix.Pipe(k.wake[:]); err != nil {
		k.file.Close()
		k.pipe.Close()
		return nil, err
	}
	for _, fd := range k.wake {
		unix.CloseOnExec(fd)
	}
	return k, nil
}

// waiting reports whether there is input already, typed before the prompt. It must not be called between start and stop.
func (k *keys) waiting() bool {
	if len(k.ahead)+len(k.pending) > 0 {
		return true
	}
	ready, err := terminal.Select(k.terminal, k.wake[0], time.Microsecond)
	return err == nil && ready == terminal.Typed
}

// start reads the terminal until stop. The first keys come before its input. The line starts with that many spaces as its
// indentation; within is whether it continues an entry.
func (k *keys) start(first string, indented int, within bool) {
	k.done = make(chan struct{})
	k.filter.indented, k.filter.within, k.filter.control = indented, within, false
	k.lineEnded = false
	k.readTyped()
	_ = k.pipe.SetWriteDeadline(time.Time{})
	_ = k.write([]byte(first))
	go func() {
		defer close(k.done)
		if err := k.copy(); err != nil {
			k.failed.Store(err == unix.EIO || err == io.EOF)
			k.pipe.Close() // ends the editor's input
		}
	}()
}

func (k *keys) stop() {
	_ = k.pipe.SetWriteDeadline(time.Unix(1, 0))
	_, _ = unix.Write(k.wake[1], []byte{0})
	<-k.done
	var b [1]byte
	_, _ = unix.Read(k.wake[0], b[:])
	k.pending = append(k.takeUnread(), k.pending...)
}

// unread reports whether the pipe has keys.
func (k *keys) unread() (has bool) {
	if conn, err := k.file.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			has = n > 0
		})
	}
	return has
}

// takeUnread returns the keys that the editor has left in the pipe. It must not be reading.
func (k *keys) takeUnread() (left []byte) {
	var buf [4096]byte
	for k.unread() {
		n, err := k.file.Read(buf[:])
		if left = append(left, buf[:n]...); err != nil {
			break
		}
	}
	return left
}

// interrupt sends Ctrl-C to the editor while it reads.
func (k *keys) interrupt() { _ = k.write([]byte{interruptKey}) }

// inject sends a mark to the editor while it reads. A search is cancelled before, and begun again.
func (k *keys) inject(mark string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := keyNothing + mark + "\t"
	if k.search != nil {
		keys = string(rune(cancelKey)) + mark + "\t" + string(k.search)
	}
	_, _ = k.pipe.WriteString(keys)
}

// searchKeys are the keys in a search, beside letters.
const (
	searchKey  = 0x12 // Ctrl-R
	forwardKey = 0x13
	cancelKey  = 0x07
)

// note follows a search in the keys that the editor gets.
func (k *keys) note(keys []byte) {
	for _, b := range keys {
		switch {
		case b == searchKey:
			k.search = append(k.search, b)
		case k.search == nil:
		case b >= ' ', b == forwardKey, b == bsByte:
			k.search = append(k.search, b)
		default:
			k.search = nil
		}
	}
}

// block returns the next pasted text that the editor takes at once.
func (k *keys) block() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.blocks) == 0 {
		return ""
	}
	block := k.blocks[0]
	k.blocks = k.blocks[1:]
	return string(block)
}

// stopProcess stops the process, as Ctrl-Z does, and returns when it goes on.
func (k *keys) stopProcess() { terminal.StopProcess() }

// gone reports whether the terminal is gone, as after a hangup.
func (k *keys) gone() bool { return k.failed.Load() }

// end ends the editor's input.
func (k *keys) end() { k.pipe.Close() }

func (k *keys) close() {
	k.pipe.Close()
	k.file.Close()
	unix.Close(k.wake[0])
	unix.Close(k.wake[1])
}

func (k *keys) write(p []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err := k.pipe.Write(p)
	return err
}

// copy copies the terminal's input to the editor until stop is called.
func (k *keys) copy() error {
	for {
		for k.lineEnded && len(k.pending) > 0 {
			// The editor would keep what it reads together with the line's end during the entry, with a Ctrl-C that is to end that.
			if k.lineEnded = k.unread(); !k.lineEnded {
				break
			}
			if ready, err := terminal.Select(k.wake[0], k.wake[0], time.Millisecond); err != nil || ready == terminal.Woken {
				return err
			}
		}
		switch err := k.flush(); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		wait := k.filter.wait()
		if len(k.fast) > 0 {
			wait = fastTime
		}
		if len(k.fast) > maxTyped {
			wait = pasteTime // the terminal may be slow
		}
		if k.drops != nothing {
			wait = k.dropTime()
		}
		switch ready, err := terminal.Select(k.terminal, k.wake[0], wait); {
		case err != nil:
			return err
		case ready == terminal.Woken:
			return nil
		case ready == terminal.Nothing:
			k.drops = nothing
			k.endFast()
			k.queue(k.filter.flush())
			continue
		}
		if _, woken := k.front(); woken {
			return nil
		}
		var buf [4096]byte
		n, err := unix.Read(k.terminal, buf[:])
		switch {
		case err == unix.EINTR, err == unix.EAGAIN:
			continue
		case err != nil:
			return err
		case n == 0:
			return io.EOF
		}
		k.pending, k.after = append(k.pending, k.after...), nil
		k.read(k.undropped(buf[:n]))
	}
}

// read takes input from the terminal. A line end waits for what follows, which tells a typed one from a pasted one.
func (k *keys) read(input []byte) {
	input = bytes.ReplaceAll(bytes.ReplaceAll(input, []byte("\r\n"), []byte("\r")), []byte("\n"), []byte("\r")) // some programs paste line feeds
	if i := bytes.LastIndexByte(input, interruptKey); i >= 0 {
		if before := slices.Concat(k.fast, input[:i]); k.filter.unmarked(before) && severalLines(before) {
			k.fast, k.drops, input = nil, toPause, input[i:i+1]
		}
	}
	if k.filter.unmarked(input) && (len(k.fast) > 0 || len(input) > maxTyped || bytes.IndexByte(input, '\r') >= 0) {
		k.fast = append(k.fast, input[:min(len(input), maxPaste+2-min(len(k.fast), maxPaste+2))]...)
		return
	}
	k.endFast()
	k.queue(k.filter.feed(input))
}

// queue queues what the filter has returned.
func (k *keys) queue(keys []byte) {
	k.pending = append(k.pending, keys...)
	k.mu.Lock()
	k.blocks = append(k.blocks, k.filter.blocks...)
	k.mu.Unlock()
	k.filter.blocks = nil
	if k.filter.refused {
		k.filter.refused = false
		k.refused()
	}
}

// endFast passes on the lines that came at once.
func (k *keys) endFast() {
	if len(k.fast) == 0 {
		return
	}
	k.queue(k.filter.lines(k.fast))
	k.fast = nil
}

// flush writes the pending input to the pipe, up to the end of the line. The rest is for the next one, whose
// indentation depends on whether there is a rest.
func (k *keys) flush() error {
	if end := bytes.IndexAny(k.pending, "\r\n\x03") + 1; end > 0 {
		k.after = append(bytes.Clone(k.pending[end:]), k.after...)
		k.pending = k.pending[:end]
		k.lineEnded = true
	}
	for len(k.pending) > 0 {
		k.mu.Lock()
		n, err := k.pipe.Write(k.pending)
		k.note(k.pending[:n])
		k.mu.Unlock()
		k.pending = k.pending[n:]
		if err != nil {
			return err
		}
	}
	return nil
}
