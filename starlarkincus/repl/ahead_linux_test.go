package repl

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	emulator "incus-star/starlarkincus/internal/screen"
)

// running runs an entry that ends when the returned function is called.
func running(t *testing.T, s *emulator.Screen) (end func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "f")
	s.Type("print('r' + 'unning'); until('" + file + "')\r")
	ends(s, "\nrunning")
	return func() { check(t, os.WriteFile(file, nil, 0o600)) }
}

// endedLast matches a screen whose last entry was interrupted.
var endedLast = regexp.MustCompile(`\ninterrupted.*(\n.+)?\n>>>\s*$`)

// TestTypedAhead checks that nothing of what is typed and pasted while an entry runs is lost, however long its lines are.
func TestTypedAhead(t *testing.T) {
	for _, size := range []int{10, 20_000} {
		for name, form := range map[string]string{"marked": pasteStart + "%s" + pasteEnd + "\r", "not marked": "%s\r", "line feeds": "%s\n"} {
			t.Run(fmt.Sprintf("%d, %s", size, name), func(t *testing.T) {
				s := openPrompt(t, 80, 24)
				end := running(t, s)
				s.Type(fmt.Sprintf(form, "x = '"+strings.Repeat("y", size)+"'; print('got', len(x))"))
				end()
				ends(s, fmt.Sprintf("\ngot %d\n>>>", size))
			})
		}
	}
}

// TestInterruptedPaste checks that nothing runs of a paste that Ctrl-C interrupts while an entry runs, wherever it comes in the
// paste and in whatever pieces, and that the prompt goes on.
func TestInterruptedPaste(t *testing.T) {
	r := newRand(t)
	s := openPrompt(t, 80, 24)
	for n := range 4 + *programs/20 {
		running(t, s)
		var text strings.Builder
		for range 1 + r.IntN(300) {
			text.WriteString(pick(r, "print('it' + ' ran')\r", "print('it' + ' ran')\n", "x = '"+strings.Repeat("y", r.IntN(5000))+"'\r", "\r\r", "\x1a", "\x1c", "\x1b[20"))
		}
		pasted := pasteStart + text.String() + pasteEnd
		at := len(pasteStart) + r.IntN(len(pasted)-len(pasteStart)+1)
		rest := pasted[:at] + "\x03" + pasted[at:]
		for rest != "" {
			size := min(len(rest), 1+r.IntN(pick(r, 10, 100, 10_000)))
			s.Type(rest[:size])
			rest = rest[size:]
		}
		s.WaitFor("end", func(rows []string) bool { return endedLast.MatchString(strings.Join(rows, "\n")) })
		s.Type(fmt.Sprintf("%d * 7\r", n))
		ends(s, fmt.Sprintf(">>> %d * 7\n%d\n>>>", n, n*7))
		if strings.Contains(s.Output(), "it ran") {
			t.Fatalf("some of it ran, with Ctrl-C at %d of\n%q", at, pasted)
		}
	}
}

// TestTypedAheadKeys checks that keys which are signals are those while an entry runs, in the order in which they come.
func TestTypedAheadKeys(t *testing.T) {
	s := openPrompt(t, 80, 24)
	s.Type("until('/dev/null/never')\r\x03\r") // all at once
	ends(s, "\n^C\ninterrupted\n>>>\n>>>")
	s.Type("print('it' + ' ran')\x03until('/dev/null/never')\r\x03")
	s.Type("6 * 7\r")
	ends(s, "\n42\n>>>")
	running(t, s)
	s.Type("print('it' + ' ran')\r")
	s.Type("\x03")
	s.WaitFor("end", func(rows []string) bool { return endedLast.MatchString(strings.Join(rows, "\n")) })
	again(t, s, "6 * 8\r", "\n48\n>>>") // what comes at once counts as pasted
	running(t, s)
	s.Type(pasteStart + "print('it' + ' ran')\r")
	s.Type("\x03") // the end mark never comes
	s.WaitFor("end", func(rows []string) bool { return endedLast.MatchString(strings.Join(rows, "\n")) })
	again(t, s, "6 * 9\r", "\n54\n>>>")
	if strings.Contains(s.Output(), "it ran") {
		t.Error("it ran")
	}
	running(t, s)
	s.Type("\x1c")
	if status := s.Status(); status != 131 {
		t.Errorf("ended with %d", status)
	}
	if mode := s.Mode(); mode != s.Found() {
		t.Errorf("terminal mode\nbefore %+v\nafter  %+v", s.Found(), mode)
	}
}

// TestInterruptRightAfterLine checks that Ctrl-C reaches an entry whose line it follows at once, which is when the line has just
// been passed on to the editor, is being returned, or runs.
func TestInterruptRightAfterLine(t *testing.T) {
	s := openPrompt(t, 80, 24)
	for n := range 30 {
		s.Type("until('/dev/null/never')\r")
		time.Sleep(fastTime - 3*time.Millisecond + time.Duration(n)*200*time.Microsecond)
		s.Type("\x03")
		s.WaitFor("end", func(rows []string) bool { return endedLast.MatchString(strings.Join(rows, "\n")) })
		s.Clear(">>>")
	}
}

