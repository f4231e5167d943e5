package starlarkincus_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"incus-star/starlarkincus"

	"go.starlark.net/starlark"
)

// TestProjectOfClient checks that incus.project is the project that the client's calls use, and that the running instances are
// counted there: that of the options, else the remote's, else the server's default.
func TestProjectOfClient(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		metadata := `{"auth": "trusted", "environment": {"server_version": "7.0"}}`
		if r.URL.Path == "/1.0/instances" {
			metadata = map[string]string{"": "[]", "team": `["/1.0/instances/a", "/1.0/instances/b"]`, "other": `["/1.0/instances/c"]`}[r.URL.Query().Get("project")]
		}
		fmt.Fprintf(w, `{"type": "sync", "status_code": 200, "metadata": %s}`, metadata)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	u := newUser(t)
	u.text("config.yml", fmt.Sprintf("remotes:\n  plain: {addr: %q}\n  team: {addr: %[1]q, project: team}\n", server.URL))
	for _, remote := range []string{"plain", "team"} {
		u.write("servercerts/"+remote+".crt", server.TLS.Certificates[0])
	}
	newJoined(t, serverCertificate(t, "server.example")).trust(u) // makes the client's certificate
	for _, test := range []struct {
		remote, project string
		want            int
		name            string
	}{{"plain", "", 0, "default"}, {"plain", "team", 2, "team"}, {"team", "", 2, "team"}, {"team", "other", 1, "other"}} {
		options := u.options
		options.Remote, options.Project = test.remote, test.project
		client := starlarkincus.New(options)
		before, _ := client.Attr("project")
		about, err := client.About(t.Context())
		if want := (starlarkincus.About{Version: "7.0", Running: test.want}); err != nil || about != want {
			t.Errorf("%s, project %q: got %+v, %v; want %+v", test.remote, test.project, about, err, want)
		}
		after, _ := client.Attr("project")
		if before != after || after != starlark.String(test.name) || !slices.Contains(client.AttrNames(), "project") {
			t.Errorf("%s, project %q: incus.project is %v, then %v", test.remote, test.project, before, after)
		}
		client.Close()
	}
}
