package host

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/starlarkincus"

	"go.starlark.net/starlark"
)

// A table of objects of Incus shows their names and states, unless the script lists other columns.
func TestTableOfObjects(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "unix.socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"api_extensions":[],"api_status":"stable","api_version":"1.0","auth":"trusted"}`
		project := ""
		if name := r.URL.Query().Get("project"); name != "" {
			project = `"project":"` + name + `",`
		}
		if strings.HasPrefix(r.URL.Path, "/1.0/instances") {
			body = `[{"name":"web",` + project + `"status":"Running","type":"container","description":"","config":{"limits.cpu":"2"},"profiles":["a","b"]},
				{"name":"database",` + project + `"status":"Stopped","type":"virtual-machine","description":"holds all"}]`
		}
		if strings.HasPrefix(r.URL.Path, "/1.0/networks") {
			body = `[{"name":"br0","managed":true,"config":{"ipv4.address":"10.1.1.1/24"},"used_by":["/1.0/x"]},{"name":"br1"}]`
		}
		_, _ = w.Write([]byte(`{"type":"sync","status_code":200,"metadata":` + body + `}`))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	defer func() { server.Close(); <-done }()
	t.Setenv("INCUS_SOCKET", socket)
	t.Setenv("INCUS_CONF", dir)
	t.Setenv("HOME", dir)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	for script, want := range map[string]string{
		`table(all)`: "NAME      STATUS   TYPE             DESCRIPTION\nweb       Running  container\ndatabase  Stopped  virtual-machine  holds all\n",
		`table(all, columns=["name", "profiles", "location"], headers=["NAME", "P", "L"])`:         "NAME      P     L\nweb       a, b\ndatabase\n",
		`table(all, columns=["name", "delete"])`:                                                   "no row has delete",
		`table(all, columns=["nmae"])`:                                                             "columns: no row has nmae (did you mean name?)",
		`table(all, columns=["config"], format="json")`:                                            "[\n  {\n    \"config\": {\n      \"limits.cpu\": \"2\"\n    }\n  },\n  {\n    \"config\": null\n  }\n]\n",
		`table(all, columns=["name", "ipv4"])`:                                                     "rows[0]: ipv4 was not read: list(state=True) reads it",
		`table(all, columns=["name", "colour"])`:                                                   "no row has colour: there are addresses, architecture, ",
		`print(table.text(networks, columns=["name", "ipv4", "used_by"]))`:                         "NAME  IPV4         USED BY\nbr0   10.1.1.1/24  /1.0/x\nbr1\n",
		`table([p.instances.list()[0] for p in (incus.use(project="a"), incus.use(project="b"))])`: "PROJECT  NAME  STATUS   TYPE       DESCRIPTION\na        web   Running  container\nb        web   Running  container\n",
		`table(all[0])`: "rows is Instance, want a list of rows",
		`print(yaml.encode(all[1]), json.encode(all[1]))`: "name: database\nstatus: Stopped\n",
	} {
		var b strings.Builder
		h := New(Options{Stdout: &b, Stderr: &b, Predeclared: starlark.StringDict{"incus": client}})
		h.Report(&b, h.RunSource(context.Background(), "x.star", []byte("all, networks = incus.instances.list(), incus.networks.list()\n"+script)))
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", script, b.String(), want)
		}
	}
}
