package repl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKilledInBackground checks that SIGTERM and SIGHUP end a prompt that is stopped, or in the background, with its clean-up, and that it leaves
// the terminal to the shell.
func TestKilledInBackground(t *testing.T) {
	for _, c := range []struct{ name, entry, signal string }{
		{"line", "6 *", "TERM"}, {"empty line", "", "HUP"}, {"call", "print('r' + 'unning'); until('/nonexistent')\r", "TERM"}, {"editor", ":edit\r", "HUP"},
	} {
		for _, background := range []bool{false, true} {
			name := c.name + ", " + c.signal
			if background {
				name += ", background"
			}
			t.Run(name, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "f")
				check(t, os.WriteFile(file, nil, 0o600))
				s := openPrompt(t, 80, 24, jobVariable+"=1", "EDITOR=echo waiting; sleep 1000; :")
				s.Type("defer(fs.remove, '" + file + "')\r")
				ends(s, "')\n>>>")
				s.Type(c.entry)
				switch c.name {
				case "call":
					ends(s, "\nrunning")
				case "editor":
					s.Wait("\nwaiting")
				default:
					s.Wait(">>> " + c.entry)
				}
				s.Type("\x1a")
				ends(s, "stopped $")
				if background {
					s.Type("bg\r")
					ends(s, "background $")
				}
				before := len(s.Output())
				s.Type("kill " + "SIG" + c.signal + "\r")
				if status := s.Status(); status != 128+map[string]int{"HUP": 1, "TERM": 15}[c.signal] {
					t.Errorf("ended with %d", status)
				}
				if _, err := os.Stat(file); err == nil {
					t.Error("the clean-up hasn't run")
				}
				if mode := s.Mode(); mode != s.Found() {
					t.Errorf("terminal mode\nbefore %+v\nafter  %+v", s.Found(), mode)
				}
				if after := s.Output()[before:]; strings.Contains(after, "\x1b[?2004") {
					t.Errorf("written to the shell's terminal: %q", after)
				}
			})
		}
	}
}
