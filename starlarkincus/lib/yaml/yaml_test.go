package yaml_test

import (
	"fmt"
	"maps"
	gomath "math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/lib/yaml"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"yaml": yaml.Decl.Make(), "struct": starlark.NewBuiltin("struct", starlarkstruct.Make)}
	maps.Copy(env, names)
	return starlark.EvalOptions(&syntax.FileOptions{Set: true}, new(starlark.Thread), "", expr, env)
}

// random returns a value that YAML has a form for.
func random(r *rand.Rand, depth int) starlark.Value {
	n := 6
	if depth > 0 {
		n = 8
	}
	switch r.IntN(n) {
	case 6:
		var elems []starlark.Value
		for range r.IntN(5) {
			elems = append(elems, random(r, depth-1))
		}
		return starlark.NewList(elems)
	case 7:
		dict := new(starlark.Dict)
		for range r.IntN(5) {
			_ = dict.SetKey(scalar(r, r.IntN(5)), random(r, depth-1))
		}
		return dict
	default:
		return scalar(r, n)
	}
}

// scalar returns one of the first n kinds of values that hold no others.
func scalar(r *rand.Rand, n int) starlark.Value {
	switch r.IntN(max(n, 1)) {
	case 0:
		return starlark.String(text(r))
	case 1:
		return starlark.Bool(r.IntN(2) == 0)
	case 2:
		i := starlark.MakeInt64(int64(r.Uint64()))
		return i.Mul(i)
	case 3:
		return starlark.Float([]float64{r.NormFloat64(), gomath.Inf(1), gomath.Inf(-1), 1e300, 0.1}[r.IntN(5)])
	case 4:
		return starlark.None
	}
	return starlark.Bytes(text(r) + "\xff")
}

// text returns a string: any characters, or one that looks like something else.
func text(r *rand.Rand) string {
	if looks := []string{"", "yes", "No", "true", "null", "~", "1", "0x1f", "1e3", "1:30", "2025-01-02", "=", "<<", "- a", "a: b", "# a", "&a", "*a", "!a", "{", "[", "'", "\"", "%", "@", "`", "---", "...", ".nan", "0b1", "1_000", "?", "|", ">", "Null", "ON", "2001-12-14t21:59:43.10-05:00"}; r.IntN(3) == 0 {
		return looks[r.IntN(len(looks))]
	}
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString([]string{"a", "1", " ", "\"", "\\", "\n", "\t", "\x00", "é", "日", "😀", ":", "#", "-", "\r", "\u2028", "\u0085", "'", ","}[r.IntN(19)])
	}
	return b.String()
}

// TestRoundTrip checks that random values survive a round trip, as one document and as several.
func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		x := random(r, 4)
		encoded, err := eval("yaml.encode(x)", starlark.StringDict{"x": x})
		if err != nil {
			t.Fatalf("%s: %v", x, err)
		}
		for _, decode := range []string{"yaml.decode(text)", `yaml.decode_all(text + "---\n" + text)[1]`, "yaml.decode(yaml.encode([x]))[0]", `yaml.decode(yaml.encode(struct(a=x)))["a"]`} {
			back, err := eval(decode, starlark.StringDict{"text": encoded, "x": x})
			if err != nil {
				t.Errorf("%s of %s, %s: %v", decode, x, encoded, err)
				continue
			}
			if same, err := starlark.Equal(x, back); !same || err != nil || x.Type() != back.Type() {
				t.Errorf("%s comes back as %s from %s", x, back, encoded)
			}
		}
	}
	// NaN isn't equal to itself.
	if v, err := eval(`yaml.encode([float("nan"), yaml.decode(".nan")])`, nil); err != nil || v != starlark.String("- .nan\n- .nan\n") {
		t.Errorf("got %v, %v", v, err)
	}
}

// TestDamaged checks that damaged YAML gives a value or an error that try_ catches.
func TestDamaged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	refused := 0
	for range 2000 {
		encoded, err := eval("yaml.encode(x)", starlark.StringDict{"x": random(r, 4)})
		if err != nil {
			t.Fatal(err)
		}
		text := string(encoded.(starlark.String))
		at := r.IntN(len(text) + 1)
		broken := text[:at] + []string{"{", "]", "&a", "*a", "!x", "\t", "---\n", "\x00", "\xff", "<<: ", ": ", "!!int ", "? "}[r.IntN(13)] + text[min(len(text), at+r.IntN(3)):]
		_, err = eval("yaml.decode_all(text)", starlark.StringDict{"text": starlark.String(broken)})
		if err == nil {
			continue
		}
		refused++
		var raised *errors.Error
		if !errors.As(err, &raised) || raised.Class != errors.Base || !strings.HasPrefix(raised.Message, "yaml.decode_all: ") {
			t.Errorf("%q: %v", broken, err)
		}
	}
	t.Logf("%d texts are refused", refused)
}

