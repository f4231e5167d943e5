package rest

import (
	"io"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKeepAlive checks the probes and the limits of the connections of each kind of request.
func TestKeepAlive(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	for _, test := range []struct {
		request Request
		up      string // protocol to upgrade to
		limit   int    // in milliseconds
	}{
		{Request{Path: "/1.0"}, "", 30000},
		{Request{Path: "/1.0/operations/" + opID + "/wait"}, "", 30000},
		{Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{}}, "", 30000},
		{Request{Method: "POST", Path: "/1.0/images", Body: io.Reader(strings.NewReader("x"))}, "", 90000},
		{Request{Path: "/1.0/instances/c1/sftp"}, "sftp", 45000},
		{Request{Path: opPath + "/websocket"}, "websocket", 0},
		{Request{Path: eventsPath}, "websocket", 30000},
	} {
		f := newTLSFake(t, ours, step{want: "GET /1.0/first", body: syncBody("{}")})
		method := test.request.Method
		if method == "" {
			method = "GET"
		}
		f.add(step{want: method + " " + test.request.Path, status: 404, body: errorBody(404, "no")})
		c := f.client(func(c *Config) { c.ServerCertificate = ours.Leaf })
		if _, err := c.Do(t.Context(), Request{Path: "/1.0/first"}); err != nil {
			t.Fatal(err)
		}
		values := make(map[int]int)
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			raw, err := tcpOf(got.Conn).SyscallConn()
			if err != nil {
				t.Error(err)
				return
			}
			_ = raw.Control(func(fd uintptr) {
				for _, option := range []int{unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT, unix.TCP_USER_TIMEOUT} {
					if values[option], err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option); err != nil {
						t.Error(err)
					}
				}
			})
		}})
		switch test.up {
		case "sftp":
			_, _ = c.Connect(ctx, test.request.Path, nil, "sftp")
		case "websocket":
			_, _ = c.Websocket(ctx, test.request.Path, url.Values{})
		default:
			_, _ = c.Do(ctx, test.request)
		}
		if values[unix.TCP_KEEPIDLE] != 15 || values[unix.TCP_KEEPINTVL] != 5 || values[unix.TCP_KEEPCNT] != 3 || values[unix.TCP_USER_TIMEOUT] != test.limit {
			t.Errorf("%s %s: %v", method, test.request.Path, values)
		}
	}
}
