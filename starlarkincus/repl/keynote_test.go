package repl

import (
	"encoding/json"
	"net/http"
	"regexp"
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

func TestOutputNote(t *testing.T) {
	p := keyPrompt(t, http.NotFoundHandler())
	for entry, want := range map[string]string{
		`run(["sh", "-c", "echo a; exit 3"])`:                           "err_.stdout has its standard output, 1 line",
		`run(["sh", "-c", "echo a; echo b >&2; printf c; exit 3"])`:     "err_.stdout has its standard output, 2 lines",
		`run(["sh", "-c", "echo; echo b >&2; exit 3"])`:                 "",
		`run(["sh", "-c", "echo a; exit 3"], encoding = "bytes")`:       "err_.stdout has its standard output, 1 line",
		`[run(["sh", "-c", "echo a; exit " + str(n)]) for n in [0, 1]]`: "err_.stdout has its standard output, 1 line",
		`fail("x")`: "",
	} {
		_, err := p.session.Eval(t.Context(), entry)
		if err == nil {
			t.Errorf("%s: no error", entry)
		}
		if got := outputNote(err); got != want {
			t.Errorf("%s: got %q, want %q (%v)", entry, got, want, err)
		}
	}
}

// TestOtherCommands checks that each command of other programs is none here, and that the commands which its hint names are.
func TestOtherCommands(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range commands() {
		names[c.name] = true
	}
	p := keyPrompt(t, http.NotFoundHandler())
	for name, hint := range otherCommands {
		if names[name] {
			t.Errorf("there is a command :%s", name)
		}
		if err := p.command(t.Context(), ":"+name+" x"); err == nil || err.Error() != "there is no command :"+name+": "+hint {
			t.Errorf(":%s: %v", name, err)
		}
		for _, found := range regexp.MustCompile(`:([a-z]+)`).FindAllStringSubmatch(hint, -1) {
			if !names[found[1]] {
				t.Errorf(":%s: %q: there is no :%s", name, hint, found[1])
			}
		}
	}
}
