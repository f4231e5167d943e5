package repl

import (
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

func newTestPrompt(t *testing.T, setup string) (*host.Session, completer) {
	t.Helper()
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	s := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}}).NewSession()
	if _, err := s.Eval(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	return s, completer{get: s.Get, names: s.Names}
}

// texts returns the texts of the candidates.
func (c completer) texts(text string) (keep int, words []string) {
	keep, found := c.words(text, "")
	for _, k := range found {
		words = append(words, k.text)
	}
	return keep, words
}

func TestComplete(t *testing.T) {
	_, c := newTestPrompt(t, `
called = []
def deploy(count, *rest, name="web", _hidden=1, **others):
    called.append(count)
box = struct(inner=struct(deploy=deploy, deep=1))
_private = 1
`)
	for _, test := range []struct{ text, want string }{
		{"incus.inst", "instances"},
		{"x = incus.inst", "instances"},
		{"incus.instances.re", ""},
		{"incus.instances.la", "launch"},
		{"incus . instances . la", "launch"},
		{"try_(incus.instances.la", "launch"},
		{"[x for x in incus.inst", "instances"},
		{"inc", "incus"},
		{"IncusNotF", "IncusNotFoundError"},
		{"enumer", "enumerate"},
		{"cont", "continue"},
		{"box.inner.de", "deep deploy"},
		{"box.inner.", "deep deploy"},
		{"box.nothing.", ""},
		{"nothing.", ""},
		{`called.app`, "append"},
		{"_pri", "_private"},
		{"__", ""},

		{"incus.instances.create(ima", "image="},
		{"incus.instances.launch('x', image='y', ima", ""},
		{"incus.instances.launch('x', f(image='y'), ima", "image="},
		{"incus.instances.launch('x',\n  conf", "config="},
		{"deploy(", "count= name="},
		{"box.inner.deploy(1, na", "name="},
		{"deploy(count=1, ", "name="},
		{"deploy(count == 1, cou", "count="},
		{"deploy([cou", ""},
		{"deploy(1 + cou", ""},
		{"retur", "return"},
		{"def deploy(nam", ""},
		{"raise_(", ""},
		{"exit(sta", "status="},

		{"incus.instances.list().app", "append"},
		{"'x'.joi", "join"},
		{"f(called,\n  'a' # a comment\n  .joi", "join"},
		{"[\n  1, # one (\n  called.app", "append"},
		{"x = [\n  'a', # first\n  'b']\nx[0].joi", "join"},

		// Expressions whose values are unknown, and text that isn't a name.
		{"called[0].app", ""},
		{"(called).", "append clear extend index insert pop remove"},
		{"1.", ""},
		{"0xa", ""},
		{"'inc", ""},
		{`"""x` + "\ninc", ""},
		{"# inc", ""},
		{"incus.instances.list(filter='inc", ""},

		{"", indent},
		{"def f():\n  ", indent},
		{"def f():\n  inc", "incus"},
	} {
		keep, words := c.texts(test.text)
		if got := strings.Join(words, " "); test.want != "" && got != test.want || test.want == "" && test.text != "raise_(" && got != "" {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
		if rest := test.text[keep:]; len(words) > 0 && words[0] != indent && !strings.HasPrefix(words[0], rest) {
			t.Errorf("%q: %q would replace %q", test.text, words[0], rest)
		}
	}
	if keep, words := c.texts("incus.instances.get(name = "); keep != 27 || !slices.Contains(words, "box") || slices.Contains(words, "_private") || slices.Contains(words, "name=") {
		t.Errorf("after name= come %d, %q", keep, words)
	}
	if v := c.get("called"); v.String() != "[]" {
		t.Errorf("completion called a function: %v", v)
	}
}

// TestCompletePanic checks that a value's panic doesn't end the prompt.
func TestCompletePanic(t *testing.T) {
	c := completer{get: func(string) starlark.Value { panic("bad") }, names: func() []string { return nil }}
	if _, words := c.texts("x."); words != nil {
		t.Errorf("got %q", words)
	}
}

func TestCompleteReservedAttributes(t *testing.T) {
	_, c := newTestPrompt(t, `e = IncusError("x")`)
	_, words := c.texts("e.cl")
	if !slices.Equal(words, []string{"class_"}) {
		t.Errorf("got %q: class can't follow a dot", words)
	}
}
