package starlarkincus_test

import (
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An outsider changes a user's configuration as the incus command does: the certificates first, then config.yml in place.
type outsider struct {
	*user
	servers map[string]*joined // by the name of their remote
}

// save writes config.yml.
func (o *outsider) save() {
	var text strings.Builder
	text.WriteString("default-remote: local\nremotes:\n  local:\n    addr: unix://\n")
	for _, name := range slices.Sorted(maps.Keys(o.servers)) {
		fmt.Fprintf(&text, "  %s:\n    addr: %s\n    protocol: incus\n    auth_type: tls\n", name, o.servers[name].URL)
	}
	o.text("config.yml", text.String())
}

func (o *outsider) pin(name string) string { return filepath.Join(o.dir, "servercerts", name+".crt") }

func (o *outsider) add(name string, j *joined) {
	if err := os.MkdirAll(filepath.Dir(o.pin(name)), 0o750); err != nil {
		o.Fatal(err)
	}
	content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: j.certificate.Certificate[0]})
	if err := os.WriteFile(o.pin(name), content, 0o600); err != nil {
		o.Fatal(err)
	}
	o.servers[name] = j
	o.save()
}

func (o *outsider) remove(name string) {
	os.Remove(o.pin(name))
	delete(o.servers, name)
	o.save()
}

func (o *outsider) rename(old, name string) {
	if err := os.Rename(o.pin(old), o.pin(name)); err != nil {
		o.Fatal(err)
	}
	o.servers[name] = o.servers[old]
	delete(o.servers, old)
	o.save()
}

// TestRemotesOfOthers changes the configuration at random as other programs do, while one script runs: this program in another
// process, and the incus command. After each change all that the script can ask agrees with it.
func TestRemotesOfOthers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	u := newUser(t)
	o := &outsider{u, make(map[string]*joined)}
	names := []string{"a", "b", "c", "d"}
	servers := []*joined{newJoined(t, serverCertificate(t, "one.example")), newJoined(t, serverCertificate(t, "two.example"))}
	u.writeClient()
	o.save()
	predeclared, closeAll := starlarkincus.Predeclared(u.options)
	defer closeAll()
	ask := func(expression string, args ...any) (starlark.Value, error) {
		return starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test.star", fmt.Sprintf(expression, args...), predeclared)
	}
	other := func(change func(config *remote.Config) (*remote.Config, error)) {
		config, err := remote.Load(t.Context(), *u.options.Environment)
		if err == nil {
			_, err = change(config)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	gone := make(map[string]bool)
	for step := range 25 {
		old, name, j, own := names[r.IntN(4)], names[r.IntN(4)], servers[r.IntN(2)], r.IntN(2) == 0
		what := ""
		switch have, taken := o.servers[old], o.servers[name]; {
		case have == nil && own:
			what = "own add " + old
			o.servers[old] = j
			other(func(config *remote.Config) (*remote.Config, error) {
				return config.Add(t.Context(), old, remote.New{Addresses: []string{j.URL}}, j.Server.Certificate())
			})
		case have == nil:
			what = "add " + old
			o.add(old, j)
		case taken == nil && own:
			what = "own rename " + old + " " + name
			o.servers[name] = have
			delete(o.servers, old)
			other(func(config *remote.Config) (*remote.Config, error) { return config.Rename(t.Context(), old, name) })
		case taken == nil:
			what = "rename " + old + " " + name
			o.rename(old, name)
		case own:
			what = "own remove " + old
			delete(o.servers, old)
			other(func(config *remote.Config) (*remote.Config, error) { return config.Remove(t.Context(), old) })
		default:
			what = "remove " + old
			o.remove(old)
		}
		want := slices.Sorted(maps.Keys(o.servers))
		for _, expression := range []string{`[n for n in incus.remotes.names() if n not in ("local", "images")]`, `[r.name for r in incus.remotes.list() if r.name != "local"]`,
			`[n for n in ["a", "b", "c", "d"] if incus.remotes.exists(n)]`} {
			got, err := ask(`" ".join(%s)`, expression)
			if text := fmt.Sprintf("%q", strings.Join(want, " ")); err != nil || got.String() != text {
				t.Fatalf("step %d, %s: %s is %v, %v, want %s", step, what, expression, got, err, text)
			}
		}
		for _, name := range names {
			j := o.servers[name]
			before := ""
			if j != nil {
				before = j.got()
			}
			_, err := ask(`incus.connect(%q).server().auth`, name)
			var e *errors.Error
			switch errors.As(err, &e); {
			case j != nil && (err != nil || j.got() == before):
				t.Fatalf("step %d, %s: %s isn't reached: %v", step, what, name, err)
			case j == nil && (e == nil || !e.Class.IsA(errors.Config)):
				t.Fatalf("step %d, %s: %s: %v", step, what, name, err)
			case j == nil && gone[name] && !strings.Contains(e.Message, "is no longer in the configuration"):
				t.Fatalf("step %d, %s: %s: %v", step, what, name, err)
			}
			gone[name] = gone[name] || j != nil
		}
	}
}

// TestRemoteRenamedAllTheTime connects to two names of a remote that another program renames to and fro: either the server is
// reached, or the error says that there is no such remote.
func TestRemoteRenamedAllTheTime(t *testing.T) {
	u := newUser(t)
	o := &outsider{u, make(map[string]*joined)}
	j := newJoined(t, serverCertificate(t, "one.example"))
	u.writeClient()
	o.add("a", j)
	predeclared, closeAll := starlarkincus.Predeclared(u.options)
	defer closeAll()
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for from, to := "a", "b"; ; from, to = to, from {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(200 * time.Millisecond)):
				o.rename(from, to)
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	for range 8 {
		for _, name := range []string{"a", "b"} {
			time.Sleep(rand.N(60 * time.Millisecond)) // at another moment of the renaming each time
			_, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test.star", fmt.Sprintf(`incus.connect(%q).server().auth`, name), predeclared)
			var e *errors.Error
			if errors.As(err, &e); err != nil && (e == nil || !e.Class.IsA(errors.Config)) {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// writeClient writes a client certificate and its key.
func (u *user) writeClient() {
	config, err := remote.Load(u.Context(), *u.options.Environment)
	if err == nil {
		_, err = config.MakeCertificate(u.Context())
	}
	if err != nil {
		u.Fatal(err)
	}
}

// TestChangedRemotes checks that later calls of the same script see changed remotes.
func TestChangedRemotes(t *testing.T) {
	u := newUser(t)
	got, err := u.run(`[str(incus.remotes.names()), incus.remotes.add("a", url = "https://x.example", protocol = "simplestreams").name,
		incus.remotes.exists("a"), incus.remotes.exists("b"), incus.remotes.set_default("a"), str([r.name for r in incus.remotes.list() if r.default]),
		incus.remotes.rename("a", "b").default, incus.remotes.exists("a"), incus.remotes.set_default("local"), incus.remotes.remove("b"), str(incus.remotes.names())]`)
	const want = `["[\"images\", \"local\"]", "a", True, False, None, "[\"a\"]", True, False, None, None, "[\"images\", \"local\"]"]`
	if err != nil || got.String() != want {
		t.Errorf("%v, %v", got, err)
	}
}
