package rest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"incus-star/errors"
)

// A recorder is a server that records all requests, with one answer for all.
type recorder struct {
	mu   sync.Mutex
	seen []*http.Request
}

func newRecorder(t *testing.T) (*recorder, string) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorder)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: r, ErrorLog: quiet}}
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return r, socket
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, request)
	fmt.Fprint(w, syncBody("{}"))
}

// take returns the requests since the last call.
func (r *recorder) take() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// leaves returns an interpretation of a request that is outside of the API; empty if there is none.
func leaves(r *http.Request) string {
	if r.Method != "GET" {
		return r.Method
	}
	if r.Header.Get("Upgrade") != "" && r.URL.Path != "/1.0/events" {
		return "upgrade of " + r.URL.Path
	}
	if strings.Contains(r.RequestURI, "://") && !strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	seen, _, _ := strings.Cut(r.RequestURI, "?")
	for range 20 {
		for _, reading := range []string{seen, path.Clean(seen), path.Clean(strings.ReplaceAll(seen, `\`, "/"))} {
			if reading != "/" && reading != "/1.0" && !strings.HasPrefix(reading, "/1.0/") {
				return reading
			}
		}
		plain, err := url.PathUnescape(seen)
		if err != nil {
			break
		}
		seen = plain
	}
	return ""
}

// send sends a request in every possible way.
func send(t *testing.T, c *Client, method, path string, query url.Values, header http.Header) error {
	r := Request{Method: method, Path: path, Query: query, Header: header}
	_, doErr := c.Do(t.Context(), r)
	_, _, rawErr := c.Raw(t.Context(), r)
	body, _, openErr := c.Open(t.Context(), r)
	if openErr == nil {
		body.Close()
	}
	if connection, err := c.Websocket(t.Context(), path, query); err == nil {
		connection.CloseNow()
	}
	return errors.Join(doErr, rawErr, openErr)
}

func TestReadOnlyPaths(t *testing.T) {
	r, socket := newRecorder(t)
	c := newTestClient(t, Config{Socket: socket, ReadOnly: true})
	for _, test := range []struct {
		method, path string
		header       http.Header
		sent         bool
	}{
		{"GET", "/", nil, true},
		{"GET", "/1.0", nil, true},
		{"", "/1.0/", nil, true},
		{"HEAD", "/1.0/instances", nil, false},
		{"GET", "/1.0/instances/a%2Fb?recursion=1", nil, true},
		{"GET", "/1.0/instances/web/files?path=/../internal", nil, true},
		{"GET", "/1.0/storage-pools/p/volumes/custom/a..b", nil, true},
		{"GET", "/1.0//instances", nil, true},
		{"GET", "/1.0/./instances", nil, true},
		{"GET", "/1.0/instances/100%25", nil, true},

		{"GET", "/internal", nil, false},
		{"GET", "/internal/sql", nil, false},
		{"GET", "/internal/containers/web/onstop?target=stop", nil, false},
		{"GET", "//internal/sql", nil, false},
		{"GET", "///internal/sql", nil, false},
		{"GET", "//1.0/instances", nil, false},
		{"GET", "/./internal", nil, false},
		{"GET", "/1.0/../internal/sql", nil, false},
		{"GET", "/1.0/..", nil, false},
		{"GET", "/1.0/x/../../internal", nil, false},
		{"GET", "/1.0/%2e%2e/internal", nil, false},
		{"GET", "/1.0/.%2E/internal", nil, false},
		{"GET", "/1.0/%252e%252e/internal", nil, false},
		{"GET", "/1.0/%25252e%25252e%25252finternal", nil, false},
		{"GET", "/1.0/..%2finternal", nil, false},
		{"GET", "/1.0%2f..%2finternal", nil, false},
		{"GET", "/1.0/..%5cinternal", nil, false},
		{"GET", `/1.0/..\internal`, nil, false},
		{"GET", "/1.0/..;a=b/internal", nil, false},
		{"GET", "/1.0internal", nil, false},
		{"GET", "/1.0%2e", nil, false},
		{"GET", "/%69nternal/sql", nil, false},
		{"GET", "/%31.0", nil, false},
		{"GET", "/1.00", nil, false},
		{"GET", "/2.0", nil, false},
		{"GET", "/os/1.0", nil, false},
		{"GET", "/oidc/login", nil, false},
		{"GET", "/internal?/1.0/", nil, false},
		{"GET", "/internal#/1.0", nil, false},
		{"GET", "http://incus/internal", nil, false},
		{"GET", "http://incus/1.0", nil, false},
		{"GET", "internal", nil, false},
		{"GET", "", nil, false},
		{"GET", "*", nil, false},
		{"POST", "/1.0/instances", nil, false},
		{"DELETE", "/1.0/instances/web", nil, false},
		{"OPTIONS", "/1.0", nil, false},
		{"TRACE", "/1.0", nil, false},
		{"CONNECT", "/1.0", nil, false},
		{"get", "/1.0", nil, false},
		{"GET /internal HTTP/1.1\r\nX: ", "/1.0", nil, false},
		{"GET", "/1.0/operations/x/websocket", http.Header{"upgrade": {"websocket"}, "Connection": {"Upgrade"}}, false},
		{"GET", "/1.0/instances/web/sftp", http.Header{"Upgrade": {"sftp"}}, false},
		{"GET", "/1.0/instances/web/sftp", http.Header{"UPGRADE": {"", "sftp"}}, false},
	} {
		err := send(t, c, test.method, test.path, nil, test.header)
		seen := r.take()
		if test.sent != (len(seen) > 0) || test.sent != (err == nil) {
			t.Errorf("%s %s: %d requests were sent, %v", test.method, test.path, len(seen), err)
		}
		for _, s := range seen {
			if how := leaves(s); how != "" {
				t.Errorf("%s %s was sent as %s %s, which may be %s", test.method, test.path, s.Method, s.RequestURI, how)
			}
		}
		if err != nil && test.method == "GET" && strings.HasPrefix(test.path, "/") && !errors.Is(err, errors.Permission) {
			t.Errorf("%s %s: %v", test.method, test.path, err)
		}
	}
}

// TestReadOnlyRandomPaths tries random spellings of paths outside of the API.
func TestReadOnlyRandomPaths(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	r, socket := newRecorder(t)
	c := newTestClient(t, Config{Socket: socket, ReadOnly: true})
	parts := []string{"/", "//", "1.0", "internal", "..", ".", "%2e", "%2E%2e", "%252e", "%2f", "%2F", "%252f", "%25", "%5c", `\`, ";", ";x=1", "?", "#",
		"sql", "http://", "incus", ":", "@", "*", " ", "\t", "%00", "%20", "\u2044", "%c0%ae", "%u002e", "instances", "%31", "%30", "é"}
	sent := 0
	for range 3000 {
		var path strings.Builder
		path.WriteString([]string{"/", "/1.0", "/1.0/", "/1.0/", "//", ""}[random.IntN(6)])
		for range random.IntN(9) {
			path.WriteString(parts[random.IntN(len(parts))])
		}
		_, err := c.Do(t.Context(), Request{Path: path.String(), Query: url.Values{"q": {"../internal"}}})
		seen := r.take()
		sent += len(seen)
		for _, s := range seen {
			if how := leaves(s); how != "" {
				t.Errorf("%q was sent as %s, which may be %s (%v)", path.String(), s.RequestURI, how, err)
			}
		}
	}
	if sent < 100 {
		t.Errorf("only %d of the requests were sent", sent)
	}
}

// TestInternalIsAllowed checks that a client without ReadOnly sends all requests.
func TestInternalIsAllowed(t *testing.T) {
	r, socket := newRecorder(t)
	c := newTestClient(t, Config{Socket: socket})
	if _, err := c.Do(t.Context(), Request{Path: "/internal/ready"}); err != nil {
		t.Error(err)
	}
	if seen := r.take(); len(seen) != 1 || seen[0].RequestURI != "/internal/ready" {
		t.Errorf("sent %v", seen)
	}
}

func newTestClient(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
