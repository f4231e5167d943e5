package files

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"

	"incus-star/errors"
)

// Types of SFTP packets, and the flags of the packet that opens a file.
const (
	typeInit     = 1
	typeOpen     = 3
	typeClose    = 4
	typeRead     = 5
	typeLstat    = 7
	typeFstat    = 8
	typeOpendir  = 11
	typeReaddir  = 12
	typeRealpath = 16
	typeStat     = 17
	typeReadlink = 19
	typeName     = 104

	flagRead = 1
)

const (
	// headerSize is the size of a packet's length, type and id.
	headerSize = 9
	// maxNames is the size of the largest packet of names.
	maxNames = 256 << 10
)

// A wire is a connection for SFTP that checks the packets. For a client that only reads it rejects each packet that may
// change something. It fails at a listing with an impossible name, which the library would silently repair.
type wire struct {
	conn     io.ReadWriteCloser
	readOnly bool

	unsent int // bytes of the current packet that are not written

	in      *bufio.Reader
	unread  int64         // bytes of the current packet that are not read
	checked *bytes.Reader // the current packet, if it is a listing

	mu       sync.Mutex
	listings map[uint32]bool // ids of requests for names
	failure  error           // why the connection ended
}

func newWire(conn io.ReadWriteCloser, readOnly bool) *wire {
	return &wire{conn: conn, readOnly: readOnly, in: bufio.NewReaderSize(conn, 64<<10), checked: new(bytes.Reader), listings: make(map[uint32]bool)}
}

// errReadOnly is the error of a packet that isn't sent, because the client only reads.
var errReadOnly = errors.Plain("this client only reads")

// Write sends a part of a packet. The library writes the fixed part of a packet in one call.
func (w *wire) Write(p []byte) (int, error) {
	if w.unsent == 0 && len(p) >= headerSize {
		if w.readOnly && changes(p) {
			return 0, errReadOnly
		}
		if p[4] == typeReaddir {
			w.mu.Lock()
			w.listings[binary.BigEndian.Uint32(p[5:])] = true
			w.mu.Unlock()
		}
		w.unsent = 4 + int(binary.BigEndian.Uint32(p))
	}
	w.unsent -= len(p)
	n, err := w.conn.Write(p)
	w.ended(err)
	return n, err
}

// changes reports whether a packet may change something.
func changes(p []byte) bool {
	switch p[4] {
	case typeInit, typeClose, typeRead, typeLstat, typeFstat, typeOpendir, typeReaddir, typeRealpath, typeStat, typeReadlink:
		return false
	case typeOpen:
		path := headerSize + 4
		if len(p) < path {
			return true
		}
		flags := path + int(binary.BigEndian.Uint32(p[headerSize:]))
		return len(p) < flags+4 || binary.BigEndian.Uint32(p[flags:]) != flagRead
	}
	return true
}

// Read returns a part of a packet, after checking all of it if it is a listing.
func (w *wire) Read(p []byte) (int, error) {
	if w.checked.Len() > 0 {
		return w.checked.Read(p)
	}
	if w.unread == 0 {
		if err := w.next(); err != nil {
			w.ended(err)
			return 0, err
		}
		if w.checked.Len() > 0 {
			return w.checked.Read(p)
		}
	}
	if int64(len(p)) > w.unread {
		p = p[:w.unread]
	}
	n, err := w.in.Read(p)
	w.unread -= int64(n)
	w.ended(err)
	return n, err
}

// next checks the beginning of the next packet.
func (w *wire) next() error {
	head, err := w.in.Peek(headerSize)
	if err != nil {
		return err
	}
	size := int64(binary.BigEndian.Uint32(head))
	w.unread = 4 + size
	id := binary.BigEndian.Uint32(head[5:])
	w.mu.Lock()
	listing := w.listings[id]
	delete(w.listings, id)
	w.mu.Unlock()
	switch {
	case size < headerSize-4:
		return errors.Plain("a packet is too short")
	case !listing || head[4] != typeName:
		return nil
	case size > maxNames:
		return fmt.Errorf("a listing is larger than %d KiB", maxNames>>10)
	}
	packet := make([]byte, w.unread)
	if _, err := io.ReadFull(w.in, packet); err != nil {
		return err
	}
	w.unread = 0
	w.checked.Reset(packet)
	return checkNames(packet[headerSize:])
}

// errUnreadable is the error of a malformed listing.
var errUnreadable = errors.Plain("the server's listing of a folder can't be read")

// checkNames returns an error if a listing contains a name that no file can have.
func checkNames(p []byte) error {
	if len(p) < 4 {
		return errUnreadable
	}
	count := binary.BigEndian.Uint32(p)
	p = p[4:]
	for ; count > 0; count-- {
		name, rest, ok := cutText(p)
		if ok {
			_, rest, ok = cutText(rest) // the line for people
		}
		if ok {
			rest, ok = skipAttributes(rest)
		}
		if !ok {
			return errUnreadable
		}
		if err := checkName(name); err != nil {
			return err
		}
		p = rest
	}
	return nil
}

// cutText returns the string at the beginning, and the rest.
func cutText(p []byte) (text string, rest []byte, ok bool) {
	if len(p) < 4 {
		return "", nil, false
	}
	n := uint64(binary.BigEndian.Uint32(p))
	if n > uint64(len(p)-4) {
		return "", nil, false
	}
	return string(p[4 : 4+n]), p[4+n:], true
}

// checkName returns an error unless a name is possible for a file in the folder.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.Plain("the server lists a file without a name")
	case name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("the server lists a file named %q, which is outside of its folder", name)
	}
	return nil
}

// skipAttributes returns the rest after the attributes of a file.
func skipAttributes(p []byte) ([]byte, bool) {
	if len(p) < 4 {
		return nil, false
	}
	flags := binary.BigEndian.Uint32(p)
	n := 4
	for bit, size := range map[uint32]int{1: 8, 2: 8, 4: 4, 8: 8} { // size, owner, permissions, times
		if flags&bit != 0 {
			n += size
		}
	}
	if flags&0x80000000 != 0 || len(p) < n { // extended attributes, which Incus doesn't send
		return nil, false
	}
	return p[n:], true
}

// Close closes the connection.
func (w *wire) Close() error { return w.conn.Close() }

// ended records the first error of the connection.
func (w *wire) ended(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil {
		w.failure = err
	}
}

// cause returns the first error of the connection; nil if there was none.
func (w *wire) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}
