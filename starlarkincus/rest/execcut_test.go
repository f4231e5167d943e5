package rest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// cutConns are the connections of a server, by the websocket that they carry.
type cutConns struct {
	mu    sync.Mutex
	conns map[string]net.Conn
}

// cut breaks a connection below TLS. It ends without the close frame and without that of TLS, or with a reset.
func (c *cutConns) cut(name string, reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.conns[name].(*tls.Conn).NetConn()
	if reset {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	conn.Close()
}

// TestExecCutOfEach cuts each websocket, before or after the process ends with any status, and before its orderly end. No
// command of which output may be missing, or that the server killed because of it, has a plain result.
func TestExecCutOfEach(t *testing.T) {
	graces(t, 100*time.Millisecond, 100*time.Millisecond)
	shortForgotten(t)
	certificate := newCertificate(t, "incus.example")
	for _, terminal := range []bool{false, true} {
		names := []string{control, Stdin, Stdout, Stderr}
		if terminal {
			names = []string{control, Stdin}
		}
		for _, name := range names {
			for _, code := range []int{0, 137} {
				for _, before := range []bool{true, false} { // whether the cut comes before the end
					for _, reset := range []bool{false, true} {
						t.Run(fmt.Sprintf("terminal %t, %s, %d, before %t, reset %t", terminal, name, code, before, reset), func(t *testing.T) {
							conns := &cutConns{conns: make(map[string]net.Conn)}
							out := Stdout
							if terminal {
								out = Stdin
							}
							f := newExecFake(t, func(c *fakeCommand) int {
								for c.conn(control) == nil {
									time.Sleep(time.Millisecond)
								}
								c.write(out, []byte("some"))
								if !before {
									c.dead.Store(true) // the process has ended: the server doesn't kill it
								}
								conns.cut(name, reset)
								if before {
									select {
									case <-c.ctx.Done():
										return 137
									case n := <-c.signal:
										return 128 + n
									case <-time.After(500 * time.Millisecond):
									}
								}
								return code
							}, func(f *execFake) {
								f.certificate = &certificate
								f.attach = func(name string, conn net.Conn) {
									conns.mu.Lock()
									defer conns.mu.Unlock()
									conns.conns[name] = conn
								}
							})
							client := f.client()
							ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
							defer cancel()
							e := f.begin(ctx, client, ExecOptions{Terminal: terminal})
							said := e.Operation().Ended(ctx) // what the prompt says
							got, err := e.Wait(ctx)
							output, _ := e.Output()
							if said != err {
								t.Errorf("said %v, the error is %v", said, err)
							}
							if ctx.Err() != nil {
								t.Fatal("it didn't end")
							}
							if err == nil {
								// The end of the input, and that of the connection for signals of a process that had ended, lose nothing.
								whole := !before && (name == control && got != 137 || name == Stdin && !terminal)
								whole = whole || name == Stdin && !terminal && got == code || name == control && got == 0
								if !whole || string(output) != "some" {
									t.Errorf("a plain result: %d with %q", got, output)
								}
								return
							}
							ours := asError(t, err)
							if ours.Class != errors.Connection || ours.Outcome == "" || ours.OperationID == "" || ours.Cause == nil {
								t.Errorf("%#v", ours)
							}
							if got >= 0 && ours.Fields["exit_code"] != got {
								t.Errorf("the fields are %v, want the status %d", ours.Fields, got)
							}
						})
					}
				}
			}
		}
	}
}

// Over TLS, a server that has closed the input isn't taken for a broken connection, however late the news of the process's
// end comes.
func TestExecInputClosed(t *testing.T) {
	certificate := newCertificate(t, "incus.example")
	f := newExecFake(t, func(c *fakeCommand) int {
		c.conn(Stdin).CloseNow()
		select {
		case <-c.ctx.Done():
		case <-c.signal: // it was taken for broken
			return 143
		case <-time.After(10 * firstPause):
		}
		return 7
	}, func(f *execFake) { f.certificate = &certificate })
	e := f.begin(t.Context(), f.client(), ExecOptions{})
	if code, err := e.Wait(t.Context()); code != 7 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}

// A command that was killed by others has a plain result, over TLS and a unix socket.
func TestExecKilledByOthers(t *testing.T) {
	certificate := newCertificate(t, "incus.example")
	for _, terminal := range []bool{false, true} {
		for _, pin := range []*tls.Certificate{nil, &certificate} {
			for range 20 {
				f := newExecFake(t, func(c *fakeCommand) int { return 137 }, func(f *execFake) { f.certificate = pin })
				e := f.begin(t.Context(), f.client(), ExecOptions{Terminal: terminal})
				if code, err := e.Wait(t.Context()); code != 137 || err != nil {
					t.Errorf("terminal %t, TLS %t: %d, %v", terminal, pin != nil, code, err)
				}
			}
		}
	}
}