// TestScalars checks the value of each form of a scalar.
func TestScalars(t *testing.T) {
	for text, want := range map[string]string{
		"": "None", "~": "None", "null": "None", "Null": "None", "true": "True", "False": "False", "TRUE": "True", "yes": `"yes"`, "off": `"off"`,
		"1": "1", "-1": "-1", "+1": "1", "0x1F": "31", "0o17": "15", "0b101": "5", "1_000": "1000", "123456789012345678901234567890": "123456789012345678901234567890",
		"-123456789012345678901234567890": "-123456789012345678901234567890", "1.5": "1.5", "1e3": "1000.0", ".inf": "+inf", "-.Inf": "-inf", "+.inf": "+inf", ".NaN": "nan", "1_0.5": "10.5",
		"2025-01-02": `"2025-01-02"`, "2025-01-02T03:04:05Z": `"2025-01-02T03:04:05Z"`, "1:30": `"1:30"`, "'1'": `"1"`, `"\u00e9"`: `"é"`, "!!str 1": `"1"`, "!!float 1": "1.0",
		"!!binary YQ==": `b"a"`, "!!binary |\n  Y\n  Q==": `b"a"`, "!!int '7'": "7", "[]": "[]", "{}": "{}", "a": `"a"`, "[a, [1]]": `["a", [1]]`, "{a: {b: 1}}": `{"a": {"b": 1}}`, "? a\n: 1": `{"a": 1}`,
		"&a [1]": "[1]", "{a: &x 1, b: *x}": `{"a": 1, "b": 1}`, "{&x a: 1, b: *x}": `{"a": 1, "b": "a"}`, "{&k a: 1, c: {*k : 2}}": `{"a": 1, "c": {"a": 2}}`,
		"- &a {x: 1}\n- <<: *a\n  y: 2": `[{"x": 1}, {"y": 2, "x": 1}]`, "<<: [{a: 1}, {a: 2, b: 3}]": `{"a": 1, "b": 3}`, "<<: {a: 1}\na: 2": `{"a": 2}`, `"<<": 1`: `{"<<": 1}`,
	} {
		v, err := eval("yaml.decode(text)", starlark.StringDict{"text": starlark.String(text)})
		if err != nil || v.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, v, err, want)
		}
	}
}

