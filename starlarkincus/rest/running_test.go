package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestRunningServer checks that each kind of work has the server on which it is, and whether messages name that.
func TestRunningServer(t *testing.T) {
	unknown := strings.Replace(opID, opID[:8], "00000000", 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, unknown):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, errorBody(403, "not authorized"))
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
			fmt.Fprint(w, syncBody(operation(103, "", "null")))
		default:
			fmt.Fprint(w, syncBody(`{"auth":"trusted"}`))
		}
	}))
	defer s.Close()
	for name, config := range map[string]Config{
		"a remote":           {Remote: "far"},
		"the default remote": {Remote: "near", Default: true},
		"an address":         {},
	} {
		t.Run(name, func(t *testing.T) {
			config.Endpoints, config.ServerCertificate = []string{s.URL}, s.Certificate()
			c := newClient(t, config)
			_, w := Track(t.Context())
			done := make(chan struct{})
			close(done)
			request := func(done chan struct{}) *pending {
				return &pending{client: c, request: &outgoing{method: "POST", url: url.URL{Path: "/1.0/profiles"}}, cancel: func() {}, done: done}
			}
			on := func(id string) *Operation {
				return &Operation{client: c, id: id, method: "POST", path: "/1.0/instances"}
			}
			w.running[on(opID)], w.running[on(unknown)] = true, true
			w.finished = []*Operation{on(opID)}
			w.answered = []*pending{request(done)}
			w.pending[request(make(chan struct{}))] = true
			w.stopped = []*Exec{{operation: on(opID), ended: done, done: done}}
			answered := request(done)
			answered.reply = &Reply{Operation: on(opID)}
			w.migrations = []*Migration{{creation: answered, Copy: Copy{Client: c, Read: Request{Path: "/1.0/instances/c1"}, Name: "c1"}}}
			c.Leave(t.Context(), "nothing: the context has no work")
			w.leavings = append(w.leavings, c.on(Running{Description: "a backup", Left: true}))
			got := w.Running(t.Context())
			kinds := make(map[string]int)
			for _, one := range got {
				kinds[fmt.Sprint(one.Ended, one.Stopped, one.Left, one.Unknown)]++
				if one.Remote != c.Remote() || one.Default != config.Default {
					t.Errorf("got %+v", one)
				}
			}
			if len(got) != 8 || len(kinds) != 5 {
				t.Errorf("not each kind of work: %+v", got)
			}
		})
	}
}
