package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

// TestStoppedAddRemote stops remotes.add at each of its requests, before or a moment after the answer, so also while it writes. The
// report says if the remote is there, and else if the server took the token.
func TestStoppedAddRemote(t *testing.T) {
	certificate := serverCertificate(t, "server.example")
	for at := range 4 {
		for _, later := range []time.Duration{-1, 0, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond} {
			t.Run(fmt.Sprintf("request %d, %v", at, later), func(t *testing.T) {
				t.Parallel()
				problem := ""
				for range 3 { // the stop may come after the end of the call and before that of the script
					if problem = stoppedAddRemote(newJoined(t, certificate), newUser(t), at, later); problem == "" {
						return
					}
				}
				t.Error(problem)
			})
		}
	}
}

// stoppedAddRemote stops one call and returns what is wrong in its report; empty for nothing. If later is negative, the stop is
// before the answer.
func stoppedAddRemote(j *joined, u *user, at int, later time.Duration) string {
	ctx, cancel := context.WithCancelCause(u.Context())
	defer cancel(nil)
	stop := func() { cancel(host.ErrInterrupted) }
	var requests atomic.Int64
	j.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here := int(requests.Add(1))-1 == at
		if here && later < 0 {
			stop()
		}
		j.ServeHTTP(w, r)
		if here && later >= 0 {
			_ = http.NewResponseController(w).Flush()
			time.AfterFunc(later, stop)
		}
	})
	client := starlarkincus.New(u.options)
	defer client.Close()
	h := host.New(host.Options{JSON: true, Predeclared: client.Names(), Track: starlarkincus.Track, Stderr: u.Output(), Grace: time.Minute})
	err := h.RunSource(ctx, "script", []byte(fmt.Sprintf("incus.remotes.add(%q, token = %q)", "s", j.token(j.fingerprint, j.Listener.Addr().String()))))
	if err == nil {
		return "" // it was done before the stop
	}
	var out bytes.Buffer
	h.Report(&out, err)
	type work []struct{ Description, Remote string }
	var report struct {
		Left  work `json:"left_after_stop"`
		Ended work `json:"done_after_stop"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return err.Error()
	}
	says := func(all work, remote, text string) bool {
		return len(all) == 1 && all[0].Remote == remote && strings.Contains(all[0].Description, text)
	}
	j.mu.Lock()
	trusted := len(j.trusts) > 0
	j.mu.Unlock()
	added := strings.Contains(u.files(), "servercerts/s.crt")
	written := says(report.Left, "", `the change of the configuration by remotes.add("s"), which is made`)
	joins := says(report.Left, j.URL, fmt.Sprintf(`the server's trust in this client, for which the token was used: incus.remotes.add("s", url=%q, fingerprint=%q)`, j.URL, j.fingerprint)) ||
		says(report.Ended, j.URL, "POST /1.0/certificates")
	if written != added || joins != (trusted && !added) {
		return fmt.Sprintf("added %v, trusted %v: %s", added, trusted, out.String())
	}
	return ""
}
