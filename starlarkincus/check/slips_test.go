package check

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// fakeClient returns a client of a server that has one instance.
func fakeClient(t *testing.T) *starlarkincus.Client {
	return clientOf(t, func(*http.Request) string { return `{"name":"a","project":"default","config":{},"profiles":[]}` })
}

// clientOf returns a client of a server that answers every request with a JSON value.
func clientOf(t *testing.T, metadata func(*http.Request) string) *starlarkincus.Client {
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"type":"sync","status_code":200,"metadata":%s}`, metadata(r))
	})}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	env := remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_SOCKET": socket}[name] }}
	client := starlarkincus.New(starlarkincus.Options{Environment: &env})
	t.Cleanup(func() {
		client.Close()
		server.Close()
		<-served
	})
	return client
}

const instanceI = `i = incus.instances.get("a")`

// TestSlips runs, types and checks each slip. All three messages must contain the same hint.
func TestSlips(t *testing.T) {
	src, err := os.ReadFile("testdata/slips/slips.txt")
	if err != nil {
		t.Fatal(err)
	}
	slips := strings.Split(string(src), "\n---\n")[1:]
	if len(slips) < 60 {
		t.Errorf("there are %d slips", len(slips))
	}
	predeclared := starlark.StringDict{"incus": fakeClient(t)}
	path := filepath.Join(t.TempDir(), "slip.star")
	for _, slip := range slips {
		code, hint, ok := strings.Cut(slip, "\n=>")
		certain := strings.HasPrefix(hint, " ")
		hint = strings.TrimSpace(strings.TrimPrefix(hint, "run"))
		if !ok || hint == "" {
			t.Fatalf("%q has no hint", slip)
		}
		if regexp.MustCompile(`\bi\.`).MatchString(code) {
			code = instanceI + "\n" + code
		}
		code += "\n"
		h := host.New(host.Options{Predeclared: predeclared})
		said := func(err error) string {
			var b bytes.Buffer
			h.Report(&b, err)
			return b.String()
		}
		ran := said(h.RunSource(t.Context(), "slip", []byte(code)))
		_, err := h.NewSession().Eval(t.Context(), code)
		typed := said(err)
		message := firstMessage(ran)
		if !strings.Contains(message, hint) {
			t.Errorf("%s\na run says\n%s\nwant %s", code, ran, hint)
			continue
		}
		if firstMessage(typed) != message {
			t.Errorf("%s\nthe prompt says\n%s\nwant\n%s", code, typed, ran)
		}
		if err := os.WriteFile(path, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := Run([]string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, f := range found {
			texts = append(texts, f.String())
		}
		if all := strings.Join(texts, "\n"); certain != strings.Contains(all, ": "+message) {
			t.Errorf("%s\ncheck says %q\na run says %q", code, all, message)
		}
	}
	t.Logf("%d slips", len(slips))
}

var position = regexp.MustCompile(`^\S*:\d+:\d+: `)

// firstMessage returns the first error of a report, without its position and class.
func firstMessage(report string) string {
	for line := range strings.Lines(report) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "Traceback") {
			return strings.TrimPrefix(position.ReplaceAllString(line, ""), "ScriptError: ")
		}
	}
	return ""
}

// TestHintsReach checks that the method that hints suggest for reading a single resource exists.
func TestHintsReach(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	var script strings.Builder
	var walk func(*spec.Resource)
	checked := 0
	walk = func(r *spec.Resource) {
		if methods := r.ObjectMethods(); r.Lists == spec.Single && len(methods) > 0 {
			fmt.Fprintf(&script, "print(%s().%s)\n", r.Reach(), methods[0].Name)
			checked++
		}
		for _, child := range r.Children {
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		if r.Lists != spec.Single && len(r.Children) > 0 {
			fmt.Fprintf(&script, "%s = incus.%s.get(\"a\")\n", r.Singular(), r.Name)
		}
		walk(r)
	}
	path := filepath.Join(t.TempDir(), "reach.star")
	if err := os.WriteFile(path, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := Run([]string{path}, Options{})
	if err != nil || len(found) > 0 || checked < 3 {
		t.Errorf("%d resources: %v, %v\n%s", checked, found, err, script.String())
	}
}
