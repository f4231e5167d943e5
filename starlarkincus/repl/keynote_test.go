package repl

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestKeyNote(t *testing.T) {
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		profiles := []string{"default"}
		if r.URL.Path == "/1.0/instances/two" {
			profiles = []string{"default", "gpu"}
		}
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": map[string]any{
			"name": "x", "auth": "trusted", "config": map[string]any{"own.key": "1"}, "expanded_config": map[string]any{"own.key": "1", "limits.cpu": "2"}, "profiles": profiles,
		}})
	})
	p := keyPrompt(t, server)
	if _, err := p.session.Eval(t.Context(), "one = incus.instances.get('one')\ntwo = [incus.instances.get('two')]\nd = {}"); err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		`one.config["limits.cpu"]`:                             "expanded_config has limits.cpu, from its profile default",
		`print(1, [one['config']['limits.cpu']])`:              "expanded_config has limits.cpu, from its profile default",
		`two[0].config["limits.cpu"]`:                          "expanded_config has limits.cpu, from one of its profiles default, gpu",
		`one.config["limits.mem"]`:                             "",
		`d["limits.cpu"]`:                                      "",
		`fail("x")`:                                            "",
		`fail("one.config['limits.cpu']")`:                     "",
		`[d.get("limits.cpu"), one.config["limits.cpu"]][0]`:   "expanded_config has limits.cpu, from its profile default",
		`one.expanded_config["limits.gpu"]`:                    "",
		`incus.instances.get("one").config["limits.cpu"]`:      "", // it isn't at hand
		"x = 1\nfor i in two:\n    i.config[\"limits.cpu\"]\n": "expanded_config has limits.cpu, from one of its profiles default, gpu",
	} {
		_, err := p.session.Eval(t.Context(), entry)
		if err == nil {
			t.Errorf("%s: no error", entry)
		}
		if got := p.keyNote(entry, err); got != want {
			t.Errorf("%s: got %q, want %q (%v)", entry, got, want, err)
		}
	}
}
