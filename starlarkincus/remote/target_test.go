package remote

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain drops the fields that can't be compared.
func plain(t *Target) Target {
	p := *t
	p.Certificate, p.ServerCertificate, p.CA = nil, nil, nil
	return p
}

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		name  string
		entry string // of the remote r
		vars  map[string]string
		want  Target
	}{
		{"socket", "addr: unix:/a/s", nil, Target{Protocol: Incus, Socket: "/a/s"}},
		{"socket with slashes", "addr: unix:///a/s", nil, Target{Protocol: Incus, Socket: "/a/s"}},
		{"a default socket", "{addr: 'unix://', project: p}", nil, Target{Protocol: Incus, Socket: "ROOT/var/unix.socket", Project: "p"}},
		{"the shortest socket", "addr: 'unix:'", nil, Target{Protocol: Incus, Socket: "ROOT/var/unix.socket"}},
		{"auth_type is nothing to a socket", "{addr: 'unix:/a', auth_type: oidc}", nil, Target{Protocol: Incus, Socket: "/a"}},
		{"one address", "addr: https://a:8443/", nil, Target{Protocol: Incus, Endpoints: []string{"https://a:8443"}}},
		{"an IPv6 address", "addr: 'https://[fd00::1]:8443'", nil, Target{Protocol: Incus, Endpoints: []string{"https://[fd00::1]:8443"}}},
		{"several", "{addr: 'https://a:1, https://b:2,, https://c/', auth_type: tls}", nil,
			Target{Protocol: Incus, Endpoints: []string{"https://a:1", "https://b:2", "https://c"}}},
		{"the last that worked", "{addr: 'https://a,https://b,https://c', last_working_address: 'https://b'}", nil,
			Target{Protocol: Incus, Endpoints: []string{"https://b", "https://c", "https://a"}}},
		{"one that worked and is gone", "{addr: 'https://a,https://b', last_working_address: 'https://x'}", nil,
			Target{Protocol: Incus, Endpoints: []string{"https://a", "https://b"}}},
		{"a project", "{addr: 'https://a', project: p}", nil, Target{Protocol: Incus, Endpoints: []string{"https://a"}, Project: "p"}},
		{"the default project", "{addr: 'https://a', project: default}", nil, Target{Protocol: Incus, Endpoints: []string{"https://a"}}},
		{"INCUS_PROJECT", "{addr: 'https://a', project: p}", map[string]string{"INCUS_PROJECT": "q"},
			Target{Protocol: Incus, Endpoints: []string{"https://a"}, Project: "q"}},
		{"public", "{addr: 'https://a', public: true, project: p}", map[string]string{"INCUS_PROJECT": "q"},
			Target{Protocol: Incus, Endpoints: []string{"https://a"}, Public: true}},
		{"simplestreams", "{addr: 'https://a/', protocol: simplestreams, public: yes}", map[string]string{"INCUS_PROJECT": "q"},
			Target{Protocol: SimpleStreams, Endpoints: []string{"https://a"}, Public: true}},
		{"a path", "{addr: 'https://a/releases/', protocol: simplestreams}", nil, Target{Protocol: SimpleStreams, Endpoints: []string{"https://a/releases"}}},
		{"oci", "{addr: 'https://a', protocol: oci, public: true, auth_type: oidc, credentials_helper: docker-x}", nil,
			Target{Protocol: OCI, Endpoints: []string{"https://a"}, Public: true, CredentialsHelper: "docker-x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.vars = test.vars
			client := newPair(t, "client", tomorrow())
			w.write("config/incus/client.crt", client.crt)
			w.write("config/incus/client.key", client.key)
			w.write("config/incus/config.yml", "remotes:\n  r:\n    "+test.entry)
			target := w.resolve("r")
			test.want.Name = "r"
			test.want.Socket = w.expand(test.want.Socket)
			if diff := cmp.Diff(test.want, plain(target)); diff != "" {
				t.Error(diff)
			}
			wantCertificate := test.want.Protocol == Incus && test.want.Socket == "" && !test.want.Public
			if (target.Certificate != nil) != wantCertificate {
				t.Errorf("a client certificate: %v, want %v", target.Certificate != nil, wantCertificate)
			}
			if err := target.Connectable(); (err == nil) != (test.want.Protocol != OCI) {
				t.Errorf("connectable: %v", err)
			} else if err != nil {
				w.check(err, `remote "r" is an OCI registry, which can't list its images`, `image="r:…"`)
			}
		})
	}
}

