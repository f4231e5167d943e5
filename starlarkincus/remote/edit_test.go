package remote

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"incus-star/errors"
)

// An editing is a change of the configuration, as a script makes it.
type editing func(ctx context.Context, c *Config) (*Config, error)

func removing(name string) editing {
	return func(ctx context.Context, c *Config) (*Config, error) { return c.Remove(ctx, name) }
}

func renaming(old, name string) editing {
	return func(ctx context.Context, c *Config) (*Config, error) { return c.Rename(ctx, old, name) }
}

func choosing(name string) editing {
	return func(ctx context.Context, c *Config) (*Config, error) { return c.SetDefault(ctx, name) }
}

func adding(name string, n New) editing {
	return func(ctx context.Context, c *Config) (*Config, error) { return c.Add(ctx, name, n.Normal(), nil) }
}

var server = New{Addresses: []string{"192.0.2.1"}}

// written is a config.yml with all that can be in one, and more.
const written = `# Mine.
default-remote: prod # the real one
remotes:
  images:
    addr: https://images.linuxcontainers.org
    protocol: simplestreams
    public: true
  # Handle with care.
  prod:
    addr: https://a.example:8443,https://b.example:8443
    last_working_address: https://b.example:8443
    auth_type: tls
    keepalive: 30
    project: web
    protocol: incus
    public: false
    invented: [1, two]
  test:
    addr: https://c.example:8443 # a spare
    auth_type: oidc
    protocol: incus
    public: false
aliases:
  ll: list -c n
defaults:
  list_format: compact
  no_color: false
unknown:
  key: value
`

func TestEdit(t *testing.T) {
	for name, test := range map[string]struct {
		before string // empty for no file
		edit   editing
		after  string
	}{
		"remove":               {written, removing("test"), strings.Replace(written, written[strings.Index(written, "  test:"):strings.Index(written, "aliases:")], "", 1)},
		"rename":               {written, renaming("test", "spare"), strings.Replace(written, "  test:", "  spare:", 1)},
		"rename the default":   {written, renaming("prod", "live"), strings.NewReplacer("  prod:", "  live:", "-remote: prod", "-remote: live").Replace(written)},
		"rename to a number":   {written, renaming("test", "12"), strings.Replace(written, "  test:", `  "12":`, 1)},
		"rename to true":       {written, renaming("test", "true"), strings.Replace(written, "  test:", `  "true":`, 1)},
		"default":              {written, choosing("test"), strings.Replace(written, "-remote: prod", "-remote: test", 1)},
		"default local":        {written, choosing("local"), strings.Replace(written, "-remote: prod", "-remote: local", 1)},
		"no default":           {"remotes:\n  a:\n    addr: https://a:1\n", choosing("a"), "remotes:\n  a:\n    addr: https://a:1\ndefault-remote: a\n"},
		"add":                  {written, adding("new", server), strings.Replace(written, "aliases:", "  new:\n    addr: https://192.0.2.1:8443\n    auth_type: tls\n    protocol: incus\n    public: false\naliases:", 1)},
		"add images":           {"", adding("docker", New{Addresses: []string{"https://docker.io"}, Protocol: OCI, CredentialsHelper: "cred"}), defaultFile + "  docker:\n    addr: https://docker.io\n    protocol: oci\n    credentials_helper: cred\n    public: true\n"},
		"add to nothing":       {"", adding("new", server), defaultFile + newEntry},
		"add to an empty file": {"\n", adding("new", server), "\nremotes:\n" + newEntry},
		"add to a comment":     {"# Mine.", adding("new", server), "# Mine.\nremotes:\n" + newEntry},
		"add to null":          {"remotes:\n", adding("new", server), "remotes:\n" + newEntry},
		"add to {}":            {"remotes: {}\naliases: {}\n", adding("new", server), "remotes:\n" + newEntry + "aliases: {}\n"},
		"add to {} alone":      {"{}\n", adding("new", server), "remotes:\n" + newEntry},
		"add to JSON":          {`{"remotes": {"a": {"addr": "https://a:1"}}}`, adding("b", New{Addresses: []string{"b"}, Public: true}), `{"remotes": {"a": {"addr": "https://a:1"}, b: {addr: 'https://b:8443', protocol: incus, public: true}}}` + "\n"},
		"set in nothing":       {"", choosing("images"), strings.Replace(defaultFile, "-remote: local", "-remote: images", 1)},
		"an anchor":            {"remotes: &r\n  a: &a\n    addr: https://a:1\n  b: *a\nother: *r\n", removing("b"), "remotes: &r\n  a: &a\n    addr: https://a:1\nother: *r\n"},
		"remotes by an alias":  {"other: &r\n  a:\n    addr: https://a:1\nremotes: *r\n", renaming("a", "b"), "other: &r\n  b:\n    addr: https://a:1\nremotes: *r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.before != "" {
				w.write("config/incus/config.yml", test.before)
			}
			changed, err := test.edit(t.Context(), w.load())
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(w.path("config/incus/config.yml"))
			if err != nil || string(got) != test.after {
				t.Errorf("%v, got\n%s\nwant\n%s", err, got, test.after)
			}
			if now := w.load(); !slices.Equal(now.Names(), changed.Names()) || now.defaultRemote != changed.defaultRemote {
				t.Errorf("returned %v, default %s; the file has %v, %s", changed.Names(), changed.defaultRemote, now.Names(), now.defaultRemote)
			}
		})
	}
}

