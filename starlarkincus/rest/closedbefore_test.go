package rest

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
)

// TestClosedBefore checks that each kind of request is sent on another connection if the server closes one that has had no request,
// and that a request which no connection took is reported as not sent. A stream, which may have been read, isn't sent again.
func TestClosedBefore(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		for closes := range 3 {
			t.Run(method, func(t *testing.T) {
				t.Parallel()
				certificate := newCertificate(t, "incus.example")
				listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { listener.Close() })
				var accepted, served atomic.Int32
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					served.Add(1)
					io.WriteString(w, syncBody("{}"))
				})}
				t.Cleanup(func() { server.Close() })
				go server.Serve(leaving{listener, &accepted, int32(closes)})
				tries := int32(0)
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
					for tries++; accepted.Load() < min(tries, int32(closes)); {
						time.Sleep(time.Millisecond)
					}
					time.Sleep(50 * time.Millisecond) // until the transport has read the end of the connection
				}})
				_, err = newClient(t, Config{Endpoints: []string{"https://" + listener.Addr().String()}, ServerCertificate: certificate.Leaf}).Do(ctx, Request{Method: method, Path: "/1.0/profiles/p", Body: body(method)})
				var e *errors.Error
				switch errors.As(err, &e); {
				case closes < 2 && (err != nil || served.Load() != 1):
					t.Errorf("%d closed: %v, served %d", closes, err, served.Load())
				case closes == 2 && (e == nil || !e.Class.IsA(errors.Connection) || served.Load() != 0 || method != "GET" && e.Outcome != errors.NotSent):
					t.Errorf("%d closed: %+v, served %d", closes, err, served.Load())
				}
			})
		}
	}
}

func body(method string) any {
	if method == "GET" || method == "DELETE" {
		return nil
	}
	return map[string]any{"name": "p"}
}

// A leaving listener closes its first connections.
type leaving struct {
	net.Listener
	accepted *atomic.Int32
	closes   int32
}

func (l leaving) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.accepted.Load() >= l.closes {
			return c, err
		}
		_ = c.(*tls.Conn).Handshake()
		c.Close()
		l.accepted.Add(1)
	}
}
