package starlarkincus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A joined is a server that new clients can join.
type joined struct {
	*httptest.Server
	certificate tls.Certificate
	fingerprint string

	mu       sync.Mutex
	secret   string          // of the token that is valid
	trusts   map[string]bool // fingerprints of clients
	projects []string
	public   bool
	lose     bool   // the answer to a new certificate
	rival    string // the refusal of a client that another call made trusted meanwhile
	late     bool   // it trusts that client only after it was asked once more
	requests []string
}

// newJoined returns a running server. Its requests come one after another.
func newJoined(t *testing.T, certificate tls.Certificate) *joined {
	t.Helper()
	sum := sha256.Sum256(certificate.Certificate[0])
	j := &joined{certificate: certificate, fingerprint: fmt.Sprintf("%x", sum), secret: "s3cret-word", trusts: make(map[string]bool), projects: []string{"default"}}
	j.Server = httptest.NewUnstartedServer(j)
	j.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}
	j.Config.ErrorLog = log.New(io.Discard, "", 0)
	j.StartTLS()
	t.Cleanup(j.Close)
	return j
}

func (j *joined) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client := ""
	if len(r.TLS.PeerCertificates) > 0 {
		client = fmt.Sprintf("%x", sha256.Sum256(r.TLS.PeerCertificates[0].Raw))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, r.Method+" "+r.URL.Path)
	answer := func(status int, metadata any) {
		body := map[string]any{"type": "sync", "status": "Success", "status_code": status, "metadata": metadata}
		if status >= 400 {
			body = map[string]any{"type": "error", "error": metadata, "error_code": status}
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body)
	}
	auth := "untrusted"
	if j.trusts[client] && !j.late {
		auth = "trusted"
	}
	switch name, isProject := strings.CutPrefix(r.URL.Path, "/1.0/projects/"); {
	case r.URL.Path == "/1.0":
		j.late = false
		answer(200, map[string]any{"auth": auth, "auth_methods": []string{"tls"}, "public": j.public, "api_extensions": []string{}})
	case r.URL.Path == "/1.0/certificates" && r.Method == "POST":
		var body struct {
			Type       string `json:"type"`
			TrustToken string `json:"trust_token"`
		}
		json.NewDecoder(r.Body).Decode(&body)
		var token struct{ Secret string }
		data, _ := base64.StdEncoding.DecodeString(body.TrustToken)
		json.Unmarshal(data, &token)
		if j.rival != "" {
			j.trusts[client], j.late = true, true
			answer(400, j.rival)
			return
		}
		if body.Type != "client" || token.Secret != j.secret || client == "" {
			answer(403, "not authorized")
			return
		}
		j.trusts[client], j.secret = true, ""
		if j.lose {
			panic(http.ErrAbortHandler)
		}
		answer(200, map[string]any{})
	case auth != "trusted":
		answer(403, "not authorized")
	case r.URL.Path == "/1.0/projects":
		var paths []string
		for _, name := range j.projects {
			paths = append(paths, "/1.0/projects/"+name)
		}
		answer(200, paths)
	case isProject && strings.Contains(strings.Join(j.projects, " "), name):
		answer(200, map[string]any{"name": name})
	default:
		answer(404, "not found")
	}
}

// got returns the requests so far.
func (j *joined) got() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.requests, "; ")
}

// token returns a token of the server's.
func (j *joined) token(fingerprint string, addresses ...string) string {
	data, _ := json.Marshal(map[string]any{"client_name": "c", "fingerprint": fingerprint, "addresses": addresses, "secret": "s3cret-word", "expires_at": "0001-01-01T00:00:00Z"})
	return base64.StdEncoding.EncodeToString(data)
}

// serverCertificate returns a certificate of its own authority.
func serverCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A user is a user's configuration, for clients that make remotes.
type user struct {
	*testing.T
	dir     string
	options starlarkincus.Options
}

func newUser(t *testing.T) *user { return userOf(t, filepath.Join(t.TempDir(), "incus")) }

// userOf returns the user with a configuration folder.
func userOf(t *testing.T, dir string) *user {
	return &user{t, dir, starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_CONF": dir}[name]
	}}}}
}