const (
	newEntry    = "  new:\n    addr: https://192.0.2.1:8443\n    auth_type: tls\n    protocol: incus\n    public: false\n"
	defaultFile = "default-remote: local\nremotes:\n  images:\n    addr: https://images.linuxcontainers.org\n    protocol: simplestreams\n    public: true\n  local:\n    addr: unix://\n    public: false\n"
)

// TestRefusedEdits checks that a change that is an error changes no file.
func TestRefusedEdits(t *testing.T) {
	for name, test := range map[string]struct {
		before string
		edit   editing
		parts  []string
	}{
		"remove local":           {written, removing("local"), []string{`remote "local" is built in and can't be removed`}},
		"remove the default":     {written, removing("prod"), []string{`remote "prod" is the default one and can't be removed`}},
		"remove a global one":    {written, removing("shared"), []string{`remote "shared" is one for all users, from ROOT/etc/config.yml, and can't be removed here`}},
		"remove an unknown one":  {written, removing("tset"), []string{`unknown remote "tset"; did you mean "test"?`}},
		"rename local":           {written, renaming("local", "x"), []string{"is built in and can't be renamed"}},
		"rename a global one":    {written, renaming("shared", "x"), []string{"is one for all users"}},
		"rename an unknown one":  {written, renaming("x", "y"), []string{`unknown remote "x"`}},
		"rename to another":      {written, renaming("test", "prod"), []string{`remote "prod" exists already`}},
		"rename to itself":       {written, renaming("test", "test"), []string{`remote "test" exists already`}},
		"rename to local":        {written, renaming("test", "local"), []string{`remote "local" exists already`}},
		"rename to a global one": {written, renaming("test", "shared"), []string{`remote "shared" exists already`}},
		"default unknown":        {written, choosing("tst"), []string{`unknown remote "tst"; did you mean "test"?`}},
		"add an existing one":    {written, adding("test", server), []string{`remote "test" exists already`}},
		"add images":             {"", adding("images", server), []string{`remote "images" exists already`}},
		"add without a name":     {written, adding("", server), []string{"the name of the remote is empty"}},
		"a colon":                {written, adding("a:b", server), []string{`"a:b" can't be the name of a remote: it has ':'`}},
		"a slash":                {written, adding("../b", server), []string{`it has '/'`}},
		"an equals sign":         {written, adding("a=b", server), []string{`it has '='`}},
		"a control character":    {written, adding("a\nb", server), []string{`it has '\n'`}},
		"a dot":                  {written, adding(".b", server), []string{"begins with a dot"}},
		"a space":                {written, adding("b ", server), []string{"begins or ends with a space"}},
		"several documents":      {written + "---\na: 1\n", choosing("test"), []string{"several YAML documents"}},
		"a merge":                {"base: &b\n  a: {addr: 'https://a:1'}\nremotes:\n  <<: *b\n", removing("a"), []string{"can't be changed, because it has YAML of a kind"}},
		"an anchor in use":       {"default-remote: b\nremotes:\n  a: &a\n    addr: https://a:1\n  b: *a\n", removing("a"), []string{"can't be changed"}},
		"bad YAML":               {"remotes: [", choosing("local"), []string{"not a configuration of the incus command"}},
		"a certificate in place": {written, renaming("test", "old"), []string{"ROOT/config/incus/servercerts/old.crt exists, and would be used for the renamed remote"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("etc/config.yml", "remotes:\n  shared:\n    addr: https://s.example:8443\n")
			w.write("config/incus/servercerts/old.crt", "old")
			w.write("config/incus/servercerts/test.crt", "test")
			c := w.load()
			if test.before != "" {
				w.write("config/incus/config.yml", test.before)
				if loaded, err := Load(t.Context(), w.env()); err == nil {
					c = loaded
				}
			}
			before := w.files()
			_, err := test.edit(t.Context(), c)
			w.check(err, test.parts...)
			if after := w.files(); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		})
	}
}

