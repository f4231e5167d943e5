package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
)

// realClient returns a client of the testbed's daemon.
func realClient(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	if !strings.Contains(t.Name(), "Real") {
		t.Fatal("needs Real in its name, by which scripts/test.sh runs it on each line")
	}
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	config := Config{Socket: filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), Timeout: time.Minute}
	if change != nil {
		change(&config)
	}
	return newClient(t, config)
}

// unique returns a name that no other test run uses.
func unique(kind string) string {
	return fmt.Sprintf("rest-%s-%d-%08x", kind, os.Getpid(), rand.Uint32())
}

// do sends a request and waits for its operation. It fails the test on an error.
func do(t *testing.T, c *Client, method, path string, body any) (*Reply, *State) {
	t.Helper()
	reply, err := c.Do(t.Context(), Request{Method: method, Path: path, Body: body})
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if reply.Operation == nil {
		return reply, nil
	}
	state, err := reply.Operation.Wait(t.Context())
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply, state
}

// remove deletes an object at the end of the test.
func remove(t *testing.T, c *Client, path string) {
	t.Cleanup(func() {
		ctx := context.Background()
		reply, err := c.Do(ctx, Request{Method: "DELETE", Path: path})
		if err == nil && reply.Operation != nil {
			_, err = reply.Operation.Wait(ctx)
		}
		if err != nil && !errors.Is(err, errors.NotFound) {
			t.Error(err)
		}
	})
}

// instance returns the body of a creation.
func instance(name string) map[string]any {
	return map[string]any{"name": name, "source": map[string]any{"type": "image", "alias": os.Getenv("INCUS_STAR_TESTBED_IMAGE")}}
}

func TestRealErrors(t *testing.T) {
	c := realClient(t, nil)
	profile := unique("p")
	do(t, c, "POST", "/1.0/profiles", map[string]any{"name": profile})
	remove(t, c, "/1.0/profiles/"+profile)
	reply, _ := do(t, c, "GET", "/1.0/profiles/"+profile, nil)
	if reply.ETag == "" {
		t.Error("no ETag")
	}
	for _, test := range []struct {
		request Request
		class   *errors.Class
		status  int
		message string
	}{
		{Request{Path: "/1.0/instances/none"}, errors.NotFound, 404, ""},
		{Request{Path: "/1.0/nothing"}, errors.NotFound, 404, "not found"},
		{Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{}}, errors.BadRequest, 400, ""},
		{Request{Method: "POST", Path: "/1.0/instances", Body: instance("not_a_name")}, errors.BadRequest, 400, ""},
		{Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{"name": profile}}, errors.AlreadyExists, 0, ""},
		{Request{Method: "PUT", Path: "/1.0/profiles/" + profile, Body: map[string]any{"description": "x"}, IfMatch: "other"}, errors.PreconditionFailed, 412, ""},
		{Request{Method: "HEAD", Path: "/1.0/profiles"}, errors.NotImplemented, 501, ""},
		{Request{Path: "/1.0/events"}, errors.BadRequest, 400, "Bad Request"},
		{Request{Path: "/1.0/operations/" + opID + "/wait"}, errors.NotFound, 404, ""},
	} {
		_, err := c.Do(t.Context(), test.request)
		e := asError(t, err)
		t.Logf("%s %s: %v", test.request.Method, test.request.Path, e)
		if e.Class != test.class || test.status != 0 && e.Status != test.status || test.message != "" && e.Message != test.message {
			t.Errorf("want %s (%d): %s", test.class, test.status, test.message)
		}
	}
	_, err := c.Operation(opID).Wait(t.Context())
	if e := asError(t, err); e.Class != errors.NotFound || e.OperationID != opID {
		t.Errorf("%+v", e)
	}
}

