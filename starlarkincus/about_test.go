package starlarkincus_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"incus-star/starlarkincus"
)

// TestAboutCountsItsProject checks that the running instances are counted in the project that the client's calls use: that of the
// options, else the remote's, else the server's default.
func TestAboutCountsItsProject(t *testing.T) {
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
	}{{"plain", "", 0}, {"plain", "team", 2}, {"team", "", 2}, {"team", "other", 1}} {
		options := u.options
		options.Remote, options.Project = test.remote, test.project
		client := starlarkincus.New(options)
		about, err := client.About(t.Context())
		if want := (starlarkincus.About{Version: "7.0", Running: test.want}); err != nil || about != want {
			t.Errorf("%s, project %q: got %+v, %v; want %+v", test.remote, test.project, about, err, want)
		}
		client.Close()
	}
}