// run evaluates an expression with a new client.
func (u *user) run(expression string, args ...any) (starlark.Value, error) {
	u.Helper()
	predeclared, closeAll := starlarkincus.Predeclared(u.options)
	defer closeAll()
	return starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test.star", fmt.Sprintf(expression, args...), predeclared)
}

// files returns the names of the files of the configuration.
func (u *user) files() string {
	var names []string
	filepath.WalkDir(u.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(u.dir, path)
			names = append(names, name)
		}
		return nil
	})
	return strings.Join(names, " ")
}

const joinedFiles = "client.crt client.key config.yml servercerts/s.crt"

// TestAddRemote checks each way to add a server, by the files that it leaves and the requests that the server gets, and
// that the server then answers as a remote.
func TestAddRemote(t *testing.T) {
	certificate, other := serverCertificate(t, "server.example"), serverCertificate(t, "other.example")
	const joins = "POST /1.0/certificates; GET /1.0/projects"
	for name, test := range map[string]struct {
		prepare  func(j *joined, u *user)
		call     string // with TOKEN, URL, PRINT and OTHER
		result   string // an expression of r
		requests string
		files    string
	}{
		"token":             {nil, `token = "TOKEN"`, `r.addresses == ["URL"] and r.auth_type == "tls" and r.project == "" and not r.public and not r.default`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"token and url":     {nil, `token = "ELSEWHERE", url = "URL,https://127.0.0.1:1"`, `r.addresses == ["URL", "https://127.0.0.1:1"]`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"a second address":  {nil, `token = "DEADFIRST"`, `r.addresses == ["URL"]`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"another's address": {nil, `token = "OTHERFIRST"`, `r.addresses == ["URL"]`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"a lost answer":     {func(j *joined, _ *user) { j.lose = true }, `token = "TOKEN"`, `True`, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0; GET /1.0/projects", joinedFiles},
		"trusted meanwhile": {func(j *joined, _ *user) { j.rival = "Client is already trusted" }, `token = "TOKEN"`, `True`, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0; GET /1.0; GET /1.0/projects", joinedFiles},
		"stored meanwhile":  {func(j *joined, _ *user) { j.rival = "Certificate already in trust store" }, `token = "TOKEN"`, `True`, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0; GET /1.0; GET /1.0/projects", joinedFiles},
		"trusted already":   {func(j *joined, u *user) { j.trust(u) }, `token = "TOKEN"`, `True`, "GET /1.0; GET /1.0; GET /1.0/projects", joinedFiles},
		"fingerprint":       {func(j *joined, u *user) { j.trust(u) }, `url = "URL", fingerprint = "PRINT"`, `True`, "GET /1.0; GET /1.0; GET /1.0/projects", joinedFiles},
		"capitals, colons":  {func(j *joined, u *user) { j.trust(u) }, `url = "URL", fingerprint = "COLONS"`, `True`, "GET /1.0; GET /1.0; GET /1.0/projects", joinedFiles},
		"an authority":      {func(j *joined, u *user) { j.trust(u); u.write("client.ca", j.certificate) }, `url = "URL"`, `True`, "GET /1.0; GET /1.0; GET /1.0/projects", "client.ca client.crt client.key config.yml"},
		"authority and pin": {func(j *joined, u *user) { j.trust(u); u.write("client.ca", j.certificate) }, `url = "URL", fingerprint = "PRINT"`, `True`, "GET /1.0; GET /1.0; GET /1.0/projects", "client.ca " + joinedFiles},
		"authority, token":  {func(j *joined, u *user) { u.write("client.ca", j.certificate) }, `token = "OTHERPRINT"`, `True`, "GET /1.0; GET /1.0; " + joins, "client.ca client.crt client.key config.yml"},
		"one project":       {func(j *joined, _ *user) { j.projects = []string{"web"} }, `token = "TOKEN"`, `r.project == "web"`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"some projects":     {func(j *joined, _ *user) { j.projects = []string{"web", "default"} }, `token = "TOKEN"`, `r.project == ""`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
		"a project":         {func(j *joined, _ *user) { j.projects = []string{"web", "db"} }, `token = "TOKEN", project = "db"`, `r.project == "db"`, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0/projects/db", joinedFiles},
		"public":            {nil, `url = "URL", fingerprint = "PRINT", public = True`, `r.public and r.auth_type == "none"`, "GET /1.0; GET /1.0", "config.yml servercerts/s.crt"},
		"a public server":   {func(j *joined, _ *user) { j.public = true }, `url = "URL", fingerprint = "PRINT"`, `r.public`, "GET /1.0; GET /1.0", joinedFiles},
		"simplestreams":     {nil, `url = "https://images.example/x", protocol = "simplestreams"`, `r.public and r.protocol == "simplestreams" and r.auth_type == "none"`, "", "config.yml"},
		"oci":               {nil, `url = "https://docker.example", protocol = "oci", credentials_helper = "x"`, `r.public and r.protocol == "oci"`, "", "config.yml"},
		"an old pin":        {func(j *joined, u *user) { u.write("servercerts/s.crt", other) }, `token = "TOKEN"`, `True`, "GET /1.0; GET /1.0; " + joins, joinedFiles},
	} {
		t.Run(name, func(t *testing.T) {
			j, u := newJoined(t, certificate), newUser(t)
			wrong := newJoined(t, other)
			if test.prepare != nil {
				test.prepare(j, u)
			}
			address := j.Listener.Addr().String()
			call := strings.NewReplacer("TOKEN", j.token(j.fingerprint, address), "OTHERPRINT", j.token(wrong.fingerprint, address), "ELSEWHERE", j.token(j.fingerprint, "127.0.0.1:1"), "DEADFIRST", j.token(j.fingerprint, "127.0.0.1:1", address),
				"OTHERFIRST", j.token(j.fingerprint, wrong.Listener.Addr().String(), address), "URL", j.URL, "PRINT", j.fingerprint, "COLONS", colons(j.fingerprint)).Replace(test.call)
			var failed atomic.Pointer[rest.Trace]
			u.options.Trace = func(t rest.Trace) {
				if errors.Is(t.Err, errors.TLS) {
					failed.Store(&t)
				}
			}
			var warned atomic.Int32
			u.options.Warn = func(message string) {
				if strings.Contains(message, "didn't take the token") {
					warned.Add(1)
				}
			}
			got, err := u.run(`[%s for r in [incus.remotes.add("s", %s)]][0]`, strings.ReplaceAll(test.result, "URL", j.URL), call)
			if err != nil || got != starlark.True {
				t.Fatal(got, err)
			}
			if f := failed.Load(); f != nil && !strings.Contains(test.call, "OTHERFIRST") {
				t.Errorf("the trace has an error: %v", f.Err)
			}
			if requests := j.got(); requests != test.requests {
				t.Errorf("got %s, want %s", requests, test.requests)
			}
			if unused := strings.Contains(test.call, "token") && !strings.Contains(test.requests, "POST"); (warned.Load() == 1) != unused {
				t.Errorf("%d warnings of an unused token, want one: %v", warned.Load(), unused)
			}
			if files := u.files(); files != test.files {
				t.Errorf("files %s, want %s", files, test.files)
			}
			if got := wrong.got(); got != "" {
				t.Errorf("another server got %v", got)
			}
			if test.requests == "" || j.public || strings.Contains(call, "public") {
				return
			}
			if got, err := u.run(`incus.connect("s").server().auth`); err != nil || got != starlark.String("trusted") {
				t.Error(got, err)
			}
		})
	}
}

// trust makes the server trust the user's certificate.
func (j *joined) trust(u *user) {
	config, err := remote.Load(u.Context(), *u.options.Environment)
	if err == nil {
		_, err = config.MakeCertificate(u.Context())
	}
	if err != nil {
		u.Fatal(err)
	}
	pair, err := u.options.Environment.LoadCertificate(u.Context(), filepath.Join(u.dir, "client.crt"), filepath.Join(u.dir, "client.key"))
	if err != nil {
		u.Fatal(err)
	}
	j.trusts[fmt.Sprintf("%x", sha256.Sum256(pair.Certificate[0]))] = true
}

func (u *user) write(name string, certificate tls.Certificate) {
	path := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		u.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o644); err != nil {
		u.Fatal(err)
	}
}

// TestAddRemoteFails checks the class and the message of each failure, that nothing is saved, that no error has the
// token's secret, and that a wrong server gets no request.
func TestAddRemoteFails(t *testing.T) {
	certificate, other := serverCertificate(t, "server.example"), serverCertificate(t, "other.example")
	for name, test := range map[string]struct {
		prepare  func(j *joined, u *user)
		call     string
		class    *errors.Class // nil for a mistake of the script
		parts    []string
		outcome  errors.Outcome
		requests string
	}{
		"neither":            {nil, ``, nil, []string{"remotes.add: say which server: token= or url="}, "", ""},
		"no token":           {nil, `token = "abc"`, nil, []string{"token: that is no token of certificates.create_token"}, "", ""},
		"a cluster's token":  {nil, `token = "CLUSTER"`, nil, []string{"that is a token for a new member of a cluster: incus.cluster.join takes it"}, "", ""},
		"short fingerprint":  {nil, `url = "URL", fingerprint = "abcd"`, nil, []string{"fingerprint: it must be the SHA-256 of a certificate"}, "", ""},
		"protocol":           {nil, `url = "URL", protocol = "lxd"`, nil, []string{`protocol: "lxd" is not one of incus, simplestreams, oci`}, "", ""},
		"token for images":   {nil, `token = "TOKEN", protocol = "oci"`, nil, []string{"token= is for a server of Incus"}, "", ""},
		"project of images":  {nil, `url = "URL", protocol = "oci", project = "p"`, nil, []string{"project="}, "", ""},
		"helper":             {nil, `url = "URL", credentials_helper = "x"`, nil, []string{`credentials_helper= goes with protocol="oci"`}, "", ""},
		"not https":          {nil, `url = "http://x"`, errors.Config, []string{`addr "http://x:8443" is neither`}, errors.NotSent, ""},
		"images without TLS": {nil, `url = "http://x", protocol = "simplestreams"`, errors.Config, []string{`addr "http://x" is neither`}, errors.NotSent, ""},
		"taken":              {func(_ *joined, u *user) { u.text("config.yml", "remotes:\n  s:\n    addr: https://x:1\n") }, `token = "TOKEN"`, errors.Config, []string{`remote "s" exists already`}, errors.NotSent, ""},
		"unknown":            {nil, `url = "URL"`, errors.TLS, []string{"the certificate of URL can't be trusted: its fingerprint is PRINT, and none is expected", `if "incus info"`, `incus.remotes.add("s", url="URL", fingerprint="PRINT")`}, errors.NotSent, ""},
		"wrong fingerprint":  {nil, `url = "URL", fingerprint = "WRONG"`, errors.TLS, []string{"isn't the one expected: its fingerprint is PRINT, and fingerprint= is WRONG"}, errors.NotSent, ""},
		"wrong, signed":      {func(j *joined, u *user) { u.write("client.ca", j.certificate) }, `url = "URL", fingerprint = "WRONG"`, errors.TLS, []string{"its fingerprint is PRINT, and fingerprint= is WRONG"}, errors.NotSent, ""},
		"another's token":    {nil, `token = "OTHERPRINT"`, errors.TLS, []string{"isn't the one that the token is for: its fingerprint is PRINT, and that of the token is WRONG"}, errors.NotSent, ""},
		"no server":          {nil, `token = "ELSEWHERE"`, errors.Connection, []string{"can't connect to https://127.0.0.1:1"}, errors.NotSent, ""},
		"dead and wrong":     {nil, `token = "OTHERPRINT", url = "https://127.0.0.1:1,URL"`, errors.TLS, []string{"its fingerprint is PRINT"}, errors.NotSent, ""},
		"no trust":           {nil, `url = "URL", fingerprint = "PRINT"`, errors.Authentication, []string{"URL doesn't know this client's certificate: it needs a token", `"incus config trust add NAME" on the server prints a token for incus.remotes.add("s", token=…)`}, errors.NotSent, "GET /1.0; GET /1.0"},
		"used up":            {func(j *joined, _ *user) { j.secret = "" }, `token = "TOKEN"`, errors.Authentication, []string{"not authorized"}, errors.Refused, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0"},
		"project":            {nil, `token = "TOKEN", project = "no"`, errors.NotFound, []string{"not found", `the server trusts this client now, and the token is used: incus.remotes.add("s", url="URL", fingerprint="PRINT") adds the remote`}, errors.Unknown, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0/projects/no"},
		"which project":      {func(j *joined, _ *user) { j.projects = []string{"a", "b"} }, `token = "TOKEN"`, errors.Config, []string{"in several projects: a, b", `incus.remotes.add("s", url="URL", fingerprint="PRINT", project="a")`}, errors.Unknown, "GET /1.0; GET /1.0; POST /1.0/certificates; GET /1.0/projects"},
		"half a certificate": {func(_ *joined, u *user) { u.text("client.key", "x") }, `token = "TOKEN"`, errors.Config, []string{"client.key lacks its certificate"}, errors.NotSent, ""},
		"no folder":          {func(_ *joined, u *user) { u.text("servercerts", "x") }, `token = "TOKEN"`, errors.Config, []string{"servercerts"}, errors.NotSent, "GET /1.0; GET /1.0"},
		"pin is a folder": {func(_ *joined, u *user) {
			if err := os.MkdirAll(filepath.Join(u.dir, "servercerts", "s.crt"), 0o700); err != nil {
				u.Fatal(err)
			}
		}, `token = "TOKEN"`, errors.Config, []string{"s.crt exists, and is no file of its own"}, errors.NotSent, "GET /1.0; GET /1.0"},
		"read only": {func(_ *joined, u *user) { u.options.ReadOnly = true }, `token = "TOKEN"`, errors.Permission, []string{"remotes.add creates an object; nothing was sent"}, errors.NotSent, ""},
	} {
		t.Run(name, func(t *testing.T) {
			j, u := newJoined(t, certificate), newUser(t)
			wrong := newJoined(t, other)
			if test.prepare != nil {
				test.prepare(j, u)
			}
			before := u.files()
			address := j.Listener.Addr().String()
			cluster := base64.StdEncoding.EncodeToString([]byte(`{"server_name":"m2","fingerprint":"x","addresses":["x"],"secret":"s3cret-word"}`))
			replace := strings.NewReplacer("TOKEN", j.token(j.fingerprint, address), "CLUSTER", cluster, "OTHERPRINT", j.token(wrong.fingerprint, address), "ELSEWHERE", j.token(j.fingerprint, "127.0.0.1:1"),
				"URL", j.URL, "PRINT", j.fingerprint, "WRONG", wrong.fingerprint)
			_, err := u.run(`incus.remotes.add("s", %s)`, replace.Replace(test.call))
			if err == nil {
				t.Fatal("it succeeded")
			}
			var e *errors.Error
			errors.As(err, &e)
			if (e == nil) != (test.class == nil) || e != nil && (e.Class != test.class || e.Outcome != test.outcome) {
				t.Errorf("got %v, %+v", err, e)
			}
			shown := err.Error()
			if e != nil && e.Remedy() != "" {
				shown += "\n" + e.Remedy() // a report has it on a line of its own
			}
			for _, part := range test.parts {
				if part = replace.Replace(part); !strings.Contains(shown, part) {
					t.Errorf("%q lacks %q", shown, part)
				}
			}
			if e != nil && e.Hint != "" && e.Class != errors.Connection && (e.Remedy() != e.Hint || strings.Count(shown, e.Hint) != 1 || strings.Contains(shown, "[redacted]")) {
				t.Errorf("the hint %q isn't on a line of its own in %q", e.Hint, shown)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, e), j.token(j.fingerprint, address)) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error has a secret: %v", err)
			}
			if requests := j.got(); requests != test.requests {
				t.Errorf("got %q, want %q", requests, test.requests)
			}
			certificates := strings.NewReplacer("client.crt", "", "client.key", "", " ", "")
			if after := u.files(); certificates.Replace(after) != certificates.Replace(before) {
				t.Errorf("before %s, after %s", before, after)
			}
		})
	}
}