// TestTypedAfterInterrupt checks that what is typed at the prompt after a Ctrl-C isn't taken for the rest of what that has dropped.
func TestTypedAfterInterrupt(t *testing.T) {
	s := openPrompt(t, 80, 24)
	for n := range 5 {
		running(t, s)
		s.Type(pasteStart + "x = 1\ry = 1" + pasteEnd + "\r\x03")
		s.WaitFor("end", func(rows []string) bool { return endedLast.MatchString(strings.Join(rows, "\n")) })
		s.Type(fmt.Sprintf("6 * %d\r", n))
		ends(s, fmt.Sprintf("\n%d\n>>>", 6*n))
	}
}

// TestTypedAheadOfShell checks that a program that takes the terminal during an entry gets what was typed before.
func TestTypedAheadOfShell(t *testing.T) {
	s := openPrompt(t, 80, 24)
	for n := range 20 {
		file := filepath.Join(t.TempDir(), "f")
		s.Type("print('r' + 'unning'); until('" + file + "'); line()\r")
		ends(s, "\nrunning")
		if n > 0 { // the program takes the terminal at the moment at which the process can read that
			check(t, s.Signal(syscall.SIGSTOP))
		}
		s.Type(pasteStart + "li" + pasteEnd)
		s.Type("n")
		check(t, os.WriteFile(file, nil, 0o600))
		check(t, s.Signal(syscall.SIGCONT))
		s.Type("e\r")
		ends(s, "\n\"line\"\n>>>")
		s.Type("6 * 7\r")
		ends(s, "\n42\n>>>")
		s.Clear(">>>")
	}
}

// TestCallInBackground checks that a call goes on in the background, where it leaves the terminal alone, and comes back.
func TestCallInBackground(t *testing.T) {
	s := openPrompt(t, 80, 24, jobVariable+"=1")
	one, two := filepath.Join(t.TempDir(), "f"), filepath.Join(t.TempDir(), "f")
	s.Type("print('r' + 'unning'); until('" + one + "'); print('ba' + 'ck'); until('" + two + "')\r")
	ends(s, "\nrunning")
	s.Type("\x1a")
	ends(s, "^Zstopped $")
	if mode := s.Mode(); mode != s.Found() {
		t.Errorf("terminal mode\nbefore  %+v\nstopped %+v", s.Found(), mode)
	}
	s.Type("bg\r")
	ends(s, "\nbackground $")
	check(t, os.WriteFile(one, nil, 0o600))
	s.Wait("back\n")
	s.Type("fg\r")
	s.Wait("fg\nforeground")
	s.Type("6 * 7\r")
	check(t, os.WriteFile(two, nil, 0o600))
	ends(s, "\n42\n>>>")
}

// pick returns one of some values.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// again types keys until the text on the screen ends with a text.
func again(t *testing.T, s *emulator.Screen, keys, text string) {
	t.Helper()
	for end := time.Now().Add(emulator.Patience); time.Now().Before(end); {
		s.Type(keys)
		for next := time.Now().Add(1500 * time.Millisecond); time.Now().Before(next); time.Sleep(5 * time.Millisecond) {
			if strings.HasSuffix(strings.TrimRight(strings.Join(s.Rows(), "\n"), "\n"), text) {
				return
			}
		}
	}
	t.Fatalf("no %q at the end", text)
}

// TestSlowlyTypedAhead checks that a line which is typed some time after another while an entry runs is an entry of its own, such as a command.
func TestSlowlyTypedAhead(t *testing.T) {
	s := openPrompt(t, 80, 24)
	end := running(t, s)
	s.Type("x = 40 + 2\r")
	s.Taken()
	time.Sleep(time.Second) // which is a pause on any machine
	s.Type(":time x\r")
	end()
	s.Wait("\n42\n")
	if text := strings.Join(s.Rows(), "\n"); !strings.Contains(text, "\n>>> x = 40 + 2\n>>> :time x\n") {
		t.Errorf("the entries:\n%s", text)
	}
}

// TestSuspendOften checks that Ctrl-Z which is typed several times at once stops the prompt once, at a line and while an entry runs.
func TestSuspendOften(t *testing.T) {
	s := openPrompt(t, 80, 24, jobVariable+"=1")
	for _, entry := range []string{"6 *", "print('r' + 'unning'); sleep(0.5)\r"} {
		s.Type(entry)
		ends(s, map[bool]string{true: "\nrunning", false: ">>> 6 *"}[strings.HasSuffix(entry, "\r")])
		s.Type("\x1a\x1a\x1a")
		ends(s, "stopped $")
		s.Type("fg\r")
		s.WaitFor("prompt", func(rows []string) bool {
			text := strings.Join(rows, "\n")
			return strings.Contains(text[strings.LastIndex(text, "stopped $"):], "\n>>>")
		})
		s.Type("\x156 * 8\r")
		ends(s, "\n>>> 6 * 8\n48\n>>>")
		s.Type("\x0c")
		s.WaitFor("empty screen", func(rows []string) bool { return strings.Join(rows, "") == ">>>" })
	}
}
