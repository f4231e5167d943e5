// Package process runs local commands, each in a session and a process group of its own, without a terminal.
//
// A command that is stopped gets SIGTERM, and SIGKILL after a grace period, with all processes of its group. [Run]
// returns when the command itself has ended. It doesn't wait for background processes of the command, even if they keep
// the output open.
//
// A process that begins a session of its own leaves the group and isn't stopped. Once its parent has ended, nothing tells
// which command it comes from: as a subreaper, this process would adopt the orphans of all commands that run at the same
// time, and those of the program that embeds it, and would have to wait for each.
package process

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"incus-star/errors"
)

// A Command is a command to run.
type Command struct {
	// Args are the command and its arguments. A name without a slash is looked up in the PATH of Env.
	Args []string
	// Env is the whole environment, of name=value pairs.
	Env []string
	// Dir is the working directory; empty for that of this process.
	Dir string
	// Stdin is the standard input; nil for none, which reads as empty. The command gets an *os.File as it is. If another
	// reader is an io.Closer, it is closed when nothing is read any more, and must then return from Read.
	Stdin io.Reader
	// Stdout and Stderr receive the output, each in a separate goroutine. An error stops the command. They must return
	// when the context ends.
	Stdout, Stderr func(data []byte) error
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
	// Hurry, when closed, ends the grace period.
	Hurry <-chan struct{}
}

// A NotRunError is the error of a command that can't be run.
type NotRunError struct {
	// Status is that of a shell: 127 if the command wasn't found, 126 if it can't be executed, 0 if the system lacks
	// something to start any command.
	Status int
	Err    error
}

func (e *NotRunError) Error() string { return e.Err.Error() }
func (e *NotRunError) Unwrap() error { return e.Err }

// A DirError is the error of a working directory that can't be entered.
type DirError struct{ Err error }

func (e *DirError) Error() string { return e.Err.Error() }
func (e *DirError) Unwrap() error { return e.Err }

// linger is the time to wait for more output of an ended command whose background processes keep the output open.
var linger = time.Second

const (
	// maxPipe is the greatest amount of data in a pipe after its writer's end.
	maxPipe = 1 << 20
	// unkillable is the time to wait for the end of a killed command, which may be blocked in a system call, or belong
	// to another user.
	unkillable = 2 * time.Second
)

// Run runs a command until it ends, and returns its exit status, which is 128 plus the signal's number after a signal.
// If the context ends first, or Stdout or Stderr returns an error, Run stops the command, and returns the context's
// cause or that error. It returns a [*NotRunError] or a [*DirError] if the command can't be run.
func Run(ctx context.Context, c *Command) (status int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	p, err := start(c)
	if err != nil {
		return 0, notRun(err)
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-p.failed:
	}
	read := make(chan struct{})
	go func() { p.pipes.Wait(); close(read) }()
	if err != nil {
		p.stop()
		select {
		case <-read:
		case <-time.After(linger):
		case <-p.Hurry:
		}
	} else {
		select {
		case <-read:
		case <-ctx.Done(): // the rest is not needed
			err = context.Cause(ctx)
		}
	}
	p.close()
	<-read
	if err == nil {
		select {
		case err = <-p.failed:
		default:
		}
	}
	if err != nil {
		return 0, err
	}
	return statusOf(p.state), nil
}

// A process is a started command.
type process struct {
	*Command
	os             *os.Process
	state          *os.ProcessState // set when exited is closed
	exited         chan struct{}
	stdin          io.WriteCloser // nil for none
	stdout, stderr io.ReadCloser
	pipes          sync.WaitGroup // goroutines that use pipes
	failed         chan error     // errors of Stdout and Stderr
}

