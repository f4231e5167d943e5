package table

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// TestTableWidth checks that the widest columns are cut on a narrow terminal, and that wide letters count as two.
func TestTableWidth(t *testing.T) {
	long := strings.Repeat("0123456789", 5)
	g := &grid{columns: []string{"name", "text", "n"}}
	g.rows = append(g.rows, [][]starlark.Value{
		{starlark.String("web"), starlark.String(long), starlark.MakeInt(1)},
		{starlark.String("日本語日本語日本語日本語"), starlark.String("short"), starlark.MakeInt(22)},
	}...)
	for width, want := range map[int]string{
		0: "NAME                      TEXT                                                 N\n" +
			"web                       " + long + "   1\n" +
			"日本語日本語日本語日本語  short                                               22\n",
		50: "NAME                    TEXT                     N\n" +
			"web                     012345678901234567890…   1\n" +
			"日本語日本語日本語日…   short                   22\n",
		18: "NAME    TEXT     N\n" +
			"web     01234…   1\n" +
			"日本…   short   22\n",
		10: "NAME\nweb\n日本語日…\n… 2 more …\n",
	} {
		got := g.text(show.Style{Width: width})
		if got != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, got, want)
		}
		for line := range strings.Lines(got) {
			if w := printable.Width(strings.TrimSuffix(line, "\n")); width > 0 && w > width {
				t.Errorf("width %d: a line of %d", width, w)
			}
		}
	}
}

// TestTableFunctions checks columns that are functions.
func TestTableFunctions(t *testing.T) {
	for call, want := range map[string]string{
		`table([{"a": 1}], ["a", lambda r: r["a"] + 1, ("Half", lambda r: r["a"] / 2), str])`: "A  COLUMN 2  Half  STR\n1         2   0.5  {\"a\": 1}\n",
		`table([(1, 2), [3]], ["x", ("sum", lambda r: len(r)), "y"])`:                         "X  sum  Y\n1    2  2\n3    1\n",
		`table([(1, 2)], [("n", len)])`:                                                       "n\n2\n",
		`table([], [("n", len), "m"])`:                                                        "n  M\n",
		`table([struct(a = 1)], ["a", ("b", lambda r: None)], ["x", "y"])`:                    "x  y\n1\n",
		`table([{"a": "x"}], ["a", ("b", lambda r: [r["a"]])], format = "json")`:              "[\n  {\n    \"a\": \"x\",\n    \"b\": [\n      \"x\"\n    ]\n  }\n]\n",
		`table([{"a": "x"}], ["a", lambda r: 5], format = "csv")`:                             "a,column_2\nx,5\n",
	} {
		if out, err := printed(call, 0, nil); err != nil || out != want {
			t.Errorf("%s: got\n%s%v, want\n%s", call, out, err, want)
		}
	}
	for call, want := range map[string]string{
		`table([{"a": 1}], ["b", len])`:         "table: columns: no row has b: there are a",
		`table([(1, 2)], ["x", len])`:           "table: rows[0]: got 2 cells for 1 columns",
		`table([{"a": 1}], [("A", "a")])`:       "table: columns[0]: got tuple, want a string, a function or a tuple of a header and a function",
		`table([{"a": 1}], [lambda r: r["b"]])`: `key "b" not in dict`,
		`table([{"a": 1}], [lambda: 1])`:        "function lambda accepts no arguments (1 given)",
	} {
		if out, err := printed(call, 0, nil); err == nil || err.Error() != want || out != "" {
			t.Errorf("%s: got %q, %v, want %s", call, out, err, want)
		}
	}
	_, err := printed(`table([{"a": 1}], [lambda r: r["b"]])`, 0, nil)
	if raised, ok := err.(*starlark.EvalError); !ok || raised.CallStack.At(0).Name != "lambda" {
		t.Errorf("the backtrace of %v doesn't end in the function", err)
	}
}
