package cli_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A running is a running command.
type running struct {
	*exec.Cmd
	pipe   io.ReadCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// hangs is the time limit of a command: a server may be without its networks for a minute, until it tries again to start them. SIGABRT then ends it, and its standard error has the stacks of its goroutines.
const hangs = 3 * time.Minute

// start starts the command, and ends it after the test or the time limit.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith is start with additional variables of the environment.
func startWith(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	r := &running{Cmd: exec.Command("incus-star", args...)}
	r.Env = append(os.Environ(), env...)
	r.Stderr = &r.stderr
	pipe, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(hangs, func() { r.Process.Signal(syscall.SIGABRT) })
	t.Cleanup(func() { kill.Stop(); r.Process.Kill(); r.Wait() })
	r.pipe = pipe
	r.out = bufio.NewReader(pipe)
	return r
}

// line reads the next line of the output, which must be want.
func (r *running) line(t *testing.T, want string) {
	t.Helper()
	if line, err := r.out.ReadString('\n'); line != want+"\n" {
		r.Process.Kill()
		r.Wait()
		t.Fatalf("the command printed %q, want %q: %v\n%s", line, want, err, r.stderr.Bytes())
	}
}

// rest waits for the command, and returns the rest of its output and its exit status.
func (r *running) rest() (text string, status int) {
	data, _ := io.ReadAll(r.out)
	r.Wait()
	return string(data), r.ProcessState.ExitCode()
}
