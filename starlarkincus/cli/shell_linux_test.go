package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A screen is a terminal that a command runs on.
type screen struct {
	t             *testing.T
	master, slave *os.File
	command       *exec.Cmd
	before        unix.Termios
	ended         chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
	seen   int
}

// onScreen starts the command on a terminal.
func onScreen(t *testing.T, args ...string) *screen {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	s := &screen{t: t, master: os.NewFile(uintptr(fd), "ptmx"), ended: make(chan struct{})}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		s.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.resize(40, 100)
	s.before = s.mode()
	s.command = exec.Command("incus-star", args...)
	s.command.Stdin, s.command.Stdout, s.command.Stderr = s.slave, s.slave, s.slave
	s.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.command.Env = append(os.Environ(), "TERM=xterm", "XDG_STATE_HOME="+t.TempDir())
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := s.master.Read(buffer)
			s.mu.Lock()
			s.output.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { _ = s.command.Wait(); close(s.ended) }()
	t.Cleanup(func() {
		_ = s.command.Process.Kill()
		<-s.ended
		s.slave.Close()
		s.master.Close()
		<-read
		if t.Failed() {
			t.Logf("the screen:\n%q", s.output.String())
		}
	})
	return s
}

func (s *screen) mode() unix.Termios {
	mode, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *mode
}

func (s *screen) resize(rows, columns uint16) {
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) typed(text string) {
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits for a text after the one that it waited for before.
func (s *screen) expect(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		rest := s.output.String()[s.seen:]
		if i := strings.Index(rest, text); i >= 0 {
			s.seen += i + len(text)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if time.Now().After(deadline) {
			s.t.Fatalf("no %q after %q", text, rest)
		}
	}
}

// has reports whether a text is on the screen.
func (s *screen) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.output.String(), text)
}

// end waits for the command's end, and checks that the terminal is as it was.
func (s *screen) end(status int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the command doesn't end")
	}
	got := s.command.ProcessState.ExitCode()
	if wait := s.command.ProcessState.Sys().(syscall.WaitStatus); wait.Signaled() {
		got = 128 + int(wait.Signal()) // as a shell says it: the last of several signals may come when the script has ended
	}
	if got != status {
		s.t.Errorf("ended with %d, want %d", got, status)
	}
	if s.mode() != s.before {
		s.t.Errorf("the terminal isn't as it was: %+v, want %+v", s.mode(), s.before)
	}
}

// Whatever ends a shell, the terminal is as it was before.
func TestRealShell(t *testing.T) {
	name := launched(t)
	open := func(t *testing.T) *screen {
		s := onScreen(t, "-c", "r = incus.instances.get(args[0]).shell(['sh'])\nprint('over', r.exit_code, repr(r.stdout + r.stderr))", name)
		s.expect("# ")
		if s.mode() == s.before {
			t.Error("the terminal isn't in raw mode")
		}
		return s
	}
	t.Run("its end", func(t *testing.T) {
		s := open(t)
		s.typed("stty size; echo $TERM\r")
		s.expect("40 100\r\nxterm")
		s.typed("until [ \"$(stty size)\" = '20 80' ]; do sleep 0.1; done; echo smal$((1+1))ler\r")
		s.resize(20, 80)
		s.expect("smal2ler")
		s.typed("sleep 4711\r")
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(processes(t, name), "sleep 4711") && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		s.typed("\x03")
		s.expect("^C")
		s.typed("exit 3\r")
		s.expect("over 3 \"\"")
		s.end(0)
	})
	t.Run("a login", func(t *testing.T) {
		s := onScreen(t, "-c", "incus.instances.get(args[0]).shell()", name)
		s.expect("# ")
		s.typed("pwd\r")
		s.expect("/root")
		s.expect("# ") // a shell that doesn't read yet would lose it
		s.typed("\x04")
		s.end(0)
	})
	leaves(t, open)
	t.Run("a lost server", func(t *testing.T) {
		s, proxy := proxied(t, open)
		proxy.end()
		s.end(4)
	})
	t.Run("no such command", func(t *testing.T) {
		s := onScreen(t, "-c", "e = try_(incus.instances.get(args[0]).shell, ['nonesuch']).error\nprint(e)", name)
		s.expect("nonesuch ended with status 127: Command not found")
		s.end(0)
	})
	t.Run("the status of a missing command", func(t *testing.T) {
		s := open(t)
		s.typed("nonesuch; exit 127\r")
		s.expect("over 127")
		s.end(0)
	})
	t.Run("the program's own end", func(t *testing.T) {
		s := open(t)
		s.typed("kill -9 $$\r")
		s.expect("over 137")
		s.end(0)
	})
	t.Run("a stopped process goes on", func(t *testing.T) {
		s := open(t)
		s.suspended()
		s.command.Process.Signal(syscall.SIGCONT)
		for deadline := time.Now().Add(10 * time.Second); s.mode() == s.before && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		s.typed("echo still $((1+1))\r")
		s.expect("still 2")
		s.typed("exit\r")
		s.end(0)
	})
	t.Run("at the prompt", func(t *testing.T) {
		s := onScreen(t)
		s.expect(">>> ")
		s.typed("incus.instances.get('" + name + "').shell(['sh'])\r")
		s.expect("# ")
		s.typed("echo in $((1+1)); exit 4\r")
		s.expect("in 2")
		s.expect("exit status 4")
		s.expect(">>> ")
		saved := filepath.Join(t.TempDir(), "x.star")
		for _, entry := range []string{"1 + 1", "i = incus.instances.get('" + name + "')", "r = try_(i.shell, ['true'])", "print('got', r.value.exit_code)", ":save " + saved} {
			s.typed(entry + "\r")
			s.expect("\x1b[?2004h>>> ") // not that of the line that is drawn again
		}
		if !s.has("got 0") {
			t.Error("no exit status")
		}
		if got, err := os.ReadFile(saved); err != nil || string(got) != "#!/usr/bin/env incus-star\ni = incus.instances.get('"+name+"')\n" {
			t.Errorf("%v\n%s", err, got)
		}
		s.typed("\x04")
		s.end(0)
	})
	t.Run("a stopped instance", func(t *testing.T) { left(t, open(t), name) })
	t.Run("no terminal", func(t *testing.T) {
		command := start(t, "-c", "incus.instances.get(args[0]).shell()", name)
		if _, status := command.rest(); status != 1 || !strings.Contains(command.stderr.String(), "instance.shell needs a terminal") {
			t.Errorf("%d\n%s", status, command.stderr.Bytes())
		}
	})
}