func TestBadRemote(t *testing.T) {
	for _, test := range []struct {
		name, entry string
		parts       []string
	}{
		{"no address", "project: p", []string{"addr is missing"}},
		{"an empty address", "addr: ' , '", []string{"addr is missing"}},
		{"http", "addr: http://a:8443", []string{`addr "http://a:8443" is neither an https URL, such as https://`}},
		{"no scheme", "addr: a:8443", []string{`addr "a:8443"`}},
		{"no host", "addr: https://:8443", []string{`addr "https://:8443"`}},
		{"bad port", "addr: https://a:x", []string{`addr "https://a:x"`}},
		{"high port", "addr: https://a:70000", []string{`addr "https://a:70000"`}},
		{"one of several", "addr: https://a,ftp://b", []string{`addr "ftp://b"`}},
		{"a password", "addr: ftp://me:secret@b", []string{`addr "ftp://[redacted]@b"`}},
		{"a password in a broken URL", "addr: 'https://me:sec/ret@%zz'", []string{`addr "https://[redacted]@%zz"`}},
		{"a path", "addr: https://a:8443/1.0", []string{`addr "https://a:8443/1.0": a server's address is https://host:port`}},
		{"a user", "addr: https://me:secret@a:8443", []string{`addr "https://[redacted]@a:8443": a server's address is`}},
		{"a query", "addr: https://a:8443?x=y", []string{"and nothing more"}},
		{"mixed", "addr: https://a,unix:/b", []string{`addr lists "unix:/b" among others`}},
		{"a socket of images", "{addr: 'unix:/b', protocol: oci}", []string{`protocol oci needs an https URL`}},
		{"protocol", "{addr: 'https://a', protocol: lxd}", []string{`protocol "lxd" is none of incus, simplestreams and oci`}},
		{"auth_type", "{addr: 'https://a', auth_type: kerberos}", []string{`auth_type "kerberos" is not known: tls`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", "remotes:\n  r:\n    "+test.entry)
			c := w.load()
			_, err := c.Resolve(t.Context(), "r")
			w.check(err, append(test.parts, `ROOT/config/incus/config.yml:3: remote "r": `)...)
			_, _, err = c.Image(t.Context(), "r:x")
			w.check(err, test.parts...)
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		w := newWorld(t)
		w.write("config/incus/config.yml", "remotes:\n  r:\n")
		_, err := w.load().Resolve(t.Context(), "r")
		w.check(err, `ROOT/config/incus/config.yml: remote "r": addr is missing`)
	})
	t.Run("of all users", func(t *testing.T) {
		w := newWorld(t)
		w.write("config/incus/config.yml", "{}")
		w.write("etc/config.yml", "remotes: {r: {addr: x}}")
		_, err := w.load().Resolve(t.Context(), "r")
		w.check(err, `ROOT/etc/config.yml:1: remote "r": addr "x"`)
	})
	if got := (entry{}).position(); got != "" {
		t.Errorf("a place for what no file says: %q", got)
	}
}

func TestImage(t *testing.T) {
	const config = `remotes:
  images: {addr: "https://images.example", protocol: simplestreams, public: true}
  prod: {addr: "https://prod:8443"}
`
	for _, test := range []struct {
		ref           string
		remote, image string
	}{
		{"debian/12", "", "debian/12"},
		{"0123abcd", "", "0123abcd"},
		{"images:debian/12", "images", "debian/12"},
		{"images:a:b", "images", "a:b"},
		{"prod:web", "prod", "web"},
		{"local:web", "local", "web"},
		{"web/x:1", "", "web/x:1"},
		{"a=b:c", "", "a=b:c"},
	} {
		t.Run(test.ref, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", config)
			target, image, err := w.load().Image(t.Context(), test.ref)
			if err != nil {
				t.Fatal(err)
			}
			name := ""
			if target != nil {
				name = target.Name
			}
			if name != test.remote || image != test.image {
				t.Errorf("got %q and %q, want %q and %q", name, image, test.remote, test.image)
			}
		})
	}
	for _, test := range []struct{ ref, want string }{
		{"", "no image: "},
		{"imags:debian/12", `image "imags:debian/12": unknown remote "imags"; did you mean "images"? (known: images, local, prod)`},
		{":debian/12", `unknown remote ""`},
		{"images:", `image "images:" names a remote but no image`},
	} {
		t.Run("bad "+test.ref, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", config)
			target, _, err := w.load().Image(t.Context(), test.ref)
			w.check(err, test.want)
			if target != nil {
				t.Error("a target besides the error")
			}
		})
	}
}
