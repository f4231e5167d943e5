package rest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// A trustee makes clients and tokens of a real server.
type trustee struct {
	t     *testing.T
	admin *Client
	// projects are one for a restricted client, and another one.
	own, other string
}

// client returns a client over HTTPS with a certificate; nil for none.
func (r *trustee) client(certificate *tls.Certificate) *Client {
	return newClient(r.t, Config{Endpoints: []string{os.Getenv("INCUS_STAR_TESTBED_ENDPOINT")}, Certificate: certificate, ServerCertificate: realPin(r.t, r.admin)})
}

// known returns a client with a new certificate that the server trusts, for all or some projects.
func (r *trustee) known(projects ...string) (*Client, tls.Certificate) {
	own := newCertificate(r.t, "client")
	do(r.t, r.admin, "POST", "/1.0/certificates", map[string]any{"name": unique("cert"), "type": "client", "restricted": len(projects) > 0,
		"projects": projects, "certificate": base64.StdEncoding.EncodeToString(own.Certificate[0])})
	remove(r.t, r.admin, "/1.0/certificates/"+fingerprint(own.Leaf))
	return r.client(&own), own
}

// token returns a token for one client, and its operation.
func (r *trustee) token() (string, *Operation) {
	reply, err := r.admin.Do(r.t.Context(), Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"name": unique("t"), "type": "client", "token": true}})
	if err != nil {
		r.t.Fatal(err)
	}
	var made struct {
		Metadata struct {
			Secret, Fingerprint string
			Addresses           []string
			ExpiresAt           string
		}
	}
	if err := json.Unmarshal(reply.Metadata, &made); err != nil || made.Metadata.Secret == "" {
		r.t.Fatal(err)
	}
	m := made.Metadata
	if m.ExpiresAt == "" {
		m.ExpiresAt = "0001-01-01T00:00:00Z"
	}
	text, _ := json.Marshal(map[string]any{"client_name": "c", "fingerprint": m.Fingerprint, "addresses": m.Addresses, "secret": m.Secret, "expires_at": m.ExpiresAt})
	return base64.StdEncoding.EncodeToString(text), reply.Operation
}

// join returns the request of a client that uses a token.
func join(token string) Request {
	return Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"trust_token": token}}
}

