package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// A lockServer is a fake server of profiles, with a fault at one of its requests.
type lockServer struct {
	answers *answers
	at      int    // the number of the request, from 0
	fault   fault  // at this request
	lasts   bool   // also at the later requests of its method
	stop    func() // stops the script
	late    lateCalls

	mu       sync.Mutex
	requests []string
}

// A fault is what happens to a request.
type fault string

const (
	faultDropped     fault = "dropped before"
	faultUnanswered  fault = "dropped after"
	faultServedLate  fault = "dropped, and served then"
	faultUnavailable fault = "unavailable"
	faultStopped     fault = "stopped before"
	faultStoppedThen fault = "stopped after"
)

func (s *lockServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/1.0/events" || r.URL.Path == "/1.0" {
		s.answers.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	here := len(s.requests) == s.at || s.lasts && len(s.requests) > s.at && strings.HasPrefix(s.requests[s.at], r.Method+" ")
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if !here {
		s.answers.ServeHTTP(w, r)
		return
	}
	switch s.fault {
	case faultStopped:
		s.stop()
		time.Sleep(50 * time.Millisecond)
		s.answers.ServeHTTP(w, r)
	case faultStoppedThen:
		s.answers.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
		s.stop()
	default:
		s.fault.serve(w, r, s.answers.ServeHTTP, &s.late)
	}
}

// got returns the requests until now.
func (s *lockServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// serve serves a request with a fault of the connection or of the server.
func (f fault) serve(w http.ResponseWriter, r *http.Request, handle http.HandlerFunc, late *lateCalls) {
	switch f {
	case faultDropped:
		panic(http.ErrAbortHandler)
	case faultUnanswered:
		handle(new(recorder), r)
		panic(http.ErrAbortHandler)
	case faultServedLate:
		body, _ := io.ReadAll(r.Body)
		later := r.Clone(context.WithoutCancel(r.Context()))
		later.Body = io.NopCloser(bytes.NewReader(body))
		late.Go(func() { time.Sleep(300 * time.Millisecond); handle(new(recorder), later) })
		panic(http.ErrAbortHandler)
	case faultUnavailable:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(503)
		json.NewEncoder(w).Encode(dict{"type": "error", "error_code": 503, "error": "busy"})
	}
}

// lateCalls are requests that are served after their fault.
type lateCalls struct {
	mu  sync.Mutex
	all sync.WaitGroup
}

func (l *lateCalls) Go(serve func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Go(serve)
}

// Wait waits for those that began before.
func (l *lateCalls) Wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Wait()
}

// A recorder drops an answer.
type recorder struct{ header http.Header }

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = make(http.Header)
	}
	return r.header
}
func (r *recorder) Write(data []byte) (int, error) { return len(data), nil }
func (r *recorder) WriteHeader(int)                {}

// run runs the script against the server, and returns the report of its failure, and the profiles that are left.
func (s *lockServer) run(t *testing.T, script string) (report string, left []string) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s.stop = func() { cancel(host.ErrInterrupted) }
	s.answers = newAnswers()
	s.answers.empty = true
	socket, end := onSocket(t, s)
	defer end()
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	names := client.Names()
	names["socket"] = starlark.String(socket)
	var out bytes.Buffer
	h := host.New(host.Options{Predeclared: names, Track: starlarkincus.Track, Stderr: &out, Grace: time.Minute})
	if err := h.RunSource(ctx, "script", []byte(script)); err != nil {
		h.Report(&out, err)
	}
	s.late.Wait()
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	for path := range s.answers.made {
		if name, ok := strings.CutPrefix(path, "/1.0/profiles/"); ok {
			left = append(left, name)
		}
	}
	return out.String(), left
}

const lockScript = `
l = incus.connect(endpoint = socket).lock("l", ttl = 3600)
def renewed():
    for _ in range(3):
        l.renew()
finally_(renewed, l.release)
`

// TestLockFaults lets each request fail of a script that takes a lock, renews it and releases it. Afterwards the lock isn't on the
// server, or the report names what is left of it.
func TestLockFaults(t *testing.T) {
	whole := &lockServer{at: -1}
	if report, left := whole.run(t, lockScript); report != "" || len(left) > 0 {
		t.Fatalf("without a fault: %v are left: %s", left, report)
	}
	requests := whole.got()
	t.Logf("%d requests: %q", len(requests), requests)
	const taken = 2 // the request by which the script gets the lock
	var all sync.WaitGroup
	defer all.Wait()
	turns := make(chan struct{}, 32) // they mostly wait
	for at, request := range requests {
		for _, fault := range []fault{faultDropped, faultUnanswered, faultServedLate, faultUnavailable, faultStopped, faultStoppedThen} {
			for _, lasts := range []bool{false, true} {
				stops := fault == faultStopped || fault == faultStoppedThen
				if lasts && fault != faultDropped && fault != faultUnavailable || fault == faultStoppedThen && at == taken {
					continue // the script has the lock when it ends
				}
				turns <- struct{}{}
				all.Go(func() {
					defer func() { <-turns }()
					s := &lockServer{at: at, fault: fault, lasts: lasts}
					report, left := s.run(t, lockScript)
					failed := func(format string, args ...any) {
						t.Errorf("%s, %d, %s, lasts: %t: %s: %q: %s", request, at, fault, lasts, fmt.Sprintf(format, args...), s.got(), report)
					}
					for _, name := range left {
						if !strings.Contains(report, name) {
							failed("%s is left, and isn't named", name)
						}
						if !stops && !strings.Contains(report, "incus.profiles.delete(\""+name) {
							failed("%s is left, and what to do isn't said", name)
						}
					}
					if !lasts && len(left) > 0 {
						failed("%v are left after a single fault", left)
					}
				})
			}
		}
	}
}
