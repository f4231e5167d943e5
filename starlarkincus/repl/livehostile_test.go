package repl

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// badServers answer what no server of Incus does.
var badServers = map[string]func(w http.ResponseWriter, r *http.Request){
	"hangs": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"hangs later": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"type": "sync", `)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	},
	"refuses": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		io.WriteString(w, `{"type": "error", "error_code": 403, "error": "not \u001b[31m authorized"}`)
	},
	"fails":     func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) },
	"goes away": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	"rubbish":   func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "\x1b[2J<html>") },
	"no list": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": 7}`)
	},
	"deep": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": `+strings.Repeat("[", 100_000))
	},
	"wrong list": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": [null, {"a": 1}, 7]}`)
	},
	"escapes": func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": ["/1.0/instances/we\u001b[2Jb", "/1.0/instances/we%1b%5b2Jb", "/1.0/instances/we\"+exit()+\"", "/1.0/instances/we\u202eb"]}`)
	},
	"redirects": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/1.0/instances?again", http.StatusFound)
	},
}

// TestCompleteBadServer checks that a key is answered, with no name, whatever the server does, and that a server that
// doesn't answer isn't asked again at once.
func TestCompleteBadServer(t *testing.T) {
	for name, answer := range badServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &fakeIncus{trap: func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }}
			c := newLivePrompt(t, serve(t, fake), "")
			for _, text := range []string{`incus.instances.get("we⇥`, `incus.instances.get("we⇥`, `incus.profiles.get("we⇥`, `incus.instances.launch("n", config = {"li⇥`} {
				if after, count := c.complete(text); count > 0 {
					t.Errorf("%s: proposes %s", text, after)
				}
			}
			seen := fake.requests()
			limit := 3 // one for each list
			if name == "hangs" || name == "hangs later" || name == "goes away" {
				limit = 2 // a GET is sent again after a lost connection
			}
			if len(seen) > limit {
				t.Errorf("sent %q", seen)
			}
		})
	}
}

// TestCompleteDown checks that a server that isn't there isn't asked again at each key.
func TestCompleteDown(t *testing.T) {
	env := serve(t, http.NotFoundHandler())
	socket := env.Getenv("INCUS_SOCKET")
	env.Getenv = func(name string) string { return map[string]string{"INCUS_SOCKET": socket + "-none"}[name] }
	c := newLivePrompt(t, env, "")
	for _, text := range []string{`incus.instances.get("we⇥`, `incus.profiles.get("we⇥`} {
		if _, count := c.complete(text); count > 0 {
			t.Errorf("%s: proposes something", text)
		}
	}
	c.settle()
	if c.complete(`incus.networks.get("we⇥`); c.live.lists[`none`] != nil || len(c.live.down) != 1 {
		t.Errorf("down: %v", c.live.down)
	}
}

// TestCompleteLocal checks that local completion asks no server.
func TestCompleteLocal(t *testing.T) {
	prepareFiles(t)
	fake := &fakeIncus{names: manyNames()}
	c := newLivePrompt(t, serve(t, fake), liveSetup)
	c.live.local = true
	for _, p := range places {
		c.complete(p.text)
	}
	if seen := fake.requests(); len(seen) > 0 {
		t.Errorf("sent %q", seen)
	}
	if after, _ := c.complete(`read_file("folder/no⇥`); after != `read_file("folder/notes.txt"` {
		t.Errorf("files: %s", after)
	}
}

// TestCompleteKeeps checks that a name that appears late is used for the next key, and an old list while a new one is
// read.
func TestCompleteKeeps(t *testing.T) {
	answer := make(chan struct{})
	fake := &fakeIncus{names: manyNames(), trap: func(w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		return false
	}}
	c := newLivePrompt(t, serve(t, fake), "")
	if _, count := c.complete(`incus.profiles.get("gpu⇥`); count != 0 {
		t.Fatal("there is an answer before the server's")
	}
	answer <- struct{}{}
	c.settle()
	want := `incus.profiles.get("gpu-box"`
	if after, _ := c.complete(`incus.profiles.get("gpu⇥`); after != want {
		t.Errorf("the late answer isn't used: %s", after)
	}
	for _, u := range c.live.lists {
		u.until = time.Time{}
	}
	if after, _ := c.complete(`incus.profiles.get("gpu⇥`); after != want {
		t.Errorf("the old list isn't used: %s", after)
	}
	close(answer)
	c.settle()
	if seen := fake.requests(); len(seen) != 2 {
		t.Errorf("sent %q", seen)
	}
}

var randomKeys = flag.Int("randomkeys", 3000, "how many random texts TestCompleteRandom completes")

// TestCompleteRandom checks that random text never panics, and that a key sends at most one request, which reads.
func TestCompleteRandom(t *testing.T) {
	prepareFiles(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	fake := &fakeIncus{names: manyNames()}
	c := newLivePrompt(t, serve(t, fake), liveSetup)
	panicked := ""
	get := c.get
	pieces := []string{"incus", ".instances", ".get(", ".list(", `"`, `'`, `"""`, "we", "[", "]", "{", "}", "(", ")", ":", ",", " = ", ".", "\n", "    ", "for i in ", " in ", "if ", "config", "devices",
		"profiles", "d", "x", "lambda: ", "\\", "#", "é", "\x00", "1", ".5", "limits.", "project=", "*", "**", "|", "try_(", "load(", "run(", "insts", "rows", "@", "network", `"type": "nic"`, "/", "..", ";", "return ", "_"}
	sent := 0
	for range *randomKeys {
		var text string
		if r.IntN(2) == 0 { // what is right, changed
			text = strings.ReplaceAll(places[r.IntN(len(places))].text, "⇥", "")
		}
		for range r.IntN(12) {
			at := r.IntN(len(text) + 1)
			if r.IntN(3) == 0 && at < len(text) {
				text = text[:at] + text[at+1:]
			} else {
				text = text[:at] + pieces[r.IntN(len(pieces))] + text[at:]
			}
		}
		at := r.IntN(len(text) + 1)
		c.get = func(name string) starlark.Value { return get(name) }
		began := time.Now()
		keep, found := c.guarded(text[:at], text[at:], &panicked)
		if took := time.Since(began); took > patience {
			t.Fatalf("seed %d: %q took %v", seed, text, took)
		}
		if panicked != "" {
			t.Fatalf("seed %d: %q, %q: %s", seed, text[:at], text[at:], panicked)
		}
		if keep < 0 || keep > at {
			t.Fatalf("seed %d: %q, %q: keeps %d", seed, text[:at], text[at:], keep)
		}
		for _, k := range found {
			if k.text != indent && !strings.HasPrefix(k.text, text[keep:at]) {
				t.Fatalf("seed %d: %q, %q: %q would replace %q", seed, text[:at], text[at:], k.text, text[keep:at])
			}
		}
		c.settle()
		seen := fake.requests()
		sent += len(seen)
		if len(seen) > 1 || len(seen) == 1 && !strings.HasPrefix(seen[0], "GET ") {
			t.Fatalf("seed %d: %q, %q: sent %q", seed, text[:at], text[at:], seen)
		}
		if r.IntN(20) == 0 {
			clear(c.live.lists)
		}
	}
	if fake.requests(); sent == 0 {
		t.Error("no text sent a request")
	}
}

// settle waits until no lookup is running.
func (c completer) settle() {
	for deadline := time.Now().Add(patience); c.live.pending() && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
}

// settled returns what find does once it starts no further lookup: an answer may come too late for a key, and lead to another lookup.
func (c completer) settled(find func() []candidate) []candidate {
	for before := map[string]*lookup(nil); ; {
		found := find()
		c.settle()
		if maps.Equal(before, c.live.lists) {
			return found
		}
		before = maps.Clone(c.live.lists)
	}
}

// whole returns all that is proposed between two texts.
func (c completer) whole(text, tail string) []candidate {
	return c.settled(func() []candidate {
		_, found := c.words(text, tail)
		return found
	})
}

// guarded is words with the panic that it holds.
func (c completer) guarded(text, tail string, panicked *string) (keep int, found []candidate) {
	defer func() {
		if v := recover(); v != nil {
			*panicked = fmt.Sprint(v)
		}
	}()
	return c.find(text, tail)
}

// TestCompleteTable checks that each argument that names an object proposes such objects, and each config and devices their
// keys, for all methods of the table.
func TestCompleteTable(t *testing.T) {
	fake := &fakeIncus{names: manyNames()}
	fake.trap = func(w http.ResponseWriter, r *http.Request) bool {
		if _, known := fake.names[r.URL.Path]; known || r.URL.Path == "/1.0" || strings.HasPrefix(r.URL.Path, "/1.0/metadata") {
			return false
		}
		if strings.HasSuffix(r.URL.Path, "/templates") || strings.Contains(r.URL.Path, "/nvram") {
			io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": ["thing-of-it"]}`)
			return true
		}
		if r.URL.Path == "/1.0/operations" {
			io.WriteString(w, `{"type": "sync", "status_code": 200, "metadata": {"running": ["/1.0/operations/thing-of-it"]}}`)
			return true
		}
		fmt.Fprintf(w, `{"type": "sync", "status_code": 200, "metadata": ["%s/thing-of-it"]}`, r.URL.Path)
		return true
	}
	c := newLivePrompt(t, serve(t, fake), "")
	arguments := 0
	try := func(reach string, r *spec.Resource, m *spec.Method) {
		for _, f := range m.Arguments() {
			before := reach + "." + m.Name + "(" + f.Script() + " = "
			var text string
			switch {
			case f.Type == spec.Config && f.Name == "config" && r != nil && r.Keys.Kind != "" && keysOfFake(r):
				text = before + `{"`
			case f.Type == spec.Devices:
				text = before + `{"eth0": {"`
			case f.Refers == spec.ToItself && r.Lists == spec.Single:
				continue
			case f.Refers != 0 && f.Refers != spec.ToFile, len(f.Values) > 0:
				text = before + `"`
				if f.Type == spec.Strings {
					text = before + `["`
				}
			default:
				continue
			}
			arguments++
			if _, found := c.words(text, ""); len(found) == 0 && len(c.whole(text, "")) == 0 {
				t.Errorf("%s proposes nothing; sent %q", text, fake.requests())
			}
			if len(c.live.lists) > 200 {
				clear(c.live.lists)
			}
		}
	}
	var visit func(reach string, r *spec.Resource)
	visit = func(reach string, r *spec.Resource) {
		one := reach + `.get("thing")`
		if r.Lists == spec.Single {
			one = reach + "()"
		}
		for _, m := range r.CollectionMethods() {
			try(reach, r, &m)
		}
		for _, m := range r.ObjectMethods() {
			try(one, r, &m)
		}
		for _, child := range r.Children {
			if child.Stands == spec.OnCollection {
				visit(reach+"."+child.Name, child)
			} else {
				visit(one+"."+child.Name, child)
			}
		}
	}
	for _, r := range spec.Collections {
		visit("incus."+r.Name, r)
	}
	for _, m := range spec.ClientMethods {
		try("incus", nil, &m)
	}
	t.Logf("%d arguments", arguments)
	if arguments < 300 {
		t.Errorf("only %d arguments name something", arguments)
	}
	for _, seen := range fake.requests() {
		if !strings.HasPrefix(seen, "GET ") {
			t.Errorf("sent %s", seen)
		}
	}
}

// keysOfFake reports whether the fake server describes keys of the resource.
func keysOfFake(r *spec.Resource) bool {
	for kind := range fakeConfigs {
		if r.Keys.Describes(kind, "") || r.Keys.Default != "" && r.Keys.Describes(kind, r.Keys.Default) {
			return true
		}
	}
	return false
}

func BenchmarkComplete(b *testing.B) {
	fake := &fakeIncus{names: manyNames()}
	client := serve(b, fake)
	for _, p := range places[:8] {
		b.Run("first/"+p.text, func(b *testing.B) {
			c := newLivePrompt(b, client, "")
			for b.Loop() {
				clear(c.live.lists)
				c.complete(p.text)
			}
		})
		b.Run("then/"+p.text, func(b *testing.B) {
			c := newLivePrompt(b, client, "")
			for b.Loop() {
				c.complete(p.text)
			}
		})
	}
}
