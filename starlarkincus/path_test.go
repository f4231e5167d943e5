package starlarkincus_test

import (
	"net/url"
	"slices"
	"testing"

	"incus-star/starlarkincus"
)

// The methods of Path send the same requests as scripts, and wait for operations.
func TestPath(t *testing.T) {
	a := newAnswers()
	var prepared []string
	client := starlarkincus.New(starlarkincus.Options{Environment: a.serve(t), Prepare: func(c *starlarkincus.Client, project string) error {
		prepared = append(prepared, project)
		return c.Path("/1.0/projects", "").Create(t.Context(), map[string]any{"name": "p"})
	}})
	defer client.Close()
	var profiles []struct{ Name string }
	at := client.Path("/1.0/instances", "p").Item("a/b")
	for i, err := range []error{
		client.Path("/1.0/profiles", "p").Read(t.Context(), url.Values{"recursion": {"1"}}, &profiles),
		client.Path("/1.0/instances", "p").Create(t.Context(), map[string]any{"name": "x"}),
		client.Path("/1.0/profiles/x", "p").Change(t.Context(), map[string]any{"description": "d"}),
		at.Act(t.Context(), "PUT", "state", map[string]any{"action": "stop"}),
		client.Path("/1.0/projects/p", "").Remove(t.Context(), url.Values{"force": {"1"}}),
	} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if ok, err := client.HasExtension(t.Context(), "nonsense"); ok || err != nil {
		t.Error(ok, err)
	}
	var got []string
	for _, r := range a.take() {
		if r.query != "" {
			r.path += "?" + r.query
		}
		got = append(got, r.method+" "+r.path)
	}
	wait := "GET /1.0/operations/" + operationID + "/wait?timeout=-1"
	want := []string{"POST /1.0/projects", "GET /1.0/profiles?project=p&recursion=1", "POST /1.0/instances?project=p", wait, "PUT /1.0/profiles/x?project=p",
		"PUT /1.0/instances/a/b/state?project=p", "DELETE /1.0/projects/p?force=1", wait, "GET /1.0"}
	if len(profiles) != 1 || len(prepared) != 1 || !slices.Equal(got, want) {
		t.Errorf("%v, prepared %q, sent\n%q, want\n%q", profiles, prepared, got, want)
	}
}
