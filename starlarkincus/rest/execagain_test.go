package rest

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
)

// An operation that ends before the websockets are there: the server has not begun the command, which is requested again.
func TestExecNeverBegins(t *testing.T) {
	for given := range maxRequests + 1 {
		f := newExecFake(t, cat, func(f *execFake) { f.failure, f.give = tooLate, given })
		if given == 0 {
			f.failure = ""
		}
		input := &closed{Reader: strings.NewReader("input")}
		e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{Stdin: input})
		code, err := e.Wait(t.Context())
		stdout, _ := e.Output()
		switch {
		case given < maxRequests && (code != 7 || err != nil || string(stdout) != "input" || f.begun != given+1):
			t.Errorf("%d given up: %d requests, %d, %v, %q", given, f.begun, code, err, stdout)
		case given == maxRequests && (code != -1 || asError(t, err).Message != tooLate || !errors.Is(err, errors.Unavailable) || f.begun != maxRequests):
			t.Errorf("%d given up: %d requests, %d, %v", given, f.begun, code, err)
		}
		if input.times != 1 {
			t.Errorf("%d given up: the input was closed %d times", given, input.times)
		}
	}
}

// tooLate is the failure of a command whose websockets come too late.
const tooLate = "Timed out waiting for websockets to connect"

// A closed counts its calls of Close.
type closed struct {
	io.Reader
	times int
}

func (c *closed) Close() error { c.times++; return nil }

// A websocket whose connection breaks while it is made: the server has not begun the command, which is requested again, unless it was
// the last one, which may have begun it.
func TestExecBreaksBefore(t *testing.T) {
	for _, name := range []string{control, Stdin, Stdout, Stderr} {
		for times := 1; times <= maxRequests; times++ {
			var dropped atomic.Int32
			f := newExecFake(t, cat, func(f *execFake) {
				f.drop = func(n string) bool { return n == name && int(dropped.Add(1)) <= times }
			})
			e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{Stdin: strings.NewReader("input")})
			code, err := e.Wait(t.Context())
			stdout, _ := e.Output()
			switch {
			case name == Stderr:
				if code != -1 || asError(t, err).Outcome != errors.Unknown || f.begun != 1 {
					t.Errorf("%s broken %d times: %d requests, %d, %v", name, times, f.begun, code, err)
				}
			case times < maxRequests && (code != 7 || err != nil || string(stdout) != "input" || f.begun != times+1):
				t.Errorf("%s broken %d times: %d requests, %d, %v, %q", name, times, f.begun, code, err, stdout)
			case times == maxRequests && (code != -1 || asError(t, err).Outcome != errors.NotSent || f.begun != maxRequests):
				t.Errorf("%s broken %d times: %d requests, %d, %v", name, times, f.begun, code, err)
			}
		}
	}
}

// Any other failure before the websockets are there isn't tried again.
func TestExecFailsOnce(t *testing.T) {
	for _, failure := range []string{"Instance is not running", "Failed to retrieve PID of executing child process", "Command not found"} {
		f := newExecFake(t, cat, func(f *execFake) { f.failure = failure })
		e := f.begin(t.Context(), newClient(t, Config{Socket: f.socket}), ExecOptions{})
		if code, err := e.Wait(t.Context()); code != -1 || asError(t, err).Message != failure || f.begun != 1 {
			t.Errorf("%d requests, %d, %v", f.begun, code, err)
		}
	}
}

// A script that ends while the command is requested again: nothing is requested after that, and the input is closed.
func TestExecTooLateCancelled(t *testing.T) {
	for seed := range 30 {
		f := newExecFake(t, cat, func(f *execFake) { f.failure = tooLate })
		ctx, cancel := context.WithCancel(t.Context())
		input := &closed{Reader: strings.NewReader("input")}
		client := newClient(t, Config{Socket: f.socket})
		time.AfterFunc(time.Duration(seed)*100*time.Microsecond, cancel)
		e, _, err := client.Exec(ctx, Request{Method: "POST", Path: "/1.0/instances/c1/exec", Body: map[string]any{"command": []string{"cmd"}}}, ExecOptions{Stdin: input, MaxOutput: 1000})
		if err == nil {
			<-e.Done()
			if input.times != 1 {
				t.Errorf("seed %d: the input was closed %d times", seed, input.times)
			}
		} else if input.times != 0 { // it is the caller's
			t.Errorf("seed %d: the input was closed %d times, %v", seed, input.times, err)
		}
		client.Close()
	}
}
