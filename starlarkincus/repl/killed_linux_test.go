package repl

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestKilledInBackground checks that SIGTERM and SIGHUP end a prompt that is stopped, or in the background, with its clean-up, and that it leaves
// the terminal to the shell.
func TestKilledInBackground(t *testing.T) {
	editor := filepath.Join(t.TempDir(), "editor") // one process, which has stopped when the prompt sees that
	check(t, os.WriteFile(editor, []byte("#!/bin/sh\necho waiting\nread x < /dev/tty\n"), 0o700))
	for _, c := range []struct{ name, entry, signal string }{
		{"line", "6 *", "TERM"}, {"empty line", "", "HUP"}, {"call", "print('r' + 'unning'); until('/dev/null/never')\r", "TERM"}, {"editor", ":edit\r", "HUP"},
	} {
		for _, background := range []bool{false, true} {
			name := c.name + ", " + c.signal
			if background {
				name += ", background"
			}
			t.Run(name, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "f")
				check(t, os.WriteFile(file, nil, 0o600))
				s := openPrompt(t, 80, 24, jobVariable+"=1", "EDITOR=exec "+editor)
				s.Type("defer(fs.remove, '" + file + "')\r")
				ends(s, ")\n>>>")
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

// TestKilledProgram checks that the prompt goes on after an editor or a pager is killed while a group that it has started has the terminal.
func TestKilledProgram(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(dir+"/program", []byte(`#!/bin/sh
exec < /dev/tty
echo $$ > `+dir+`/outer
stty raw -echo
set -m
sh -c 'echo $$ > `+dir+`/inner; echo waiting; exec sleep 1000'
:
`), 0o700))
	kill := func(name string) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		check(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		check(t, err)
		check(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	for _, shell := range []string{"", "1"} {
		s := openPrompt(t, 80, 24, jobVariable+"="+shell, "EDITOR=exec "+dir+"/program", "PAGER=exec "+dir+"/program")
		for _, entry := range []string{":edit\r", "{x: x for x in range(100)}\r"} {
			s.Type("\x0c")
			s.WaitFor("empty screen", func(rows []string) bool { return strings.Join(rows, "") == ">>>" })
			s.Type("'an' + 'entry'\r")
			ends(s, "\n\"anentry\"\n>>>")
			s.Type(entry)
			s.Wait("\nwaiting")
			kill("outer")
			s.WaitFor("prompt", func(rows []string) bool {
				text := strings.Join(rows, "\n")
				return strings.Contains(text[max(0, strings.LastIndex(text, "waiting")):], "\n>>>")
			})
			if entry == ":edit\r" {
				ends(s, "\n>>> 'an' + 'entry'") // to be kept or edited
			}
			s.Type("\x156 * 7\r")
			ends(s, "\n42\n>>>")
			kill("inner")
		}
	}
}
