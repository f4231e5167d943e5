package base64_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	lib "incus-star/starlarkincus/lib/base64"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"base64": lib.Decl.Make()}
	maps.Copy(env, names)
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, env)
}

// TestRandom checks that random bytes survive a round trip in every form of base64, and that invalid text is an error.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		data := make([]byte, r.IntN(100))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		names := starlark.StringDict{"data": starlark.Bytes(data)}
		for urlsafe, encoding := range map[string]*base64.Encoding{"False": base64.StdEncoding, "True": base64.URLEncoding} {
			v, err := eval("base64.encode(data, urlsafe="+urlsafe+")", names)
			text := encoding.EncodeToString(data)
			if err != nil || v != starlark.String(text) {
				t.Fatalf("%q: got %v, %v, want %s", data, v, err, text)
			}
			middle := r.IntN(len(text) + 1)
			for _, form := range []string{text, strings.TrimRight(text, "="), text[:middle] + "\r\n" + text[middle:], text + "\n"} {
				names["text"] = starlark.String(form)
				v, err := eval("base64.decode(text, urlsafe="+urlsafe+", binary=True)", names)
				if err != nil || v != starlark.Bytes(data) {
					t.Errorf("%q: got %v, %v, want %q", form, v, err, data)
				}
			}
			broken := text[:middle] + string("*?é "[r.IntN(3)]) + text[middle:]
			names["text"] = starlark.String(broken)
			if v, err := eval("base64.decode(text, binary=True)", names); err == nil || !strings.HasPrefix(err.Error(), "Error: base64.decode: illegal base64 data at input byte ") {
				t.Errorf("%q: got %v, %v", broken, v, err)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	for expr, want := range map[string]string{
		`base64.encode(5)`:                    "base64.encode: data is int 5, want a string or bytes",
		`base64.encode()`:                     "base64.encode: missing argument for data",
		`base64.encode("", "yes")`:            "base64.encode: for parameter urlsafe: got string, want bool",
		`base64.decode([])`:                   "base64.decode: text is list, want a string or bytes",
		`base64.decode("", False, 1)`:         "base64.decode: for parameter binary: got int, want bool",
		`base64.decode("A")`:                  "Error: base64.decode: illegal base64 data at input byte 0",
		`base64.decode("AA=A")`:               "Error: base64.decode: illegal base64 data at input byte 2",
		`base64.decode("_-A=")`:               "Error: base64.decode: illegal base64 data at input byte 0",
		`base64.decode("/+A=", urlsafe=True)`: "Error: base64.decode: illegal base64 data at input byte 0",
		`base64.decode("/w")`:                 "Error: base64.decode: what the text stands for is not UTF-8: base64.decode(text, binary=True) gives bytes",
	} {
		v, err := eval(expr, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
	for expr, want := range map[string]string{`base64.decode(b"YQ==")`: `"a"`, `base64.decode("", binary=True)`: `b""`, `base64.encode("")`: `""`, `base64.decode("w6k")`: `"é"`} {
		if v, err := eval(expr, nil); err != nil || fmt.Sprint(v) != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}
