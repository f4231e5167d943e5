package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// remotesScript prints who the server of each remote is, whether it trusts the client, and a word of the remote's project.
const remotesScript = `
for name in args:
    client = incus.connect(remote = name) if name else incus
    server = client.server()
    profile = catch(IncusError, client.profiles.get, "default")
    print(json.encode({
        "name": name,
        "server": (server.environment or {}).get("certificate_fingerprint", ""),
        "auth": server.auth,
        "word": profile.value.description if profile.ok else "",
    }))
`

// A twoLines is the servers of a testbed, and the incus command of each one's line.
type twoLines struct {
	dirs, endpoints, lines, commands []string
}

// A remoteWay is a way in which the incus command adds a remote.
type remoteWay struct {
	name    string
	newer   bool // unknown to Incus 6.0
	auth    string
	project string
	// add returns the command's arguments after "remote add NAME". Trust runs the incus command of the server.
	add func(folder, endpoint string, trust func(args ...string) string) []string
}

const acceptCertificate = "--accept-certificate"

func remoteWays(t *testing.T) []remoteWay {
	restricted := []string{"--restricted", "--projects", "mixed"}
	return []remoteWay{
		{name: "token", auth: "trusted", add: func(_, _ string, trust func(...string) string) []string {
			return []string{trust("config", "trust", "add", "--quiet", "client")}
		}},
		{name: "restricted token", auth: "trusted", add: func(_, _ string, trust func(...string) string) []string {
			return []string{trust(append([]string{"config", "trust", "add", "--quiet", "client"}, restricted...)...)}
		}},
		{name: "certificate", auth: "trusted", add: func(folder, endpoint string, trust func(...string) string) []string {
			trust("config", "trust", "add-certificate", filepath.Join(folder, "client.crt"))
			return []string{endpoint, acceptCertificate}
		}},
		{name: "restricted certificate", auth: "trusted", project: "mixed", add: func(folder, endpoint string, trust func(...string) string) []string {
			trust(append([]string{"config", "trust", "add-certificate", filepath.Join(folder, "client.crt")}, restricted...)...)
			return []string{endpoint, acceptCertificate, "--project", "mixed"}
		}},
		{name: "public", auth: "untrusted", add: func(_, endpoint string, _ func(...string) string) []string {
			return []string{endpoint, acceptCertificate, "--public"}
		}},
		{name: "a certificate of its own", newer: true, auth: "trusted", add: func(folder, endpoint string, trust func(...string) string) []string {
			crt, key, err := makeCertificate()
			if err != nil {
				t.Fatal(err)
			}
			files := []string{filepath.Join(t.TempDir(), "own.crt"), filepath.Join(t.TempDir(), "own.key")}
			for i, data := range [][]byte{crt, key} {
				if err := os.WriteFile(files[i], data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			trust("config", "trust", "add-certificate", files[0])
			return []string{endpoint, acceptCertificate, "--tls-cert", files[0], "--tls-key", files[1]}
		}},
		{name: "several addresses", newer: true, auth: "trusted", add: func(folder, endpoint string, trust func(...string) string) []string {
			trust("config", "trust", "add-certificate", filepath.Join(folder, "client.crt"))
			return []string{strings.TrimSuffix(endpoint, "8443") + "1", endpoint, acceptCertificate}
		}},
	}
}

// TestRealMixedRemotes checks that every remote that the incus command of either line added, of a server of either line, is
// used as the command uses it, with no other set-up.
func TestRealMixedRemotes(t *testing.T) {
	needsIncus(t)
	split := func(name, by string) []string { return strings.Split(os.Getenv("INCUS_STAR_TESTBED_"+name), by) }
	s := twoLines{split("DIRS", ":"), split("ENDPOINTS", ","), split("LINES", ","), split("COMMANDS", ":")}
	if len(slices.Compact(slices.Sorted(slices.Values(s.lines)))) < 2 {
		t.Skip("needs a server of each line: run scripts/test.sh")
	}
	var fingerprints []string
	for n := range s.dirs {
		s.at(t, n, "project", "create", "mixed")
		s.at(t, n, "query", "-X", "PUT", "-d", `{"description": "of mixed"}`, "/1.0/profiles/default?project=mixed")
		t.Cleanup(func() { s.at(t, n, "project", "delete", "mixed") })
		var about struct {
			Environment struct {
				Fingerprint string `json:"certificate_fingerprint"`
			}
		}
		if err := json.Unmarshal([]byte(s.at(t, n, "query", "/1.0")), &about); err != nil {
			t.Fatal(err)
		}
		fingerprints = append(fingerprints, about.Environment.Fingerprint)
	}
	for n, line := range s.lines {
		if slices.Index(s.lines, line) != n {
			continue
		}
		for _, w := range remoteWays(t) {
			if w.newer && line == "6.0" {
				continue
			}
			t.Run(w.name+" by "+line, func(t *testing.T) {
				t.Parallel()
				s.check(t, s.commands[n], w, fingerprints)
			})
		}
	}
}

// at runs the machine's incus command on a server, and returns its output without the last newline.
func (s twoLines) at(t *testing.T, n int, args ...string) string {
	t.Helper()
	return s.run(t, "incus", []string{"INCUS_DIR=" + s.dirs[n]}, args...)
}

func (s twoLines) run(t *testing.T, command string, env []string, args ...string) string {
	t.Helper()
	c := exec.Command(command, args...)
	c.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", command, args, err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// check adds a remote for each server with the command, and compares what the command lists with what a script finds.
func (s twoLines) check(t *testing.T, command string, w remoteWay, fingerprints []string) {
	folder := t.TempDir()
	env := []string{"INCUS_CONF=" + folder}
	s.run(t, command, env, "remote", "generate-certificate")
	want := make(map[string]string)
	for n, endpoint := range s.endpoints {
		name := fmt.Sprintf("server-%d", n)
		trust := func(args ...string) string { return s.at(t, n, args...) }
		s.run(t, command, env, append([]string{"remote", "add", name}, w.add(folder, endpoint, trust)...)...)
		s.run(t, command, env, "remote", "rename", name, "renamed-"+name)
		want["renamed-"+name] = fingerprints[n]
	}
	if w.auth == "trusted" {
		s.run(t, command, env, "remote", "switch", "renamed-server-1")
		want[""] = fingerprints[1]
	}
	want["local"] = fingerprints[0]

	// What the command itself lists and finds.
	var listed map[string]struct {
		Protocol, Project string
		Public            bool
	}
	if err := json.Unmarshal([]byte(s.run(t, command, env, "remote", "list", "-f", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	for name, r := range listed {
		if _, known := want[name]; !known && r.Protocol != "simplestreams" {
			t.Errorf("the command lists a remote %s", name)
		}
		if name != "local" && r.Protocol != "simplestreams" && (r.Public != (w.auth == "untrusted") || w.project != "" && r.Project != w.project) {
			t.Errorf("the command lists %s as %+v", name, r)
		}
	}
	names := slices.Sorted(maps.Keys(want))
	words := make(map[string]string)
	for _, name := range names {
		if name == "local" || w.auth == "trusted" {
			words[name] = s.word(command, env, name)
		}
		if w.newer && name != "local" && name != "" {
			s.run(t, command, env, "remote", "set-keepalive", name, "30")
		}
	}
	out := s.run(t, "incus-star", env, append([]string{"-c", remotesScript, "--"}, names...)...)
	decoder := json.NewDecoder(strings.NewReader(out))
	for _, name := range names {
		var got struct{ Name, Server, Auth, Word string }
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		auth, server := w.auth, want[name]
		if name == "local" {
			auth = "trusted"
		}
		if auth == "untrusted" {
			server = "" // servers don't tell it to unknown clients
		}
		if got.Name != name || got.Server != server || got.Auth != auth || got.Word != words[name] {
			t.Errorf("remote %q is %+v, want server %s, auth %s, word %q", name, got, server, auth, words[name])
		}
		if w.project != "" && name != "local" && got.Word != "of mixed" {
			t.Errorf("remote %q isn't for the project: %q", name, got.Word)
		}
	}
}

// word returns the description of the default profile that the command shows for a remote; empty if it can't.
func (s twoLines) word(command string, env []string, remote string) string {
	if remote != "" {
		remote += ":"
	}
	c := exec.Command(command, "profile", "show", remote+"default")
	c.Env = append(os.Environ(), env...)
	out, _ := c.Output()
	for line := range strings.Lines(string(out)) {
		if text, found := strings.CutPrefix(line, "description: "); found {
			return strings.TrimSpace(text)
		}
	}
	return ""
}
