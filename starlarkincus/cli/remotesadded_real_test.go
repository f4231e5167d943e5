package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An addedWay is a way in which a script adds a remote.
type addedWay struct {
	name       string
	restricted bool // to the project added
	public     bool
	// prepare makes the server ready, and returns the arguments of incus.remotes.add after the name.
	prepare func(t *testing.T, a *adder) string
}

// An adder is a user with a new configuration, and a server to add to it.
type adder struct {
	folder, endpoint, fingerprint string
	trust                         func(args ...string) string // runs the incus command of the server
	star                          func(code string) string    // runs a script of the user
}

// token returns the argument for a token of the server.
func (a *adder) token(more ...string) string {
	return fmt.Sprintf("token=%q", a.trust(append([]string{"config", "trust", "add", "--quiet", "client"}, more...)...))
}

// own returns the arguments for a server that trusts the certificate that the first, failing, call makes.
func (a *adder) own(t *testing.T, more ...string) string {
	t.Helper()
	call := fmt.Sprintf("url=%q, fingerprint=%q", a.endpoint, a.fingerprint)
	crt := filepath.Join(a.folder, "client.crt")
	if _, err := os.Stat(crt); err != nil {
		if got := a.star(fmt.Sprintf(`print(catch(Error, incus.remotes.add, "early", %s).error.class_)`, call)); got != "IncusAuthenticationError" {
			t.Fatalf("before the server knows the certificate: %s", got)
		}
	}
	a.trust(append([]string{"config", "trust", "add-certificate", crt}, more...)...)
	return call
}

// TestRealMixedAddedRemotes checks that the incus command of either line uses every remote that a script added, of a server
// of either line, after each change of it.
func TestRealMixedAddedRemotes(t *testing.T) {
	needsIncus(t)
	split := func(name, by string) []string { return strings.Split(os.Getenv("INCUS_STAR_TESTBED_"+name), by) }
	s := twoLines{split("DIRS", ":"), split("ENDPOINTS", ","), split("LINES", ","), split("COMMANDS", ":")}
	if len(slices.Compact(slices.Sorted(slices.Values(s.lines)))) < 2 {
		t.Skip("needs a server of each line: run scripts/test.sh")
	}
	restricted := []string{"--restricted", "--projects", "added"}
	ways := []addedWay{
		{"token", false, false, func(_ *testing.T, a *adder) string { return a.token() }},
		{"restricted token", true, false, func(_ *testing.T, a *adder) string { return a.token(restricted...) }},
		{"certificate", false, false, func(t *testing.T, a *adder) string { return a.own(t) }},
		{"restricted certificate", true, false, func(t *testing.T, a *adder) string { return a.own(t, restricted...) }},
		{"public", false, true, func(_ *testing.T, a *adder) string {
			return fmt.Sprintf("url=%q, fingerprint=%q, public=True", a.endpoint, a.fingerprint)
		}},
	}
	var fingerprints []string
	for n := range s.dirs {
		s.at(t, n, "project", "create", "added")
		s.at(t, n, "query", "-X", "PUT", "-d", `{"description": "of added"}`, "/1.0/profiles/default?project=added")
		t.Cleanup(func() { s.at(t, n, "project", "delete", "added") })
		fingerprints = append(fingerprints, serverOf(t, s.at(t, n, "query", "/1.0")).Environment.Fingerprint)
	}
	for n, line := range s.lines {
		if slices.Index(s.lines, line) != n {
			continue
		}
		for _, w := range ways {
			t.Run(w.name+" for "+line, func(t *testing.T) {
				t.Parallel()
				s.checkAdded(t, s.commands[n], w, fingerprints)
			})
		}
	}
}

type aboutServer struct {
	Auth        string
	Environment struct {
		Fingerprint string `json:"certificate_fingerprint"`
	}
}

func serverOf(t *testing.T, text string) (about aboutServer) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &about); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return about
}

// checkAdded adds, renames, chooses and removes a remote for each server, and uses it with the command after each change.
func (s twoLines) checkAdded(t *testing.T, command string, w addedWay, fingerprints []string) {
	folder := t.TempDir()
	env := []string{"INCUS_CONF=" + folder}
	star := func(code string) string {
		t.Helper()
		return s.run(t, "incus-star", env, "-c", code)
	}
	// uses checks that the command reaches a server as the remote, which is empty for the default one.
	uses := func(name string, n int) {
		t.Helper()
		prefix := name
		if name != "" {
			prefix += ":"
		}
		if w.public {
			s.run(t, command, env, "image", "list", prefix) // the command uses it for nothing else
			return
		}
		about := serverOf(t, s.run(t, command, env, "query", prefix+"/1.0"))
		if about.Auth != "trusted" || about.Environment.Fingerprint != fingerprints[n] {
			t.Errorf("%q: the command is %s at the server %s, want %s", name, about.Auth, about.Environment.Fingerprint, fingerprints[n])
		}
		s.run(t, command, env, "list", prefix)
		if word := s.word(command, env, name); (word == "of added") != w.restricted {
			t.Errorf("%q: the profile that the command shows is %q", name, word)
		}
	}
	for n, endpoint := range s.endpoints {
		a := &adder{folder, endpoint, fingerprints[n], func(args ...string) string { return s.at(t, n, args...) }, star}
		name := fmt.Sprintf("server-%d", n)
		arguments := w.prepare(t, a)
		star(fmt.Sprintf("incus.remotes.add(%q, %s)", name, arguments))
		uses(name, n)
		star(fmt.Sprintf("incus.remotes.rename(%q, %q)", name, "renamed-"+name))
		uses("renamed-"+name, n)
		if !w.public {
			star(fmt.Sprintf("incus.remotes.set_default(%q)", "renamed-"+name))
			uses("", n)
		}
		// What the command changes, scripts use again.
		s.run(t, command, env, "remote", "rename", "renamed-"+name, name)
		if got := star(fmt.Sprintf(`print(incus.connect(remote=%q).server().auth)`, name)); got != map[bool]string{true: "untrusted", false: "trusted"}[w.public] {
			t.Errorf("%s: after the command renamed it, a script is %s", name, got)
		}
		star(fmt.Sprintf(`
incus.remotes.set_default("local")
incus.remotes.rename(%[1]q, "gone")
incus.remotes.remove("gone")
print([r.name for r in incus.remotes.list()])`, name))
		var listed map[string]any
		if err := json.Unmarshal([]byte(s.run(t, command, env, "remote", "list", "-f", "json")), &listed); err != nil {
			t.Fatal(err)
		}
		if listed["local"] == nil || listed[name] != nil || listed["gone"] != nil || listed["renamed-"+name] != nil {
			t.Errorf("after the removal the command lists %v", listed)
		}
	}
}
