package oidc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/fakeoidc"
	"incus-star/starlarkincus/oidc"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
)

// A world is a provider, a server that trusts it, and a user's configuration with the remote r.
type world struct {
	*testing.T
	provider *fakeoidc.Provider
	server   *httptest.Server
	dir      string

	mu       sync.Mutex
	requests []string
	refuses  bool // refuses all tokens
	refused  int  // the request, from 1, whose token is refused; 0 for none

	stream http.HandlerFunc // answers requests with an accepted token; nil for the usual answer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	provider, err := fakeoidc.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Close)
	w := &world{T: t, provider: provider, dir: t.TempDir()}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	w.write("config.yml", fmt.Sprintf("remotes: {r: {addr: %q, auth_type: oidc}}", w.server.URL))
	return w
}

func (w *world) write(name, content string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

// serve answers as a server of Incus: it trusts the provider's tokens, and refuses others with the provider's address.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	user, err := w.provider.Verify(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	w.mu.Lock()
	if w.refused--; w.refuses || w.refused == 0 {
		err = errors.Plain("refused")
	}
	status := map[bool]int{true: 200, false: 401}[err == nil]
	w.requests = append(w.requests, fmt.Sprintf("%s %s %s %d", r.Method, r.URL.Path, body, status))
	w.mu.Unlock()
	if err != nil {
		rw.Header().Set("X-Incus-OIDC-issuer", w.provider.URL)
		rw.Header().Set("X-Incus-OIDC-clientid", fakeoidc.ClientID)
		rw.WriteHeader(401)
		fmt.Fprintf(rw, `{"type":"error","error":"Failed to authenticate: bad token","error_code":401}`)
		return
	}
	if w.stream != nil {
		w.stream(rw, r)
		return
	}
	fmt.Fprintf(rw, `{"type":"sync","status":"Success","status_code":200,"metadata":{"auth":"trusted","auth_user_name":%q}}`, user)
}

// got returns the requests since the last call.
func (w *world) got() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := strings.Join(w.requests, "; ")
	w.requests = nil
	return got
}

// client returns a client of the remote. A nil show is for a user who isn't there.
func (w *world) client(show func(context.Context, string) error) *rest.Client {
	w.Helper()
	env := remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_CONF": w.dir}[name] }}
	config, err := remote.Load(w.Context(), env)
	if err != nil {
		w.Fatal(err)
	}
	target, err := config.Resolve(w.Context(), "r")
	if err != nil {
		w.Fatal(err)
	}
	client, err := rest.New(rest.Config{Endpoints: target.Endpoints, ServerCertificate: w.server.Certificate(), Login: &oidc.Session{Remote: "r", File: target.Tokens, Show: show}})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.Close)
	return client
}

// saved returns the fields of the file of tokens.
func (w *world) saved() map[string]any {
	w.Helper()
	path := filepath.Join(w.dir, "oidctokens", "r.json")
	content, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		w.Errorf("the mode is %v", info.Mode())
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		w.Fatal(err)
	}
	return fields
}

// check checks an error's class and message, and that it has no token.
func (w *world) check(err error, class *errors.Class, parts ...string) {
	w.Helper()
	var e *errors.Error
	if !errors.As(err, &e) || e.Class != class {
		w.Fatalf("got %v, want %s", err, class.Name())
	}
	for _, part := range parts {
		if !strings.Contains(e.Message, part) {
			w.Errorf("%q lacks %q", e.Message, part)
		}
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, e), "eyJ") {
		w.Errorf("the error has a token: %v", err)
	}
}

