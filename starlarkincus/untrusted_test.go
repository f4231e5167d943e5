package starlarkincus_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

// TestRecipeTellsTrust runs the cookbook's script that asks many servers with one that answers, one that doesn't trust this
// client, and one that can't be reached.
func TestRecipeTellsTrust(t *testing.T) {
	page, err := os.ReadFile("../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)\n## Find the servers that don't answer\n.*?```python\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("no such script")
	}
	script := strings.Replace(string(found[1]), `["local"]`, `["good", "stranger", "away"]`, 1)
	certificate := serverCertificate(t, "server.example")
	good, stranger, u := newJoined(t, certificate), newJoined(t, certificate), newUser(t)
	good.trust(u)
	u.text("config.yml", fmt.Sprintf("remotes:\n  good: {addr: %q}\n  stranger: {addr: %q}\n  away: {addr: \"https://127.0.0.1:1\"}\n", good.URL, stranger.URL))
	u.write("servercerts/good.crt", certificate)
	u.write("servercerts/stranger.crt", certificate)
	client := starlarkincus.New(u.options)
	defer client.Close()
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
	h.Report(&out, h.RunSource(t.Context(), "x.star", []byte(script+"print(try_(lambda: incus.connect(\"stranger\").server().environment[\"server_version\"]))\n")))
	const want = "good answers\nstranger doesn't trust this client\naway doesn't answer: can't connect to https://127.0.0.1:1"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "the value is None: a field that the server didn't send") {
		t.Errorf("got\n%s", got)
	}
}
