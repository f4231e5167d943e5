package starlarkincus_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.starlark.net/starlark"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

// A stopper is a server that stops its client at a request, which it answers if that changes something.
type stopper struct {
	answers *answers
	at      string
	mu      sync.Mutex
	stop    func() // nil after the request
}

func (s *stopper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	stop := s.stop
	if r.Method+" "+r.URL.Path == s.at && stop != nil {
		s.stop = nil
	} else {
		stop = nil
	}
	s.mu.Unlock()
	if stop != nil {
		io.Copy(io.Discard, r.Body)
		stop()
		if r.Method == "GET" {
			<-r.Context().Done()
			return
		}
	}
	s.answers.ServeHTTP(w, r)
}

// TestUnnamedImageIsReported stops an upload that takes over the alias of another image before that is deleted, or lets the
// takeover or the deletion fail: the report names the image, unless it surely has its alias still.
func TestUnnamedImageIsReported(t *testing.T) {
	const left = "the image other"
	for at, want := range map[string]bool{"GET /1.0/images/aliases/web": false, "PUT /1.0/images/aliases/web": true, "GET /1.0/images/other": true} {
		a := newAnswers()
		a.empty = true
		a.made["/1.0/images/aliases/web"] = map[string]any{"name": "web", "target": "other"}
		a.made["/1.0/images/other"] = map[string]any{"fingerprint": "other"}
		s := &stopper{answers: a, at: at}
		socket, end := onSocket(t, s)
		ctx, cancel := context.WithCancelCause(t.Context())
		s.stop = func() { cancel(host.ErrInterrupted) }
		client := starlarkincus.New(starlarkincus.Options{})
		names := client.Names()
		names["socket"], names["file"] = starlark.String(socket), starlark.String(testFile(t))
		h := host.New(host.Options{JSON: true, Predeclared: names, Track: starlarkincus.Track, Stderr: t.Output()})
		err := h.RunSource(ctx, "script", []byte(`incus.connect(endpoint = socket).images.upload(file, alias = "web", reuse = True)`))
		var report bytes.Buffer
		if err != nil {
			h.Report(&report, err)
		}
		if s.stop != nil || !strings.Contains(report.String(), `"Interrupt"`) || strings.Contains(report.String(), left+" has no alias any more") != want {
			t.Errorf("stopped at %s, want %v: %s", at, want, report.String())
		}
		cancel(nil)
		client.Close()
		end()
	}
	for at, want := range map[string]string{
		"DELETE /1.0/images/other 400 refused":    left + ", whose alias was taken over, may be left without an alias",
		"DELETE /1.0/images/other lost":           left + ", whose alias was taken over, may be left without an alias",
		"PUT /1.0/images/aliases/web lost":        left + ", whose alias may have been taken over, may be left without an alias",
		"PUT /1.0/images/aliases/web 400 refused": "",
	} {
		a := newAnswers()
		a.empty = true
		a.made["/1.0/images/aliases/web"] = map[string]any{"name": "web", "target": "other"}
		a.made["/1.0/images/other"] = map[string]any{"fingerprint": "other"}
		method, rest, _ := strings.Cut(at, " ")
		path, failure, _ := strings.Cut(rest, " ")
		a.failing = map[string]string{method + " " + path: failure}
		socket, end := onSocket(t, a)
		client := starlarkincus.New(starlarkincus.Options{})
		names := client.Names()
		names["socket"], names["file"] = starlark.String(socket), starlark.String(testFile(t))
		err := host.New(host.Options{Predeclared: names}).RunSource(t.Context(), "script", []byte(`incus.connect(endpoint = socket).images.upload(file, alias = "web", reuse = True)`))
		if err == nil || !strings.Contains(err.Error(), want) || want == "" && strings.Contains(err.Error(), left) {
			t.Errorf("%s: %v", at, err)
		}
		client.Close()
		end()
	}
}
