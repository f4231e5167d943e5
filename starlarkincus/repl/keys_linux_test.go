package repl

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// jobVariable is the environment variable that makes the test binary run a prompt as a shell with job control does.
const jobVariable = "INCUS_STAR_TEST_JOB"

// job runs a prompt in a process group of its own, and lets it go on after a stop when a line is entered.
func job() int {
	signal.Ignore(syscall.SIGTTOU)
	found, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), jobVariable+"=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR1)
	go func() {
		for range stop {
			_ = unix.Kill(cmd.Process.Pid, unix.SIGTSTP)
		}
	}()
	lines := bufio.NewReader(os.Stdin)
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			panic(err)
		case !status.Stopped():
			return status.ExitStatus()
		}
		if err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp()); err != nil {
			panic(err)
		}
		if mode, err := unix.IoctlGetTermios(0, unix.TCGETS); err != nil || *mode != *found {
			_ = unix.IoctlSetTermios(0, unix.TCSETS, found) // as shells do
			fmt.Print("\nthe terminal isn't as before\n")
		}
		fmt.Print("stopped $ ")
		line, _ := lines.ReadString('\n')
		if name, found := strings.CutPrefix(line, "kill "); found { // which a shell lets go on
			_ = unix.Kill(-cmd.Process.Pid, unix.SignalNum(strings.TrimSpace(name)))
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGCONT)
			continue
		}
		background := line == "bg\n"
		if background {
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGCONT)
			fmt.Print("background $ ")
			if line, _ := lines.ReadString('\n'); strings.HasPrefix(line, "kill ") {
				_ = unix.Kill(-cmd.Process.Pid, unix.SignalNum(strings.TrimSpace(strings.TrimPrefix(line, "kill "))))
				continue
			}
			fmt.Print("foreground\n")
		}
		if err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, cmd.Process.Pid); err != nil {
			panic(err)
		}
		if !background { // otherwise it runs already
			_ = unix.Kill(-cmd.Process.Pid, unix.SIGCONT)
		}
	}
}

// TestSuspend checks that Ctrl-Z at the prompt stops the process and gives the terminal back, and that the edited line is drawn
// again when it goes on.
func TestSuspend(t *testing.T) {
	for _, size := range sizes {
		s := openPrompt(t, size.cols, size.rows, jobVariable+"=1")
		s.Wait("no server")
		s.Ready(">>>")
		s.Type("2")
		ends(s, "\n>>> 2") // the editor has set its mode
		raw := s.Mode()
		s.Type("\x7f")
		long := "'" + strings.Repeat("0123456789", size.cols/10) + "ab'" // two rows
		for i, line := range []string{"", "1 + 1", long} {
			s.Type("x")
			ends(s, ">>> x")                   // the editor has set its mode
			s.Type("\x7f" + line + "\x02\x02") // Ctrl-B
			shown := func(rows []string) bool {
				text := strings.TrimRight(strings.Join(rows, ""), " ")
				return strings.HasSuffix(text, strings.TrimRight(">>> "+line, " "))
			}
			s.WaitFor("line", shown)
			s.Type("\x1a")
			ends(s, "\nstopped $")
			if mode := s.Mode(); mode != s.Found() {
				t.Errorf("%v: terminal mode\nbefore  %+v\nstopped %+v", size, s.Found(), mode)
			}
			s.Type("fg\r")
			s.WaitFor("line again", func(rows []string) bool {
				return strings.Contains(strings.Join(rows, "\n"), "stopped $ fg\n") && shown(rows)
			})
			if mode := s.Mode(); mode != raw {
				t.Errorf("%v: terminal mode\nbefore %+v\nafter  %+v", size, raw, mode)
			}
			s.Type("\x15\x0b" + fmt.Sprint(i, " * 7") + "\r")
			ends(s, fmt.Sprintf(">>> %d * 7\n%d\n>>>", i, i*7))
			s.Clear(">>>")
		}
		s.Type("\x04")
		if status := s.Status(); status != 0 {
			t.Errorf("ended with %d", status)
		}
	}
}

// TestStoppedElsewhere checks that the prompt takes the terminal again after another process has stopped it.
func TestStoppedElsewhere(t *testing.T) {
	s := openPrompt(t, 80, 24, jobVariable+"=1")
	s.Type("6 *")
	ends(s, ">>> 6 *")
	check(t, s.Signal(syscall.SIGUSR1))
	ends(s, "\nthe terminal isn't as before\nstopped $")
	s.Type("fg\r")
	ends(s, "stopped $ fg\n>>> 6 *")
	s.Type(" 7\r")
	ends(s, "\n42\n>>>")
	s.Type("half")
	ends(s, "\n>>> half")
	s.Type("\x03")
	ends(s, "\n>>> half^C\n>>>")
}

// TestSuspendCall checks that Ctrl-Z stops a running call, also after the terminal has belonged to a shell.
func TestSuspendCall(t *testing.T) {
	s := openPrompt(t, 80, 24, jobVariable+"=1")
	for range 2 {
		s.Type("print('r' + 'unning'); sleep(0.5)\r") // on a slow machine the prompt may have the key
		s.Wait("\nrunning")
		s.Type("\x1a")
		ends(s, "stopped $")
		if mode := s.Mode(); mode != s.Found() {
			t.Errorf("terminal mode\nbefore  %+v\nstopped %+v", s.Found(), mode)
		}
		s.Type("fg\r")
		ends(s, "\n>>>")
		s.Type("take()\r")
		ends(s, "\n>>> take()\n>>>")
		s.Clear(">>>")
	}
}

