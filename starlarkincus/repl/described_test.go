package repl

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

// objectExpressions returns an expression of an object of each resource.
func objectExpressions() map[*spec.Resource]string {
	out := make(map[*spec.Resource]string)
	var add func(r *spec.Resource, collection string)
	add = func(r *spec.Resource, collection string) {
		expr := collection + `.get("x")`
		switch {
		case r.Lists == spec.Single:
			expr = collection + `()`
		case r.Lists == spec.Elements:
			expr = collection + `.list()[0]`
		}
		if _, ok := out[r]; !ok {
			out[r] = expr
		}
		for _, child := range r.Children {
			if child.Stands == spec.OnCollection {
				add(child, collection+"."+child.Name)
			} else {
				add(child, expr+"."+child.Name)
			}
		}
	}
	for _, r := range spec.Collections {
		add(r, "incus."+r.Name)
	}
	return out
}

// describedBy returns the keys that the fake server describes for the resource's config.
func describedBy(r *spec.Resource) []string {
	var out []string
	for kind, groups := range fakeConfigs {
		if r.Keys.Describes(kind, "") {
			out = append(out, keysIn(groups)...)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(key string) bool { return strings.HasPrefix(key, "volatile.") })
}

// keysIn returns the keys of groups of descriptions.
func keysIn(groups any) []string {
	var out []string
	for _, group := range groups.(map[string]any) {
		for _, key := range group.(map[string]any)["keys"].([]map[string]any) {
			for name := range key {
				out = append(out, strings.TrimSuffix(name, "*"))
			}
		}
	}
	return out
}

// undescribed are the resources with a config for which servers describe no keys.
var undescribed = []string{"network_acls", "peers", "records"}

// anyObject answers requests for any object.
func anyObject(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/1.0/metadata/configuration" {
		return false
	}
	var extensions []string
	for r := range objectExpressions() {
		extensions = append(extensions, r.Extension)
	}
	json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": map[string]any{
		"name": "x", "auth": "trusted", "api_extensions": extensions, "config": map[string]any{"set.key": "1"},
		"expanded_config":  map[string]any{"set.key": "1"},
		"devices":          map[string]any{"eth0": map[string]any{"type": "nic", "set.key": "1"}},
		"expanded_devices": map[string]any{"eth0": map[string]any{"type": "nic", "set.key": "1"}},
	}})
	return true
}

// words returns the texts that are proposed at the end of a text, with the answers of the server.
func (p livePrompt) texts(text string) []string {
	var out []string
	for _, k := range p.whole(text, "") {
		out = append(out, strings.TrimSuffix(k.text, `"`))
	}
	return out
}

// TestDescribedKeys checks that the configs of all resources, of objects at hand and of others, propose their own keys and those
// that the server describes for them, and no others; and so their devices.
func TestDescribedKeys(t *testing.T) {
	c := newLivePrompt(t, serve(t, &fakeIncus{trap: anyObject}), "")
	for r, expr := range objectExpressions() {
		for _, f := range r.Fields {
			if f.Use&spec.Read == 0 || !f.HasKeys() && f.Type != spec.Devices {
				continue
			}
			if slices.Contains(undescribed, r.Name) {
				continue
			}
			if _, err := c.session.Eval(t.Context(), "at_hand = "+expr); err != nil {
				t.Fatal(err)
			}
			for _, object := range []string{expr, "at_hand", "[at_hand][0]"} {
				own := []string{"set.key"}
				if object == expr {
					own = nil
				}
				if f.Type == spec.Devices {
					c.checkDevices(t, object+"."+f.Name, own)
					continue
				}
				want := append(describedBy(r), own...)
				slices.Sort(want)
				if len(want) == len(own) {
					t.Errorf("%s: the server describes no keys", expr)
				}
				for _, text := range []string{object + "." + f.Name + `["`, object + "." + f.Name + `.get("`, object + `["` + f.Name + `"]["`} {
					if got := c.texts(text); !slices.Equal(got, want) {
						t.Errorf("%s: got %q, want %q", text, got, want)
					}
				}
			}
		}
	}
}

// checkDevices checks what is proposed for the devices of an expression.
func (p livePrompt) checkDevices(t *testing.T, devices string, own []string) {
	if got := p.texts(devices + `["`); !slices.Contains(got, "eth0") {
		t.Errorf("%s: got %q", devices, got)
	}
	device := devices + `["eth0"]`
	for _, text := range []string{device + `["`, device + `.get("`} {
		got := p.texts(text)
		for _, key := range append(own, "type", "ipv4.routes", "network", "hwaddr") {
			if !slices.Contains(got, key) {
				t.Errorf("%s: got %q, without %s", text, got, key)
			}
		}
		if own != nil && (slices.Contains(got, "io.cache") || slices.Contains(got, "readonly")) { // its type is known
			t.Errorf("%s: got %q, with keys of disks", text, got)
		}
	}
}

// TestRealDescribedKeys checks that the configs of a real server's objects propose the keys that it describes.
func TestRealDescribedKeys(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN")
	c := newLivePrompt(t, nil, `p = incus.profiles.get("default")`+"\n"+`s = incus.server()`)
	for text, key := range map[string]string{
		`p.config["limits.mem`: "limits.memory", `p.config.get("security.nest`: "security.nesting", `incus.projects.get("default").config["restricted.con`: "restricted.containers.nesting",
		`s.config["images.auto`: "images.auto_update_interval", `p.devices["ro`: "root", `p.devices["root"]["limits.r`: "limits.read",
	} {
		if got := c.texts(text); !slices.Contains(got, key) {
			t.Errorf("%s: got %q, without %s", text, got, key)
		}
	}
}

// TestOperationsToCancel checks that :ops proposes the operations that run on the server, in the project at hand.
func TestOperationsToCancel(t *testing.T) {
	fake := &fakeIncus{trap: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/1.0/operations" {
			return false
		}
		op := func(id string, code int) map[string]any {
			return map[string]any{"id": id, "description": "Doing " + id, "status_code": code}
		}
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": map[string]any{
			"running": []any{op("b-one", 103)}, "success": []any{op("c-ended", 200)}, "pending": []any{op("a-two", 105)}}})
		return true
	}}
	c := newLivePrompt(t, serve(t, fake), "incus = incus.use(project = 'stage')")
	p := &prompt{session: c.session, live: c.live}
	find := func() []candidate {
		_, found := p.commandWords(":ops cancel ", "", c.words)
		return found
	}
	want := []candidate{{"cancel a-two", "Doing a-two"}, {"cancel b-one", "Doing b-one"}}
	if got := c.settled(find); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := fake.requests(); !slices.ContainsFunc(got, func(r string) bool { return strings.Contains(r, "project=stage") }) {
		t.Errorf("sent %q", got)
	}
}
