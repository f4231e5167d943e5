package repl

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/terminal"

	"go.starlark.net/starlark"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// childVariable is the environment variable that makes the test binary run a prompt.
const childVariable = "INCUS_STAR_TEST_PROMPT"

func TestMain(m *testing.M) {
	if os.Getenv(jobVariable) != "" {
		os.Exit(job())
	}
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// child runs a prompt as the command does.
func child() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	limit, _ := time.ParseDuration(os.Getenv("TEST_TIMEOUT"))
	var stdout io.Writer = os.Stdout
	if path := os.Getenv("TEST_OUTPUT"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			panic(err)
		}
		defer file.Close()
		stdout = io.MultiWriter(file, stdout)
	}
	longEntry = time.Hour // what a loaded machine says about an entry would be in the way
	if limit := os.Getenv("TEST_LONG"); limit != "" {
		longEntry, _ = time.ParseDuration(limit)
	}
	if limit, err := strconv.Atoi(os.Getenv("TEST_PASTE_SIZE")); err == nil {
		maxPaste = limit
	}
	if limit := os.Getenv("TEST_PASTE_TIME"); limit != "" {
		pasteTime, _ = time.ParseDuration(limit)
	}
	options := host.Options{Stdout: stdout, Stderr: os.Stderr, Track: starlarkincus.Track, Servers: client.Servers, Predeclared: starlark.StringDict{
		"incus": client,
		"take": starlark.NewBuiltin("take", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			t, err := terminal.Take(os.Stdin, os.Stdout)
			if err == nil {
				t.Release()
			}
			return starlark.None, err
		}),
		"line": starlark.NewBuiltin("line", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			t, err := terminal.Take(os.Stdin, os.Stdout)
			if err != nil {
				return nil, err
			}
			defer t.Release()
			line, err := bufio.NewReader(t).ReadString('\r')
			return starlark.String(strings.TrimSpace(line)), err
		}),
		"until": starlark.NewBuiltin("until", func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			b := builtin.Of(thread)
			b.Block(func() {
				for b.Context.Err() == nil {
					if _, err := os.Stat(string(args[0].(starlark.String))); err == nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			})
			return starlark.None, nil
		}),
		"panic": starlark.NewBuiltin("panic", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return bad{}, nil
		}),
	}}
	options.Reloaded = func(path string) { fmt.Fprintln(os.Stderr, path, "has changed: loaded anew") }
	operations := NewOperations(&options)
	h := host.New(options)
	return Run(context.Background(), Options{Host: h, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Interrupts: signals,
		Version: "1.2", Target: Place{"local", "the test", "default"}, Timeout: limit, Operations: operations, ReadOnly: os.Getenv("TEST_READ_ONLY") != "",
		Check: func(path string) []string { return []string{"checked " + path} },
		Cause: func(s os.Signal) error { return signalled{s.(syscall.Signal)} }})
}

// signalled is the error of a signal, as in the command.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string   { return s.signal.String() }
func (s signalled) ExitStatus() int { return 128 + int(s.signal) }

// bad is a value whose printing panics.
type bad struct{ starlark.NoneType }

func (bad) String() string { panic("bad value") }

// A screen is a pseudo-terminal with a prompt at its other end.
type screen struct {
	t      *testing.T
	master *os.File
	slave  *os.File     // open during the test, to read its mode
	found  unix.Termios // the mode before the prompt starts
	cmd    *exec.Cmd
	exited chan struct{}
	plain  bool // without a line editor

	mu     sync.Mutex
	output bytes.Buffer
	more   chan struct{} // closed and replaced at each output
	seen   int           // length of the output that expect has consumed
}

func startTerminal(t *testing.T, state string, env ...string) *screen {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	check(t, err)
	check(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	check(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	p := &screen{t: t, master: master, slave: slave, exited: make(chan struct{}), more: make(chan struct{})}
	p.found = p.mode()
	p.plain = slices.Contains(env, "TERM=dumb")
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.cmd.Env = append(os.Environ(), append([]string{childVariable + "=1", "TERM=xterm", "GORACE=atexit_sleep_ms=0", "XDG_STATE_HOME=" + state}, env...)...)
	check(t, p.cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.output.Write(buf[:n])
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		slave.Close()
		master.Close()
		<-read
		if t.Failed() {
			t.Logf("all output:\n%s", readable(p.output.String())) // the reader has ended
		}
	})
	return p
}

func (p *screen) send(text string) {
	p.t.Helper()
	check(p.t, p.master.SetWriteDeadline(time.Now().Add(patience)))
	_, err := p.master.WriteString(text)
	check(p.t, err)
}

var controls = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// newPrompt stands in readable output for the start of a line's editing, after which the prompt is drawn for the first time.
const newPrompt = "⇒"

var prompts = strings.NewReplacer(">>> ", newPrompt+">>> ", "... ", newPrompt+"... ")

// readable returns output without the terminal's codes.
func readable(s string) string {
	return strings.ReplaceAll(controls.ReplaceAllString(strings.ReplaceAll(s, marksOn, newPrompt), ""), "\r", "")
}

// expect waits for text in the output that follows the last expected text, and returns the output before it.
func (p *screen) expect(text string) string {
	p.t.Helper()
	deadline := time.After(patience)
	if !p.plain {
		text = prompts.Replace(text)
	}
	for {
		p.mu.Lock()
		out, more := readable(p.output.String()), p.more
		p.mu.Unlock()
		if i := strings.Index(out[min(p.seen, len(out)):], text); i >= 0 {
			before := out[p.seen : p.seen+i]
			p.seen += i + len(text)
			return before
		}
		select {
		case <-more:
		case <-deadline:
			p.t.Fatalf("no %q after %q", text, out[min(p.seen, len(out)):])
		}
	}
}

// enter types a line at the next prompt.
func (p *screen) enter(line string) {
	p.t.Helper()
	p.expect(">>> ")
	p.send(line + "\r")
}

// status waits for the end of the process and returns its exit status.
func (p *screen) status() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("the prompt doesn't end")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *screen) mode() unix.Termios {
	p.t.Helper()
	mode, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	check(p.t, err)
	return *mode
}
