package repl

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestAllNamesHaveHelp checks the help of all names that the prompt has, those that only it has included, by the name and by the value.
func TestAllNamesHaveHelp(t *testing.T) {
	c := newLivePrompt(t, nil, "")
	p := &prompt{session: c.session}
	if own := slices.Sorted(maps.Keys(p.own())); !slices.Equal(own, []string{"help", "watch"}) {
		t.Errorf("only the prompt has %q", own)
	}
	for name, d := range p.own() {
		p.session.Set(name, d.Function())
	}
	for _, name := range p.session.Names() {
		var text strings.Builder
		if err := newReference().HelpName(&text, name); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(text.String(), name) {
			t.Errorf("%s: help is %q", name, text.String())
		}
		text.Reset()
		newReference().Help(&text, p.session.Get(name))
		if text.String() == "" || strings.HasSuffix(strings.TrimSpace(text.String()), "(…)") {
			t.Errorf("%s: help of the value is %q", name, text.String())
		}
	}
}

func TestQuestions(t *testing.T) {
	for text, want := range map[string]string{
		"x?": "x", "?x.y": "x.y", "limits.memory?": "limits.memory", `"limits.memory"?`: "limits.memory", `?'cloud-init.user-data'`: "cloud-init.user-data",
		"cloud-init.user-data?": "cloud-init.user-data", `x.config["limits.cpu"]?`: "limits.cpu", `x.devices["eth0"]['ipv4.address'] ?`: "ipv4.address", `?d[ "a" ]`: "a",
		`"a b"?`: "-", `x["limits.cpu"]`: "-", `"is it so?"`: "-", `f("limits.cpu")?`: "-", `x[1]?`: "-", `""?`: "-",
	} {
		about, asks := questioned(text)
		if !asks {
			about = "-"
		}
		if about != want {
			t.Errorf("%s: %q", text, about)
		}
	}
}

// keyPrompt returns a prompt with a client.
func keyPrompt(t *testing.T, handler http.Handler) *prompt {
	if handler == nil {
		return &prompt{session: newLivePrompt(t, nil, "").session}
	}
	return &prompt{session: newLivePrompt(t, serve(t, handler), "").session}
}

// TestHelpOfKeys checks the help of keys, the suggestion for one that is misspelt, and that a server which knows nothing about keys
// changes nothing.
func TestHelpOfKeys(t *testing.T) {
	bad := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": []int{1}})
	})
	for name, server := range map[string]http.Handler{"keys": &fakeIncus{}, "bad": bad} {
		p := keyPrompt(t, server)
		for asked, want := range map[string]string{
			"limits.memory": "for            instances and profiles", "volatile.base_image": "instances and profiles", "gid": "devices of type unix-char and unix-block",
			"ipv4.routes": "devices of type nic (bridged)", "limits.memry": "there is no help for limits.memry (did you mean limits.memory?)",
			"frobnicate.it": "there is no help for frobnicate.it", "try_": "try_(", "ipv4.nothing": "there is no help for ipv4.nothing",
		} {
			if name == "bad" && asked == "gid" {
				want = "Names with"
			} else if name == "bad" && !strings.HasPrefix(want, "t") {
				want = "there is no help for " + asked
			}
			if name == "bad" {
				want, _, _ = strings.Cut(want, " (did")
			}
			var text strings.Builder
			if err := tellName(t.Context(), &text, asked, p.client()); err != nil {
				text.WriteString(err.Error())
			}
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s, %s: got %q, want %q", name, asked, text.String(), want)
			}
		}
	}
}

// TestRealKeyHelp checks the help of all keys that a real server describes.
func TestRealKeyHelp(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN")
	p := keyPrompt(t, nil)
	keys := describedKeys(t.Context(), p.client())
	if len(keys) < 300 {
		t.Errorf("the server describes %d keys", len(keys))
	}
	for _, k := range keys {
		var text strings.Builder
		found := newReference().TellKey(&text, k.Name, keys)
		if !found || !strings.Contains(text.String(), "  for ") || strings.ContainsAny(text.String(), "`") || strings.Contains(text.String(), "{ref}") {
			t.Errorf("%s: the help is\n%s", k.Name, text.String())
		}
		if _, ok := spec.FixedPart(k.Name); ok && !spec.KeyMatches(k.Name, k.Name) {
			t.Errorf("%s isn't found", k.Name)
		}
	}
	for _, name := range []string{"limits.memory", "security.nesting"} {
		if err := tellName(t.Context(), io.Discard, name, p.client()); err != nil {
			t.Error(err)
		}
	}
	if err := tellName(t.Context(), io.Discard, "limits.memry", p.client()); err == nil || !strings.Contains(err.Error(), "did you mean limits.memory?") {
		t.Errorf("got %v", err)
	}
}

// TestFunctionText looks for the words about every function that stands alone.
func TestFunctionText(t *testing.T) {
	p := keyPrompt(t, http.NotFoundHandler())
	looked := 0
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(host.Declarations())), slices.Sorted(maps.Keys(Declarations())), builtin.NativeNames()) {
		v := p.session.Get(name)
		if b, ok := v.(*starlark.Builtin); !ok || b.Name() != name {
			if v != nil && functionText(v) != "" && !ok {
				t.Errorf("%s is no function: %s", name, functionText(v))
			}
			continue
		}
		looked++
		text := functionText(v)
		if does := strings.TrimSuffix(strings.TrimPrefix(text, name+": "), "\n() calls it, ? shows its help\n"); len(does) < 5 || len(text)-len(does) < len(name)+30 || strings.Contains(does, "\n") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if t.Log(looked); looked < 40 {
		t.Error("too few")
	}
}