// leavings are the ways to leave a shell or a console that don't depend on what is typed, each with the exit status.
var leavings = map[string]struct {
	leave  func(*screen)
	status int
}{
	"SIGTERM": {func(s *screen) { s.command.Process.Signal(syscall.SIGTERM) }, 143},
	"SIGINT":  {func(s *screen) { s.command.Process.Signal(syscall.SIGINT) }, 130},
	"SIGHUP":  {func(s *screen) { s.command.Process.Signal(syscall.SIGHUP) }, 129},
	"SIGQUIT": {func(s *screen) { s.command.Process.Signal(syscall.SIGQUIT) }, 131},
	"three signals": {func(s *screen) {
		for range 3 {
			s.command.Process.Signal(syscall.SIGTERM)
			time.Sleep(20 * time.Millisecond)
		}
	}, 143},
	"a stopped process": {func(s *screen) {
		s.suspended()
		s.command.Process.Signal(syscall.SIGTERM)
		s.command.Process.Signal(syscall.SIGCONT)
	}, 143},
}

// leaves checks that the terminal is as it was after each of the leavings and a lost connection, and that a process whose
// terminal is closed ends.
func leaves(t *testing.T, open func(*testing.T) *screen) {
	for way, c := range leavings {
		t.Run(way, func(t *testing.T) {
			s := open(t)
			c.leave(s)
			s.end(c.status)
		})
	}
	t.Run("a lost connection", func(t *testing.T) {
		s, proxy := proxied(t, open)
		proxy.cutAll()
		s.end(4)
	})
	t.Run("a closed terminal", func(t *testing.T) {
		s := open(t)
		s.master.Close()
		select {
		case <-s.ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the command doesn't end")
		}
	})
}

// proxied opens a shell or a console through a proxy.
func proxied(t *testing.T, open func(*testing.T) *screen) (*screen, *cutter) {
	proxy := newCutter(t, "unix", filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), random(t), 0)
	t.Setenv("INCUS_SOCKET", proxy.listener.Addr().String())
	return open(t), proxy
}

// suspended stops the process as Ctrl-Z does, and checks that the terminal is as it was.
func (s *screen) suspended() {
	s.t.Helper()
	s.command.Process.Signal(syscall.SIGTSTP)
	for deadline := time.Now().Add(10 * time.Second); s.mode() != s.before && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if s.mode() != s.before {
		s.t.Error("a stopped process keeps the terminal")
	}
	// It is about to stop, and would do so after a SIGCONT that came now.
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
		if err == nil && strings.Contains(string(stat), ") T ") {
			return
		}
	}
	s.t.Error("the process doesn't stop")
}

// left stops the instance, and checks that the command ends and leaves the terminal as it was.
func left(t *testing.T, s *screen, instance string) {
	incus(t, "stop", "-f", instance)
	incus(t, "start", instance)
	select {
	case <-s.ended:
		if s.mode() != s.before {
			t.Error("the terminal isn't as it was")
		}
	case <-time.After(20 * time.Second):
		t.Error("the command goes on")
	}
}

// Whatever ends a console, the terminal is as it was before.
func TestRealConsole(t *testing.T) {
	name := launched(t)
	var open func(t *testing.T) *screen
	open = func(t *testing.T) *screen {
		s := onScreen(t, "-c", "incus.instances.get(args[0]).console(force = True)\nprint('over')", name)
		s.expect("To detach")
		for deadline := time.Now().Add(20 * time.Second); s.mode() == s.before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the terminal isn't in raw mode")
			}
		}
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(incus(t, "query", "/1.0/operations?recursion=1"), "Showing console"); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("there is no console")
			}
		}
		time.Sleep(300 * time.Millisecond)              // until it is connected
		if s.has("attaching to the container failed") { // the instance hadn't let go of the last console
			<-s.ended
			return open(t)
		}
		return s
	}
	t.Run("the keys", func(t *testing.T) {
		s := open(t)
		s.typed("\x01\x01x\r") // Ctrl-A alone goes to the console
		time.Sleep(100 * time.Millisecond)
		s.typed("\x01")
		s.typed("q")
		s.expect("over")
		s.end(0)
	})
	leaves(t, open)
	t.Run("another user", func(t *testing.T) {
		s := open(t)
		other := open(t)
		select {
		case <-s.ended:
			if s.mode() != s.before {
				t.Error("the terminal isn't as it was")
			}
		case <-time.After(20 * time.Second):
			t.Error("the console goes on")
		}
		other.typed("\x01q")
		other.end(0)
	})
	t.Run("a stopped instance", func(t *testing.T) { left(t, open(t), name) })
}
