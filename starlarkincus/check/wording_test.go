package check

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// oneOfAll is the test server's answer for every path.
const oneOfAll = `{"name":"c1","project":"default","status":"Running","status_code":103,"type":"container","description":"","ephemeral":false,"managed":true,
"config":{"user.x":"1","user.owner":"x","limits.cpu":"2"},"devices":{"eth0":{"type":"nic"}},"profiles":["default"],"created_at":"2024-01-01T00:00:00Z","location":"none",
"fingerprint":"abc","aliases":[{"name":"x"}],"properties":{"os":"x"},"memory":{"usage":1},"cpu":{"usage":1},"environment":{"server_version":"6.0"},
"api_extensions":[],"network":{"eth0":{"addresses":[{"family":"inet","address":"10.0.0.2","scope":"global"}]}},"restricted":false,"used_by":[]}`

// fullClient returns a client of a server that has one object of each kind, and completes operations at once.
func fullClient(t *testing.T) *starlarkincus.Client {
	names := regexp.MustCompile(`^/1\.0/\w+$`)
	return clientOf(t, func(r *http.Request) string {
		switch {
		case r.URL.Query().Get("recursion") != "":
			return "[" + oneOfAll + "]"
		case names.MatchString(r.URL.Path):
			return `["/1.0/instances/c1"]`
		}
		return oneOfAll
	})
}

var frame = regexp.MustCompile(`File "([^"]*)", line (\d+)`)

// otherWords match messages of runs that differ from check's: the run takes another branch, fails earlier at the test's
// server, or knows less than check.
var otherWords = []*regexp.Regexp{
	regexp.MustCompile(`^NoneType has no|\+ NoneType|^int has no \.foo`), // one of several types
	regexp.MustCompile(`^IncusConnectionError|^Instance has no \.wait_for|^key "a" not in dict|^fleet: there are no servers here`),
	regexp.MustCompile(`^invalid call of non-function \(string\)`), // check knows the field
	regexp.MustCompile(`^cannot load|^load: name`),                 // check knows the path
}

// TestSameWords checks that a run of a script that fails on the line of its mistake has the same message as check.
func TestSameWords(t *testing.T) {
	predeclared := starlark.StringDict{"incus": fullClient(t)}
	t.Setenv("PORT", "80")
	paths, texts := chunks(t, "mistakes.txt")
	same, elsewhere := 0, 0
	for i, path := range paths {
		findings, err := Run([]string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h := host.New(host.Options{Predeclared: predeclared, MaxSteps: 100_000, Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)})
		var report bytes.Buffer
		h.Report(&report, h.RunSource(t.Context(), path, src))
		line, _ := planted(texts[i])
		frames := frame.FindAllStringSubmatch(report.String(), -1)
		at := line
		for _, f := range frames {
			if f[1] == path {
				at, _ = strconv.Atoi(f[2])
			}
		}
		said := firstMessage(report.String())
		switch {
		case len(findings) == 0:
		case said == "" || at != line:
			elsewhere++
			t.Logf("a run of this fails elsewhere (%q), not with %s\n%s", said, findings[0], texts[i])
		case slices.ContainsFunc(findings, func(f Finding) bool { return strings.Contains(said, f.Message) || strings.Contains(f.String(), said) }):
			same++
		case slices.ContainsFunc(otherWords, func(p *regexp.Regexp) bool { return p.MatchString(said) }):
			elsewhere++
		default:
			t.Errorf("a run says  %s\ncheck says %s\n%s", said, findings[0], texts[i])
		}
	}
	t.Logf("of %d mistakes a run says of %d the same; %d are beyond this server, or no failure", len(paths), same, elsewhere)
	if same*100 < 75*len(paths) {
		t.Error("too few of the scripts fail where the mistake is")
	}
}
