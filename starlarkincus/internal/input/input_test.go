package input

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
)

// TestLimits reads files and readers of each size around the limit.
func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for limit := range int64(5) {
		for size := range 8 {
			data := bytes.Repeat([]byte("x"), size)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			fromFile, fileErr := File(t.Context(), path, limit)
			fromReader, readerErr := All(t.Context(), bytes.NewReader(data), limit)
			for _, c := range []struct {
				data []byte
				err  error
			}{{fromFile, fileErr}, {fromReader, readerErr}} {
				var large *TooLarge
				switch {
				case int64(size) <= limit:
					if c.err != nil || !bytes.Equal(c.data, data) {
						t.Errorf("%d bytes with the limit %d: got %d, %v", size, limit, len(c.data), c.err)
					}
				case !errors.As(c.err, &large) || large.Limit != limit || c.data != nil:
					t.Errorf("%d bytes with the limit %d: got %d, %v", size, limit, len(c.data), c.err)
				}
			}
		}
	}
	if _, err := File(t.Context(), path, 1); err == nil || err.Error() != fmt.Sprintf("read %s: is larger than the limit of 0 MiB", path) {
		t.Errorf("got %v", err)
	}
	if got := (&TooLarge{Data}).Error(); got != "is larger than the limit of 256 MiB" {
		t.Errorf("got %s", got)
	}
}

// TestUnusual checks the limit of an endless device, and the errors of a missing file and of a folder.
func TestUnusual(t *testing.T) {
	var large *TooLarge
	if _, err := File(t.Context(), "/dev/zero", Data); !errors.As(err, &large) || large.Limit != device {
		t.Errorf("/dev/zero: %v", err)
	}
	if data, err := File(t.Context(), "/dev/null", Data); err != nil || len(data) != 0 {
		t.Errorf("/dev/null: %v", err)
	}
	dir := t.TempDir()
	if _, err := File(t.Context(), filepath.Join(dir, "nothing"), Data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := File(t.Context(), dir, Data); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder: %v", err)
	}
	if f, err := Open(t.Context(), dir); f != nil || !errors.Is(err, syscall.EISDIR) {
		t.Errorf("opening a folder: %v", err)
	}
	broken := errors.Plain("broken")
	if _, err := All(t.Context(), io.MultiReader(bytes.NewReader([]byte("x")), failing{broken}), Data); !errors.Is(err, broken) {
		t.Errorf("a broken reader: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestContext checks that a blocked read ends with the context, and returns its cause.
func TestContext(t *testing.T) {
	cause := errors.Plain("stopped")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	r, w := io.Pipe()
	for name, read := range map[string]func(context.Context) ([]byte, error){
		"a pipe without a writer":   func(ctx context.Context) ([]byte, error) { return File(ctx, pipe, Data) },
		"a reader without a writer": func(ctx context.Context) ([]byte, error) { return All(ctx, r, Data) },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
		if _, err := read(ctx); err != cause {
			t.Errorf("%s: got %v", name, err)
		}
		timer.Stop()
		if _, err := read(ctx); err != cause {
			t.Errorf("%s, after the end: got %v", name, err)
		}
	}
	// The abandoned reads end when a writer closes the pipe.
	w.Close()
	if f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		f.Close()
	}
}
