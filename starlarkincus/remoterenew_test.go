package starlarkincus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// content returns the configuration, without the certificates of the client.
func (u *user) content() string {
	var all strings.Builder
	for name := range strings.FieldsSeq(u.files()) {
		if !strings.HasPrefix(name, "client.") {
			data, err := os.ReadFile(filepath.Join(u.dir, name))
			if err != nil {
				u.Fatal(err)
			}
			fmt.Fprintf(&all, "%s:\n%s\n", name, data)
		}
	}
	return all.String()
}

// distrust makes the server forget all clients, and gives it a valid token.
func (j *joined) distrust() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests, j.secret, j.lose = nil, "s3cret-word", false
	clear(j.trusts)
}

// TestRenewRemote adds a remote that is there once more, in each way that makes its server trust the client again: the
// configuration stays as it is.
func TestRenewRemote(t *testing.T) {
	certificate := serverCertificate(t, "server.example")
	const renews = "GET /1.0; POST /1.0/certificates"
	for name, test := range map[string]struct {
		first    string // the call that adds the remote; with TOKEN, URL, PRINT and ELSEWHERE, a token with another address
		prepare  func(j *joined, u *user)
		again    string
		requests string
	}{
		"token":              {`token = "TOKEN"`, nil, `token = "TOKEN"`, renews},
		"url":                {`token = "TOKEN"`, nil, `token = "TOKEN", url = "URL"`, renews},
		"url without scheme": {`token = "TOKEN"`, nil, `token = "TOKEN", url = "HOST"`, renews},
		"one of two":         {`token = "TOKEN", url = "URL,https://127.0.0.1:1"`, nil, `token = "TOKEN", url = "https://127.0.0.1:1"`, renews},
		"other addresses":    {`token = "TOKEN"`, nil, `token = "ELSEWHERE"`, renews},
		"fingerprint":        {`token = "TOKEN"`, nil, `token = "TOKEN", fingerprint = "PRINT"`, renews},
		"project":            {`token = "TOKEN"`, nil, `token = "TOKEN", project = "default"`, renews},
		"own project":        {`token = "TOKEN", project = "web"`, nil, `token = "TOKEN", project = "web", auth_type = "tls"`, renews},
		"the default":        {`token = "TOKEN"`, func(_ *joined, u *user) { u.must(`incus.remotes.set_default("s")`) }, `token = "TOKEN"`, renews},
		"a lost answer":      {`token = "TOKEN"`, func(j *joined, _ *user) { j.lose = true }, `token = "TOKEN"`, renews + "; GET /1.0"},
		"trusted already":    {`token = "TOKEN"`, func(j *joined, u *user) { j.trust(u) }, `token = "TOKEN"`, "GET /1.0"},
		"an authority":       {`token = "TOKEN"`, func(j *joined, u *user) { u.write("client.ca", j.certificate); u.remove("servercerts/s.crt") }, `token = "TOKEN"`, renews},
		"no certificate yet": {`token = "TOKEN"`, func(_ *joined, u *user) { u.remove("client.crt"); u.remove("client.key") }, `token = "TOKEN"`, renews},
		"its own certificate": {`token = "TOKEN"`, func(_ *joined, u *user) {
			if err := os.MkdirAll(filepath.Join(u.dir, "clientcerts"), 0o750); err != nil {
				u.Fatal(err)
			}
			for _, end := range []string{".crt", ".key"} {
				if err := os.Rename(filepath.Join(u.dir, "client"+end), filepath.Join(u.dir, "clientcerts", "s"+end)); err != nil {
					u.Fatal(err)
				}
			}
		}, `token = "TOKEN"`, renews},
	} {
		t.Run(name, func(t *testing.T) {
			j, u := newJoined(t, certificate), newUser(t)
			j.projects = []string{"default", "web"}
			address := j.Listener.Addr().String()
			fill := strings.NewReplacer("TOKEN", j.token(j.fingerprint, address), "ELSEWHERE", j.token(j.fingerprint, "127.0.0.1:1"), "HOST", address, "URL", j.URL, "PRINT", j.fingerprint)
			u.must(`incus.remotes.add("s", ` + fill.Replace(test.first) + `)`)
			j.distrust()
			if test.prepare != nil {
				test.prepare(j, u)
			}
			before := u.content()
			got, err := u.run(`[r == [o for o in incus.remotes.list() if o.name == "s"][0] for r in [incus.remotes.add("s", %s)]][0]`, fill.Replace(test.again))
			if err != nil || got != starlark.True {
				t.Fatal(got, err)
			}
			if requests := j.got(); requests != test.requests {
				t.Errorf("got %s, want %s", requests, test.requests)
			}
			if after := u.content(); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			if got, err := u.run(`incus.connect("s").server().auth`); err != nil || got != starlark.String("trusted") {
				t.Error(got, err)
			}
			if used := j.secret == ""; used != strings.Contains(test.requests, "POST") {
				t.Errorf("the token was used: %v", used)
			}
		})
	}
}

// must evaluates an expression.
func (u *user) must(expression string) {
	u.Helper()
	if _, err := u.run("%s", expression); err != nil {
		u.Fatal(err)
	}
}

