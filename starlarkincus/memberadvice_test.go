package starlarkincus_test

import (
	"strings"
	"testing"
)

// TestUnavailableMemberIsNamed checks that the error about an instance whose cluster member is away has the member's name, if
// the server's message is about a member, and says nothing of one otherwise.
func TestUnavailableMemberIsNamed(t *testing.T) {
	const named = `instance "x" is on the cluster member "node3", which can't be reached`
	for message, hint := range map[string]string{
		"Target cluster member is unavailable":                named,
		"Missing event connection with target cluster member": named,
		`Get "https://10.0.0.3:8443/1.0/instances/x": EOF`:    named,
		`Get "https://10.0.0.3:8443/1.0": Unable to connect to: 10.0.0.3:8443 ([dial tcp 10.0.0.3:8443: connect: connection refused])`: named,
		"Daemon is starting up": "None",
	} {
		for _, call := range []string{`incus.instances.get("x")`, `x.update(description = "d")`, `x.start()`, `x.snapshots.create("s")`, `x.files.read("/x")`, `x.state()`} {
			fake := &shelf{objects: map[string]dict{"/1.0/instances/x": {"name": "x", "location": "node3", "status": "Stopped"}}}
			away := false
			fake.refuse = func(method, path string) (int, string) {
				switch {
				case path == "/1.0/away":
					away = true
				case away && strings.HasPrefix(path, "/1.0/instances/x"):
					return 503, message
				}
				return 0, ""
			}
			fake.lists = map[string][]any{"/1.0/instances": {dict{"name": "x", "location": "node3"}}}
			if err := fake.run(t, `
x = incus.instances.get("x")
_ = try_(incus.request, "GET", "/1.0/away")
e = try_(lambda: `+call+`).error
if (e.class_, e.hint or "None") != ("IncusUnavailableError", "`+strings.ReplaceAll(hint, `"`, `\"`)+`"):
    fail("%r: %r" % (e, e.hint))
`); err != nil {
				t.Errorf("%s, %s: %v", call, message, err)
			}
		}
	}
}
