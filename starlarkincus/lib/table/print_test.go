package table

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// printed evaluates a call of table and returns its output on a terminal of the given width.
func printed(call string, width int, names starlark.StringDict) (string, error) {
	var out strings.Builder
	thread := new(starlark.Thread)
	builtin.Bind(thread, builtin.Binding{
		Print: func(_ *builtin.Call, text string) error { out.WriteString(text + "\n"); return nil },
		Width: func() int { return width },
	})
	env := starlark.StringDict{"table": Decl.Make(), "struct": starlark.NewBuiltin("struct", starlarkstruct.Make)}
	maps.Copy(env, names)
	v, err := starlark.EvalOptions(new(syntax.FileOptions), thread, "", call, env)
	if err == nil && v != starlark.None {
		err = fmt.Errorf("table gives %v", v)
	}
	return out.String(), err
}

// TestRandom checks that random rows survive a round trip through CSV and JSON, and are aligned in text.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		columns := []string{"name", "n", "note", "tags"}[:2+r.IntN(3)] // a reader skips the line of a single empty cell
		var dicts, structs, tuples []starlark.Value
		var want [][]string
		for range 1 + r.IntN(5) {
			dict, fields := new(starlark.Dict), make(starlark.StringDict)
			var tuple starlark.Tuple
			var line []string
			for _, name := range columns {
				v, text := cell(r)
				_ = dict.SetKey(starlark.String(name), v)
				fields[name] = v
				tuple, line = append(tuple, v), append(line, text)
			}
			dicts, tuples, want = append(dicts, dict), append(tuples, tuple), append(want, line)
			structs = append(structs, starlarkstruct.FromStringDict(starlarkstruct.Default, fields))
		}
		quoted, _ := json.Marshal(columns)
		for _, rows := range [][]starlark.Value{dicts, structs, tuples} {
			names := starlark.StringDict{"rows": starlark.NewList(rows)}
			with := "table(rows, columns=" + string(quoted)
			text, err := printed(with+`, format="csv")`, 0, names)
			if err != nil {
				t.Fatal(err)
			}
			records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || !slices.EqualFunc(records, append([][]string{columns}, want...), slices.Equal) {
				t.Errorf("%v as csv: %q, %v", rows, text, err)
			}
			text, err = printed(with+`, format="json")`, 0, names)
			var objects []map[string]any
			if err == nil {
				err = json.Unmarshal([]byte(text), &objects)
			}
			if err != nil || len(objects) != len(rows) {
				t.Fatalf("%v as json: %s, %v", rows, text, err)
			}
			for i, o := range objects {
				for j, name := range columns {
					if got := fmt.Sprint(o[name]); o[name] == nil && want[i][j] != "" || o[name] != nil && got != want[i][j] && !strings.HasPrefix(got, "[") {
						t.Errorf("%v as json: %s", rows, text)
					}
				}
			}
			text, err = printed(with+")", 0, names)
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if err != nil || len(lines) != len(rows)+1 {
				t.Fatalf("%v as text: %s, %v", rows, text, err)
			}
			for i, line := range lines[1:] {
				for _, cell := range want[i] {
					if !strings.Contains(line, show.Line(cell)) {
						t.Errorf("%q isn't in %q", cell, line)
					}
				}
			}
			narrow, err := printed(with+")", 60, names)
			for line := range strings.Lines(narrow) {
				if width := printable.Width(strings.TrimSuffix(line, "\n")); err != nil || width > 60 {
					t.Errorf("a line of %d on a terminal of 60: %q, %v", width, line, err)
				}
			}
		}
	}
}

// cell returns a value and its form in CSV.
func cell(r *rand.Rand) (starlark.Value, string) {
	switch r.IntN(5) {
	case 0:
		return starlark.None, ""
	case 1:
		n := r.IntN(1000)
		return starlark.MakeInt(n), fmt.Sprint(n)
	case 2:
		return starlark.NewList([]starlark.Value{starlark.String("a"), starlark.MakeInt(2)}), "a, 2"
	}
	text := strings.Repeat([]string{"x", "é", "日", ",", "\"", "'", "-"}[r.IntN(7)], 1+r.IntN(40))
	return starlark.String(text), text
}

func TestBadInput(t *testing.T) {
	for call, want := range map[string]string{
		`table()`:                            "table: missing argument for rows",
		`table(5)`:                           "table: rows is int 5, want a list of rows",
		`table("ab")`:                        `table: rows is the string "ab", want a list of rows`,
		`table({"a": 1})`:                    "table: rows is dict, want a list of rows",
		`table([5])`:                         "table: rows[0] is int 5, want a list, a tuple, a dict, a struct or an object",
		`table([[], "a"])`:                   `table: rows[1] is the string "a", want a list, a tuple, a dict, a struct or an object`,
		`table([{1: 2}])`:                    "table: rows[0] has int 1 as a key, want strings",
		`table([], format="x")`:              `table: format is "x", want "text", "csv" or "json"`,
		`table([], format=1)`:                `table: for parameter "format": got int, want string`,
		`table([], [])`:                      "table: columns is empty",
		`table([], "a")`:                     "table: columns: got string, want list of string",
		`table([], [1])`:                     "table: columns[0]: got int, want a string, a function or a tuple of a header and a function",
		`table([], headers=())`:              "table: headers is empty",
		`table([], ["a"], ["b", "c"])`:       "table: got 2 headers for 1 columns",
		`table([[1, 2]], ["a"])`:             "table: rows[0]: got 2 cells for 1 columns",
		`table([{"alpha": 1}], ["alpa"])`:    "table: columns: no row has alpa (did you mean alpha?)",
		`table([struct(a=1)], ["zzz"])`:      "table: columns: no row has zzz: there are a",
		`table([[len]], format="json")`:      "table: rows[0][0]: got builtin_function_or_method, want a value that has a JSON form",
		`table([{"a": len}], format="json")`: `table: rows[0]["a"]: got builtin_function_or_method, want a value that has a JSON form`,
	} {
		if out, err := printed(call, 0, nil); err == nil || err.Error() != want || out != "" {
			t.Errorf("%s: got %q, %v, want %s", call, out, err, want)
		}
	}
}