// start starts a command, and goroutines that write its input, read its output, and wait for its end.
func start(c *Command) (*process, error) {
	if c.Dir != "" {
		// The name "." in a folder exists only for users who may enter it.
		if _, err := os.Stat(c.Dir + string(filepath.Separator) + "."); err != nil {
			return nil, &DirError{err}
		}
	}
	path, err := find(c.Args[0], c.Env)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: c.Args, Env: c.Env, Dir: c.Dir, SysProcAttr: ownSession()}
	p := &process{Command: c, exited: make(chan struct{}), failed: make(chan error, 2)}
	file, isFile := c.Stdin.(*os.File)
	switch {
	case isFile:
		cmd.Stdin = file
	case c.Stdin != nil:
		p.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		p.stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		p.stderr, err = cmd.StderrPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.os = cmd.Process
	if p.stdin != nil {
		p.pipes.Go(func() {
			_, _ = io.Copy(p.stdin, c.Stdin) // the command may end before it has read everything
			p.stdin.Close()
			p.closeInput()
		})
	}
	p.pipes.Go(func() { p.read(p.stdout, c.Stdout) })
	p.pipes.Go(func() { p.read(p.stderr, c.Stderr) })
	go func() {
		p.state, _ = p.os.Wait()
		// Wakes the readers, which then wait only for linger, and a writer to a pipe that a background process keeps
		// open.
		for _, pipe := range []io.Closer{p.stdout, p.stderr} {
			_ = pipe.(deadliner).SetReadDeadline(time.Now())
		}
		if p.stdin != nil {
			p.stdin.Close()
			p.closeInput()
		}
		close(p.exited)
	}()
	return p, nil
}

// closeInput tells the source of the standard input that nothing is read any more.
func (p *process) closeInput() {
	if source, ok := p.Stdin.(io.Closer); ok {
		source.Close()
	}
}

type deadliner interface{ SetReadDeadline(time.Time) error }

// read copies output until its end. After the end of the command, it reads the rest in the pipe, and waits for more
// only for linger.
func (p *process) read(pipe io.Reader, take func([]byte) error) {
	buffer := make([]byte, 64<<10)
	ended := false
	rest, patience := maxPipe, linger
	for rest > 0 {
		if ended {
			_ = pipe.(deadliner).SetReadDeadline(time.Now().Add(patience))
		}
		began := time.Now()
		n, err := pipe.Read(buffer)
		if ended {
			rest -= n
			patience -= time.Since(began)
		}
		if n > 0 {
			if failed := take(buffer[:n]); failed != nil {
				p.failed <- failed
				return
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !ended:
			<-p.exited // set right after the deadline
			ended = true
		case err != nil:
			return
		}
	}
}

// stop ends the command and all processes of its group.
func (p *process) stop() {
	terminate(p.os)
	grace := time.NewTimer(p.Grace)
	defer grace.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
wait:
	for running(p.os) {
		select {
		case <-poll.C:
		case <-grace.C:
			break wait
		case <-p.Hurry:
			break wait
		}
	}
	kill(p.os)
	select {
	case <-p.exited:
	case <-time.After(unkillable): // leaves behind the goroutine that waits for it
	}
}

// close closes this process's ends of the pipes, which ends reads and writes.
func (p *process) close() {
	for _, pipe := range []io.Closer{p.stdin, p.stdout, p.stderr} {
		if pipe != nil {
			pipe.Close()
		}
	}
	p.closeInput()
}

// find returns the path of a command.
func find(name string, env []string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	err := error(exec.ErrNotFound)
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // never run a file in the working directory by accident
		}
		file := filepath.Join(dir, name)
		_, failed := exec.LookPath(file)
		if failed == nil {
			return file, nil
		}
		if errors.Is(failed, fs.ErrPermission) {
			err = fs.ErrPermission
		}
	}
	return "", err
}

// notRun returns the error of a command that can't be started.
func notRun(err error) error {
	var dir *DirError
	if errors.As(err, &dir) {
		return err
	}
	status := 0
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		status = 127
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.E2BIG), errors.Is(err, syscall.ELOOP):
		status = 126
	}
	reason := err
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		reason = errors.Plain("command not found")
	case errors.As(err, &pathErr):
		reason = pathErr.Err
	}
	return &NotRunError{status, reason}
}
