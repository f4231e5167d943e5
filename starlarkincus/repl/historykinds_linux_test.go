package repl

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"incus-star/starlarkincus/internal/input"
)

// TestHistoryIsRegular puts a file of each kind, and a link to one, in the place of the history. Any but a regular file is refused at
// once, by a new prompt and by one that runs, and stays as it is; a link to the null device is a history that keeps nothing.
func TestHistoryIsRegular(t *testing.T) {
	linked := func(to string) func(string) error { return func(path string) error { return os.Symlink(to, path) } }
	for name, create := range map[string]func(path string) error{
		"regular file": func(path string) error { return os.WriteFile(path, []byte("old\n"), 0o600) },
		"named pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"socket": func(path string) error {
			listener, err := net.Listen("unix", path)
			if err == nil {
				listener.(*net.UnixListener).SetUnlinkOnClose(false)
				listener.Close()
			}
			return err
		},
		"folder":    func(path string) error { return os.Mkdir(path, 0o700) },
		"/dev/zero": linked("/dev/zero"), "/dev/full": linked("/dev/full"), "/dev/tty": linked("/dev/tty"), "/dev/null": linked(os.DevNull), "nothing": linked("new"),
	} {
		for _, link := range []bool{false, true} {
			folder := t.TempDir()
			path := filepath.Join(folder, "history")
			place := path
			if link {
				place = filepath.Join(folder, "place")
				check(t, os.Symlink(place, path))
			}
			check(t, create(place))
			before, _ := os.Stat(path)
			h := history{path: path}
			entries, err := h.load(t.Context())
			added := h.add("new")
			switch name {
			case "regular file", "nothing":
				want := strings.TrimSpace(strings.Join(append(entries, "new"), " "))
				if err != nil || added != nil || strings.Join(load(t, path), " ") != want {
					t.Errorf("%s (%v): %v, %v", name, link, err, added)
				}
				continue
			case "/dev/null":
				if err != nil || added != nil {
					t.Errorf("%s (%v): %v, %v", name, link, err, added)
				}
				continue
			}
			if want := " is a " + input.Kind(before.Mode()) + ", not a regular file"; err == nil || !strings.HasSuffix(err.Error(), want) || added != nil {
				t.Errorf("%s (%v): %v, %v", name, link, err, added)
			}
			if running := (&history{path: path}); running.add("new") == nil {
				t.Errorf("%s (%v): an entry was written", name, link)
			}
			if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("%s (%v) is another file (%v)", name, link, err)
			}
		}
	}
}

// TestTerminalHistoryPipe checks that a prompt whose history is a pipe says so once, and works.
func TestTerminalHistoryPipe(t *testing.T) {
	state := t.TempDir()
	path := filepath.Join(state, "incus-star", "history")
	check(t, os.Mkdir(filepath.Dir(path), 0o700))
	check(t, syscall.Mkfifo(path, 0o600))
	p := startTerminal(t, state)
	p.expect("history: ")
	p.expect("is a named pipe,")
	p.enter("'wor' + 'ks'")
	if between := p.expect("\n\"works\"\n"); strings.Contains(between, "history") {
		t.Errorf("said again: %q", between)
	}
	p.expect(">>> ")
	p.send("\x04")
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
}
