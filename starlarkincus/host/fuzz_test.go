package host

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// called calls a function of the libraries as a script would. A panic of Go fails the test.
func called(t *testing.T, h *Host, name string, args ...starlark.Value) (v starlark.Value, err error) {
	t.Helper()
	err = h.execute(context.Background(), func(_ *run, thread *starlark.Thread) error {
		library, member, _ := strings.Cut(name, ".")
		fn, err := h.predeclared[library].(starlark.HasAttrs).Attr(member)
		if err != nil {
			return err
		}
		v, err = starlark.Call(thread, fn, args, nil)
		return err
	})
	var internal *internalError
	if errors.As(err, &internal) {
		t.Fatalf("%s%v: %v\n%s", name, args, err, internal.stack)
	}
	return v, err
}

// yaml.encode and yaml.decode keep the values that yaml.decode returns, and json.encode can't panic on them.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{"a: 1\nb: [x, {y: ~}]", "&a [*a]", "<<: {a: 1}", "!!binary YQ==", "- |\n  x\n- >-\n  y", "? [a]\n: b", "1.5e3", "0x_1", "'it''s'", "a: &x 1\nb: *x", "%YAML 1.1\n---\n", "\xef\xbb\xbfa: b", "- - - a\n-\tb"} {
		f.Add(seed)
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = called(t, h, "yaml.decode", starlark.String(text))
		all, err := called(t, h, "yaml.decode_all", starlark.Bytes(text))
		if err != nil {
			return
		}
		for doc := range starlark.Elements(all.(*starlark.List)) {
			written, err := called(t, h, "yaml.encode", doc)
			if err != nil {
				if !strings.Contains(err.Error(), "UTF-8") && !strings.Contains(err.Error(), "nested too deeply") {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			again, err := called(t, h, "yaml.decode", written)
			if err != nil || again.String() != doc.String() {
				t.Fatalf("%q: %v was written as %q and read as %v (%v)", text, doc, written, again, err)
			}
		}
	})
}

// A string is written so that it's read as the same string, wherever it stands.
func FuzzYAMLString(f *testing.F) {
	for _, seed := range []string{"", "yes", "12:30", "a: b", "\n x\n", " \t", "\u2028", "...", "0o7", "1e3", "\u0085", "\ufeff", "\r", "\t\t&\tW\n\n"} {
		f.Add(seed)
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, s string) {
		d := starlark.NewDict(1)
		if err := d.SetKey(starlark.String(s), starlark.NewList([]starlark.Value{starlark.String(s)})); err != nil {
			t.Fatal(err)
		}
		for _, v := range []starlark.Value{starlark.String(s), d} {
			written, err := called(t, h, "yaml.encode", v)
			if err != nil {
				continue
			}
			read, err := called(t, h, "yaml.decode", written)
			if err != nil || read.String() != v.String() {
				t.Fatalf("%v was written as %q and read as %v (%v)", v, written, read, err)
			}
		}
	})
}

func FuzzRe(f *testing.F) {
	for _, seed := range [][3]string{{"a(b)?", "ab a", `\1`}, {"(?P<n>x)|y", "yx", `\g<n>`}, {"", "ab", "-"}, {`\Qa`, "a", `\`}, {"(a{999}){999}", "a", ""}, {"(?i)ä|\\pL", "Ä\xff", `\g<0>`}, {"[", "", ""}, {"^$", "\n", "$1"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, pattern, s, repl string) {
		p, text := starlark.String(pattern), starlark.String(s)
		_, invalid := called(t, h, "re.compile", p)
		for _, name := range []string{"re.search", "re.match", "re.fullmatch", "re.findall", "re.split"} {
			v, err := called(t, h, name, p, text)
			if (err == nil) != (invalid == nil) {
				t.Fatalf("%s(%q): %v, but re.compile: %v", name, pattern, err, invalid)
			}
			if m, ok := v.(starlark.Mapping); ok {
				whole, _, _ := m.Get(starlark.MakeInt(0))
				if name == "re.fullmatch" && whole != text || name == "re.match" && !strings.HasPrefix(s, string(whole.(starlark.String))) {
					t.Fatalf("%s(%q, %q): %v", name, pattern, s, m)
				}
			}
		}
		_, _ = called(t, h, "re.sub", p, starlark.String(repl), text)
		quoted, err := called(t, h, "re.escape", text)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := called(t, h, "re.fullmatch", quoted, text); err == nil && v == starlark.None {
			t.Fatalf("re.escape(%q) is %v", s, quoted)
		}
	})
}

func FuzzBase64(f *testing.F) {
	for _, seed := range []string{"", "YQ==", "YQ", "=", "Y Q", "\n", "_-", "/w"} {
		f.Add(seed, true)
	}
	h := New(Options{})
	f.Fuzz(func(t *testing.T, s string, urlsafe bool) {
		data := starlark.Bytes(s)
		text, err := called(t, h, "base64.encode", data, starlark.Bool(urlsafe))
		if err != nil {
			t.Fatal(err)
		}
		if v, err := called(t, h, "base64.decode", text, starlark.Bool(urlsafe), starlark.True); err != nil || v != data {
			t.Fatalf("%v, %v", v, err)
		}
		if _, err := called(t, h, "base64.decode", starlark.String(s), starlark.Bool(urlsafe)); err != nil && failureOf(err) == nil {
			t.Fatal(err)
		}
		if _, err := called(t, h, "json.decode", starlark.String(s)); err != nil && failureOf(err) == nil {
			t.Fatal(err)
		}
		_, _ = called(t, h, "time.parse_time", starlark.String(s), starlark.String(fmt.Sprint(urlsafe)))
		_, _ = called(t, h, "time.parse_duration", starlark.String(s))
	})
}