func TestEncoded(t *testing.T) {
	for expr, want := range map[string]string{
		"None": "null\n", "True": "true\n", "1 << 70": "1180591620717411303424\n", "1.0": "1.0\n", `"a"`: "a\n", `"1"`: "\"1\"\n", `"yes"`: "\"yes\"\n", `"1:30"`: "\"1:30\"\n",
		`"2025-01-02"`: "\"2025-01-02\"\n", `"a\nb\n"`: "|\n  a\n  b\n", `"\ta\nb"`: "\"\\ta\\nb\"\n", `b"\xff"`: "!!binary /w==\n", `[1, (2, 3), set([4])]`: "- 1\n- - 2\n  - 3\n- - 4\n",
		`{"b": 1, "a": {2: None}}`: "b: 1\na:\n  2: null\n", `struct(b=1, a=[])`: "a: []\nb: 1\n", "{}": "{}\n", `{True: 1, 1.5: 2, None: 3}`: "true: 1\n1.5: 2\nnull: 3\n",
	} {
		if v, err := eval("yaml.encode("+expr+")", nil); err != nil || v != starlark.String(want) {
			t.Errorf("%s: got %v, %v, want %q", expr, v, err, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	for text, want := range map[string]string{
		"{":                        "line 1: did not find expected node content",
		"a: b: c":                  "mapping values are not allowed in this context",
		"a: 1\na: 2":               `line 2: the key "a" occurs twice`,
		"1: a\n0x1: b":             `line 2: the key 1 occurs twice`,
		"[a]: 1":                   "line 1: a key is a list or a dict, want a string, a number, a boolean or null",
		"{a: 1}: 1":                "line 1: a key is a list or a dict, want a string, a number, a boolean or null",
		"!x 1":                     "line 1: the tag !x is not supported",
		"!!set {a}":                "line 1: the tag !!set is not supported",
		"!x [1]":                   "line 1: the tag !x is not supported",
		"!x {a: 1}":                "line 1: the tag !x is not supported",
		"!!int x":                  `line 1: "x" is no int`,
		"!!bool x":                 `line 1: "x" is no boolean`,
		"!!bool yes":               `line 1: "yes" is no boolean`,
		"!!float x":                `line 1: "x" is no number`,
		"!!binary '*'":             "line 1: illegal base64 data at input byte 0",
		"&a [*a]":                  "line 1: the anchor a holds itself",
		"&a {b: *a}":               "line 1: the anchor a holds itself",
		"&a {<<: *a}":              "line 1: the anchor a holds itself",
		"*a":                       "unknown anchor 'a' referenced",
		"<<: 1":                    "line 1: << wants a dict or a list of them",
		"<<: [1]":                  "line 1: << wants a dict or a list of them",
		"a: 1\n---\nb: 2":          "the text holds more than one document: yaml.decode_all gives a list of them",
		"{a: [{b: !x 1}]}":         "line 1: the tag !x is not supported",
		"? - a\n: 1":               "line 1: a key is a list or a dict, want a string, a number, a boolean or null",
		"<<: {a: !x 1}":            "line 1: the tag !x is not supported",
		"\xff":                     "invalid leading UTF-8 octet",
		"\x00":                     "control characters are not allowed",
		"{a: *b, b: &b 1}":         "unknown anchor 'b' referenced",
		bomb:                       "line 1: the aliases stand for more than 100,000 values",
		strings.Repeat("[", 20000): "exceeded max depth of 10000",
	} {
		v, err := eval("yaml.decode(text)", starlark.StringDict{"text": starlark.String(text)})
		var raised *errors.Error
		if !errors.As(err, &raised) || raised.Class != errors.Base || !strings.HasPrefix(raised.Message, "yaml.decode: ") || !strings.Contains(raised.Message, want) {
			t.Errorf("%.60q: got %v, %v, want %s", text, v, err, want)
		}
	}
	for expr, want := range map[string]string{
		"yaml.decode(1)":                          "yaml.decode: text is int 1, want a string or bytes",
		"yaml.decode_all(None)":                   "yaml.decode_all: text is None, want a string or bytes",
		"yaml.decode()":                           "yaml.decode: missing argument for text",
		"yaml.encode()":                           "yaml.encode: missing argument for x",
		"yaml.encode(len)":                        "yaml.encode: x: got builtin_function_or_method, want a value that has a YAML form",
		`yaml.encode({"a": [1, {"b": len}]})`:     `yaml.encode: x["a"][1]["b"]: got builtin_function_or_method, want a value that has a YAML form`,
		`yaml.encode(struct(a=len))`:              `yaml.encode: x.a: got builtin_function_or_method, want a value that has a YAML form`,
		`yaml.encode({(1, 2): 3})`:                "yaml.encode: x: got the key (1, 2) of type tuple, want strings, numbers, booleans or None as keys",
		`yaml.encode({"a": {b"\xff": range(1)}})`: `yaml.encode: x["a"][b"\xff"]: got range, want a value that has a YAML form`,
		`yaml.encode("\xff")`:                     "",
	} {
		if v, err := eval(expr, nil); err == nil && want != "" || err != nil && want != "" && err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}

// bomb is a few lines of aliases of aliases, which stand for ten million values.
var bomb = func() string {
	text := "[&a0 [1]"
	for i := range 7 {
		text += fmt.Sprintf(", &a%d [%s]", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return text + "]"
}()

// TestDepth checks that a value may nest a thousand levels, and that a list that contains itself exceeds the limit.
func TestDepth(t *testing.T) {
	for depth, ok := range map[int]bool{1: true, 1000: true, 1001: false} {
		var x starlark.Value = starlark.None
		for range depth {
			x = starlark.NewList([]starlark.Value{x})
		}
		_, err := eval("yaml.encode(x)", starlark.StringDict{"x": x})
		if ok != (err == nil) || err != nil && !strings.HasSuffix(err.Error(), "nested too deeply, or it holds itself") {
			t.Errorf("%d levels: %v", depth, err)
		}
	}
	self := new(starlark.List)
	_ = self.Append(self)
	if _, err := eval("yaml.encode(x)", starlark.StringDict{"x": self}); err == nil || len(err.Error()) > 200 {
		t.Errorf("a list that holds itself: %v", err)
	}
}
