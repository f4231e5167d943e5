package starlarkincus_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A breaker is a server that refuses the requests of a call, from one on.
type breaker struct {
	answers *answers
	mu      sync.Mutex
	on      bool
	at      int // the number of the first request that it refuses; -1 for none
	seen    []string
}

// numbered reports whether a request is one of the call's own.
func numbered(r *http.Request) bool {
	return r.URL.Path != "/1.0" && r.URL.Path != "/1.0/events" && !strings.HasSuffix(r.URL.Path, "/websocket") && !strings.HasSuffix(r.URL.Path, "/sftp")
}

func (b *breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	refused := false
	if b.on && numbered(r) {
		refused = b.at >= 0 && len(b.seen) >= b.at
		b.seen = append(b.seen, r.Method+" "+r.URL.Path)
	}
	b.mu.Unlock()
	if !refused {
		b.answers.ServeHTTP(w, r)
		return
	}
	io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 400, "error": "broken"})
}

// begin numbers the requests from here on.
func (b *breaker) begin(at int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on, b.at, b.seen = true, at, nil
}

// end returns the requests since begin.
func (b *breaker) end() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.on = false
	return b.seen
}

// aside matches requests that aren't changes of their own: they prepare others, or clean up.
var aside = regexp.MustCompile(`^GET |^DELETE /1.0/operations/|/secret$|/backups|/snapshots/publish-|^POST .*/snapshots$`)

// operationNumber matches the number in an operation's id.
var operationNumber = regexp.MustCompile(`/operations/[0-9a-f-]+`)

// TestPartlyDoneIsUnknown lets each call of several changes, under all circumstances in the table, fail at each request
// between the first change and the last: the change isn't done then. If the first one has made an object, the hint says so.
func TestPartlyDoneIsUnknown(t *testing.T) {
	a := newAnswers()
	a.serve(t) // the files
	b := &breaker{answers: a}
	socket, end := onSocket(t, b)
	defer end()
	defer func(old *starlarkincus.Client) { sharedClient = old }(sharedClient)
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	sharedClient = client
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	calls, failures, known := 0, map[errors.Outcome]int{}, map[string]bool{}
	w.instead = func(name string, m *spec.Method, sends []spec.Request, prepare func() (starlark.Value, []starlark.Tuple)) {
		changing := 0
		for _, s := range sends {
			if s.HTTP != "GET" {
				changing++
			}
		}
		if changing < 2 || m.Offline || m.Effect == spec.Reads || strings.Contains(name, "for a copy to another member") || strings.Contains(name, `("to", `) || strings.Contains(name, `("mode", `) ||
			strings.Contains(name, `("wait", False)`) {
			return // a copy to another server or member has tests of its own, and the background goes on after its call
		}
		call := func(at int) ([]string, error) {
			fn, args := prepare()
			thread := new(starlark.Thread)
			builtin.Bind(thread, builtin.Binding{Context: t.Context()})
			b.begin(at)
			v, err := starlark.Call(thread, fn, nil, args)
			if stream, ok := v.(builtin.Stream); ok {
				stream.Close(t.Context(), err)
			}
			return b.end(), err
		}
		whole, err := call(-1)
		if err != nil {
			return
		}
		var changes []int
		for i, r := range whole {
			if whole[i] = operationNumber.ReplaceAllString(r, "/operations/ID"); !aside.MatchString(r) {
				changes = append(changes, i)
			}
		}
		key := m.Name + strings.Join(whole, " ")
		if len(changes) < 2 || known[key] {
			return
		}
		known[key] = true
		calls++
		for at := changes[0] + 1; at <= changes[len(changes)-1]; at++ {
			_, err := call(at)
			var e *errors.Error
			if !errors.As(err, &e) {
				continue
			}
			failures[e.Outcome]++
			if strings.HasSuffix(whole[at], "/wait") && at <= changes[0]+2 {
				continue
			}
			makes := m.Effect == spec.Creates && m.Does != spec.DoLock && (m.Does == spec.DoEnsure || strings.HasPrefix(whole[changes[0]], "POST "))
			if makes && !strings.Contains(e.Hint, " is there") {
				t.Errorf("%s: %s, refused, doesn't say what is there: %v, hint %q, after %v", name, whole[at], err, e.Hint, whole[:at])
			}
			if e.Outcome != errors.Unknown {
				t.Errorf("%s: %s, refused, gives the outcome %q: %v, after %v", name, whole[at], e.Outcome, err, whole[:at])
			}
		}
	}
	for _, p := range spec.Sites() {
		for _, m := range append(p.CollectionMethods(), p.ObjectMethods()...) {
			if m.Collection && p.Name == "" || p.Local {
				continue
			}
			w.try(p, &m)
		}
	}
	for i := range spec.ClientMethods {
		w.try(nil, &spec.ClientMethods[i])
	}
	t.Logf("%d calls of several changes, %v", calls, failures)
	if calls < 15 || failures[errors.Unknown] < 50 {
		t.Error("too few")
	}
}