// files returns the paths, modes and contents of all files of the user's configuration.
func (w *world) files() string {
	w.t.Helper()
	var b strings.Builder
	root := w.path("config/incus")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(&b, "%s %v %q\n", name, info.Mode(), content)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return b.String()
}

// TestFilesOfRemotes checks which files besides config.yml move and go with a remote.
func TestFilesOfRemotes(t *testing.T) {
	w := newWorld(t)
	path := w.write("config/incus/config.yml", written)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	w.write("config/incus/client.key", "mine")
	for _, f := range perRemote {
		w.write("config/incus/"+f.folder+"/test"+f.suffix, f.folder+f.suffix)
		w.write("config/incus/"+f.folder+"/testing"+f.suffix, "another one")
	}
	before := w.files()
	changed, err := w.load().Rename(t.Context(), "test", "spare")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range perRemote {
		before = strings.Replace(before, f.folder+"/test"+f.suffix+" ", f.folder+"/spare"+f.suffix+" ", 1)
	}
	sorted := func(text string) []string { return slices.Sorted(strings.Lines(text)) }
	before = strings.Replace(before, `\n  test:`, `\n  spare:`, 1)
	if after := w.files(); !slices.Equal(sorted(after), sorted(before)) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if _, err := changed.Remove(t.Context(), "spare"); err != nil {
		t.Fatal(err)
	}
	for _, f := range perRemote {
		if there := exists(w.path("config/incus/" + f.folder + "/spare" + f.suffix)); there != f.own {
			t.Errorf("%s: %v", f.folder, there)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

// TestEditsAtOnce checks that no change is lost to another one, by this process or another, and that config.yml is whole
// at any time.
func TestEditsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/config.yml", written)
	const writers = 12
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			c, err := Load(t.Context(), w.env())
			if err == nil {
				_, err = c.Add(t.Context(), fmt.Sprint("r", i), server.Normal(), nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if names := w.load().Names(); len(names) != writers+4 {
		t.Errorf("got %q", names)
	}
}

// TestLockEndsWithTheContext checks that a cancelled wait for another change ends.
func TestLockEndsWithTheContext(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/config.yml", written)
	c := w.load()
	unlock, err := c.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.Plain("enough")
	cancel(reason)
	if _, err := c.Remove(ctx, "test"); err != reason {
		t.Errorf("got %v", err)
	}
}

// TestAddedFiles checks the files and modes of a new remote and a new client certificate, in a new folder.
func TestAddedFiles(t *testing.T) {
	w := newWorld(t)
	c := w.load()
	for i := range 2 {
		if made, err := c.MakeCertificate(t.Context()); err != nil || made != (i == 0) {
			t.Fatal(made, err)
		}
	}
	pin := newPair(t, "incus.example", tomorrow())
	candidate, err := c.Candidate(t.Context(), "new", server.Normal())
	if err != nil || candidate.Certificate == nil || !slices.Equal(candidate.Endpoints, []string{"https://192.0.2.1:8443"}) {
		t.Fatal(candidate, err)
	}
	if leaf := candidate.Certificate.Leaf; leaf.Subject.Organization[0] != "Linux Containers" || !strings.Contains(leaf.Subject.CommonName, "@") {
		t.Errorf("the client's certificate is of %s", leaf.Subject)
	}
	if c, err = c.Add(t.Context(), "new", server.Normal(), pin.parsed); err != nil {
		t.Fatal(err)
	}
	if target, err := c.Resolve(t.Context(), "new"); err != nil || !target.ServerCertificate.Equal(pin.parsed) || target.Certificate == nil {
		t.Error(target, err)
	}
	if err := os.WriteFile(w.path("probe"), nil, 0o777); err != nil {
		t.Fatal(err)
	}
	probe, err := os.Stat(w.path("probe")) // which has all bits that the umask leaves
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"": 0o750 | os.ModeDir, "client.crt": 0o644, "client.key": 0o600, "config.yml": 0o644, "servercerts": 0o750 | os.ModeDir, "servercerts/new.crt": 0o644} {
		if info, err := os.Stat(w.path("config/incus/" + name)); err != nil || info.Mode() != mode&(probe.Mode()|os.ModeDir) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// One that an authority vouches for has no pin, not even an old one of the same name.
	w.write("config/incus/servercerts/other.crt", "old")
	if _, err = c.Add(t.Context(), "other", server.Normal(), nil); err != nil || exists(w.path("config/incus/servercerts/other.crt")) {
		t.Error(err, "the old pin is there")
	}
}

// TestHalfACertificate checks that a key without a certificate isn't overwritten.
func TestHalfACertificate(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/client.key", "mine")
	c := w.load()
	if made, err := c.MakeCertificate(t.Context()); made || err != nil {
		t.Error(made, err)
	}
	_, err := c.Candidate(t.Context(), "new", server.Normal())
	w.check(err, "the key ROOT/config/incus/client.key lacks its certificate")
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"host": "https://host:8443", "host:1": "https://host:1", "https://host": "https://host:8443", "https://host/": "https://host:8443", "https://host:443": "https://host:443",
		"192.0.2.1": "https://192.0.2.1:8443", "::1": "https://[::1]:8443", "[::1]": "https://[::1]:8443", "[::1]:1": "https://[::1]:1", "https://[2001:db8::1]:443": "https://[2001:db8::1]:443",
		"unix:": "unix://", "unix://": "unix://", "unix:/run/x": "unix:///run/x", "unix:///run/x": "unix:///run/x", "/run/x": "unix:///run/x",
		"http://host:1": "http://host:1", "": "https://",
	} {
		if got := (New{Addresses: []string{address}}).Normal().Addresses; !slices.Equal(got, []string{want}) {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
	for _, bad := range []string{"", "http://host", "https://u:pass55@host", "https://host/path", "https://host:x", "ftp://host", "https://host?x=1", "ho st"} {
		w := newWorld(t)
		w.write("config/incus/client.crt", "")
		_, err := w.load().Candidate(t.Context(), "new", New{Addresses: []string{bad}}.Normal())
		w.check(err, `remote "new": addr `)
		if strings.Contains(err.Error(), "pass55") {
			t.Errorf("the error has a password: %v", err)
		}
	}
}

// TestList checks the description of each kind of remote, without secrets.
func TestList(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/config.yml", `
default-remote: b
remotes:
  a: {addr: "https://user:pass55@images.example/path", protocol: simplestreams, public: true}
  b: {addr: "https://b1:8443, https://b2:8443", project: web}
  c: {addr: "https://c:8443", auth_type: oidc}
  d: {addr: "https://d:8443", public: true}
  e: {addr: "unix:///run/e"}
  f: {addr: "https://f", protocol: oci, credentials_helper: help}
`)
	w.write("etc/config.yml", "remotes:\n  g: {addr: 'https://g:8443'}\n")
	var got []string
	for _, i := range w.load().List() {
		got = append(got, fmt.Sprintf("%s %v %s %q %s %q public=%v static=%v global=%v default=%v", i.Name, i.Addresses, i.Protocol, i.AuthType, i.CredentialsHelper, i.Project, i.Public, i.Static, i.Global, i.Default))
	}
	want := []string{
		`a [https://[redacted]@images.example/path] simplestreams "none"  "" public=true static=false global=false default=false`,
		`b [https://b1:8443 https://b2:8443] incus "tls"  "web" public=false static=false global=false default=true`,
		`c [https://c:8443] incus "oidc"  "" public=false static=false global=false default=false`,
		`d [https://d:8443] incus "none"  "" public=true static=false global=false default=false`,
		`e [unix:///run/e] incus "file access"  "" public=false static=false global=false default=false`,
		`f [https://f] oci "none" help "" public=false static=false global=false default=false`,
		`g [https://g:8443] incus "tls"  "" public=false static=false global=true default=false`,
		`local [unix://] incus "file access"  "" public=false static=true global=false default=false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
