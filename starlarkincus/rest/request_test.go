package rest

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"incus-star/errors"
)

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		config  Config
		message string // empty for success
	}{
		{Config{Socket: "/run/incus/unix.socket"}, ""},
		{Config{Endpoints: []string{"https://127.0.0.1:8443", "https://[::1]:8443/"}}, ""},
		{Config{}, "neither a socket nor an HTTPS endpoint is configured"},
		{Config{Socket: "/s", Endpoints: []string{"https://127.0.0.1:8443"}}, "both a socket and an HTTPS endpoint are configured"},
		{Config{Endpoints: []string{"http://127.0.0.1:8443"}}, "endpoint http://127.0.0.1:8443: want https://host:port and nothing more"},
		{Config{Endpoints: []string{"127.0.0.1:8443"}}, "an endpoint isn't a URL: want https://host:port"},
		{Config{Endpoints: []string{"https://"}}, "endpoint https://: want https://host:port and nothing more"},
		{Config{Endpoints: []string{"https://me:hunter2@host:8443"}}, "endpoint https://[redacted]@host:8443: want https://host:port and nothing more"},
		{Config{Endpoints: []string{"https://me:hunter2%zz@host:8443"}}, "an endpoint isn't a URL: want https://host:port"},
		{Config{Endpoints: []string{"https://host:8443/1.0"}}, "endpoint https://host:8443/1.0: want https://host:port and nothing more"},
	} {
		c, err := New(test.config)
		if test.message == "" {
			if err != nil {
				t.Error(err)
			} else {
				c.Close()
			}
			continue
		}
		if e := asError(t, err); e.Class != errors.Config || e.Message != test.message {
			t.Errorf("got  %v\nwant %s", e, test.message)
		}
	}
}

