package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
)

// TestNamesInAFleet checks that the servers of a fleet have different names, wherever these are shown, also if several are
// projects or members of one remote.
func TestNamesInAFleet(t *testing.T) {
	one, two := newJoined(t, serverCertificate(t, "one.example")), newJoined(t, serverCertificate(t, "two.example"))
	u := newUser(t)
	for name, j := range map[string]*joined{"one": one, "two": two} {
		if _, err := u.run(`incus.remotes.add(%q, token=%q)`, name, j.token(j.fingerprint, j.Listener.Addr().String())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := u.run(`incus.remotes.set_default("one")`); err != nil {
		t.Fatal(err)
	}
	client := starlarkincus.New(u.options)
	defer client.Close()
	for servers, want := range map[string]string{
		`["one", "two"]`:                               "one two",
		`["one", c.use(project="web")]`:                "one/default one/web",
		`[incus, incus.use(project="web")]`:            "one/default one/web",
		`[c, c.use(project="web"), "two"]`:             "one/default one/web two",
		`[c, connect("one", project="web")]`:           "one/default one/web",
		`[c.use(project="a"), c.use(project="b")]`:     "one/a one/b",
		`[c.use(target="m1"), c.use(target="m2"), c]`:  "one@m1 one@m2 one",
		`[c.use(target="m1"), c.use(target="@group")]`: "one@m1 one@group",
		`[c.use(project="a", target="m1"), c.use(project="a", target="m2"), c.use(project="b", target="m1"), c.use(project="b")]`: "one/a@m1 one/a@m2 one/b@m1 one/b",
		`[c.use(project="a@b"), c.use(project="a", target="b"), c.use(project="a")]`:                                              `one/"a@b" one/a@b one/a`,
		`[at, at.use(project="web")]`:              "AT/default AT/web",
		`[c.use(project="a"), d.use(project="b")]`: "one two",
		`["one", "one"]`:                           `the remote "one" is given twice`,
		`["one", c]`:                               "the server one is given twice",
		`[c, c.use(project="default")]`:            "the server one is given twice",
		`[c.use(target="m"), c.use(target="m")]`:   "the server one is given twice",
		`[at, at]`:                                 "the server AT is given twice",
	} {
		var out bytes.Buffer
		h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
		script := fmt.Sprintf(`
connect = incus.connect
c, d, at = connect("one"), connect("two"), connect(endpoint=%q, verify=False)
def fails(server):
    server.profiles.get("missing")

def same(what, got, names):
    if got != names:
        die("%%s: got %%s, want %%s" %% (what, got, names))

def main():
    made = catch(Error, fleet, %s)
    if made.error:
        print(made.error.message)
        return
    f = made.value
    names = f.remotes
    print(" ".join(names))
    results = f.map(fails)
    same("Results", [r.remote for r in results], names)
    same("errors", [r.error.remote for r in results], names)
    same("texts of errors", [n for n, r in zip(names, results) if "remote " + n in str(r.error) or n == "one"], names) # the default one isn't named
    for n, of in zip(names, f.clients):
        if f.client(n) != of or f.client(name = n) != of:
            die("the client of " + n)
        if n[:4] in ["one/", "one@"] and 'incus.connect("one", %%s=…)' %% ("project" if n[3] == "/" else "target") not in catch(IncusConfigError, connect, n).error.message:
            die("connect(%%s)" %% n)
    unknown = catch(IncusConfigError, f.client, names[0] + "x").error.message
    same("an unknown name", unknown, 'no server of the fleet is named %%r; did you mean %%r? (known: %%s)' %% (names[0] + "x", names[0], ", ".join(names)))
    stopped = catch(Error, f.rollout, fails).error
    same("a rollout", stopped.failed + stopped.not_begun, names)
    if names[0] + " failed" not in stopped.message:
        die(stopped.message)
    table(results)

main()
`, one.URL, servers)
		err := h.RunSource(context.Background(), "test.star", []byte(script))
		if err != nil {
			h.Report(&out, err)
		}
		first, rest, _ := strings.Cut(out.String(), "\n")
		if want = strings.ReplaceAll(want, "AT", one.URL); err != nil || first != want && !strings.Contains(first, want) {
			t.Errorf("%s: %v, got\n%s\nwant %s", servers, err, &out, want)
		}
		for name := range strings.FieldsSeq(want) {
			if !strings.Contains(want, "given twice") && !strings.Contains(rest, "\n"+name+" ") {
				t.Errorf("%s: the table lacks %s:\n%s", servers, name, rest)
			}
		}
	}
}

// TestProjectOfTheEnvironmentInAFleet checks that a fleet knows the project that INCUS_PROJECT selects.
func TestProjectOfTheEnvironmentInAFleet(t *testing.T) {
	env := remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_CONF": t.TempDir(), "INCUS_PROJECT": "web"}[name]
	}}
	client := starlarkincus.New(starlarkincus.Options{Environment: &env})
	defer client.Close()
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
	h.Report(&out, h.RunSource(t.Context(), "environment.star", []byte(`
print(fleet([incus, incus.use(project = "default")]).remotes)
print(try_(fleet, ["local", incus.use(project = "web")]).error.message)
`)))
	fresh := starlarkincus.New(starlarkincus.Options{Environment: &env})
	defer fresh.Close()
	h = host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: fresh.Names(), Servers: fresh.Servers})
	h.Report(&out, h.RunSource(t.Context(), "named.star", []byte(`
c = incus.connect("local")
print(fleet([c, c.use(project = "default")]).remotes)
`)))
	const names = "[\"local/web\", \"local/default\"]\n"
	if want := names + "the server local is given twice\n" + names; out.String() != want {
		t.Errorf("got %s, want %s", &out, want)
	}
}

// TestTextOfClients checks that the text of a client names the remote with which it was made, and is the same after a call.
func TestTextOfClients(t *testing.T) {
	j := newJoined(t, serverCertificate(t, "one.example"))
	u := newUser(t)
	address := j.Listener.Addr().String()
	if _, err := u.run(`incus.remotes.add("one", token=%q, url=%q)`, j.token(j.fingerprint, address), address); err != nil {
		t.Fatal(err)
	}
	client := starlarkincus.New(u.options)
	defer client.Close()
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
	for made, want := range map[string]string{
		`incus`: "<incus client>", `incus.use(project="web")`: "<incus client of project web>",
		`incus.connect("one")`: "<incus client of one>", `incus.connect("one", project="web")`: "<incus client of one, project web>",
		`incus.connect("one").use(project="web")`: "<incus client of one, project web>", `fleet("one").clients[0]`: "<incus client of one>",
		`incus.connect(endpoint="https://` + address + `", verify=False)`: "<incus client of https://" + address + ">",
	} {
		out.Reset()
		script := fmt.Sprintf("c = %s\nprint(c)\nr = try_(c.server)\nr = fleet([c])\nprint(c)\n", made)
		h.Report(&out, h.RunSource(t.Context(), "text.star", []byte(script)))
		if got := out.String(); got != want+"\n"+want+"\n" {
			t.Errorf("%s: %s, want %s", made, got, want)
		}
	}
}
