package rest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"incus-star/errors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	opID   = "0a6b2ae5-4f0c-4f0b-9d3c-1f3c1c6d1a11"
	opPath = "/1.0/operations/" + opID
)

// A step is a request that a fake expects, and its answer.
type step struct {
	want   string // "METHOD /path?query"
	status int    // 0 for 200
	body   string
	header map[string]string
	// announce is a Content-Length larger than the body, for a truncated answer.
	announce int
	// raw is written instead of an answer, before closing the connection.
	raw string
	// first, if not nil, is called before the answer, after the header was flushed.
	first func(*http.Request)
	// check, if not nil, checks the request.
	check func(t *testing.T, r *http.Request, body string)
	// serve, if not nil, replaces all of the above.
	serve http.HandlerFunc
}

// A fake is a server that expects requests in order. It fails the test on other requests and on missing ones.
type fake struct {
	t           *testing.T
	server      *httptest.Server
	socket      string
	mu          sync.Mutex
	steps       []step
	connections int
}

// newFake returns a fake on a unix socket, which ends with the test.
func newFake(t *testing.T, steps ...step) *fake {
	t.Helper()
	f := unstartedFake(t, steps...)
	f.start(f.server.Start)
	return f
}

// unstartedFake returns a fake that f.start(f.server.Start) starts.
func unstartedFake(t *testing.T, steps ...step) *fake {
	t.Helper()
	f := &fake{t: t, steps: steps, socket: filepath.Join(t.TempDir(), "s")}
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewUnstartedServer(f)
	f.server.Listener.Close()
	f.server.Listener = listener
	return f
}

// newTLSFake returns a fake on HTTPS.
func newTLSFake(t *testing.T, certificate tls.Certificate, steps ...step) *fake {
	t.Helper()
	return changedTLSFake(t, certificate, nil, steps...)
}

// changedTLSFake returns a fake on HTTPS with a changed configuration.
func changedTLSFake(t *testing.T, certificate tls.Certificate, change func(*tls.Config), steps ...step) *fake {
	t.Helper()
	f := &fake{t: t, steps: steps}
	f.server = httptest.NewUnstartedServer(f)
	f.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert}
	if change != nil {
		change(f.server.TLS)
	}
	f.start(f.server.StartTLS)
	return f
}

func (f *fake) start(start func()) {
	f.server.Config.ErrorLog = nil
	if f.server.Config.ConnState == nil {
		f.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				f.mu.Lock()
				f.connections++
				f.mu.Unlock()
			}
		}
	}
	f.server.Config.ErrorLog = quiet
	start()
	f.t.Cleanup(func() {
		f.server.CloseClientConnections()
		f.server.Close()
		for _, s := range f.steps {
			f.t.Errorf("this request never came: %s", s.want)
		}
	})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	got := r.Method + " " + r.RequestURI
	if len(f.steps) == 0 || f.steps[0].want != got {
		f.t.Errorf("unexpected request: %s (next: %d steps)", got, len(f.steps))
		f.mu.Unlock()
		w.WriteHeader(http.StatusTeapot)
		return
	}
	s := f.steps[0]
	f.steps = f.steps[1:]
	f.mu.Unlock()

	if s.check != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.t.Error(err)
		}
		s.check(f.t, r, string(body))
	}
	switch {
	case s.serve != nil:
		s.serve(w, r)
		return
	case s.raw != "":
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			f.t.Error(err)
			return
		}
		defer connection.Close()
		io.WriteString(connection, s.raw)
		return
	}
	for key, value := range s.header {
		w.Header().Set(key, value)
	}
	if s.announce > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(s.announce))
	}
	if s.status == 0 {
		s.status = http.StatusOK
	}
	w.WriteHeader(s.status)
	if s.first != nil {
		http.NewResponseController(w).Flush()
		s.first(r)
	}
	io.WriteString(w, s.body)
}

// add appends steps.
func (f *fake) add(steps ...step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, steps...)
}

// client returns a client of the fake; change may be nil.
func (f *fake) client(change func(*Config)) *Client {
	f.t.Helper()
	config := Config{Socket: f.socket}
	if f.socket == "" {
		config.Endpoints = []string{f.server.URL}
	}
	if change != nil {
		change(&config)
	}
	return newClient(f.t, config)
}

func newClient(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// newCertificate returns a self-signed certificate like that of a server.
func newCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return signedCertificate(t, name, time.Hour, nil)
}

// signedCertificate returns a certificate with a duration of validity, signed by another one, or by itself for nil.
func signedCertificate(t *testing.T, name string, valid time.Duration, signer *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "root@" + name, Organization: []string{"Linux Containers"}},
		NotBefore:    time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{name},
	}
	parent, parentKey := template, any(key)
	if signer != nil {
		parent, parentKey = signer.Leaf, signer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// asError returns the *errors.Error in err, or fails the test.
func asError(t *testing.T, err error) *errors.Error {
	t.Helper()
	var e *errors.Error
	if !errors.As(err, &e) {
		t.Fatalf("want an *errors.Error, got %#v: %v", err, err)
	}
	return e
}

// operation returns the JSON of an operation.
func operation(code int, err, metadata string) string {
	status := map[int]string{103: "Running", 105: "Pending", 200: "Success", 400: "Failure", 401: "Cancelled"}[code]
	return fmt.Sprintf(`{"id":%q,"class":"task","description":"Creating instance","created_at":"2024-01-01T00:00:00Z",`+
		`"updated_at":"2024-01-01T00:00:00Z","status":%q,"status_code":%d,"resources":{"instances":["/1.0/instances/c1"]},`+
		`"metadata":%s,"may_cancel":false,"err":%q,"location":"none"}`, opID, status, code, metadata, err)
}

func syncBody(metadata string) string {
	return `{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":` + metadata + "}\n"
}

func asyncBody(operation string) string {
	return `{"type":"async","status":"Operation created","status_code":100,"operation":"` + opPath + `","error_code":0,"error":"","metadata":` + operation + "}\n"
}

func errorBody(code int, message string) string {
	return fmt.Sprintf("{\"type\":\"error\",\"status\":\"\",\"status_code\":0,\"operation\":\"\",\"error_code\":%d,\"error\":%q,\"metadata\":null}\n", code, message)
}