// TestLogin follows a user's tokens: the first login, their use, their refresh, and their end.
func TestLogin(t *testing.T) {
	w := newWorld(t)
	get := rest.Request{Path: "/1.0/x"}
	post := rest.Request{Method: "POST", Path: "/1.0/x", Body: map[string]any{"a": 1}}

	// Nobody can log in.
	_, err := w.client(nil).Do(t.Context(), post)
	w.check(err, errors.Authentication, "a new login to r at "+w.provider.URL+" is needed (no tokens are saved)", `"incus list r:"`)
	if e := new(errors.Error); !errors.As(err, &e) || e.Outcome != errors.NotSent || e.Hint == "" {
		t.Errorf("outcome %q, hint %q", e.Outcome, e.Hint)
	}
	// The user refuses.
	_, err = w.client(w.provider.Deny).Do(t.Context(), get)
	w.check(err, errors.Authentication, "the login to r at "+w.provider.URL+" was refused: access_denied")
	w.got()

	// The first login.
	messages := 0
	client := w.client(func(ctx context.Context, message string) error {
		messages++
		if !strings.HasPrefix(message, "To log in to r, open "+w.provider.URL+"/device") {
			t.Errorf("message %q", message)
		}
		return w.provider.Confirm(ctx, message)
	})
	if _, err := client.Do(t.Context(), post); err != nil {
		t.Fatal(err)
	}
	const body = `{"a":1}`
	if got := w.got(); got != "POST /1.0/x "+body+" 401; POST /1.0/x "+body+" 200" {
		t.Errorf("got %s", got)
	}
	first := w.saved()

	// Another program uses the saved tokens, and a refused one is refreshed, once by many requests.
	if _, err := w.client(nil).Do(t.Context(), get); err != nil || w.got() != "GET /1.0/x  200" {
		t.Error(err)
	}
	w.spoil()
	client = w.client(nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := client.Do(t.Context(), get); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if second := w.saved(); w.provider.Refreshes.Load() != 1 || second["refresh_token"] == first["refresh_token"] || second["kept"] != "yes" {
		t.Errorf("%d refreshes", w.provider.Refreshes.Load())
	}
	// Two programs that refresh at once refresh only once.
	w.spoil()
	for range 4 {
		other := w.client(nil)
		all.Go(func() {
			if _, err := other.Do(t.Context(), get); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.provider.Refreshes.Load(); n != 2 {
		t.Errorf("%d refreshes", n)
	}

	// A stream, which can be sent only once, is sent after the refresh.
	w.spoil()
	w.got()
	if _, err := w.client(nil).Do(t.Context(), rest.Request{Method: "POST", Path: "/1.0/x", Body: strings.NewReader("once")}); err != nil {
		t.Error(err)
	}
	if got := w.got(); got != "GET /1.0  401; GET /1.0  200; POST /1.0/x once 200" {
		t.Errorf("got %s", got)
	}

	// Tokens that the provider refuses, and tokens that the server refuses.
	w.refuse(true)
	_, err = w.client(nil).Do(t.Context(), get)
	w.check(err, errors.Authentication, "bad token")
	w.refuse(false)
	if _, err := w.client(nil).Do(t.Context(), get); err != nil {
		t.Error(err)
	}
	w.provider.Forgetful.Store(true)
	w.spoil()
	_, err = w.client(nil).Do(t.Context(), get)
	w.check(err, errors.Authentication, "a new login to r", "is needed (the saved tokens are refused: invalid_grant")
	w.provider.Forgetful.Store(false)
	if err := w.provider.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = w.client(nil).Do(t.Context(), get)
	w.check(err, errors.Authentication, "the saved tokens are refused: invalid_grant")
	if n := w.provider.Logins.Load(); n != 1 || messages != 1 {
		t.Errorf("%d logins, %d messages", n, messages)
	}

	// No provider, and no usable file.
	w.provider.Close()
	_, err = w.client(nil).Do(t.Context(), get)
	w.check(err, errors.Connection, "can't log in to r at "+w.provider.URL)
	w.write("oidctokens/r.json", "x")
	_, err = w.client(nil).Do(t.Context(), get)
	w.check(err, errors.Config, "r.json holds no tokens of the incus command")
}

// refuse sets whether the server refuses all tokens.
func (w *world) refuse(all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = all
}

// refuseOne makes the server refuse the token of one request, counted from now on.
func (w *world) refuseOne(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = n
}

// spoil replaces the saved access token by one that the server refuses, and adds a field that isn't known.
func (w *world) spoil() {
	fields := w.saved()
	fields["access_token"], fields["kept"] = "spoilt", "yes"
	content, err := json.Marshal(fields)
	if err != nil {
		w.Fatal(err)
	}
	w.write("oidctokens/r.json", string(content))
}

// TestLoginEndsWithItsContext checks that the wait for the user ends with the request's context.
func TestLoginEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	_, err := w.client(func(context.Context, string) error { cancel(); return nil }).Do(ctx, rest.Request{Path: "/1.0"})
	if !errors.Is(err, context.Canceled) || time.Since(began) > 30*time.Second {
		t.Errorf("got %v", err)
	}
}