// TestPaths checks that escapes in paths are preserved.
func TestPaths(t *testing.T) {
	f := newFake(t)
	c := f.client(nil)
	for path, want := range map[string]string{
		"/1.0/instances/c1":                           "/1.0/instances/c1",
		"/1.0/storage-pools/p/volumes/custom/a%2Fb":   "/1.0/storage-pools/p/volumes/custom/a%2Fb",
		"/1.0/profiles/" + url.PathEscape("é %?#/.."): "/1.0/profiles/%C3%A9%20%25%3F%23%2F..",
		"/1.0/profiles/a b":                           "/1.0/profiles/a%20b",
		"/1.0/profiles/a#b":                           "/1.0/profiles/a%23b",
		"/1.0/instances/c1?project=a%2Fb&recursion=1": "/1.0/instances/c1?project=a%2Fb&recursion=1",
		"//elsewhere/1.0":                             "//elsewhere/1.0",
		"/1.0/networks/n/forwards/" + "fd00::1":       "/1.0/networks/n/forwards/fd00::1",
		"/1.0/storage-pools/p/volumes/custom/%2e%2e":  "/1.0/storage-pools/p/volumes/custom/%2e%2e",
	} {
		f.add(step{want: "GET " + want, body: syncBody("{}")})
		if _, err := c.Do(t.Context(), Request{Path: path}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"", "1.0", "https://elsewhere/1.0", "/1.0/%zz", "/1.0/\n", "*"} {
		_, err := c.Do(t.Context(), Request{Path: path})
		if e := asError(t, err); e.Class != errors.Incus || !strings.HasSuffix(e.Message, "can't be the path of a request: want /1.0/…") {
			t.Errorf("%q: %v", path, e)
		}
	}
	f.add(step{want: "GET /1.0/a?project=p&recursion=1&target=m", body: syncBody("{}")})
	if _, err := c.Do(t.Context(), Request{Path: "/1.0/a?recursion=1", Query: url.Values{"project": {"p"}, "target": {"m"}}}); err != nil {
		t.Error(err)
	}
}

func TestBodies(t *testing.T) {
	type sent struct{ Body, Type, Agent, Match string }
	var got sent
	f := newFake(t)
	for name, test := range map[string]struct {
		request Request
		want    sent
	}{
		"none":    {Request{}, sent{"", "", "incus-star", ""}},
		"JSON":    {Request{Body: map[string]any{"a": 1}, IfMatch: "abc"}, sent{`{"a":1}`, "application/json", "incus-star", "abc"}},
		"raw":     {Request{Body: json.RawMessage(`{"a":  1}`)}, sent{`{"a":  1}`, "application/json", "incus-star", ""}},
		"bytes":   {Request{Body: []byte("\x00\x01")}, sent{"\x00\x01", "", "incus-star", ""}},
		"empty":   {Request{Body: []byte{}}, sent{"", "", "incus-star", ""}},
		"reader":  {Request{Body: io.LimitReader(strings.NewReader("hello"), 4)}, sent{"hell", "", "incus-star", ""}},
		"headers": {Request{Body: []byte("x"), Header: http.Header{"content-type": {"application/octet-stream"}, "User-Agent": {"me"}}}, sent{"x", "application/octet-stream", "me", ""}},
	} {
		f.add(step{want: "POST /1.0/x", body: syncBody("{}"), check: func(_ *testing.T, r *http.Request, body string) {
			got = sent{body, r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header.Get("If-Match")}
		}})
		test.request.Method, test.request.Path = "POST", "/1.0/x"
		_, err := f.client(nil).Do(t.Context(), test.request)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	_, err := f.client(nil).Do(t.Context(), Request{Method: "POST", Path: "/1.0/x", Body: math.Inf(1)})
	if e := asError(t, err); e.Class != errors.Incus || e.Error() != "IncusError: the body of POST /1.0/x can't be written as JSON: json: unsupported value: +Inf" {
		t.Error(e)
	}
}

func TestReply(t *testing.T) {
	f := newFake(t,
		step{want: "GET /1.0/a", body: syncBody(`{"a": 1}`), header: map[string]string{"ETag": "abc", "X-Incus-uid": "7"}},
		step{want: "HEAD /1.0/a", header: map[string]string{"X-Incus-uid": "8"}},
		step{want: "HEAD /1.0/b", status: 501},
		step{want: "PUT /1.0/a", body: `{"type":"sync"}`},
	)
	c := f.client(nil)
	reply, err := c.Do(t.Context(), Request{Path: "/1.0/a"})
	if err != nil || string(reply.Metadata) != `{"a": 1}` || reply.ETag != "abc" || reply.Header.Get("X-Incus-uid") != "7" || reply.Status != 200 || reply.Operation != nil {
		t.Errorf("%+v, %v", reply, err)
	}
	if reply, err = c.Do(t.Context(), Request{Method: "HEAD", Path: "/1.0/a"}); err != nil || reply.Header.Get("X-Incus-uid") != "8" || reply.Metadata != nil {
		t.Errorf("%+v, %v", reply, err)
	}
	if _, err = c.Do(t.Context(), Request{Method: "HEAD", Path: "/1.0/b"}); !errors.Is(err, errors.NotImplemented) {
		t.Error(err)
	}
	if reply, err = c.Do(t.Context(), Request{Method: "PUT", Path: "/1.0/a"}); err != nil || reply.Metadata != nil {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestReadOnly(t *testing.T) {
	f := newFake(t, step{want: "GET /1.0", body: syncBody("{}")})
	c := f.client(func(c *Config) { c.ReadOnly = true })
	for _, method := range []string{"GET", "HEAD", "", "POST", "PUT", "PATCH", "DELETE", "get"} {
		if method == "" {
			f.add(step{want: "GET /1.0", body: syncBody("{}")})
		}
		_, err := c.Do(t.Context(), Request{Method: method, Path: "/1.0"})
		if method == "GET" || method == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e := asError(t, err); e.Class != errors.Permission || e.Message != method+" /1.0 wasn't sent: this client only reads" {
			t.Error(e)
		}
	}
	if err := c.Operation(opID).Cancel(t.Context()); !errors.Is(err, errors.Permission) {
		t.Error(err)
	}
	if _, err := c.Websocket(t.Context(), opPath+"/websocket", nil); !errors.Is(err, errors.Permission) {
		t.Error(err)
	}
}

func TestTrace(t *testing.T) {
	var got []Trace
	f := newFake(t,
		step{want: "GET /1.0/instances/a%2Fb?project=p&secret=abc", body: syncBody("{}")},
		step{want: "POST /1.0/certificates", status: 403, body: errorBody(403, "no")},
		step{want: "GET /1.0", body: syncBody(`{"auth":"trusted"}`)},
		step{want: "GET /1.0/x", raw: "HTTP"},
	)
	c := f.client(func(c *Config) { c.Trace = func(t Trace) { got = append(got, t) } })
	c.Do(t.Context(), Request{Path: "/1.0/instances/a%2Fb", Query: url.Values{"secret": {"abc"}, "project": {"p"}}})
	c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"trust_token": "abc"}})
	_, last := c.Do(t.Context(), Request{Path: "/1.0/x"})
	type line struct {
		Request string
		Status  int
		Failed  bool
	}
	var lines []line
	for _, one := range got {
		request := one.Method + " " + one.Path
		if len(one.Query) > 0 {
			request += "?" + one.Query.Encode()
		}
		lines = append(lines, line{request, one.Status, one.Err != nil})
		if one.Duration <= 0 {
			t.Error("no duration")
		}
	}
	want := []line{
		{"GET /1.0/instances/a%2Fb?project=p&secret=%5Bredacted%5D", 200, false},
		{"GET /1.0", 200, false},
		{"POST /1.0/certificates", 403, true},
		{"GET /1.0/x", 0, true},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if got[3].Err != last {
		t.Error(got[3].Err, last)
	}
	for _, config := range []Config{{Remote: "s2"}, {Remote: "local", Default: true}, {}} {
		f := newFake(t, step{want: "GET /1.0", body: syncBody("{}")})
		c := f.client(func(c *Config) {
			c.Remote, c.Default = config.Remote, config.Default
			c.Trace = func(t Trace) { got = append(got, t) }
		})
		c.Do(t.Context(), Request{Path: "/1.0"})
		want := c.Remote()
		if config.Default || config.Remote == "" && len(c.Endpoints()) == 0 {
			want = ""
		}
		if remote := got[len(got)-1].Remote; remote != want {
			t.Errorf("remote %q, want %q", remote, want)
		}
	}
}

// TestOnlyJSONIsEvidence checks that the content of a file isn't used to classify a failure, even if it is JSON.
func TestOnlyJSONIsEvidence(t *testing.T) {
	c := newTestClient(t, Config{Socket: "/nowhere"})
	for _, test := range []struct {
		body any
		want bool
	}{{map[string]any{"name": "a"}, true}, {json.RawMessage(`{"name":"a"}`), true}, {[]byte(`{"name":"a"}`), false}, {strings.NewReader(`{"name":"a"}`), false}} {
		k, err := c.prepare(Request{Method: "POST", Path: "/1.0/instances/a/files", Body: test.body})
		if err != nil || (k.described().Body != nil) != test.want {
			t.Errorf("%T: %v, %v", test.body, k.described(), err)
		}
	}
}
