package starlarkincus_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/fakeoidc"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// TestRealLogin logs in to a real server by OpenID Connect, with a provider that the server asks, too.
func TestRealLogin(t *testing.T) {
	needsIncus(t)
	provider, err := fakeoidc.New()
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	dir := filepath.Join(t.TempDir(), "incus")
	env := remote.OS()
	env.Getenv = func(name string) string {
		if name == "INCUS_CONF" {
			return dir
		}
		return os.Getenv(name)
	}
	run := func(code string, there bool) string {
		t.Helper()
		options := starlarkincus.Options{Environment: &env}
		if there {
			options.Show = provider.Confirm
		}
		client := starlarkincus.New(options)
		defer client.Close()
		names := client.Names()
		names["image"] = starlark.String(os.Getenv("INCUS_STAR_TESTBED_IMAGE"))
		names["endpoint"], names["issuer"], names["client_id"] = starlark.String(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT")), starlark.String(provider.URL), starlark.String(fakeoidc.ClientID)
		var out, errs bytes.Buffer
		h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: names})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.RunSource(ctx, "login", []byte(code)); err != nil {
			h.Report(&errs, err)
			t.Errorf("%s", errs.Bytes())
		}
		return out.String()
	}
	defer run(`incus.server().update(config = {"oidc.issuer": None, "oidc.client.id": None})`, false)
	run(`incus.server().update(config = {"oidc.issuer": issuer, "oidc.client.id": client_id})`, false)
	const fingerprint = `incus.server().environment["certificate_fingerprint"]`
	if got := run(`error = try_(incus.remotes.add, "r", url = endpoint, auth_type = "oidc", fingerprint = `+fingerprint+`).error
print(error.class_, "no tokens are saved" in error.message)`, false); got != "IncusAuthenticationError True\n" {
		t.Errorf("without a user: %s", got)
	}
	if got := run(`print(incus.remotes.add("r", url = endpoint, auth_type = "oidc", fingerprint = `+fingerprint+`).auth_type)
s = incus.connect("r").server()
print(s.auth, s.auth_user_method, s.auth_user_name)`, true); got != "oidc\ntrusted oidc test-user@zitadel.ch\n" && got != "oidc\ntrusted oidc id1\n" {
		t.Errorf("the first login: %s", got)
	}
	if got := run(`c = incus.connect("r")
print(c.profiles.create("login").name)
c.profiles.delete("login")`, false); got != "login\n" {
		t.Errorf("with the saved tokens: %s", got)
	}
	// spoil makes the saved access token one that the server refuses.
	spoil := func() {
		t.Helper()
		path := filepath.Join(dir, "oidctokens", "r.json")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Replace(content, []byte(`"access_token":"`), []byte(`"access_token":"x`), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The first request of each client has a token that is refused, and so refreshed; each kind of connection is one.
	run(`incus.instances.launch("login-streams", image = image)`, false)
	defer run(`incus.instances.delete("login-streams", force = True)`, false)
	for what, code := range map[string]string{
		"a command":  `print(r.instances.get("login-streams").exec(["cat"], stdin = "typed").stdout == "typed")`,
		"files":      `print("root" in r.instances.get("login-streams").files.read("/etc/passwd"))`,
		"operations": `print(r.instances.get("login-streams").restart(timeout = 0).name == "login-streams")`,
		"events": `events = r.events(types = ["lifecycle"], timeout = 30)
incus.profiles.create("login-events").delete()
for e in events:
    print(e.type == "lifecycle")
    break`,
	} {
		spoil()
		before := provider.Refreshes.Load()
		if got := run("r = incus.connect(\"r\")\n"+code, false); got != "True\n" {
			t.Errorf("%s: %s", what, got)
		}
		if n := provider.Refreshes.Load() - before; n != 1 {
			t.Errorf("%s: %d refreshes", what, n)
		}
	}
	if err := provider.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	spoil()
	if got := run(`error = try_(incus.connect("r").profiles.create, "login").error
print(error.class_, error.outcome, "invalid_grant" in error.message)`, false); got != "IncusAuthenticationError not_sent True\n" {
		t.Errorf("after the revocation: %s", got)
	}
	if provider.Logins.Load() != 1 {
		t.Errorf("%d logins", provider.Logins.Load())
	}
}
