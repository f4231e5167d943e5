package hash_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"incus-star/starlarkincus/lib/hash"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"hash": hash.Decl.Make()}
	maps.Copy(env, names)
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, env)
}

// TestDigests compares each digest with that of the command of its name, for input lengths around the size of a block.
func TestDigests(t *testing.T) {
	for _, m := range hash.Decl.Members {
		t.Run(m.Name, func(t *testing.T) {
			name := strings.TrimPrefix(m.Name, "hash.")
			command := name + "sum"
			if _, err := exec.LookPath(command); err != nil {
				t.Skip("needs the command ", command)
			}
			for _, n := range []int{0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000} {
				input := strings.Repeat("\xc3\xa9\x00", n)[:n]
				cmd := exec.Command(command)
				cmd.Stdin = strings.NewReader(input)
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err)
				}
				want, _, _ := strings.Cut(string(out), " ")
				for _, data := range []starlark.Value{starlark.String(input), starlark.Bytes(input)} {
					if v, err := eval(m.Name+"(data)", starlark.StringDict{"data": data}); err != nil || v != starlark.String(want) {
						t.Errorf("%d bytes, %s: got %v, %v, want %s", n, data.Type(), v, err, want)
					}
				}
			}
		})
	}
}

// TestHash checks that every member rejects values other than text, and that the library itself is Starlark's hash.
func TestHash(t *testing.T) {
	for _, m := range hash.Decl.Members {
		for value, shown := range map[string]string{"None": "None", "1": "int 1", "[]": "list", "{}": "dict"} {
			want := fmt.Sprintf("%s: data is %s, want a string or bytes", m.Name, shown)
			if v, err := eval(m.Name+"("+value+")", nil); err == nil || err.Error() != want {
				t.Errorf("got %v, %v, want %s", v, err, want)
			}
		}
		if _, err := eval(m.Name+"()", nil); err == nil || err.Error() != m.Name+": missing argument for data" {
			t.Errorf("%s: got %v", m.Name, err)
		}
	}
	own := fnv.New32a()
	_, _ = own.Write([]byte("abc"))
	if v, err := eval(`hash(b"abc")`, nil); err != nil || v.String() != fmt.Sprint(own.Sum32()) {
		t.Errorf("got %v, %v, want %d", v, err, own.Sum32())
	}
	// As in Java.
	if v, err := eval(`hash("abc")`, nil); err != nil || v.String() != "96354" {
		t.Errorf("got %v, %v", v, err)
	}
	if v, err := eval(`hash(1)`, nil); err == nil || err.Error() != "hash: got int, want string or bytes" {
		t.Errorf("got %v, %v", v, err)
	}
}
