package starlarkincus_test

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestBrokenFiles breaks the connection of each method for files, at its begin and later. The error names the instance or the
// volume, and has the class and the words of the reason, if the server knows it.
func TestBrokenFiles(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	doing := func(what, at string) string {
		one := map[string]any{"id": idOf(1), "class": "task", "description": what, "status": "Running", "status_code": 103, "resources": map[string]any{"instances": []string{at}}}
		list, err := json.Marshal(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": map[string]any{"running": []any{one}}})
		if err != nil {
			t.Fatal(err)
		}
		return "page 200 " + string(list)
	}
	tried := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if p == nil || p.Path != "sftp" {
			return
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		a.reset()
		_, err := called(fn, args)
		at := ""
		for _, r := range a.take() {
			if strings.HasSuffix(r.path, "/sftp") {
				at = path.Dir(r.path)
			}
		}
		if at == "" {
			t.Errorf("%s: no connection (%v)", who, err)
			return
		}
		kind := "instance"
		if !strings.HasPrefix(at, "/1.0/instances/") {
			kind = "storage volume"
		}
		for _, c := range []struct {
			failing  map[string]string
			override map[string]any
			class    *errors.Class
			says     string
			of       string // the kind that it concerns; both if empty
		}{
			{nil, nil, errors.Connection, "", ""},
			{map[string]string{"GET " + at: "404 Not there"}, nil, errors.NotFound, "Not there", ""},
			{map[string]string{"GET " + at: "lost", "GET /1.0/operations": "lost"}, nil, errors.Connection, "", ""},
			{map[string]string{"GET " + at: "403 no"}, nil, errors.Connection, "", ""},
			{map[string]string{"GET /1.0/operations": doing("Deleting instance", at)}, nil, errors.NotFound, "the instance is being deleted", "instance"},
			{map[string]string{"GET /1.0/operations": doing("Deleting instance", at+"x")}, nil, errors.Connection, "", ""},
			{map[string]string{"GET /1.0/operations": doing("Stopping instance", at)}, nil, errors.State, "the instance is being stopped", "instance"},
			{map[string]string{"GET /1.0/operations": doing("Restarting instance", at)}, nil, errors.State, "the instance is being stopped", "instance"},
			{nil, map[string]any{"status": "Stopped"}, errors.State, "the instance is stopped", "instance"},
		} {
			if c.of != "" && c.of != kind {
				continue
			}
			for _, bytes := range []int64{1, 9, 12} { // in and after the first packet
				a.reset()
				w.set(func(a *answers) { a.breaks, a.failing, a.override = bytes, c.failing, c.override })
				_, err := called(fn, args)
				tried++
				var e *errors.Error
				want := "the connection to the files of " + kind + ` "` + path.Base(at) + `" broke: ` + c.says
				if !errors.As(err, &e) || e.Class != c.class || !strings.HasPrefix(e.Message, want) || e.Object == nil || e.Object.Name != path.Base(at) {
					t.Errorf("%s, %d bytes: %v, want %s: %s", who, bytes, err, c.class, want)
				}
				if c.class == errors.State && !errors.Is(err, errors.Connection) {
					t.Errorf("%s, %d bytes: retry takes it for lasting: %v", who, bytes, err)
				}
				if outcome := map[bool]errors.Outcome{true: "", false: errors.NotSent}[m.Effect == spec.Reads]; e != nil && e.Outcome != outcome && e.Outcome != errors.Unknown {
					t.Errorf("%s, %d bytes: outcome %q", who, bytes, e.Outcome)
				}
			}
		}
	})
	if t.Log(tried); tried < 400 {
		t.Error("too few")
	}
}