// TestRealInstance checks that both lines of Incus give the same errors.
func TestRealInstance(t *testing.T) {
	var requests atomic.Int32
	c := realClient(t, func(config *Config) { config.Trace = func(Trace) { requests.Add(1) } })
	name := unique("c")
	path := "/1.0/instances/" + name
	if !c.Listen(t.Context()) {
		t.Fatal("no events")
	}
	remove(t, c, path)

	before := requests.Load()
	reply, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: instance(name)})
	if err != nil {
		t.Fatal(err)
	}
	updates := 0
	state, err := reply.Operation.WaitProgress(t.Context(), func(s State) { updates++ })
	if err != nil || state.StatusCode != 200 || len(state.Resources["instances"]) != 1 {
		t.Fatalf("%+v, %v", state, err)
	}
	if requests.Load()-before != 2 || updates == 0 {
		t.Errorf("%d requests, %d updates", requests.Load()-before, updates)
	}

	set := func(action string) error {
		reply, err := c.Do(t.Context(), Request{Method: "PUT", Path: path + "/state", Body: map[string]any{"action": action, "force": true, "timeout": 30}})
		if err == nil {
			_, err = reply.Operation.Wait(t.Context())
		}
		return err
	}
	if err := set("start"); err != nil {
		t.Fatal(err)
	}
	err = set("start")
	e := asError(t, err)
	if e.Class != errors.Operation || !errors.Is(err, errors.State) || e.Status != 400 || e.Message != "The instance is already running" ||
		e.OperationID == "" || e.Method != "PUT" || e.Path != path+"/state" {
		t.Errorf("%+v", e)
	}
	if response, _ := e.Response.(map[string]any); response["id"] != e.OperationID || response["err"] != e.Message || response["status_code"] != json.Number("400") {
		t.Errorf("the response is %v", e.Response)
	}

	reply, err = c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: instance(name)})
	if err == nil {
		_, err = reply.Operation.Wait(t.Context())
	}
	t.Logf("duplicate: %v", err)
	if e := asError(t, err); e.Class != errors.AlreadyExists || e.Method != "POST" || e.Path != "/1.0/instances" {
		t.Errorf("%+v", e)
	}

	_, err = c.Do(t.Context(), Request{Method: "DELETE", Path: path})
	t.Logf("delete while running: %v", err)
	if !errors.Is(err, errors.State) {
		t.Errorf("%+v", asError(t, err))
	}

	// A missing and an existing file.
	if _, _, err := c.Raw(t.Context(), Request{Path: path + "/files", Query: url.Values{"path": {"/etc/none"}}}); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}
	body, raw, err := c.Raw(t.Context(), Request{Path: path + "/files", Query: url.Values{"path": {"/etc/passwd"}}})
	if err != nil || !strings.HasPrefix(string(body), "root:") || raw.Header.Get("X-Incus-Type") != "file" {
		t.Errorf("%s, %v, %v", body, raw, err)
	}

	// A command with secrets: the error has none, and the websocket works.
	reply, err = c.Do(t.Context(), Request{Method: "POST", Path: path + "/exec", Body: map[string]any{
		"command": []string{"cat"}, "wait-for-websocket": true, "interactive": true}})
	if err != nil {
		t.Fatal(err)
	}
	var exec struct{ Fds map[string]string }
	if err := json.Unmarshal(reply.Operation.State().Metadata, &exec); err != nil || len(exec.Fds) != 2 {
		t.Fatal(exec, err)
	}
	for fd, secret := range exec.Fds {
		connection, err := c.Websocket(t.Context(), reply.Operation.Path()+"/websocket", url.Values{"secret": {secret}})
		if err != nil {
			t.Fatal(fd, err)
		}
		defer connection.CloseNow()
	}
	_, err = c.Websocket(t.Context(), reply.Operation.Path()+"/websocket", url.Values{"secret": {"wrong"}})
	t.Logf("wrong secret: %v", err)
	asError(t, err)

	if err := set("stop"); err != nil {
		t.Fatal(err)
	}
	do(t, c, "DELETE", path, nil)
}

