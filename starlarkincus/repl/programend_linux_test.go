package repl

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	emulator "incus-star/starlarkincus/internal/screen"
)

// gone waits until a process has ended.
func gone(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	check(t, err)
	for end := time.Now().Add(emulator.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if _, state, _ := strings.Cut(string(stat), ") "); err != nil || strings.HasPrefix(state, "Z") {
			return
		}
	}
	t.Errorf("%s runs on", filepath.Base(file))
}

// TestSignalInProgram checks that a signal ends the prompt while an editor or a pager has the terminal, with all that these have
// started there, also in groups of their own, and also if they ignore SIGTERM.
func TestSignalInProgram(t *testing.T) {
	for name, keys := range map[string]string{"command": ":edit\r", "keys": "1 + 1\x18\x05", "pager": "{x: x for x in range(100)}\r"} {
		for i, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
			if i > 0 && name != "command" {
				continue
			}
			t.Run(fmt.Sprintf("%s, %v", name, sig), func(t *testing.T) {
				dir := t.TempDir()
				inner := "echo $$ > " + dir + "/inner; echo waiting; sleep 1000; :"
				if i == 0 && name == "keys" { // SIGKILL comes after a second
					inner = "trap '' TERM; " + inner
				}
				check(t, os.WriteFile(dir+"/program", []byte(`#!/bin/sh
echo $$ > `+dir+`/outer
stty raw -echo < /dev/tty
set -m
sh -c '`+strings.ReplaceAll(inner, "'", `'\''`)+`' < /dev/tty
:
`), 0o700))
				s := openPrompt(t, 80, 24, "EDITOR="+dir+"/program; :", "PAGER="+dir+"/program; :", "TMPDIR="+dir)
				s.Type("2\r")
				ends(s, "\n2\n>>>")
				s.Type(keys)
				s.Wait("waiting")
				check(t, s.Signal(sig))
				if status := s.Status(); status != 128+int(sig) {
					t.Errorf("ended with %d", status)
				}
				gone(t, dir+"/outer")
				gone(t, dir+"/inner")
				if mode := s.Mode(); mode != s.Found() {
					t.Errorf("terminal mode\nbefore %+v\nafter  %+v", s.Found(), mode)
				}
				if left, _ := filepath.Glob(dir + "/incus-star*"); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
			})
		}
	}
}

// TestSuspendedProgram checks that Ctrl-Z in an editor stops the prompt as well, that both go on, with the mode of each, also after they
// were in the background.
func TestSuspendedProgram(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(dir+"/editor", []byte("#!/bin/sh\nstty -icanon -echo\necho waiting\nread x\necho \"got $x\"\nread x\nstty icanon echo\ntouch \"$1\"\n"), 0o700))
	s := openPrompt(t, 80, 24, jobVariable+"=1", "EDITOR=exec "+dir+"/editor") // one process, which has stopped when the prompt sees that
	s.Type("6 * 7\r")
	ends(s, "\n42\n>>>")
	s.Type(":edit\r")
	s.Wait("\nwaiting")
	editing := s.Mode()
	for _, way := range []string{"fg", "bg"} {
		s.Type("\x1a")
		ends(s, "stopped $")
		if mode := s.Mode(); mode != s.Found() {
			t.Errorf("terminal mode\nbefore  %+v\nstopped %+v", s.Found(), mode)
		}
		s.Type(way + "\r")
		if way == "bg" { // it stops when it reads, unless it has the terminal again before
			ends(s, "\nbackground $")
			s.Type("fg\r")
			s.Wait("\nforeground")
		}
		until(t, "the editor's mode", func() bool {
			if strings.HasSuffix(strings.TrimRight(strings.Join(s.Rows(), "\n"), "\n"), "\nforeground\nstopped $") {
				s.Type("fg\r")
				ends(s, "\nstopped $ fg")
			}
			return s.Mode() == editing
		})
		s.Type("yes\r")
		s.Wait("\ngot yes")
	}
	ends(s, "\n>>> 6 * 7\n42\n>>>")
	s.Type("1 + 1\r")
	ends(s, "\n2\n>>>")
	s.Type("\x04")
	if status := s.Status(); status != 0 {
		t.Errorf("ended with %d", status)
	}
	if mode := s.Mode(); mode != s.Found() {
		t.Errorf("terminal mode\nbefore %+v\nafter  %+v", s.Found(), mode)
	}
}

// TestInterruptedProgram checks that Ctrl-C is for an editor or a pager alone, and that the prompt has the terminal after any end of it.
func TestInterruptedProgram(t *testing.T) {
	dir := t.TempDir()
	for _, script := range []string{
		"trap 'echo handled; exit 3' INT; echo waiting; read x", "echo waiting; read x", "sleep 3 & echo waiting; read x",
	} {
		check(t, os.WriteFile(dir+"/program", []byte("#!/bin/sh\nexec < /dev/tty\nstty -echo\n"+script+"\n"), 0o700))
		s := openPrompt(t, 80, 24, "EDITOR="+dir+"/program; :", "PAGER="+dir+"/program; :")
		for _, typed := range []string{":edit\r", "[print(x) for x in range(40)]; help()\r"} {
			s.Clear(">>>")
			s.Type("print('last')\r")
			ends(s, "\nlast\n>>>")
			s.Type(typed)
			s.Wait("\nwaiting")
			s.Type("\x03")
			s.WaitFor("prompt", func(rows []string) bool {
				text := strings.Join(rows, "\n")
				return strings.Contains(text[max(0, strings.LastIndex(text, "\nwaiting")):], "\n>>>")
			})
			if strings.HasPrefix(typed, ":") {
				ends(s, "\n>>> print('last')") // to be kept or edited
			}
			s.Type("\x156 * 7\r")
			ends(s, "\n42\n>>>")
		}
	}
}

// until waits for a condition.
func until(t *testing.T, what string, right func() bool) {
	t.Helper()
	for end := time.Now().Add(emulator.Patience); !right(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no ", what)
		}
	}
}
