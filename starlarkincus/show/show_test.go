package show

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/spec"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// fake is an object of a kind.
type fake struct {
	*starlark.Dict
	res *spec.Resource
}

func (f fake) Type() string             { return f.res.Kind }
func (f fake) String() string           { return f.res.Kind + "()" }
func (f fake) Resource() *spec.Resource { return f.res }
func (f fake) Attr(name string) (starlark.Value, error) {
	v, found, err := f.Get(starlark.String(name))
	if !found {
		return starlark.None, err
	}
	return v, err
}
func (f fake) AttrNames() []string { return nil }

// failed is an error.
type failed struct {
	starlark.NoneType
	err *errors.Error
}

func (f failed) Type() string                        { return "error" }
func (f failed) String() string                      { return f.err.Error() }
func (f failed) Failure() *errors.Error              { return f.err }
func (f failed) Attr(string) (starlark.Value, error) { return nil, nil }
func (f failed) AttrNames() []string                 { return nil }

var widths = []int{20, 40, 80, 200}

// checkLines checks that no line is wider than the terminal, and that only colours have escapes.
func checkLines(t *testing.T, what, text string, s Style) {
	t.Helper()
	for _, c := range []Color{good, bad, unsure, faint, heading, kind, class, "\x1b[m"} {
		if s.Color {
			text = strings.ReplaceAll(text, string(c), "")
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if w := printable.Width(line); w > s.Width && s.Width >= 20 {
			t.Errorf("%s: a line of %d on a terminal of %d: %q", what, w, s.Width, line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return r == utf8Error || !printable.Rune(r) }); i >= 0 {
			t.Errorf("%s: a control character in %q", what, line)
		}
	}
}

const utf8Error = '\ufffd'

// TestEveryKind draws a table of each kind, and one object of it.
func TestEveryKind(t *testing.T) {
	g := generator(t)
	seen := make(map[*spec.Resource]bool)
	for _, site := range spec.Sites() {
		res := site.Resource
		if seen[res] || len(res.Columns) == 0 {
			continue
		}
		seen[res] = true
		var list []starlark.Value
		for range 3 {
			o := fake{new(starlark.Dict), res}
			for i := range res.Fields {
				if f := &res.Fields[i]; f.Use&(spec.Read|spec.Derived) != 0 && g.IntN(5) > 0 {
					_ = o.SetKey(starlark.String(f.Script()), g.value(2))
				}
			}
			list = append(list, o)
		}
		for _, width := range widths {
			for _, color := range []bool{false, true} {
				if color && width != 80 {
					continue
				}
				s := Style{Width: width, Height: 24, Color: color}
				table := Text(starlark.NewList(list), s)
				checkLines(t, res.Kind, table, s)
				if first := header(res.Columns[0].Name()); res.Columns[0].When == spec.Always && !strings.Contains(table, first[:min(4, len(first))]) {
					t.Errorf("%s: no column %s in\n%s", res.Kind, first, table)
				}
				checkLines(t, res.Kind, Text(list[0], s), s)
				s.OneLine = true
				one := Text(list[0], s)
				if checkLines(t, res.Kind, one, s); strings.Contains(one, "\n") || !strings.Contains(one, res.Kind[:min(len(res.Kind), 10)]) {
					t.Errorf("%s isn't in one line: %q", res.Kind, one)
				}
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d kinds", len(seen))
	}
}

// TestEveryStruct draws a table of each kind of structs that methods return, and one of them, with its fields in the order of
// the help.
func TestEveryStruct(t *testing.T) {
	kinds := spec.Structs()
	for kind, res := range kinds {
		fields := make(starlark.StringDict)
		for i := range res.Fields {
			fields[res.Fields[i].Script()] = starlark.String("x")
		}
		v := starlarkstruct.FromStringDict(starlark.String(kind), fields)
		s := Style{Width: 200, Height: 50}
		if kind != "ExecResult" {
			place := 0
			for _, f := range res.Fields {
				i := strings.Index(Text(v, s), "\n  "+f.Script()+" ")
				if i < place {
					t.Errorf("%s: %s isn't in its place in\n%s", kind, f.Script(), Text(v, s))
				}
				place = i
			}
		}
		names := FieldNames(v)
		for i, c := range res.Columns {
			if i >= len(names) || names[i] != c.Field {
				t.Errorf("%s: the fields of a row are %q, whose %d. isn't the column %s", kind, names, i+1, c.Field)
			}
		}
		if len(names) != len(fields) {
			t.Errorf("%s: the fields of a row are %q", kind, names)
		}
		if table := Text(starlark.NewList([]starlark.Value{v, v}), s); len(res.Columns) > 0 && !strings.HasPrefix(table, header(res.Columns[0].Name())) {
			t.Errorf("%s: another column is the first in\n%s", kind, table)
		}
	}
	if kinds["Remote"] == nil || len(kinds) < 9 {
		t.Errorf("only %d kinds", len(kinds))
	}
}

var count = flag.Int("random", 100, "the number of values of TestRandom")

// TestRandom lays out random values on terminals of random sizes.
func TestRandom(t *testing.T) {
	g := generator(t)
	for range *count {
		v := g.value(4)
		s := Style{Width: []int{1, 2, 5, 20, 40, 80, 200}[g.IntN(7)], Height: g.IntN(60), Color: g.IntN(2) == 0, All: g.IntN(4) == 0}
		if v.Type() == "string" || v.Type() == "bytes" || v.Type() == "int" || v.Type() == "float" {
			v = starlark.NewList([]starlark.Value{v, v})
		}
		text := Text(v, s)
		what := fmt.Sprintf("%.300s", v)
		if inner, ok := v.(*starlarkstruct.Struct); ok && inner.Constructor() == starlark.String("ExecResult") {
			continue // whose output is printed as it is
		}
		checkLines(t, what, text, s)
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: the secret is in %q", what, text)
		}
	}
}

type random struct{ *rand.Rand }

func generator(t *testing.T) random {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return random{rand.New(rand.NewPCG(seed, 0))}
}

func (g random) text() string {
	parts := []string{"a", "web", "日本", "é", "e\u0301", "👨\u200d👩", "\x1b[31m", "\t", "\n", "\r\n", "\xff", "\u202e", " ", "0", "RUNNING", "Running", "…", "🎉", "\x00", "☁️", "\u0085"}
	var b strings.Builder
	for range g.IntN(12) * (1 + g.IntN(9)) {
		b.WriteString(parts[g.IntN(len(parts))])
	}
	return b.String()
}

func (g random) value(depth int) starlark.Value {
	if depth == 0 || g.IntN(3) == 0 {
		switch g.IntN(6) {
		case 0:
			return starlark.None
		case 1:
			return starlark.MakeInt(g.IntN(1 << 40))
		case 2:
			return starlark.Bool(g.IntN(2) == 0)
		case 3:
			return starlark.Bytes(g.text())
		case 4:
			return starlark.Float(g.Float64())
		}
		return starlark.String(g.text())
	}
	n := g.IntN(5)
	var elems []starlark.Value
	for range n {
		elems = append(elems, g.value(depth-1))
	}
	switch g.IntN(8) {
	case 0:
		return starlark.Tuple(elems)
	case 1:
		return starlark.NewList(elems)
	case 2, 3:
		d := new(starlark.Dict)
		for _, v := range elems {
			_ = d.SetKey(starlark.String(g.text()), v)
		}
		if g.IntN(3) == 0 {
			_ = d.SetKey(starlark.String("user.password"), starlark.String("hunter2"))
			_ = d.SetKey(starlark.MakeInt(5), starlark.None)
		}
		return d
	case 4:
		fields := starlark.StringDict{"a": g.value(depth - 1), "status": starlark.String(g.text()), "password": starlark.String("hunter2")}
		return starlarkstruct.FromStringDict(starlarkstruct.Default, fields)
	case 5:
		var rows []starlark.Value
		for range n {
			d := new(starlark.Dict)
			for _, name := range []string{"name", "status", "日本", "n"} {
				_ = d.SetKey(starlark.String(name), g.value(depth-1))
			}
			rows = append(rows, d)
		}
		return starlark.NewList(rows)
	case 6:
		return failed{err: &errors.Error{Class: errors.NotFound, Message: g.text(), Status: 404, Object: &errors.Object{Kind: "instance", Name: g.text()}}}
	}
	kinds := []*spec.Resource{spec.Instances, spec.Images, spec.Networks, spec.Operations}
	o := fake{new(starlark.Dict), kinds[g.IntN(len(kinds))]}
	for _, f := range o.res.Fields {
		_ = o.SetKey(starlark.String(f.Script()), g.value(depth-1))
	}
	return o
}

// TestHuge lays out huge, deep and cyclic values.
func TestHuge(t *testing.T) {
	many := starlark.NewList(nil)
	for i := range 100_000 {
		o := fake{new(starlark.Dict), spec.Profiles}
		_ = o.SetKey(starlark.String("name"), starlark.String(fmt.Sprint("profile", i)))
		_ = many.Append(o)
	}
	cyclic := starlark.NewList(nil)
	_ = cyclic.Append(cyclic)
	self := new(starlark.Dict)
	_ = self.SetKey(starlark.String("self"), self)
	shared := starlark.NewList([]starlark.Value{starlark.MakeInt(1)})
	double := new(starlark.Dict)
	for range 40 {
		shared = starlark.NewList([]starlark.Value{shared, shared})
		next := new(starlark.Dict)
		_ = next.SetKey(starlark.String("a"), double)
		_ = next.SetKey(starlark.String("b"), double)
		double = next
	}
	long := new(starlark.Dict)
	_ = long.SetKey(starlark.String("text"), starlark.String(strings.Repeat("x\n", 10_000)))
	_ = long.SetKey(starlark.String("line"), starlark.String(strings.Repeat("日", 100_000)))
	big := fake{long, spec.Instances}
	for name, v := range map[string]starlark.Value{"many": many, "cyclic": cyclic, "self": self, "shared": shared, "double": double, "long": long,
		"objects": starlark.NewList([]starlark.Value{big, big}), "object": big, "tuple": starlark.Tuple{shared, double, cyclic}} {
		for _, s := range []Style{{}, {Width: 80, Height: 24}, {Width: 80, Height: 24, All: name != "many" && name != "double"}} {
			if name == "double" && s.Width == 0 {
				continue // a megabyte, which takes a second
			}
			begin := time.Now()
			text := Text(v, s)
			t.Logf("%s: %d lines, %d bytes, %v", name, strings.Count(text, "\n"), len(text), time.Since(begin))
			if n := len(text); n > 50<<20 {
				t.Errorf("%s: %d bytes", name, n)
			}
			checkLines(t, name, strings.ToValidUTF8(text[:min(len(text), 1<<16)], ""), s)
		}
	}
	if text := Text(many, Style{Width: 80}); !strings.Contains(text, "… 99,000 more: :all shows them") {
		t.Errorf("%q", text[len(text)-200:])
	}
}

// TestTexts checks the texts of values.
func TestTexts(t *testing.T) {
	instance := func(name, status string, more ...string) fake {
		o := fake{new(starlark.Dict), spec.Instances}
		pairs := append([]string{"name", name, "status", status, "type", "container"}, more...)
		for pair := range slices.Chunk(pairs, 2) {
			_ = o.SetKey(starlark.String(pair[0]), starlark.String(pair[1]))
		}
		return o
	}
	addressed := instance("web", "Running")
	_ = addressed.SetKey(starlark.String("last_addresses"), starlark.NewList([]starlark.Value{starlark.String("10.0.0.2"), starlark.String("fd00::1")}))
	config := new(starlark.Dict)
	_ = config.SetKey(starlark.String("limits.cpu"), starlark.String("2"))
	_ = config.SetKey(starlark.String("user.user-data"), starlark.String("#cloud-config\nruncmd: []\n"))
	_ = config.SetKey(starlark.String("user.password"), starlark.String("hunter2"))
	full := instance("web", "Running", "location", "none", "status_code", "103")
	folded := instance("web", "Running")
	many := new(starlark.Dict)
	for _, key := range []string{"volatile.a", "image.os", "limits.cpu", "volatile.b", "volatile.c"} {
		_ = many.SetKey(starlark.String(key), starlark.String("x"))
	}
	_ = folded.SetKey(starlark.String("config"), many)
	_ = full.SetKey(starlark.String("config"), config)
	row := func(pairs ...any) starlark.Value {
		d := new(starlark.Dict)
		for pair := range slices.Chunk(pairs, 2) {
			_ = d.SetKey(starlark.String(pair[0].(string)), pair[1].(starlark.Value))
		}
		return d
	}
	list := func(all ...starlark.Value) starlark.Value { return starlark.NewList(all) }
	file := func(name, kind string, mode, gid, size int, target starlark.Value) starlark.Value {
		return starlarkstruct.FromStringDict(starlark.String("FileInfo"), starlark.StringDict{"name": starlark.String(name), "path": starlark.String("/" + name), "type": starlark.String(kind), "mode": starlark.MakeInt(mode),
			"uid": starlark.MakeInt(0), "gid": starlark.MakeInt(gid), "size": starlark.MakeInt(size), "mtime": startime.Time(time.Date(2027, 3, 1, 9, 30, 5, 0, time.Local)), "target": target})
	}
	files := list(file("a", "file", 0o644, 0, 123456, starlark.None), file("d", "directory", 0o1777, 100, 0, starlark.None), file("l", "symlink", 0o777, 0, 1, starlark.String("a")))
	run := starlarkstruct.FromStringDict(starlark.String("ExecResult"), starlark.StringDict{
		"exit_code": starlark.MakeInt(3), "stdout": starlark.String("a\nb\n"), "stderr": starlark.String("no\x1b[2J\n")})
	for _, test := range []struct {
		v    starlark.Value
		s    Style
		want string
	}{
		{list(addressed, instance("database", "Stopped")), Style{Width: 80}, "NAME      STATUS   IPV4      IPV6     TYPE\nweb       Running  10.0.0.2  fd00::1  container\ndatabase  Stopped                     container"},
		{list(instance("a", "Running", "location", "m1", "project", "p"), instance("b", "Error", "location", "m2", "project", "q")), Style{Width: 80},
			"NAME  STATUS   TYPE       LOCATION  PROJECT\na     Running  container  m1        p\nb     Error    container  m2        q"},
		{list(instance("a", "Running"), instance("b", "Error")), Style{Width: 80, Color: true},
			"\x1b[1mNAME\x1b[m  \x1b[1mSTATUS\x1b[m   \x1b[1mTYPE\x1b[m\na     \x1b[32mRunning\x1b[m  container\nb     \x1b[31mError\x1b[m    container"},
		{list(instance("a", "Running")), Style{Width: 20}, "NAME  STATUS  TYPE\na     Runni…  conta…"},
		{list(instance("a", "Running")), Style{Width: 12}, "NAME  STATUS\na     Runni…\n… 1 more co…"},
		{full, Style{Width: 60}, "Instance web\n  status  Running\n  type    container\n  config\n    limits.cpu      2\n    user.user-data  #cloud-config … 1 more line\n    user.password   [redacted]\n… :all shows the rest, and fields() returns it"},
		{folded, Style{Width: 60}, "Instance web\n  status  Running\n  type    container\n  config\n    limits.cpu  x\n    image.*     1 entry\n    volatile.*  3 entries\n… :all shows the rest, and fields() returns it"},
		{folded, Style{Width: 60, OneLine: true}, "Instance web: Running, type container"},
		{full, Style{Width: 60, OneLine: true, Color: true}, "\x1b[36mInstance\x1b[m web: \x1b[32mRunning\x1b[m, type container"},
		{addressed, Style{Width: 30, OneLine: true}, "Instance web: Running, ipv4 1…"},
		{starlark.String("a\tb\n\x1b[2Jc\n"), Style{Width: 60}, "a\tb\n\\x1b[2Jc"},
		{starlark.String("a\n"), Style{Width: 60}, `"a\n"`},
		{files, Style{Width: 80}, "TYPE       MODE  UID  GID    SIZE  MTIME             NAME  TARGET\nfile       0644    0    0  123456  2027-03-01 09:30  a\ndirectory  1777    0  100       0  2027-03-01 09:30  d\nsymlink    0777    0    0       1  2027-03-01 09:30  l     a"},
		{config, Style{Width: 60}, "limits.cpu      2\nuser.user-data\n  #cloud-config\n  runcmd: []\nuser.password   [redacted]"},
		{list(row("name", starlark.String("a\tb"), "n", starlark.MakeInt(5)), row("n", starlark.MakeInt(10), "x", starlark.True)), Style{Width: 60}, "NAME   N  X\na b    5\n      10  True"},
		{list(starlark.String("a"), starlark.MakeInt(1)), Style{Width: 60}, `["a", 1]`},
		{list(starlark.String("abcdefghij"), starlark.String("klmnopqrst")), Style{Width: 20}, "\"abcdefghij\"\n\"klmnopqrst\""},
		{list(), Style{Width: 20}, "[]"},
		{row("all", list(slices.Repeat([]starlark.Value{starlark.String("extension")}, 1000)...)), Style{}, "all  " + strings.TrimSuffix(strings.Repeat("extension, ", 1000), ", ")},
		{starlark.String("a\x1b[2Jb"), Style{}, `"a\x1b[2Jb"`},
		{run, Style{Width: 60}, "a\nb\nstderr:\nno\\x1b[2J\nexit status 3"},
		{failed{err: &errors.Error{Class: errors.NotFound, Message: "Instance not found", Status: 404, Object: &errors.Object{Kind: "instance", Name: "x"}}}, Style{Width: 60},
			"IncusNotFoundError: Instance not found\n  status  404\n  object  instance x"},
	} {
		if got := Text(test.v, test.s); got != test.want {
			t.Errorf("%v: got\n%s\nwant\n%s", test.v, got, test.want)
		}
	}
}

// TestSparseRows checks that dicts with few common keys, such as the descriptions of keys, are no table.
func TestSparseRows(t *testing.T) {
	dict := func(names ...string) starlark.Value {
		d := new(starlark.Dict)
		for _, name := range names {
			_ = d.SetKey(starlark.String(name), starlark.MakeInt(1))
		}
		return d
	}
	for _, test := range []struct {
		rows  []starlark.Value
		table bool
	}{
		{[]starlark.Value{dict("a"), dict("b"), dict("c")}, false}, {[]starlark.Value{dict("a"), dict("b")}, false},
		{[]starlark.Value{dict("a", "b"), dict("a", "c")}, true}, {[]starlark.Value{dict("a", "b")}, true}, {[]starlark.Value{dict("a"), dict("a")}, true},
	} {
		got := Text(starlark.NewList(test.rows), Style{Width: 80})
		if strings.HasPrefix(got, "A") != test.table {
			t.Errorf("%v:\n%s", test.rows, got)
		}
	}
}
