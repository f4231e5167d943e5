package starlarkincus

import (
	"encoding/json"
	"testing"

	"go.starlark.net/starlark"
)

// TestLacks checks the condition of network=True: an address of an interface that isn't down.
func TestLacks(t *testing.T) {
	const address = `"addresses": [{"family": "inet", "address": "10.0.0.1", "scope": "global"}]`
	for network, want := range map[string]string{
		`{}`: "has no address",
		`{"eth0": {"type": "broadcast", "state": "up", "addresses": []}}`:                                                                  "has no address",
		`{"eth0": {"type": "broadcast", "state": "up", ` + address + `}}`:                                                                  "",
		`{"eth0": {"type": "broadcast", "state": "down", ` + address + `}}`:                                                                "has an address, but its interface is down",
		`{"eth0": {"type": "broadcast", ` + address + `}}`:                                                                                 "",
		`{"eth0": {"type": "broadcast", "state": "down", ` + address + `}, "eth1": {"type": "broadcast", "state": "up", ` + address + `}}`: "",
		`{"eth0": {"type": "broadcast", "state": "down", ` + address + `}, "eth1": {"type": "broadcast", "state": "up", "addresses": []}}`: "has an address, but its interface is down",
		`{"lo": {"type": "loopback", "state": "up", ` + address + `}, "eth0": {"type": "broadcast", "state": "down", ` + address + `}}`:    "has an address, but its interface is down",
	} {
		state := new(liveState)
		if err := json.Unmarshal([]byte(`{"status": "Running", "network": `+network+`}`), state); err != nil {
			t.Fatal(err)
		}
		c := &invocation{Method: &Method{obj: &Object{fields: new(starlark.Dict)}}, args: &arguments{local: map[string]any{"network": true}}}
		if got := c.lacks(state); got != want {
			t.Errorf("%s: %q, want %q", network, got, want)
		}
		if c.args.local["network"] = false; c.lacks(state) != "" {
			t.Errorf("%s: %q without network", network, c.lacks(state))
		}
	}
}
