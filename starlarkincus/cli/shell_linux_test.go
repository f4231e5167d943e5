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

// end waits for the command's end, and checks that the terminal is as it was.
func (s *screen) end(status int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the command doesn't end")
	}
	if got := s.command.ProcessState.ExitCode(); got != status {
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
		s := onScreen(t, "-c", "incus.instances.get(args[0]).shell(['sh'])\nprint('over')", name)
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
		s.resize(20, 80)
		time.Sleep(200 * time.Millisecond)
		s.typed("stty size\r")
		s.expect("20 80")
		s.typed("sleep 100\r")
		time.Sleep(200 * time.Millisecond)
		s.typed("\x03")
		s.expect("# ")
		s.typed("exit 3\r")
		s.expect("over")
		s.end(0)
	})
	t.Run("a login", func(t *testing.T) {
		s := onScreen(t, "-c", "incus.instances.get(args[0]).shell()", name)
		s.expect("# ")
		s.typed("pwd\r")
		s.expect("/root")
		s.typed("\x04")
		s.end(0)
	})
	for way, c := range map[string]struct {
		end    func(*screen)
		status int
	}{
		"SIGTERM": {func(s *screen) { s.command.Process.Signal(syscall.SIGTERM) }, 143},
		"SIGINT":  {func(s *screen) { s.command.Process.Signal(syscall.SIGINT) }, 130},
		"SIGQUIT": {func(s *screen) { s.command.Process.Signal(syscall.SIGQUIT) }, 2},
		"three signals": {func(s *screen) {
			for range 3 {
				s.command.Process.Signal(syscall.SIGTERM)
				time.Sleep(20 * time.Millisecond)
			}
		}, 143},
		"the program's own end": {func(s *screen) { s.typed("kill -9 $$\r") }, 0},
	} {
		t.Run(way, func(t *testing.T) {
			s := open(t)
			c.end(s)
			s.end(c.status)
		})
	}
	t.Run("a lost connection", func(t *testing.T) {
		proxy := newCutter(t, "unix", filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), random(t), 0)
		t.Setenv("INCUS_SOCKET", proxy.listener.Addr().String())
		s := open(t)
		proxy.listener.Close()
		proxy.mu.Lock()
		for conn := range proxy.conns {
			conn.Close()
		}
		proxy.mu.Unlock()
		s.end(4)
	})
	t.Run("a stopped process", func(t *testing.T) {
		s := open(t)
		s.command.Process.Signal(syscall.SIGTSTP)
		for deadline := time.Now().Add(10 * time.Second); s.mode() != s.before && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if s.mode() != s.before {
			t.Error("a stopped process keeps the terminal")
		}
		s.command.Process.Signal(syscall.SIGCONT)
		time.Sleep(200 * time.Millisecond)
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
		s.typed("echo in $((1+1)); exit\r")
		s.expect("in 2")
		s.expect(">>> ")
		s.typed("1 + 1\r")
		s.expect("2")
		s.expect(">>> ")
		s.typed("\x04")
		s.end(0)
	})
	t.Run("a stopped instance", func(t *testing.T) {
		s := open(t)
		incus(t, "stop", "-f", name)
		incus(t, "start", name)
		select {
		case <-s.ended:
			if s.mode() != s.before {
				t.Error("the terminal isn't as it was")
			}
		case <-time.After(20 * time.Second):
			t.Error("the shell goes on")
		}
	})
	t.Run("no terminal", func(t *testing.T) {
		command := start(t, "-c", "incus.instances.get(args[0]).shell()", name)
		if _, status := command.rest(); status != 1 || !strings.Contains(command.stderr.String(), "instance.shell needs a terminal") {
			t.Errorf("%d\n%s", status, command.stderr.Bytes())
		}
	})
}

func TestRealConsole(t *testing.T) {
	name := launched(t)
	s := onScreen(t, "-c", "incus.instances.get(args[0]).console()\nprint('over')", name)
	s.expect("To detach")
	time.Sleep(300 * time.Millisecond)
	s.typed("\x01\x01x\r") // Ctrl-A alone goes to the console
	time.Sleep(100 * time.Millisecond)
	s.typed("\x01")
	s.typed("q")
	s.expect("over")
	s.end(0)
	s = onScreen(t, "-c", "incus.instances.get(args[0]).console()", name)
	s.expect("To detach")
	time.Sleep(300 * time.Millisecond)
	s.command.Process.Signal(syscall.SIGTERM)
	s.end(143)
}
