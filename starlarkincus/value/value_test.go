package value

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

func eval(t *testing.T, expr string) starlark.Value {
	t.Helper()
	v, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test", expr, starlark.StringDict{
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
		"inf":    starlark.Float(math.Inf(1)),
		"bad":    starlark.String("\xff"),

		"parse_duration": startime.Module.Members["parse_duration"],
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ json, want string }{
		{`null`, `None`},
		{` true `, `True`},
		{`"a\u00e9\n"`, `"aé\n"`},
		{`9007199254740993`, `9007199254740993`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`},
		{`-0`, `0`},
		{`1.5`, `1.5`},
		{`1e3`, `1000.0`},
		{`[]`, `[]`},
		{`[1,[2,{}]]`, `[1, [2, {}]]`},
		{`{"b":1,"a":{"b":null}}`, `{"b": 1, "a": {"b": None}}`},
		{`{"a":1,"a":2}`, `{"a": 2}`},
		{`{"\u0061":1}`, `{"a": 1}`},
		{`["\ud800x","a` + "\xff" + `b"]`, "[\"\ufffdx\", \"a\ufffdb\"]"},
	} {
		v, err := Decode([]byte(test.json))
		if err != nil {
			t.Errorf("%s: %v", test.json, err)
		} else if v.String() != test.want {
			t.Errorf("%s gives %s, want %s", test.json, v, test.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{``, ` `, `{`, `{"a"`, `{"a":`, `{"a":1`, `[1,`, `[1 2]`, `tru`, `"a`, `1 2`, `{}x`, `{1:2}`, `01`, `<html>`} {
		if v, err := Decode([]byte(text)); err == nil {
			t.Errorf("%q gives %s, want an error", text, v)
		}
	}
}

func TestThereAndBack(t *testing.T) {
	const text = `{"a":[1,2.5,"x",null,true,{"b":123456789012345678901234567890}],"c":{}}`
	v, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g, err := ToGo(v)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(g)
	if err != nil || string(data) != text {
		t.Errorf("got %s, %v, want %s", data, err, text)
	}
	back, err := FromGo(g)
	if err != nil {
		t.Fatal(err)
	}
	if equal, err := starlark.Equal(v, back); !equal || err != nil {
		t.Errorf("got %s, %v, want %s", back, err, v)
	}
	if err := back.(*starlark.Dict).SetKey(starlark.String("x"), starlark.None); err == nil {
		t.Error("a dict of FromGo can be changed")
	}
	if _, err := FromGo(struct{}{}); err == nil {
		t.Error("FromGo takes a Go struct")
	}
}

// TestEncode checks each encoder's result or error.
func TestEncode(t *testing.T) {
	type encoder func(string, starlark.Value) (any, error)

	any_ := encoder(Any)
	config := encoder(func(p string, v starlark.Value) (any, error) { return Config(p, v) })
	devices := encoder(func(p string, v starlark.Value) (any, error) { return Devices(p, v) })
	strs := encoder(func(p string, v starlark.Value) (any, error) { return Strings(p, v) })
	integer := encoder(func(p string, v starlark.Value) (any, error) { return Int(p, v) })
	str := encoder(func(p string, v starlark.Value) (any, error) { return String(p, v) })
	boolean := encoder(func(p string, v starlark.Value) (any, error) { return Bool(p, v) })
	seconds := encoder(func(p string, v starlark.Value) (any, error) { return Duration(p, v) })
	whole := encoder(func(p string, v starlark.Value) (any, error) { return WholeSeconds(p, v) })
	list := encoder(func(p string, v starlark.Value) (any, error) { return List(p, v, Any) })
	for _, test := range []struct {
		encode     encoder
		expr, want string
	}{
		{any_, `{"a": (1, [2.5]), "b": None}`, `{"a":[1,[2.5]],"b":null}`},
		{any_, `struct(a = 1, b = struct(c = "x"))`, `{"a":1,"b":{"c":"x"}}`},
		{any_, `[]`, `[]`},
		{any_, `1 << 70`, `1180591620717411303424`},
		{any_, `{"a": {"b": [len]}}`, `x["a"]["b"][0]: got builtin_function_or_method, want a value that has a JSON form`},
		{any_, `{1: 2}`, `x: got the key 1 of type int, want strings as keys`},
		{any_, `[inf]`, `x[0]: +inf has no JSON form`},
		{any_, `bad`, `x: the string is not valid UTF-8`},
		{any_, `b"x"`, `x: got bytes, want a value that has a JSON form`},
		{config, `{"a": 1, "b": True, "c": False, "d": "s", "e": None, "f": 2.0, "g": 1.5, "h": 1 << 70}`,
			`{"a":"1","b":"true","c":"false","d":"s","e":null,"f":"2","g":"1.5","h":"1180591620717411303424"}`},
		{config, `{"a": []}`, `x["a"]: got list, want string, int, float, bool or None`},
		{config, `{"a": inf}`, `x["a"]: got +inf, want a number that is finite`},
		{config, `[]`, `x: got list, want dict of configuration`},
		{devices, `{"eth0": {"mtu": 1400}, "old": None}`, `{"eth0":{"mtu":"1400"},"old":null}`},
		{devices, `{"eth0": {"mtu": {}}}`, `x["eth0"]["mtu"]: got dict, want string, int, float, bool or None`},
		{devices, `{"eth0": 1}`, `x["eth0"]: got int, want dict of configuration`},
		{devices, `1`, `x: got int, want dict of devices`},
		{strs, `("a", "b")`, `["a","b"]`},
		{strs, `[]`, `[]`},
		{strs, `"ab"`, `x: got string, want list of string`},
		{strs, `["a", 1]`, `x[1]: got int, want string`},
		{strs, `{"a": 1}`, `x: got dict, want list of string`},
		{integer, `5`, `5`},
		{integer, `5.0`, `x: got float, want int`},
		{integer, `True`, `x: got bool, want int`},
		{integer, `1 << 64`, `x: the number does not fit in 64 bits`},
		{str, `"a"`, `"a"`},
		{str, `None`, `x: got NoneType, want string`},
		{boolean, `True`, `true`},
		{boolean, `1`, `x: got int, want bool`},
		{seconds, `2`, `2000000000`},
		{seconds, `0.5`, `500000000`},
		{seconds, `1e300`, `9223372036854775807`},
		{seconds, `1 << 70`, `9223372036854775807`},
		{seconds, `parse_duration("1m30s")`, `90000000000`},
		{seconds, `-1`, `x: got -1, want a number of seconds that is finite and not negative`},
		{seconds, `inf`, `x: got +inf, want a number of seconds that is finite and not negative`},
		{seconds, `parse_duration("-1s")`, `x: got -1s, want a time that is not negative`},
		{seconds, `"1"`, `x: got the string "1", want a number of seconds or a duration: write 1`},
		{seconds, `"1m30s"`, `x: got the string "1m30s", want a number of seconds or a duration: write 90 or time.parse_duration("1m30s")`},
		{seconds, `"soon"`, `x: got the string "soon", want a number of seconds or a duration, such as 90 or time.parse_duration("1m30s")`},
		{seconds, `[]`, `x: got list, want a number of seconds or a duration`},
		{whole, `-1`, `-1`},
		{whole, `parse_duration("1500ms")`, `2`},
		{whole, `parse_duration("2s")`, `2`},
		{whole, `1.5`, `x: got float, want a whole number of seconds`},
		{whole, `"30s"`, `x: got the string "30s", want a number of seconds or a duration: write 30 or time.parse_duration("30s")`},
		{list, `[1, {"a": 2}]`, `[1,{"a":2}]`},
		{list, `{"a": 1}`, `x: got dict, want list`},
	} {
		v, err := test.encode("x", eval(t, test.expr))
		got := ""
		if err != nil {
			got = err.Error()
		} else if data, err := json.Marshal(v); err != nil {
			t.Errorf("%s: %v", test.expr, err)
		} else {
			got = string(data)
		}
		if got != test.want {
			t.Errorf("%s gives\n\t%s, want\n\t%s", test.expr, got, test.want)
		}
	}
}

func TestAnyEndsInAValueThatHoldsItself(t *testing.T) {
	loop := starlark.NewList(nil)
	loop.Append(loop)
	_, err := Any("x", loop)
	if err == nil || !strings.HasSuffix(err.Error(), "nested too deeply, or it holds itself") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,null]}`, `[`, `"\ud800"`, `{"a":1,"a":2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Decode(data)
		if err == nil && v == nil || err != nil && v != nil {
			t.Errorf("%q gives %v and %v", data, v, err)
		}
	})
}
