package files

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// counted is a Meter.
type counted struct{ total, bytes, done atomic.Int64 }

func (m *counted) Add(n int64) { m.bytes.Add(n) }
func (m *counted) Done()       { m.done.Add(1) }

// A meter counts each byte of a push or a pull once, also those of a file that is compared before.
func TestMeter(t *testing.T) {
	p := newFake(t).pool(false)
	here := t.TempDir()
	content := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(here, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(here, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("large", content)
	write("tree/large", content)
	write("tree/small", []byte("small"))
	all := int64(len(content))
	for _, step := range []struct {
		name         string
		do           func(*Call) error
		total, bytes int64
	}{
		{"push", func(c *Call) error {
			_, err := c.Push(filepath.Join(here, "large"), "/large", Attributes{})
			return err
		}, all, all},
		{"push again", func(c *Call) error {
			_, err := c.Push(filepath.Join(here, "large"), "/large", Attributes{})
			return err
		}, all, all},
		{"push changed", func(c *Call) error {
			write("large", append(bytes.Clone(content[:len(content)-1]), 'x'))
			_, err := c.Push(filepath.Join(here, "large"), "/large", Attributes{})
			return err
		}, all, all},
		{"pull", func(c *Call) error { _, err := c.Pull("/large", filepath.Join(here, "back")); return err }, all, all},
		{"push tree", func(c *Call) error { _, err := c.Push(filepath.Join(here, "tree"), "/tree", Attributes{}); return err }, -1, all + 5},
		{"pull tree", func(c *Call) error { _, err := c.Pull("/tree", filepath.Join(here, "tree2")); return err }, -1, all + 5},
	} {
		m := new(counted)
		err := do(t, p, func(c *Call) error {
			c.Watch = func(total int64) Meter { m.total.Store(total); return m }
			return step.do(c)
		})
		if err != nil || m.total.Load() != step.total || m.bytes.Load() != step.bytes || m.done.Load() != 1 {
			t.Errorf("%s: %d of %d bytes, ended %d times, %v", step.name, m.bytes.Load(), m.total.Load(), m.done.Load(), err)
		}
	}
}