// TestCtrlZWithoutJobControl checks that Ctrl-Z does nothing where nobody could let the process go on.
func TestCtrlZWithoutJobControl(t *testing.T) {
	s := openPrompt(t, 80, 24)
	s.Type("6 *")
	ends(s, ">>> 6 *") // the editor has set its mode
	s.Type("\x1a 7\r")
	ends(s, "\n42\n>>>")
}

// TestSearchWithNotice checks that a notice stands above a search, which goes on as it was.
func TestSearchWithNotice(t *testing.T) {
	const notice = "Incus 7.0, 2 instances run"
	for _, size := range sizes {
		socket, answer := serveLate(t)
		s := openPrompt(t, size.cols, size.rows, "INCUS_SOCKET="+socket)
		for _, line := range []string{"'ab' + '1'", "'ab' + '2'", "'ab' + '3'"} {
			s.Type(line + "\r")
			ends(s, strings.ReplaceAll(strings.ReplaceAll(line, "' + '", ""), "'", "\"")+"\n>>>")
		}
		s.Type("7 * 8\x12ab\x12")
		const search = "(reverse-i-search)`ab': 'ab' + '2'"
		ends(s, search)
		answer()
		rows := s.WaitFor("notice above the search", func(rows []string) bool {
			text := strings.TrimRight(strings.Join(rows, "\n"), "\n")
			return strings.HasSuffix(text, "\n"+notice+"\n"+search)
		})
		if n := strings.Count(strings.Join(rows, "\n"), "reverse-i-search"); n != 1 {
			t.Errorf("%v: %d searches:\n%s", size, n, strings.Join(rows, "\n"))
		}
		s.Type("\x12")
		ends(s, "`ab': 'ab' + '1'")
		s.Type("\x07") // the line before the search
		ends(s, "\n>>> 7 * 8")
		s.Type("\r")
		ends(s, "\n56\n>>>")
	}
}

// TestBigPaste checks that nothing of a paste is drawn before its end, that one of the largest size is an entry, and that a
// larger one is refused.
func TestBigPaste(t *testing.T) {
	const most = 100_000
	s := openPrompt(t, 80, 24, fmt.Sprint("TEST_PASTE_SIZE=", most))
	s.Type(pasteStart + "len('" + strings.Repeat("x", 20_000))
	s.Type("y')" + pasteEnd)
	s.Wait("xy')")
	if n := strings.Count(s.Output(), ">>> len('x"); n > 2 {
		t.Errorf("the line was drawn %d times", n)
	}
	s.Type("\r")
	ends(s, "\n20001\n>>>")
	text := "len('" + strings.Repeat("y", most-7) + "')"
	s.Type(pasteStart + text + pasteEnd + "\r")
	ends(s, fmt.Sprintf("\n%d\n>>>", most-7))
	s.Type(pasteStart + text + "x" + pasteEnd)
	ends(s, "\na paste of more than 1 MB is not taken: load a file instead\n>>>")
	s.Type("1 + 1\r")
	ends(s, "\n2\n>>>")
}

// TestPasteAhead checks that a big paste which comes while a call runs is one entry.
func TestPasteAhead(t *testing.T) {
	s := openPrompt(t, 80, 24, "TEST_PASTE_TIME=1s")
	s.Type("print('r' + 'unning'); sleep(0.3)\r")
	s.Wait("\nrunning")
	var text strings.Builder
	text.WriteString("def f():\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "    x%d = %d\n\n", i, i)
	}
	text.WriteString("    return 'o' + 'ne'\nf()\n")
	s.Type(text.String())
	ends(s, "\n\"one\"\n>>>")
	if strings.Contains(s.Output(), "Error") {
		t.Errorf("errors:\n%s", strings.Join(s.Rows(), "\n"))
	}
}

// TestFullLine checks that the value of a line follows it without empty rows, also if the line fills its last row, or had more
// rows before.
func TestFullLine(t *testing.T) {
	for _, size := range sizes[:2] {
		s := openPrompt(t, size.cols, size.rows)
		typed := []string{"", "\x02\x02", "\x01", "\x12"}
		if long := strings.Repeat("y", 2*size.cols); size.cols == 40 { // it is drawn after each letter
			erased := long + strings.Repeat("\x7f", len(long))
			typed = append(typed, erased, long+"\x15\x19"+erased[len(long):])
		}
		for _, rows := range []int{1, 2} {
			for more := -2; more <= 1; more++ {
				for _, keys := range typed {
					s.Clear(">>>")
					line := "'" + strings.Repeat("x", rows*size.cols-len(">>> ''")+more) + "'"
					s.Type(line + keys + "\r")
					got := s.WaitFor("value", func(rows []string) bool { return strings.HasSuffix(strings.Join(rows[1:], ""), ">>>") })
					text := strings.TrimRight(strings.Join(got, "\n"), "\n")
					want := ">>> " + line + strings.ReplaceAll(line, "'", "\"") + ">>>"
					if strings.ReplaceAll(text, "\n", "") != want || strings.Contains(text, "\n\n") {
						t.Errorf("%v, %d%+d columns, keys %.8q:\n%s", size, rows*size.cols, more, keys, text)
					}
				}
			}
		}
	}
}