// TestRealTrust checks the class, message and advice of each refusal by a real server, for all kinds of requests. Both lines
// give the same class.
func TestRealTrust(t *testing.T) {
	r := &trustee{t: t, admin: realClient(t, nil), own: unique("own"), other: unique("other")}
	for _, project := range []string{r.own, r.other} {
		do(t, r.admin, "POST", "/1.0/projects", map[string]any{"name": project})
		remove(t, r.admin, "/1.0/projects/"+project)
	}
	refused := func(name string, c *Client, request Request, class *errors.Class, message, hint string) {
		t.Helper()
		_, err := c.Do(t.Context(), request)
		checkRefusal(t, name+": "+request.Method+" "+request.Path, err, Changes(request.Method), class, message, hint)
	}
	everything := func(name string, c *Client, hint string) {
		t.Helper()
		for _, kind := range requestKinds {
			// Public images are for everyone.
			if err := kind.send(t.Context(), c); kind.name != "trust" && kind.name != "a download" {
				checkRefusal(t, name+": "+kind.name, err, kind.changes, errors.Authentication, "", hint)
			}
		}
	}
	works := func(name string, c *Client, request Request) {
		t.Helper()
		if _, err := c.Do(t.Context(), request); err != nil {
			t.Errorf("%s: %s %s: %v", name, request.Method, request.Path, err)
		}
	}

	stranger := newCertificate(t, "client")
	everything("no certificate", r.client(nil), "this client sends no certificate: cert=(crt, key) beside endpoint= gives it one")
	everything("unknown", r.client(&stranger), "the server doesn't trust this client's certificate (fingerprint "+fingerprint(stranger.Leaf)+"): incus.remotes.add(NAME, token=TOKEN)")

	trusted, certificate := r.known()
	works("trusted", trusted, Request{Path: "/1.0/certificates"})
	do(t, r.admin, http.MethodDelete, "/1.0/certificates/"+fingerprint(certificate.Leaf), nil)
	everything("removed while connected", trusted, "the server doesn't trust this client's certificate (fingerprint "+fingerprint(certificate.Leaf))

	limited, certificate := r.known(r.own)
	hint := fmt.Sprintf("incus config trust show %.12s", fingerprint(certificate.Leaf))
	in := func(project, method, path string, body any) Request {
		return Request{Method: method, Path: path, Query: map[string][]string{"project": {project}}, Body: body}
	}
	works("own project", limited, in(r.own, "GET", "/1.0/instances", nil))
	works("own project", limited, in(r.own, "POST", "/1.0/profiles", map[string]any{"name": "p"}))
	works("own project", limited, in(r.own, "DELETE", "/1.0/profiles/p", nil))
	for _, request := range []Request{
		in(r.other, "GET", "/1.0/profiles/default", nil), in(r.other, "POST", "/1.0/profiles", map[string]any{"name": "p"}),
		in(r.other, "POST", "/1.0/instances", instance("c1")), in(r.other, "DELETE", "/1.0/instances/c1", nil), in(r.other, "GET", "/1.0/instances/c1", nil),
		in("default", "POST", "/1.0/instances/c1/exec", map[string]any{"command": []string{"true"}}), in(r.other, "GET", "/1.0/projects/"+r.other, nil),
	} {
		refused("another project", limited, request, errors.Permission, "User does not have permission for project ", hint)
	}
	for _, request := range []Request{
		{Path: "/1.0/warnings"}, {Method: "PUT", Path: "/1.0", Body: map[string]any{}}, {Method: "POST", Path: "/1.0/projects", Body: map[string]any{"name": "p"}},
		{Method: "POST", Path: "/1.0/storage-pools", Body: map[string]any{"name": "p", "driver": "dir"}},
	} {
		refused("the server", limited, request, errors.Permission, "Certificate is restricted", hint)
	}
	refused("the server", limited, Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"name": "p", "type": "client", "token": true}}, errors.Permission, "not authorized", hint)

	newcomer := r.client(&stranger)
	token, _ := r.token()
	works("a token", newcomer, join(token))
	works("trusted by a token", newcomer, Request{Path: "/1.0/certificates"})
	do(t, r.admin, http.MethodDelete, "/1.0/certificates/"+fingerprint(stranger.Leaf), nil)
	used := "the token has been used, has expired, was revoked, or is another server's"
	refused("a used token", newcomer, join(token), errors.Authentication, "No matching certificate add operation found", used)
	revoked, operation := r.token()
	if err := operation.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	refused("a revoked token", newcomer, join(revoked), errors.Authentication, "No matching certificate add operation found", used)
	do(t, r.admin, "PATCH", "/1.0", map[string]any{"config": map[string]any{"core.remote_token_expiry": "1S"}})
	expired, operation := r.token()
	do(t, r.admin, "PATCH", "/1.0", map[string]any{"config": map[string]any{"core.remote_token_expiry": ""}})
	untilExpired(t, operation)
	refused("an expired token", newcomer, join(expired), errors.Authentication, "Failed during search for certificate add token operation: Token has expired", used)
	refused("no token", newcomer, join("nonsense"), errors.Authentication, "not authorized", used)
	unused, operation := r.token()
	refused("a token without a certificate", r.client(nil), join(unused), errors.BadRequest, "No client certificate provided", "this client sends no certificate: cert=(crt, key) beside endpoint= gives it one")
	_ = operation.Cancel(context.Background()) // used up by 7.0
}

// checkRefusal checks the error of a request that a server refused.
func checkRefusal(t *testing.T, name string, err error, changes bool, class *errors.Class, message, hint string) {
	t.Helper()
	e := asError(t, err)
	want := errors.Outcome("")
	if changes {
		want = errors.Refused
	}
	if e.Class != class || e.Outcome != want || !strings.HasPrefix(e.Message, message) || e.Response == nil {
		t.Errorf("%s: got %v, outcome %q", name, e, e.Outcome)
	}
	if !strings.HasPrefix(e.Hint, hint) || e.Remedy() != e.Hint {
		t.Errorf("%s: got %q, want %q", name, e.Hint, hint)
	}
}

// untilExpired waits until the token of an operation has expired.
func untilExpired(t *testing.T, operation *Operation) {
	t.Helper()
	var made struct{ ExpiresAt time.Time }
	if err := json.Unmarshal(operation.State().Metadata, &made); err != nil || made.ExpiresAt.IsZero() {
		t.Fatalf("%s: %v", operation.State().Metadata, err)
	}
	time.Sleep(time.Until(made.ExpiresAt) + 10*time.Millisecond)
}
