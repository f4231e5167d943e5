package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// A breakage is a way in which a request of a migration fails.
type breakage string

const (
	answered  breakage = "answered with an error, and not carried out"
	lost      breakage = "not carried out, and its connection is closed"
	carried   breakage = "carried out, and its connection is closed instead of the answer"
	unwelcome breakage = "not carried out, because the client isn't allowed to"
)

// serve serves the request that fails.
func (b breakage) serve(s *migrationServer, w http.ResponseWriter, r *http.Request) {
	switch b {
	case answered, unwelcome:
		status := map[breakage]int{answered: 500, unwelcome: 403}[b]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": status, "error": "a reason of the server"})
		return
	case carried:
		if !strings.HasSuffix(r.URL.Path, "/websocket") && !strings.HasSuffix(r.URL.Path, "/wait") {
			s.answer(&discarding{header: http.Header{}}, r)
		}
	}
	panic(http.ErrAbortHandler)
}

// A discarding takes an answer that isn't sent.
type discarding struct{ header http.Header }

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarding) WriteHeader(int)             {}

// TestFailedMigrations makes each request of each kind of migration fail, in each way. The original stays until the copy is
// whole. A copy that exists after the failure is named by the error, whose outcome doesn't say that nothing was changed.
func TestFailedMigrations(t *testing.T) {
	t.Parallel()
	random := migrationRandom(t)
	var moments []*stopMoment
	for _, kind := range []string{"instances", "volumes"} {
		for _, mode := range []string{"pull", "push", "relay"} {
			for _, way := range []string{"copy", "refresh", "move"} {
				moments = append(moments, failures(t, random, kind, mode, way)...)
			}
		}
	}
	runMoments(64, moments, func(m *stopMoment) { m.checkFailure(t, m.run(t, m.script)) })
}

// failures returns a random failure of each request of a kind of migration, or all.
func failures(t *testing.T, random *rand.Rand, kind, mode, way string) (moments []*stopMoment) {
	path, script := migration(kind, mode, way)
	whole := &stopMoment{path: path, at: -1, exists: way == "refresh"}
	if report := whole.run(t, script); report != "" {
		t.Fatalf("not broken: %s", report)
	}
	whole.mu.Lock()
	defer whole.mu.Unlock()
	for at := range whole.requests {
		var all []*stopMoment
		for _, b := range []breakage{answered, lost, carried, unwelcome} {
			for _, f := range []fate{removed, kept} {
				all = append(all, &stopMoment{path: path, fate: f, at: at, breakage: b, exists: way == "refresh", way: way, script: script})
			}
		}
		if !*allFates {
			all = []*stopMoment{all[random.IntN(len(all))]}
		}
		moments = append(moments, all...)
	}
	return moments
}

// checkFailure compares the report of a failed migration with the two servers.
func (m *stopMoment) checkFailure(t *testing.T, report string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	where := fmt.Sprintf("request %d of %d (%s), %s of %s, operations %s; copy begun %t, exists %t, original deleted %t:\n%s", m.at, m.requests, m.broken, m.breakage, m.script, m.fate, m.begun, m.exists, m.gone, report)
	if report == "" {
		if !m.exists || m.gone != (m.way == "move") {
			t.Errorf("a success: %s", where)
		}
		return
	}
	var e struct{ Class, Message, Outcome string }
	err := json.Unmarshal([]byte(report), &e)
	switch {
	case err != nil || !strings.HasPrefix(e.Class, "Incus"):
		t.Errorf("%v: %s", err, where)
	case m.gone && !(m.exists && m.over):
		t.Errorf("the original is lost: %s", where)
	case m.begun && m.exists && (e.Outcome == "refused" || e.Outcome == "not_sent"):
		t.Errorf("the outcome denies the copy: %s", where)
	case !m.begun && e.Outcome == "done":
		t.Errorf("the outcome claims a copy: %s", where)
	}
}
