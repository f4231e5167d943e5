package files

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"incus-star/errors"
)

// Every operation that may change a file is refused by a pool that only reads, before it is sent, and every other works.
func TestReadOnly(t *testing.T) {
	f := newFake(t)
	here := t.TempDir()
	local := filepath.Join(here, "local")
	mustDo(t, os.WriteFile(filepath.Join(f.dir, "f"), []byte("text"), 0o644), os.Mkdir(filepath.Join(f.dir, "d"), 0o755), os.Symlink("f", filepath.Join(f.dir, "l")),
		os.WriteFile(local, []byte("other"), 0o644))
	before, _ := treeOf(t, f.dir)
	mode := os.FileMode(0o600)
	id := 1
	p := f.pool(true)
	for name, op := range map[string]func(*Call) error{
		"write":      func(c *Call) error { _, err := c.Write("/f", []byte("x"), Attributes{}); return err },
		"create":     func(c *Call) error { _, err := c.Write("/new", nil, Attributes{}); return err },
		"mode":       func(c *Call) error { _, err := c.Write("/f", []byte("text"), Attributes{Mode: &mode}); return err },
		"owner":      func(c *Call) error { _, err := c.Write("/f", []byte("text"), Attributes{UID: &id}); return err },
		"append":     func(c *Call) error { return c.Append("/f", []byte("x"), Attributes{}) },
		"mkdir":      func(c *Call) error { _, err := c.Mkdir("/new", true, Attributes{}); return err },
		"symlink":    func(c *Call) error { _, err := c.Symlink("x", "/new"); return err },
		"relink":     func(c *Call) error { _, err := c.Symlink("x", "/l"); return err },
		"rename":     func(c *Call) error { return c.Rename("/f", "/g", false) },
		"delete":     func(c *Call) error { return c.Delete("/f", false) },
		"delete dir": func(c *Call) error { return c.Delete("/d", true) },
		"push":       func(c *Call) error { _, err := c.Push(local, "/f", Attributes{}); return err },
		"push tree":  func(c *Call) error { _, err := c.Push(here, "/d", Attributes{}); return err },
		"times":      func(c *Call) error { return c.setTime("/f", time.Now()) },
	} {
		err := p.Do(t.Context(), "place", true, op)
		var e *errors.Error
		if !errors.As(err, &e) || e.Class != errors.Permission || e.Outcome != errors.NotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, op := range map[string]func(*Call) error{
		"read":   func(c *Call) error { _, err := c.ReadFile("/f", 100); return err },
		"list":   func(c *Call) error { _, err := c.List("/", true); return err },
		"stat":   func(c *Call) error { _, err := c.Stat("/l", false); return err },
		"exists": func(c *Call) error { _, err := c.Exists("/l"); return err },
		"pull":   func(c *Call) error { _, err := c.Pull("/", filepath.Join(here, "pulled")); return err },
		"same":   func(c *Call) error { _, err := c.Symlink("f", "/l"); return err },
	} {
		if err := p.Do(t.Context(), "place", false, op); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, _ := treeOf(t, f.dir); differences(before, after) != nil {
		t.Error(differences(before, after))
	}
	if n := f.dials.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// Of all types of packets only those that are known to change nothing pass.
func TestPacketsThatChange(t *testing.T) {
	packet := func(kind byte, flags uint32) []byte {
		p := binary.BigEndian.AppendUint32(nil, 0)
		p = append(p, kind, 0, 0, 0, 1)
		p = binary.BigEndian.AppendUint32(p, 1)
		p = append(p, '/')
		return binary.BigEndian.AppendUint32(p, flags)
	}
	reading := map[int]bool{typeInit: true, typeClose: true, typeRead: true, typeLstat: true, typeFstat: true, typeOpendir: true, typeReaddir: true, typeRealpath: true, typeStat: true, typeReadlink: true}
	for kind := range 256 {
		if got := changes(packet(byte(kind), 2)); got == reading[kind] {
			t.Errorf("type %d changes something: %v", kind, got)
		}
	}
	for flags := range uint32(64) {
		if got := changes(packet(typeOpen, flags)); got != (flags != flagRead) {
			t.Errorf("opening with %#x changes something: %v", flags, got)
		}
	}
	for n := headerSize; n < 18; n++ {
		if !changes(packet(typeOpen, flagRead)[:n]) {
			t.Errorf("a cut packet of %d bytes passes", n)
		}
	}
}

// Listings that aren't in the format of SFTP are errors.
func TestUnreadableListings(t *testing.T) {
	text := func(s string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
	}
	join := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	number := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	good := join(number(1), text("f"), text("-rw"), number(0xf), make([]byte, 28))
	if err := checkNames(good); err != nil {
		t.Error(err)
	}
	for n := range good {
		if err := checkNames(good[:n]); err == nil {
			t.Errorf("a listing of %d bytes is read", n)
		}
	}
	for i, bad := range [][]byte{
		join(number(2), text("f"), text(""), number(0)),
		join(number(1<<32-1), text("f"), text(""), number(0)),
		join(number(1), number(1<<32-1)),
		join(number(1), text("f"), number(9)),
		join(number(1), text("f"), text(""), number(0x80000000), number(0)),
	} {
		if err := checkNames(bad); err == nil {
			t.Errorf("listing %d is read", i)
		}
	}
}

// A silent is a server that answers only the first packet.
type silent struct{}

func newSilent() *silent { return new(silent) }

func (s *silent) dial(context.Context, string) (io.ReadWriteCloser, error) {
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		var first [9]byte
		if _, err := io.ReadFull(there, first[:]); err != nil {
			return
		}
		fmt.Fprint(there, "\x00\x00\x00\x05\x02\x00\x00\x00\x03")
		_, _ = io.Copy(io.Discard, there)
	}()
	return here, nil
}
