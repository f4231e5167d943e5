package rest

import (
	"encoding/base64"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// TestRealServersSilentPeer checks that each kind of request that lasts notices a server from which no packet comes any more,
// and that a request that is sent meanwhile fails too.
func TestRealServersSilentPeer(t *testing.T) {
	dirs, endpoints := strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":"), strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ",")
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" || len(dirs) < 2 {
		t.Skip("needs two real servers: run scripts/test.sh")
	}
	defer func(before, silent time.Duration) { deadPeer, silence = before, silent }(deadPeer, silence)
	deadPeer, silence = 3*time.Second, time.Hour // by the connection alone
	admin := realClient(t, func(c *Config) { c.Socket = filepath.Join(dirs[1], "unix.socket") })
	own := newCertificate(t, "client")
	do(t, admin, "POST", "/1.0/certificates", map[string]any{"name": unique("cert"), "type": "client", "certificate": base64.StdEncoding.EncodeToString(own.Certificate[0])})
	remove(t, admin, "/1.0/certificates/"+fingerprint(own.Leaf))
	c := newClient(t, Config{Endpoints: []string{endpoints[1]}, Certificate: &own, ServerCertificate: realPin(t, admin)})

	name := unique("c")
	do(t, admin, "POST", "/1.0/instances", instance(name))
	remove(t, admin, "/1.0/instances/"+name)
	do(t, admin, "PUT", "/1.0/instances/"+name+"/state", map[string]any{"action": "start"})
	defer do(t, admin, "PUT", "/1.0/instances/"+name+"/state", map[string]any{"action": "stop", "force": true})
	command, _, err := c.Exec(t.Context(), Request{Method: "POST", Path: "/1.0/instances/" + name + "/exec",
		Body: map[string]any{"command": []string{"sh", "-c", "echo begun; sleep 1000"}, "wait-for-websocket": true}}, ExecOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if piece, err := command.Next(t.Context()); err != nil || string(piece.Data) != "begun\n" {
		t.Fatal(piece, err)
	}
	events, err := c.Events(t.Context(), url.Values{"type": {"lifecycle"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"name": unique("t"), "type": "client", "token": true}})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Operation(token.Operation.ID()).Cancel(t.Context())

	cable := func(state string) {
		if out, err := exec.Command("ip", "-n", filepath.Base(dirs[1]), "link", "set", "uplink", state).CombinedOutput(); err != nil {
			t.Errorf("%s: %v", out, err)
		}
	}
	cable("down")
	restore := sync.OnceFunc(func() { cable("up") })
	defer restore()

	type result struct {
		what string
		err  error
	}
	results := make(chan result, 4)
	go func() {
		_, err := command.Wait(t.Context())
		results <- result{"a command", err}
	}()
	go func() {
		_, err := token.Operation.Wait(t.Context())
		results <- result{"a wait", err}
	}()
	go func() {
		_, err := c.Do(t.Context(), Request{Path: "/1.0/instances"})
		results <- result{"a read", err}
	}()
	go func() {
		_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{"name": "never"}})
		results <- result{"a change", err}
	}()
	limit := time.After(time.Minute)
	for range cap(results) {
		select {
		case r := <-results:
			e := asError(t, r.err)
			t.Logf("%s: %v, outcome %q", r.what, e, e.Outcome)
			if !errors.Is(e, errors.Connection) || r.what == "a change" && e.Outcome != errors.Unknown && e.Outcome != errors.NotSent {
				t.Errorf("%s: %v, outcome %q", r.what, e, e.Outcome)
			}
		case <-limit:
			t.Fatal("the silence wasn't noticed")
		}
	}
	restore()
	event, err := events.Next(t.Context())
	for err == nil && event.Gap == nil {
		event, err = events.Next(t.Context())
	}
	if err != nil {
		t.Error(err)
	} else {
		t.Logf("events: %v", event.Gap.Cause)
	}
	events.Close()
	<-events.Ended()
}
