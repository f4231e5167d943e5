package json_test

import (
	gojson "encoding/json"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/lib/json"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"json": json.Decl.Make(), "struct": starlark.NewBuiltin("struct", starlarkstruct.Make)}
	maps.Copy(env, names)
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, env)
}

// random returns a value that JSON has a form for.
func random(r *rand.Rand, depth int) starlark.Value {
	n := 5
	if depth > 0 {
		n = 7
	}
	switch r.IntN(n) {
	case 0:
		return starlark.None
	case 1:
		return starlark.Bool(r.IntN(2) == 0)
	case 2:
		i := starlark.MakeInt64(int64(r.Uint64()))
		return i.Mul(i)
	case 3:
		return starlark.Float(r.NormFloat64())
	case 4:
		return starlark.String(text(r))
	case 5:
		var elems []starlark.Value
		for range r.IntN(5) {
			elems = append(elems, random(r, depth-1))
		}
		return starlark.NewList(elems)
	}
	dict := new(starlark.Dict)
	for range r.IntN(5) {
		_ = dict.SetKey(starlark.String(text(r)), random(r, depth-1))
	}
	return dict
}

func text(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(6) {
		b.WriteString([]string{"a", "1", " ", "\"", "\\", "\n", "\t", "\x00", "é", "日", "😀", "<", "/", "\u2028"}[r.IntN(14)])
	}
	return b.String()
}

// TestRoundTrip checks that random values survive a round trip in each format, and that Go's decoder accepts the JSON.
func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		x := random(r, 4)
		for _, encode := range []string{`json.encode(x)`, `json.encode_indent(x)`, `json.encode_indent(x, prefix=" ", indent="  ")`, `json.indent(json.encode(x), indent="   ")`} {
			encoded, err := eval(encode, starlark.StringDict{"x": x})
			if err != nil {
				t.Fatalf("%s of %s: %v", encode, x, err)
			}
			text, _ := starlark.AsString(encoded)
			if !gojson.Valid([]byte(strings.TrimPrefix(text, " "))) {
				t.Errorf("%s of %s gives %s", encode, x, text)
			}
			back, err := eval("json.decode(text)", starlark.StringDict{"text": encoded})
			if err != nil {
				t.Errorf("%s of %s gives %s: %v", encode, x, text, err)
				continue
			}
			if same, err := starlark.Equal(x, back); !same || err != nil {
				t.Errorf("%s of %s comes back as %s", encode, x, back)
			}
		}
	}
}

// TestDamaged checks that damaged JSON gives a value or an error that try_ catches, or the default if there is one.
func TestDamaged(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		encoded, err := eval("json.encode(x)", starlark.StringDict{"x": random(r, 4)})
		if err != nil {
			t.Fatal(err)
		}
		text := string(encoded.(starlark.String))
		at := r.IntN(len(text) + 1)
		broken := text[:at] + string(`{}[],:"\x0e-`[r.IntN(12)]) + text[min(len(text), at+r.IntN(3)):]
		names := starlark.StringDict{"text": starlark.String(broken)}
		_, err = eval("json.decode(text)", names)
		var raised *errors.Error
		if err != nil && (!errors.As(err, &raised) || raised.Class != errors.Base || !strings.HasPrefix(raised.Message, "json.decode: at offset ")) {
			t.Errorf("%q: %v", broken, err)
		}
		if v, defaulted := eval("json.decode(text, default=7)", names); defaulted != nil || (err != nil) != (v == starlark.MakeInt(7)) && broken != "7" {
			t.Errorf("%q: got %v, %v, without a default %v", broken, v, defaulted, err)
		}
	}
}

func TestBadInput(t *testing.T) {
	for expr, want := range map[string]string{
		`json.decode("{")`:                        "Error: json.decode: at offset 1, unexpected end of file",
		`json.decode("")`:                         "Error: json.decode: at offset 0, unexpected end of file",
		`json.decode("[1] 2")`:                    "Error: json.decode: at offset 4, unexpected character '2' after value",
		`json.decode("NaN")`:                      "Error: json.decode: at offset 0, unexpected character 'N'",
		`json.decode("01")`:                       "Error: json.decode: at offset 2, invalid number: 01",
		`json.decode(1)`:                          "json.decode: for parameter x: got int, want string",
		`json.decode()`:                           "json.decode: missing argument for x",
		`json.decode(x="1")`:                      "",
		`json.decode("1", 2, 3)`:                  "json.decode: got 3 arguments, want at most 2",
		`json.encode()`:                           "json.encode: got 0 arguments, want 1",
		`json.encode(len)`:                        "json.encode: cannot encode builtin_function_or_method as JSON",
		`json.encode([{"a": [len]}])`:             "json.encode: at list index 0: in dict key \"a\": at list index 0: cannot encode builtin_function_or_method as JSON",
		`json.encode({1: 2})`:                     "json.encode: dict has int key, want string",
		`json.encode(float("nan"))`:               "json.encode: cannot encode non-finite float nan",
		`json.encode(b"a")`:                       "json.encode: x: got bytes, want a value that has a JSON form",
		`json.encode({"in field .x: ": (b"a",)})`: `json.encode: x["in field .x: "][0]: got bytes, want a value that has a JSON form`,
		`json.encode({"a": struct(x="".elems)})`:  "json.encode: in dict key \"a\": in field .x: cannot encode builtin_function_or_method as JSON",
		`json.encode(struct(a=len))`:              "json.encode: in field .a: cannot encode builtin_function_or_method as JSON",
		`json.encode_indent([1], indent=1)`:       "json.encode_indent: for parameter \"indent\": got int, want string",
		`json.indent("{")`:                        "",
		`json.indent(1)`:                          "json.indent: for parameter x: got int, want string",
	} {
		v, err := eval(expr, nil)
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}

// TestDepth checks that the limit of nesting is that of Go's decoder, and ignores brackets in strings.
func TestDepth(t *testing.T) {
	for _, pair := range []string{"[]", `{}`} {
		for _, c := range []struct {
			depth int
			ok    bool
		}{{1, true}, {10_000, true}, {10_001, false}, {1_000_000, false}} {
			open, shut := pair[:1], pair[1:]
			if pair == "{}" {
				open = `{"a":`
			}
			text := strings.Repeat(open, c.depth) + "1" + strings.Repeat(shut, c.depth)
			_, err := eval("json.decode(text)", starlark.StringDict{"text": starlark.String(text)})
			if c.ok != (err == nil) || err != nil && err.Error() != "Error: json.decode: the text nests more than 10,000 levels" {
				t.Errorf("%d levels of %s: %v", c.depth, pair, err)
			}
		}
	}
	for _, inside := range []string{"[", "{", `\"[`, `\\\"{`} {
		text := strconv.Quote("")[:1] + strings.Repeat(inside, 20_000) + `"`
		if v, err := eval("len(json.decode(text))", starlark.StringDict{"text": starlark.String("[" + text + "]")}); err != nil || v.String() != "1" {
			t.Errorf("%q in a string: %v, %v", inside, v, err)
		}
	}
}
