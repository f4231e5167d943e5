package rest

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"testing"
)

// TestRealClusterProgress evacuates another member than the one that the client talks to. The progress must name the member, and
// have what the server said before the stream of events was connected.
func TestRealClusterProgress(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster: run scripts/test.sh")
	}
	shown := new(noted)
	c := realClient(t, func(config *Config) { config.Progress = shown })
	direct := realClient(t, nil)
	const member = "/1.0/cluster/members/node2"
	name := unique("evacuated")
	path := "/1.0/instances/" + name
	body := instance(name)
	body["start"] = true
	// It ignores the request to stop.
	body["config"] = map[string]any{"raw.lxc": "lxc.signal.halt = SIGCHLD", "boot.host_shutdown_timeout": "1"}
	reply, err := direct.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Query: url.Values{"target": {"node2"}}, Body: body})
	if err == nil {
		remove(t, direct, path)
		_, err = reply.Operation.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	stopping := `report Stopping "` + name + `" in project "default" -1`
	for limit := 4; ; limit *= 4 {
		do(t, c, "POST", member+"/state", map[string]any{"action": "evacuate", "mode": "stop"})
		do(t, c, "POST", member+"/state", map[string]any{"action": "restore"})
		if slices.Contains(shown.all(), stopping) || limit > 60 {
			break
		}
		do(t, direct, "PATCH", path, map[string]any{"config": map[string]any{"boot.host_shutdown_timeout": fmt.Sprint(limit)}}) // on a busy machine
	}
	do(t, direct, "PUT", path+"/state", map[string]any{"action": "stop", "force": true})
	for _, want := range []string{"begin Evacuating cluster member node2 -1", stopping, "begin Restoring cluster member node2 -1"} {
		if !slices.Contains(shown.all(), want) {
			t.Errorf("no %q in %q", want, shown.all())
		}
	}
}
