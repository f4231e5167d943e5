package remote

import (
	"io/fs"
	"strings"
	"testing"

	"incus-star/errors"

	"github.com/google/go-cmp/cmp"
)

const sample = `default-remote: prod
aliases:
  ll: list
defaults:
  list_format: compact
remotes:
  images:
    addr: https://images.example
    protocol: simplestreams
    public: true
  local:
    addr: unix:///elsewhere
    project: web
    public: false
  prod:
    addr: unix:/prod.sock
    auth_type: tls
    keepalive: 30
    project: shop
    protocol: incus
    public: false
`

func TestLoad(t *testing.T) {
	for _, test := range []struct {
		name      string
		user      string // config.yml; empty for none
		global    string
		vars      map[string]string
		names     []string
		byDefault string
	}{
		{name: "nothing", names: []string{"images", "local"}, byDefault: "local"},
		{name: "sample", user: sample, names: []string{"images", "local", "prod"}, byDefault: "prod"},
		{name: "empty file", user: " ", names: []string{"local"}, byDefault: "local"},
		{name: "no remotes", user: "remotes:\n", names: []string{"local"}, byDefault: "local"},
		{name: "no default", user: "remotes: {a: {addr: 'unix:/a'}}", names: []string{"a", "local"}, byDefault: "local"},
		{name: "INCUS_REMOTE", user: sample, vars: map[string]string{"INCUS_REMOTE": "images"}, names: []string{"images", "local", "prod"}, byDefault: "images"},
		{name: "INCUS_REMOTE without a file", vars: map[string]string{"INCUS_REMOTE": "images"}, names: []string{"images", "local"}, byDefault: "images"},
		{name: "global", user: sample, global: "default-remote: all\nremotes: {all: {addr: 'unix:/all'}, prod: {addr: 'unix:/not-this'}}",
			names: []string{"all", "images", "local", "prod"}, byDefault: "prod"},
		{name: "global without the user's", global: "remotes: {all: {addr: 'unix:/all'}}", names: []string{"images", "local"}, byDefault: "local"},
		{name: "global beside an empty file", user: " ", global: "remotes: {all: {addr: 'unix:/all'}}", names: []string{"all", "local"}, byDefault: "local"},
		{name: "anchors", user: "remotes:\n  a: &a {addr: 'unix:/a', project: p}\n  b:\n    <<: *a\n    addr: unix:/b\n  c: *a\n",
			names: []string{"a", "b", "c", "local"}, byDefault: "local"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.vars = test.vars
			if test.user != "" {
				w.write("config/incus/config.yml", test.user)
			}
			if test.global != "" {
				w.write("etc/config.yml", test.global)
			}
			c := w.load()
			if diff := cmp.Diff(test.names, c.Names()); diff != "" {
				t.Error(diff)
			}
			target, err := c.Resolve(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if target.Name != test.byDefault {
				t.Errorf("default %s, want %s", target.Name, test.byDefault)
			}
			if target.Name == "prod" && target.Socket != "/prod.sock" {
				t.Errorf("the user's own remote isn't the one that counts: %s", target.Socket)
			}
			for _, name := range c.Names() {
				if _, err := c.Resolve(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestGlobalConf(t *testing.T) {
	w := newWorld(t)
	w.vars["INCUS_GLOBAL_CONF"] = w.path("other")
	w.write("config/incus/config.yml", "{}")
	w.write("etc/config.yml", "remotes: {etc: {addr: 'unix:/etc'}}")
	w.write("other/config.yml", "remotes: {other: {addr: 'unix:/other'}, local: {addr: 'unix:/l', project: p}}")
	if diff := cmp.Diff([]string{"local", "other"}, w.load().Names()); diff != "" {
		t.Error(diff)
	}
	if target := w.resolve("local"); target.Project != "p" || target.Socket == "/l" {
		t.Errorf("local keeps its project and nothing else: %+v", target)
	}
}

func TestBadConfig(t *testing.T) {
	for _, test := range []struct {
		name, user, global string
		parts              []string
	}{
		{"syntax", "remotes:\n  a: b: c\n", "", []string{"ROOT/config/incus/config.yml:2: ", "mapping values are not allowed"}},
		{"tab", "remotes:\n\ta: {}\n", "", []string{"ROOT/config/incus/config.yml:2: "}},
		{"not a mapping", "just words", "", []string{"ROOT/config/incus/config.yml:1: ", "into a mapping"}},
		{"list of remotes", "remotes:\n- a\n", "", []string{"ROOT/config/incus/config.yml:2: ", "!!seq into a mapping"}},
		{"remote is text", "remotes:\n  a: unix://\n", "", []string{"ROOT/config/incus/config.yml:2: ", "into a mapping"}},
		{"wrong types", "remotes:\n  a:\n    addr: [x, y]\n    public: perhaps\n", "",
			[]string{"ROOT/config/incus/config.yml:3: ", "!!seq into string", "; line 4: ", "into bool"}},
		{"twice", "remotes:\n  a: {addr: x}\n  a: {addr: y}\n", "", []string{"ROOT/config/incus/config.yml:3: ", "already defined"}},
		{"global", "{}", "remotes: 5\n", []string{"ROOT/etc/config.yml:1: "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", test.user)
			if test.global != "" {
				w.write("etc/config.yml", test.global)
			}
			_, err := Load(t.Context(), w.env())
			w.check(err, test.parts...)
			if strings.Contains(err.Error(), "remote.") {
				t.Errorf("a Go type: %v", err)
			}
			if errors.Unwrap(err) == nil || errors.Unwrap(errors.Unwrap(err)) == nil {
				t.Error("the parser's error is lost")
			}
		})
	}
}

func TestUnreadableConfig(t *testing.T) {
	t.Run("a folder", func(t *testing.T) {
		w := newWorld(t)
		w.folder("config/incus/config.yml")
		_, err := Load(t.Context(), w.env())
		w.check(err, "can't read ROOT/config/incus/config.yml: is a folder, not a regular file")
		if errors.Unwrap(err) == nil {
			t.Errorf("the cause is lost: %v", err)
		}
	})
	t.Run("below a file", func(t *testing.T) {
		w := newWorld(t)
		w.vars["INCUS_CONF"] = w.write("file", "")
		_, err := Load(t.Context(), w.env())
		w.check(err, "can't read ROOT/file/config.yml: not a directory")
	})
	t.Run("global", func(t *testing.T) {
		w := newWorld(t)
		w.write("config/incus/config.yml", sample)
		w.folder("etc/config.yml")
		c := w.load()
		_, err := c.Resolve(t.Context(), "elsewhere")
		w.check(err, `unknown remote "elsewhere" (known: images, local, prod); can't read ROOT/etc/config.yml: is a folder, not a regular file`)
		if errors.Unwrap(err) == nil {
			t.Errorf("the cause is lost: %v", err)
		}
	})
	t.Run("words", func(t *testing.T) {
		err := cannotRead("f", &fs.PathError{Op: "open", Path: "f", Err: fs.ErrPermission})
		if err.Message != "can't read f: permission denied" || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownRemote(t *testing.T) {
	for _, test := range []struct {
		name, ask, chosen string
		want              string
	}{
		{"close", "pord", "", `unknown remote "pord"; did you mean "prod"? (known: images, local, prod)`},
		{"case", "Images", "", `unknown remote "Images"; did you mean "images"? (known: images, local, prod)`},
		{"far", "kubernetes", "", `unknown remote "kubernetes" (known: images, local, prod)`},
		{"the address of a socket", "unix:/x", "", `unknown remote "unix:/x" (known: images, local, prod); an address is given as incus.connect(endpoint=…)`},
		{"a path", "/x", "", `unknown remote "/x" (known: images, local, prod); an address is given as incus.connect(endpoint=…)`},
		{"several", "a,b", "", `unknown remote "a,b" (known: images, local, prod)`},
		{"from the environment", "", "locla", `INCUS_REMOTE: unknown remote "locla"; did you mean "local"? (known: images, local, prod)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.vars["INCUS_REMOTE"] = test.chosen
			w.write("config/incus/config.yml", sample)
			_, err := w.load().Resolve(t.Context(), test.ask)
			w.check(err, test.want)
		})
	}
	t.Run("from the file", func(t *testing.T) {
		w := newWorld(t)
		w.write("config/incus/config.yml", "default-remote: gone")
		_, err := w.load().Resolve(t.Context(), "")
		w.check(err, `default-remote in ROOT/config/incus/config.yml: unknown remote "gone" (known: local)`)
	})
}

func TestNoGlobalConf(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/config.yml", sample)
	env := w.env()
	env.GlobalDir = ""
	if _, err := Load(t.Context(), env); err != nil {
		t.Error(err)
	}
}
