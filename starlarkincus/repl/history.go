package repl

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/xdg"
)

// maxHistory limits the number of entries. It is the limit of the line editor.
const maxHistory = 1000

// maxHistoryBytes limits the size of the file.
const maxHistoryBytes = 8 << 20

// lockPatience limits the wait for another prompt's lock of the file.
const lockPatience = 2 * time.Second

// A history stores entries in a file that several prompts share. Each prompt appends its entries under a lock as they
// are entered, so that neither another prompt nor a crash loses any. A line of the file is an entry with escaped
// backslashes and line ends.
type history struct {
	path string
	last string
}

// defaultHistory returns the path of the default file; empty if there is no folder for it.
func defaultHistory() string {
	state := xdg.State()
	if state == "" {
		return ""
	}
	return filepath.Join(state, "incus-star", "history")
}

// load returns the newest entries, and shortens a long file. There is no history in a file that can't be read, such as a pipe, and
// in a link to the null device.
func (h *history) load(ctx context.Context) ([]string, error) {
	if real, err := filepath.EvalSymlinks(h.path); err == nil {
		h.path = real
	}
	if h.path == os.DevNull {
		h.path = ""
		return nil, nil
	}
	data, err := input.Regular(ctx, h.path, input.Data)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		if !errors.As(err, new(*fs.PathError)) {
			err = fmt.Errorf("%s %w", h.path, err)
		}
		h.path = ""
		return nil, err
	}
	lines := historyLines(data)
	if len(lines) > 2*maxHistory || len(data) > maxHistoryBytes {
		err = h.shorten()
	}
	entries := make([]string, 0, maxHistory)
	for _, line := range lines[max(0, len(lines)-maxHistory):] {
		entries = append(entries, unescape(string(line)))
	}
	if len(entries) > 0 {
		h.last = entries[len(entries)-1]
	}
	return entries, err
}

// historyLines returns the file's escaped entries, including an incomplete last line.
func historyLines(data []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(data) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// add appends an entry, unless it repeats the previous one.
func (h *history) add(entry string) error {
	if h.path == "" || entry == "" || entry == h.last {
		return nil
	}
	h.last = entry
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return err
	}
	return h.locked(func(f *os.File) error {
		line := escape(entry) + "\n"
		var end [1]byte
		if size, err := f.Seek(0, io.SeekEnd); err == nil && size > 0 {
			if _, err := f.ReadAt(end[:], size-1); err == nil && end[0] != '\n' {
				line = "\n" + line // a crash truncated the last line
			}
		}
		_, err := f.WriteString(line)
		return err
	})
}

// shorten drops the oldest entries. It replaces the file atomically.
func (h *history) shorten() error {
	return h.locked(func(f *os.File) error {
		data, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		lines := historyLines(data)
		size := 0
		keep := len(lines)
		for keep > max(0, len(lines)-maxHistory) && size+len(lines[keep-1]) < maxHistoryBytes/2 {
			keep--
			size += len(lines[keep]) + 1
		}
		next := append(bytes.Join(lines[keep:], []byte("\n")), '\n')
		return atomicfile.Write(h.path, next, atomicfile.Mode{Perm: 0o600, Exact: true})
	})
}

// locked opens the file and calls use while no other prompt writes to it. If the file is replaced during the wait for
// the lock, it opens the new one.
func (h *history) locked(use func(*os.File) error) error {
	for deadline := time.Now().Add(lockPatience); ; {
		f, _, err := input.OpenRegular(func(name string, flag int, _ fs.FileMode) (*os.File, error) {
			return os.OpenFile(name, flag|os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		}, h.path)
		if err != nil {
			return err
		}
		if lock(f) {
			here, err := f.Stat()
			if there, failed := os.Stat(h.path); err == nil && failed == nil && os.SameFile(here, there) {
				defer f.Close() // releases the lock
				return use(f)
			}
		}
		f.Close()
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: another program holds its lock", h.path)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

var (
	escaper   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	unescaper = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

func escape(entry string) string  { return escaper.Replace(entry) }
func unescape(line string) string { return unescaper.Replace(line) }
