package host

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// A dict's keys are reached with a dot, and it is a dict like any other all the same.
func TestKeysOfADictWithADot(t *testing.T) {
	const script = `
d = json.decode('{"memory": {"usage": 7, "swap-usage": 8}, "nics": [{"address": "a", "items": 3}], "keys": 1}')
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
eq(d.memory.usage, 7)
eq(d.memory.swap_usage, 8)
eq(d.nics[0].address, "a")
eq([n.address for n in d.nics], ["a"])
eq(type(d.keys), "builtin_function_or_method")
eq(d.nics[0].items(), [("address", "a"), ("items", 3)])
eq(type(d.memory), "dict")
eq(d.memory, {"usage": 7, "swap-usage": 8})
eq({"usage": 7, "swap-usage": 8}, d.memory)
eq([{"usage": 7, "swap-usage": 8}], [d.memory])
eq(d.memory | {"x": 1}, {"usage": 7, "swap-usage": 8, "x": 1})
eq(json.encode(d.memory), '{"swap-usage":8,"usage":7}')
eq((d.memory.get("usage"), d.memory["usage"], "usage" in d.memory, len(d.memory)), (7, 7, True, 2))
eq(dict(**{"a": 1}).a, 1)
d.memory["x"] = {"y": 1}
eq(d.memory.x.y, 1)
f = d.memory.get
eq(f("usage"), 7)
eq((lambda m: m.usage)(d.memory), 7)
eq(struct(a = {"b": 1}).a.b, 1)
`
	var errs bytes.Buffer
	h := New(Options{Stdout: &errs, Stderr: &errs})
	if err := h.RunSource(context.Background(), "dots", []byte(script)); err != nil {
		h.Report(&errs, err)
		t.Error(errs.String())
	}
	for code, want := range map[string]string{
		`{"usage": 1}.usgae`:      "dict has no .usgae field or method (did you mean .usage?)",
		`{"usage": 1}.x`:          "dict has no .x field or method",
		`{"a": {}}.a.b`:           "dict has no .b field or method",
		`"s".a`:                   "string has no .a field or method",
		`None.a`:                  "NoneType has no .a field or method",
		"d = {\"a\": 1}\nd.a = 2": "can't assign to .a field of dict",
	} {
		err := h.RunSource(context.Background(), "wrong", []byte(code))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
	if names := strings.Join(h.NewSession().Names(), "|"); strings.Contains(names, hiddenPrefix) {
		t.Errorf("a hidden name is listed: %s", names)
	}
	s := New(Options{}).NewSession()
	v, err := s.Eval(context.Background(), "{'a': {'b': 3}}.a.b")
	if err != nil || v != starlark.Value(starlark.MakeInt(3)) {
		t.Errorf("at the prompt: %v, %v", v, err)
	}
}