// remove removes a file of the configuration.
func (u *user) remove(name string) {
	if err := os.Remove(filepath.Join(u.dir, name)); err != nil {
		u.Fatal(err)
	}
}

// TestRenewRemoteFails checks that a call with a name that is taken by anything else fails, sends nothing to a server that isn't
// the token's, and has a hint whose calls work, where the name can become free.
func TestRenewRemoteFails(t *testing.T) {
	certificate, other := serverCertificate(t, "server.example"), serverCertificate(t, "other.example")
	set := func(text string) func(*joined, *user) {
		return func(_ *joined, u *user) { u.text("config.yml", text) }
	}
	const frees = `incus.remotes.remove("s") makes the name free`
	for name, test := range map[string]struct {
		prepare  func(j *joined, u *user)
		call     string
		hint     string
		requests string
	}{
		"no token":         {nil, `"s", url = "URL", fingerprint = "PRINT"`, `incus.remotes.add("s", token=…) makes its server trust this client again; ` + frees, ""},
		"another's token":  {nil, `"s", token = "OTHER"`, frees, ""},
		"another's url":    {nil, `"s", token = "TOKEN", url = "https://127.0.0.1:1"`, frees, ""},
		"one url more":     {nil, `"s", token = "TOKEN", url = "URL,https://127.0.0.1:1"`, frees, ""},
		"a fingerprint":    {nil, `"s", token = "TOKEN", fingerprint = "WRONG"`, frees, ""},
		"another project":  {nil, `"s", token = "TOKEN", project = "web"`, frees, ""},
		"the default one":  {func(_ *joined, u *user) { u.must(`incus.remotes.set_default("s")`) }, `"s", token = "OTHER"`, `incus.remotes.set_default("local") and then incus.remotes.remove("s") make the name free`, ""},
		"a public one":     {set("remotes: {s: {addr: \"https://x:1\", public: true}}"), `"s", token = "TOKEN"`, frees, ""},
		"logins":           {set("remotes: {s: {addr: \"https://x:1\", auth_type: oidc}}"), `"s", token = "TOKEN"`, frees, ""},
		"a socket":         {set("remotes: {s: {addr: \"unix:///x\"}}"), `"s", token = "TOKEN"`, frees, ""},
		"images":           {set("remotes: {s: {addr: \"https://x\", protocol: simplestreams, public: true}}"), `"s", token = "TOKEN"`, frees, ""},
		"unpinned, others": {set("remotes: {s: {addr: \"https://x:1\"}}"), `"s", token = "TOKEN"`, "", ""},
		"built in":         {nil, `"local", token = "TOKEN"`, "another name is needed", ""},
		"used up":          {func(j *joined, _ *user) { j.secret = "" }, `"s", token = "TOKEN"`, "the token has been used", "GET /1.0; POST /1.0/certificates; GET /1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			j, u := newJoined(t, certificate), newUser(t)
			wrong := newJoined(t, other)
			address := j.Listener.Addr().String()
			fill := strings.NewReplacer("TOKEN", j.token(j.fingerprint, address), "OTHER", j.token(wrong.fingerprint, wrong.Listener.Addr().String()), "URL", j.URL, "PRINT", j.fingerprint, "WRONG", wrong.fingerprint)
			u.must(`incus.remotes.add("s", ` + fill.Replace(`token = "TOKEN"`) + `)`)
			if name == "unpinned, others" {
				u.remove("servercerts/s.crt")
			}
			j.distrust()
			if test.prepare != nil {
				test.prepare(j, u)
			}
			before := u.content()
			_, err := u.run(`incus.remotes.add(%s)`, fill.Replace(test.call))
			var e *errors.Error
			if !errors.As(err, &e) || !strings.Contains(e.Hint, test.hint) || strings.Contains(fmt.Sprint(err, e.Hint), "s3cret-word") {
				t.Fatalf("%v, %+v", err, e)
			}
			if requests := j.got(); requests != test.requests || wrong.got() != "" {
				t.Errorf("got %q and %q, want %q", requests, wrong.got(), test.requests)
			}
			if after := u.content(); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			if test.requests != "" || strings.Contains(test.hint, "another name") {
				return
			}
			if e.Class != errors.Config || !strings.Contains(e.Message, `remote "s" exists already`) {
				t.Errorf("%v", err)
			}
			for _, call := range regexp.MustCompile(`incus\.remotes\.(?:set_default|remove)\("\w+"\)`).FindAllString(e.Hint, -1) {
				u.must(call)
			}
			u.must(`incus.remotes.add("s", ` + fill.Replace(`token = "TOKEN"`) + `)`)
		})
	}
}

func (u *user) text(name, content string) {
	if err := os.MkdirAll(u.dir, 0o750); err != nil {
		u.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(content), 0o600); err != nil {
		u.Fatal(err)
	}
}

func colons(fingerprint string) string {
	var pairs []string
	for i := 0; i < len(fingerprint); i += 2 {
		pairs = append(pairs, strings.ToUpper(fingerprint[i:i+2]))
	}
	return strings.Join(pairs, ":")
}
