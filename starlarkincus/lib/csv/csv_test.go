package csv

import (
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// call calls a function of the library.
func call(t *testing.T, name string, args starlark.Tuple, kwargs ...starlark.Tuple) (starlark.Value, error) {
	t.Helper()
	return starlark.Call(new(starlark.Thread), Decl.Member(name).Function(), args, kwargs)
}

func named(name string, v starlark.Value) starlark.Tuple {
	return starlark.Tuple{starlark.String(name), v}
}

// pieces are the parts of the cells of random rows.
var pieces = []string{"a", "=1+1", "+cmd", "@x", "-", " ", "\t", `"`, `""`, ",", ";", "|", "\n", "\r", "\r\n", "\n\n", "é", "日本", "\ufeff", "\ue000", "\ue001", "#", `\.`, `\`, "'", "\x00", "0012"}

func randomCell(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// TestRoundTrip reads random rows after they were written: they are the same, for this library and for Python's.
func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	type sample struct {
		Text, Delimiter string
		Rows            [][]string
	}
	var samples []sample
	for range 1000 {
		width := 1 + r.IntN(4)
		delimiter := []string{",", ";", "\t", "|", "é", "\ue000"}[r.IntN(6)]
		var rows []starlark.Value
		var plain [][]string
		for range r.IntN(4) {
			var cells []starlark.Value
			var texts []string
			for range width {
				texts = append(texts, randomCell(r))
				cells = append(cells, starlark.String(texts[len(texts)-1]))
			}
			rows, plain = append(rows, starlark.NewList(cells)), append(plain, texts)
		}
		by := named("delimiter", starlark.String(delimiter))
		text, err := call(t, "encode", starlark.Tuple{starlark.NewList(rows)}, by)
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, rows, err)
		}
		if strings.HasPrefix(string(text.(starlark.String)), "\ufeff") {
			continue // a mark at the beginning of a text is not the first cell's
		}
		again, err := call(t, "decode", starlark.Tuple{text}, by, named("header", starlark.False))
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		if same, err := starlark.Equal(again, starlark.NewList(rows)); !same || err != nil {
			t.Fatalf("seed %d: %v\nwritten as %s\nread as %v", seed, rows, text, again)
		}
		if delimiter != "é" && delimiter != "\ue000" && !strings.Contains(text.String(), `\x00`) {
			samples = append(samples, sample{string(text.(starlark.String)), delimiter, plain})
		}

		// Dicts, whose names are columns.
		var columns []starlark.Value
		for i := range width {
			columns = append(columns, starlark.String(randomCell(r)+strings.Repeat("x", i+1)))
		}
		if strings.HasPrefix(string(columns[0].(starlark.String)), "\ufeff") || distinct(columns) != nil {
			continue
		}
		var dicts []starlark.Value
		for _, row := range plain {
			d := starlark.NewDict(width)
			for i, cell := range row {
				_ = d.SetKey(columns[i], starlark.String(cell))
			}
			dicts = append(dicts, d)
		}
		if text, err = call(t, "encode", starlark.Tuple{starlark.NewList(dicts), starlark.NewList(columns)}, by); err != nil {
			t.Fatalf("seed %d: %v: %v", seed, dicts, err)
		}
		again, err = call(t, "decode", starlark.Tuple{starlark.Bytes(text.(starlark.String))}, by)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, text, err)
		}
		if same, err := starlark.Equal(again, starlark.NewList(dicts)); !same || err != nil {
			t.Fatalf("seed %d: %v\nwritten as %s\nread as %v", seed, dicts, text, again)
		}
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("Python isn't installed")
	}
	input, err := json.Marshal(samples)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", `
import csv, io, json, sys
print(json.dumps([list(csv.reader(io.StringIO(s["Text"], newline=""), delimiter=s["Delimiter"], strict=True)) for s in json.load(sys.stdin)]))`)
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.Output()
	var read [][][]string
	if err == nil {
		err = json.Unmarshal(out, &read)
	}
	if err != nil || len(read) != len(samples) {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for i, s := range samples {
		if !slices.EqualFunc(read[i], s.Rows, slices.Equal[[]string]) {
			t.Fatalf("seed %d: %q\nwritten as %q\nPython reads %q", seed, s.Rows, s.Text, read[i])
		}
	}
	t.Logf("Python reads %d texts as they were", len(samples))
}

// TestRandomTexts reads texts that may be no CSV: an error says the line.
func TestRandomTexts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	says := regexp.MustCompile(`^csv\.decode: line [0-9]+(, column [0-9]+: |: (got [0-9]+ cells, want|two columns have the name|is not UTF-8|a carriage return outside of quotes)| is not UTF-8)`)
	failed := 0
	for range 3000 {
		text := ""
		for range r.IntN(12) {
			text += append(pieces, "\n", ",", "\xff")[r.IntN(len(pieces)+3)]
		}
		_, err := call(t, "decode", starlark.Tuple{starlark.Bytes(text)}, named("header", starlark.Bool(r.IntN(2) == 0)))
		if err == nil {
			continue
		}
		failed++
		if _, message, _ := strings.Cut(err.Error(), "Error: "); !says.MatchString(message) {
			t.Fatalf("seed %d: %q: %v", seed, text, err)
		}
	}
	if failed == 0 {
		t.Error("no text was refused")
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\n1,2\n":               `[{"a": "1", "b": "2"}]`,
		"a,b\r1,2\r3,\"x\r\"\r":    `[{"a": "1", "b": "2"}, {"a": "3", "b": "x\r"}]`,
		"a,b\n1,2\r3,4\n":          `line 2: a carriage return outside of quotes, and other lines end with a newline`,
		"a,b\r\n1,2":               `[{"a": "1", "b": "2"}]`,
		"\ufeffa\n1\n\n\n2\n":      `[{"a": "1"}, {"a": "2"}]`,
		"a\n\"x\r\ny\"\r\n":        `[{"a": "x\r\ny"}]`,
		"a,\n=1+1,\"\"\"q\"\"\"\n": `[{"a": "=1+1", "": "\"q\""}]`,
		"":                         `[]`,
		"a,b\n":                    `[]`,
		"a,b\n1\n":                 `line 2: got 1 cells, want 2 as in the first line`,
		"a,b\n1,2\n\n\n1,2,3\n":    `line 5: got 3 cells, want 2 as in the first line`,
		"a,b,a\n":                  `line 1: two columns have the name "a": header=False returns lists`,
		"a\nx\"y\n":                `line 2, column 2: a quote in a cell that doesn't begin with one`,
		"a\n1\n\"x\ny\n":           `line 4, column 3: a quoted cell has no end, or goes on after its quote; the row begins in line 3`,
		"a\n\"x\"y\n":              `line 2, column 3: a quoted cell has no end, or goes on after its quote`,
		"a\n\xe4\n":                `line 2 is not UTF-8`,
	} {
		v, err := call(t, "decode", starlark.Tuple{starlark.Bytes(text)})
		if err != nil && strings.HasSuffix(err.Error(), "csv.decode: "+want) {
			continue
		}
		if err != nil || v.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, v, err, want)
		}
	}
	v, err := call(t, "decode", starlark.Tuple{starlark.String("a,b\n1\n")}, named("header", starlark.False))
	if err != nil || v.String() != `[["a", "b"], ["1"]]` {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestEncode(t *testing.T) {
	for _, test := range []struct{ expr, want string }{
		{`csv_encode([{"name": "web", "cpu": 2, "on": True, "note": None}])`, "name,cpu,on,note\nweb,2,True,\n"},
		{`csv_encode([{"a": 1, "b": 2}], columns = ["b"])`, "b\n2\n"},
		{`csv_encode([{"a": 1}], header = False)`, "1\n"},
		{`csv_encode([["=1", 'say "x"', [1, 2], b"\x41"]])`, "=1,\"say \"\"x\"\"\",\"1, 2\",A\n"},
		{`csv_encode([[""], [None], ["x"]])`, "\"\"\n\"\"\nx\n"},
		{`csv_encode([["a", "b"]], columns = ["x", "y"], delimiter = "\t")`, "x\ty\na\tb\n"},
		{`csv_encode([])`, ""},
		{`csv_encode([], columns = ["a"])`, "a\n"},
		{`csv_encode("abc")`, `csv.encode: rows is the string "abc", want a list of rows`},
		{`csv_encode([{"a": 1}], columns = ["b"])`, "csv.encode: columns: no row has b: there are a"},
		{`csv_encode([5])`, "csv.encode: rows[0] is int 5, want a list, a tuple, a dict, a struct or an object"},
		{`csv_encode([], delimiter = ";;")`, `csv.encode: delimiter is the string ";;", want one character, and no quote or newline`},
		{`csv_encode([], delimiter = "")`, `csv.encode: delimiter is the string "", want one character, and no quote or newline`},
	} {
		v, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test", test.expr, starlark.StringDict{"csv_encode": Decl.Member("encode").Function()})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = string(v.(starlark.String))
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.expr, got, test.want)
		}
	}
}
