package rest

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"incus-star/errors"
)

// Whatever a command has to be ended for, the wait for it ends although nothing ends the command, as in a frozen instance.
func TestExecUnended(t *testing.T) {
	graces(t, 10*time.Millisecond, 10*time.Millisecond)
	newsGrace, lostGrace = 10*time.Millisecond, 10*time.Millisecond
	for name, test := range map[string]struct {
		options ExecOptions
		act     func(*Exec, *fakeCommand)
		class   *errors.Class
		want    string
	}{
		"timeout":  {options: ExecOptions{Timeout: time.Millisecond}, class: errors.OperationTimeout, want: "the command was still running after 1ms, and was sent SIGKILL, and may be running still"},
		"terminal": {options: ExecOptions{Timeout: time.Millisecond, Terminal: true}, class: errors.OperationTimeout, want: "the command was still running after 1ms, and was sent SIGKILL, and may be running still"},
		"input":    {options: ExecOptions{Stdin: iotest.ErrReader(errors.Plain("bad"))}, class: errors.Exec, want: "the command was sent SIGKILL, and may be running still: its input can't be read: bad"},
		"large":    {options: ExecOptions{MaxOutput: 1}, act: func(_ *Exec, c *fakeCommand) { c.write(Stdout, []byte("ab")) }, class: errors.Exec, want: "the command was sent SIGKILL, and may be running still: "},
		"End":      {act: func(e *Exec, _ *fakeCommand) { e.End(context.Background()) }, class: errors.Exec, want: "the command was sent SIGKILL, and may be running still"},
		"cut":      {act: func(_ *Exec, c *fakeCommand) { c.conn(Stdout).CloseNow() }, class: errors.Connection, want: "a connection with the command broke: "},
	} {
		t.Run(name, func(t *testing.T) {
			release, attached := make(chan struct{}), make(chan *fakeCommand, 1)
			f := newExecFake(t, func(c *fakeCommand) int {
				attached <- c
				<-release
				return 0
			})
			t.Cleanup(func() { close(release) })
			e := f.begin(t.Context(), f.client(), test.options)
			c := <-attached
			if test.act != nil {
				go test.act(e, c)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			code, err := e.Wait(ctx)
			if failed := asError(t, err); code != -1 || failed.Class != test.class || failed.Outcome != errors.Unknown || !strings.HasPrefix(failed.Message, test.want) {
				t.Errorf("%d, %v, %s", code, err, failed.Outcome)
			}
		})
	}
}

// A command with a timeout ends although the server stops answering, at whichever request: that for the command, each of the
// websockets, and that for the state of the operation after a failure of these.
func TestExecUnanswered(t *testing.T) {
	defer func(before time.Duration) { connectTimeout = before }(connectTimeout)
	connectTimeout = 100 * time.Millisecond
	for _, stalled := range []string{"/exec", "secret=s1control", "secret=s10", "secret=s11", "secret=s12"} {
		t.Run(stalled, func(t *testing.T) {
			var gone atomic.Bool
			f := newExecFake(t, cat, func(f *execFake) {
				f.stall = func(r *http.Request) bool {
					if strings.HasSuffix(r.URL.String(), stalled) {
						gone.Store(true)
					}
					return gone.Load()
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			e, _, err := f.client().Exec(ctx, Request{Method: "POST", Path: "/1.0/instances/c1/exec", Body: map[string]any{"command": []string{"cmd"}}}, ExecOptions{Timeout: time.Millisecond})
			if err == nil {
				_, err = e.Wait(ctx)
			}
			want := errors.NotSent
			if stalled == "/exec" || stalled == "secret=s12" {
				want = errors.Unknown
			}
			if failed := asError(t, err); ctx.Err() != nil || failed.Class != errors.Timeout || failed.Outcome != want {
				t.Errorf("%v, %s", err, failed.Outcome)
			}
		})
	}
}

// A command whose connection broke is waited for longer, because the server may yet say what became of it.
func TestExecUnendedIsNews(t *testing.T) {
	graces(t, 10*time.Millisecond, 10*time.Millisecond)
	newsGrace, lostGrace = 10*time.Millisecond, time.Minute
	release, attached := make(chan struct{}), make(chan *fakeCommand, 1)
	f := newExecFake(t, func(c *fakeCommand) int {
		attached <- c
		<-release
		return 5
	})
	e := f.begin(t.Context(), f.client(), ExecOptions{})
	(<-attached).conn(Stdout).CloseNow()
	<-e.gaveUp
	time.Sleep(20 * newsGrace) // no condition: nothing is to happen
	close(release)
	code, err := e.Wait(t.Context())
	if failed := asError(t, err); code != 137 || failed.Class != errors.Connection || failed.Fields["exit_code"] != 137 {
		t.Errorf("%d, %v, %v", code, err, failed.Fields)
	}
}