// A command whose websockets the server has waited for too long, 5 seconds or 10, is requested again: it runs once, with all its
// input.
func TestRealExecTooLate(t *testing.T) {
	direct := realClient(t, nil)
	name := unique("late")
	running := instance(name)
	running["start"] = true
	remove(t, direct, "/1.0/instances/"+name)
	do(t, direct, "POST", "/1.0/instances", running)
	t.Cleanup(func() {
		stop := Request{Method: "PUT", Path: "/1.0/instances/" + name + "/state", Body: map[string]any{"action": "stop", "force": true}}
		reply, err := direct.Do(context.Background(), stop)
		if err == nil {
			_, err = reply.Operation.Wait(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	proxy := newCutter(t, direct.config.Socket)
	var first atomic.Value // the operation of the first websocket
	proxy.pass = func(request []byte) {
		path, _, attaches := strings.Cut(string(request), "/websocket?")
		if attaches && (first.CompareAndSwap(nil, path) || first.Load() == path) {
			_, _ = direct.Do(t.Context(), Request{Method: "GET", Path: strings.TrimPrefix(path, "GET ") + "/wait"})
		}
	}
	c := realClient(t, func(config *Config) { config.Socket = proxy.socket })
	e, _, err := c.Exec(t.Context(), Request{Method: "POST", Path: "/1.0/instances/" + name + "/exec",
		Body: map[string]any{"command": []string{"sh", "-c", "echo run >> /root/runs; cat; cat /root/runs"}, "wait-for-websocket": true}},
		ExecOptions{Stdin: strings.NewReader("input\n"), MaxOutput: 1000})
	if err != nil {
		t.Fatal(err)
	}
	code, err := e.Wait(t.Context())
	if stdout, _ := e.Output(); code != 0 || err != nil || string(stdout) != "input\nrun\n" {
		t.Errorf("%d, %v, %q", code, err, stdout)
	}
	if first.Load() == nil || strings.Contains(first.Load().(string), e.Operation().ID()) {
		t.Errorf("the server waited for %v, and the operation is %s", first.Load(), e.Operation().ID())
	}
}

// TestRealToken tests an operation that runs until it is cancelled.
func TestRealToken(t *testing.T) {
	c := realClient(t, nil)
	reply, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"name": unique("t"), "type": "client", "token": true}})
	if err != nil {
		t.Fatal(err)
	}
	op := reply.Operation
	secret := struct{ Secret string }{}
	if json.Unmarshal(op.State().Metadata, &secret); secret.Secret == "" {
		t.Errorf("no secret in %s", op.State().Raw)
	}
	_, err = op.WaitTimeout(t.Context(), 50*time.Millisecond)
	if e := asError(t, err); e.Class != errors.OperationTimeout || e.OperationID != op.ID() {
		t.Errorf("%+v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if _, err = op.Wait(ctx); !errors.Is(err, context.Canceled) || time.Since(start) > 500*time.Millisecond {
		t.Error(err, time.Since(start))
	}

	op.Watch()
	if err := op.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = op.Wait(t.Context())
	e := asError(t, err)
	if e.Class != errors.OperationCancelled || e.Status != 401 || strings.Contains(fmt.Sprintf("%+v", *e), secret.Secret) {
		t.Errorf("%+v", e)
	}

	// The server forgets the operation after 5 seconds, but the watch has its end.
	forgotten := time.Now().Add(20 * time.Second)
	for {
		_, err := c.Operation(op.Path()).Refresh(t.Context())
		if errors.Is(err, errors.NotFound) {
			break
		}
		if err != nil || time.Now().After(forgotten) {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if _, again := op.Wait(t.Context()); again != err {
		t.Error(again)
	}
	if err := op.Cancel(t.Context()); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}
}

// realPin returns the certificate of the daemon.
func realPin(t *testing.T, c *Client) *x509.Certificate {
	t.Helper()
	reply, _ := do(t, c, "GET", "/1.0", nil)
	var server struct {
		Environment struct{ Certificate string }
	}
	if err := json.Unmarshal(reply.Metadata, &server); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(server.Environment.Certificate))
	pin, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return pin
}

func TestRealTLS(t *testing.T) {
	local := realClient(t, nil)
	if trusted, err := local.Trusted(t.Context()); !trusted || err != nil {
		t.Error(trusted, err)
	}
	pin, own := realPin(t, local), newCertificate(t, "client")
	connect := func(own *tls.Certificate, pin *x509.Certificate) *Client {
		return newClient(t, Config{Endpoints: []string{os.Getenv("INCUS_STAR_TESTBED_ENDPOINT")}, Certificate: own, ServerCertificate: pin})
	}
	list := func(c *Client) error {
		_, err := c.Do(t.Context(), Request{Path: "/1.0/instances"})
		return err
	}

	wrong := newCertificate(t, pin.DNSNames[0]).Leaf
	e := asError(t, list(connect(&own, wrong)))
	t.Log(e)
	if e.Class != errors.TLS || !strings.Contains(e.Message, fingerprint(pin)) || !strings.Contains(e.Message, fingerprint(wrong)) {
		t.Errorf("%+v", e)
	}
	for _, certificate := range []*tls.Certificate{nil, &own} {
		c := connect(certificate, pin)
		if trusted, err := c.Trusted(t.Context()); trusted || err != nil {
			t.Error(trusted, err)
		}
		e := asError(t, list(c))
		if e.Class != errors.Authentication || e.Status != 403 {
			t.Errorf("%+v", e)
		}
		if c.Listen(t.Context()) {
			t.Error("events for a stranger")
		}
	}

	add := func(restricted bool) {
		do(t, local, http.MethodPost, "/1.0/certificates", map[string]any{"name": unique("cert"), "type": "client", "restricted": restricted,
			"projects": []string{}, "certificate": base64.StdEncoding.EncodeToString(own.Certificate[0])})
	}
	path := "/1.0/certificates/" + fingerprint(own.Leaf)
	remove(t, local, path)
	add(true)
	restricted := connect(&own, pin)
	if err := list(restricted); err != nil { // 6.0 returns 500, newer servers an empty list
		t.Log(err)
		if !errors.Is(err, errors.Permission) {
			t.Errorf("%+v", asError(t, err))
		}
	}
	_, err := restricted.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: instance("c1")})
	if e := asError(t, err); e.Class != errors.Permission || e.Status != 403 {
		t.Errorf("%+v", e)
	}
	t.Logf("events for a restricted client: %v", restricted.Listen(t.Context()))
	do(t, local, http.MethodDelete, path, nil)
	add(false)
	c := connect(&own, pin)
	if err := list(c); err != nil {
		t.Error(err)
	}
	if !c.Listen(t.Context()) {
		t.Error("no events over TLS")
	}
}
