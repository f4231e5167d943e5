package builtin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// call evaluates an expression that may call f, the function of the declaration.
func call(d *builtin.Decl, expr string) (starlark.Value, error) {
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, starlark.StringDict{"f": d.Make()})
}

// unpacking returns a declaration with the parameters. Its function returns a tuple of the arguments, None for missing
// ones.
func unpacking(params ...builtin.Param) *builtin.Decl {
	return &builtin.Decl{Name: "lib.f", Params: params, Call: func(c *builtin.Call) (starlark.Value, error) {
		var values starlark.Tuple
		for _, p := range params {
			if p.Passing != builtin.Rest && p.Passing != builtin.Keywords {
				values = append(values, starlark.None)
			}
		}
		variables := make([]any, len(values))
		for i := range values {
			variables[i] = &values[i]
		}
		return values, c.Unpack(variables...)
	}}
}

// TestUnpack calls functions with all combinations of parameters with all numbers of arguments, by position and by
// name.
func TestUnpack(t *testing.T) {
	shapes := map[string][]builtin.Param{
		"":             nil,
		"a":            {builtin.Need("a", builtin.Any)},
		"a, b":         {builtin.Need("a", builtin.Any), builtin.Need("b", builtin.Any)},
		"a, b=1":       {builtin.Need("a", builtin.Any), builtin.Opt("b", builtin.Any, "1")},
		"a=1, b=2":     {builtin.Opt("a", builtin.Any, "1"), builtin.Opt("b", builtin.Any, "2")},
		"a, b=":        {builtin.Need("a", builtin.Any), builtin.Key("b", builtin.Any, "")},
		"a, b=1, c=2":  {builtin.Need("a", builtin.Any), builtin.Opt("b", builtin.Any, "1"), builtin.Key("c", builtin.Any, "2")},
		"alpha, beta=": {builtin.Need("alpha", builtin.Any), builtin.Key("beta", builtin.Any, "")},
	}
	for signature, params := range shapes {
		d := unpacking(params...)
		if got := d.Signature(); got != signature {
			t.Errorf("the signature is %q, want %q", got, signature)
		}
		required := 0
		for _, p := range params {
			if p.Required {
				required++
			}
		}
		// The first args are passed by position, the others by name if their bit is set.
		for args := range len(params) + 2 {
			for named := range 1 << len(params) {
				want := make([]string, len(params))
				var list []string
				for i := range args {
					list = append(list, fmt.Sprint(i+10))
				}
				missing, twice := "", ""
				for i, p := range params {
					want[i] = "None"
					if i < args {
						want[i] = fmt.Sprint(i + 10)
					}
					switch byName := named&(1<<i) != 0; {
					case byName:
						want[i] = fmt.Sprint(i + 20)
						list = append(list, p.Name+"="+want[i])
						if i < args && twice == "" {
							twice = p.Name
						}
					case i >= args && p.Required && missing == "":
						missing = p.Name
					}
				}
				expr := "f(" + strings.Join(list, ", ") + ")"
				v, err := call(d, expr)
				due := ""
				switch {
				case args > len(params):
					due = fmt.Sprintf("lib.f: got %d arguments, want at most %d", args, len(params))
				case twice != "":
					due = fmt.Sprintf("lib.f: got multiple values for keyword argument %q", twice)
				case missing != "":
					due = "lib.f: missing argument for " + missing
				}
				switch {
				case due != "":
					if err == nil || err.Error() != due {
						t.Errorf("(%s): %s: got %v, want %s", signature, expr, err, due)
					}
				case err != nil:
					t.Errorf("(%s): %s: %v", signature, expr, err)
				default:
					tuple := v.(starlark.Tuple)
					for i := range tuple {
						if tuple[i].String() != want[i] {
							t.Errorf("(%s): %s: got %v, want %v", signature, expr, tuple, want)
						}
					}
				}
			}
		}
		if _, err := call(d, "f(nonsense=1)"); err == nil || !strings.Contains(err.Error(), `lib.f: unexpected keyword argument "nonsense"`) {
			t.Errorf("(%s): an unknown name: %v", signature, err)
		}
	}
	_, err := call(unpacking(shapes["alpha, beta="]...), "f(alpa=1)")
	if want := `lib.f: unexpected keyword argument "alpa" (did you mean alpha?)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestUnpackTypes checks that a variable rejects values of all other types, with an error that names the function and
// the parameter.
func TestUnpackTypes(t *testing.T) {
	w := newWorld(t)
	variables := map[builtin.Type]func() any{
		builtin.Bool:   func() any { return new(bool) },
		builtin.Int:    func() any { return new(int) },
		builtin.Float:  func() any { return new(float64) },
		builtin.String: func() any { return new(string) },
		builtin.List:   func() any { return new(*starlark.List) },
		builtin.Dict:   func() any { return new(*starlark.Dict) },
		builtin.Any:    func() any { return new(starlark.Value) },
	}
	for want, variable := range variables {
		for _, k := range kinds {
			for _, v := range w.values[k.kind] {
				// Starlark quotes the name of a parameter that was passed by name.
				for name, args := range map[string]builtin.Call{"x": {Args: starlark.Tuple{v}}, `"x"`: {Kwargs: []starlark.Tuple{{starlark.String("x"), v}}}} {
					args.Decl, args.Name = &builtin.Decl{Params: []builtin.Param{builtin.Need("x", want)}}, "lib.f"
					err := args.Unpack(variable())
					if _, is := v.(object); is && want == builtin.List {
						continue // it is created from a list
					}
					switch {
					case want.Allows(k.kind) && err != nil:
						t.Errorf("%s for %s: %v", v, want, err)
					case !want.Allows(k.kind) && (err == nil || !strings.HasPrefix(err.Error(), "lib.f: for parameter "+name+": got "+v.Type()+", want ")):
						t.Errorf("%s for %s: %v", v, want, err)
					}
				}
			}
		}
	}
}

// TestUnpackPanics checks that a wrong number of variables panics.
func TestUnpackPanics(t *testing.T) {
	a := builtin.Need("a", builtin.Any)
	for _, c := range []struct {
		params    []builtin.Param
		variables int
		want      string
	}{
		{nil, 1, "f: 1 variables for 0 parameters"},
		{[]builtin.Param{a}, 0, "f: no variable for the parameter a"},
		{[]builtin.Param{a, builtin.Args("rest", builtin.Any)}, 2, "f: 2 variables for 1 parameters"},
	} {
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("got %v, want %s", got, c.want)
				}
			}()
			variables := make([]any, c.variables)
			for i := range variables {
				variables[i] = new(starlark.Value)
			}
			_ = (&builtin.Call{Decl: &builtin.Decl{Params: c.params}, Name: "f"}).Unpack(variables...)
		}()
	}
}

func TestSignature(t *testing.T) {
	for want, p := range map[string]builtin.Param{
		"a":       builtin.Need("a", builtin.Int),
		"a=1":     builtin.Opt("a", builtin.Int, "1"),
		"b":       builtin.Opt("b", builtin.Int, ""),
		"a=":      builtin.Key("a", builtin.Int, ""),
		"a=None":  builtin.Key("a", builtin.Int, "None"),
		"*rest":   builtin.Args("rest", builtin.Any),
		"**named": builtin.KwArgs("named", builtin.Any),
	} {
		if got := p.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	fn := func(*builtin.Call) (starlark.Value, error) { return starlark.None, nil }
	for want, d := range map[string]builtin.Decl{
		"f()\n\nDoes.":              {Name: "f", Help: "Does.", Call: fn},
		"f(a, *b)\n\nDoes.":         {Name: "f", Help: "Does.", Call: fn, Params: []builtin.Param{builtin.Need("a", builtin.Any), builtin.Args("b", builtin.Any)}},
		"f(a or b)\n\nDoes.":        {Name: "f", Help: "Does.", Call: fn, Params: []builtin.Param{builtin.Need("a", builtin.Any)}, Usage: "a or b"},
		"lib\n\nHas.":               {Name: "lib", Help: "Has.", Members: []builtin.Decl{{Name: "lib.f", Call: fn}}},
		"value\n\nStands.":          {Name: "value", Help: "Stands.", Value: func() starlark.Value { return starlark.None }},
		"len(x)\n\nThe number of x": {Name: "len"},
	} {
		if d.Name == "len" {
			d = *builtin.Native("len")
		}
		if got := d.Text(); !strings.HasPrefix(got, want) && d.Name != "len" || d.Name == "len" && !strings.HasPrefix(got, "len(x)\n\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestMake checks that a declaration makes its value, and that the members of a library are its attributes.
func TestMake(t *testing.T) {
	fn := func(c *builtin.Call) (starlark.Value, error) { return starlark.String(c.Name), nil }
	members := []builtin.Decl{{Name: "lib.f", Call: fn}, {Name: "lib.n", Value: func() starlark.Value { return starlark.MakeInt(7) }}, {Name: "lib.Type"}}
	lib := &builtin.Decl{Name: "lib", Members: members}
	both := &builtin.Decl{Name: "lib", Members: members, Call: fn}
	if v := (&builtin.Decl{Name: "Type"}).Make(); v != nil {
		t.Errorf("a type gives %v", v)
	}
	for expr, want := range map[string]string{
		"lib.f()": `"lib.f"`, "lib.n": "7", "dir(lib)": `["f", "n"]`, "type(lib)": `"module"`, "lib.f": "<built-in function lib.f>",
		"both()": `"lib"`, "both.f()": `"lib.f"`, "both.n": "7", "dir(both)": `["f", "n"]`,
	} {
		v, err := starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, starlark.StringDict{"lib": lib.Make(), "both": both.Make()})
		if err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
	if got := both.Make().(starlark.Callable).Name(); got != "lib" {
		t.Errorf("the library is called %s", got)
	}
	for name, want := range map[string]string{"f": "lib.f", "Type": "lib.Type", "g": "", "lib.f": ""} {
		got := ""
		if m := lib.Member(name); m != nil {
			got = m.Name
		}
		if got != want {
			t.Errorf("the member %s is %q, want %q", name, got, want)
		}
	}
}

// TestForward checks that errors of Starlark's libraries get the full name and keep their class.
func TestForward(t *testing.T) {
	cause := errors.Plain("refused")
	module := &starlarkstruct.Module{Name: "m", Members: starlark.StringDict{
		"n": starlark.MakeInt(7),
		"f": starlark.NewBuiltin("f", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) > 0 && args[0] == starlark.String("bad") {
				return nil, fmt.Errorf("f: for parameter 1: %w", cause)
			}
			return starlark.MakeInt(len(args)), nil
		}),
	}}
	params := []builtin.Param{builtin.Need("text", builtin.String)}
	forward := &builtin.Decl{Name: "lib.f", Params: params, Call: builtin.Forward(module, "f")}
	parse := &builtin.Decl{Name: "lib.f", Params: params, Call: builtin.Parse(module, "f")}
	for _, d := range []*builtin.Decl{forward, parse} {
		if v, err := call(d, `f("good")`); err != nil || v.String() != "1" {
			t.Errorf("got %v, %v", v, err)
		}
	}
	if _, err := call(forward, `f("bad")`); err == nil || err.Error() != "lib.f: for parameter 1: refused" || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	var raised *errors.Error
	if _, err := call(parse, `f("bad")`); !errors.As(err, &raised) || raised.Class != errors.Base || raised.Message != "lib.f: refused" {
		t.Errorf("got %v", err)
	}
	if _, err := call(parse, `f(1)`); errors.As(err, &raised) || err == nil || err.Error() != "lib.f: for parameter text: got int, want string" {
		t.Errorf("got %v", err)
	}
	if v := builtin.Constant(module, "n")(); v != module.Members["n"] {
		t.Errorf("got %v", v)
	}
}

// TestData checks that Data accepts the same values as a parameter of the type Text.
func TestData(t *testing.T) {
	w := newWorld(t)
	c := &builtin.Call{Name: "lib.f"}
	for _, k := range kinds {
		for _, v := range w.values[k.kind] {
			text, err := c.Data("x", v)
			if allowed := builtin.Text.Allows(k.kind); allowed != (err == nil) || allowed && text != builtin.PlainText(v) {
				t.Errorf("%v: got %q, %v", v, text, err)
			}
			if want := "lib.f: x is " + builtin.Described(v) + ", want a string or bytes"; err != nil && err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

func TestBinding(t *testing.T) {
	thread := new(starlark.Thread)
	type key struct{}
	guarded, waited := 0, 0
	b := builtin.Bind(thread, builtin.Binding{
		Context: context.WithValue(t.Context(), key{}, "mine"),
		Guard:   func(call func() error) error { guarded++; return call() },
		Block:   func(wait func()) { waited++; wait() },
	})
	if builtin.Of(thread) != b || builtin.In(b.Context) != b || b.Context.Value(key{}) != "mine" {
		t.Error("a thread and its context don't lead to its binding")
	}
	d := &builtin.Decl{Name: "f", Call: func(c *builtin.Call) (starlark.Value, error) {
		builtin.Of(c.Thread).Block(func() {})
		return nil, c.BadData("not %d", 1)
	}}
	_, err := starlark.Call(thread, d.Function(), nil, nil)
	var raised *errors.Error
	if guarded != 1 || waited != 1 || !errors.As(err, &raised) || raised.Class != errors.Base || raised.Message != "f: not 1" {
		t.Errorf("guarded %d times, waited %d times, %v", guarded, waited, err)
	}
	// The thread of another program has one that does nothing.
	other := new(starlark.Thread)
	empty := builtin.Of(other)
	if builtin.Of(other) != empty || empty.Width() != 0 || empty.Print(nil, "x") != nil || empty.Context.Err() != nil {
		t.Error("a thread without a binding")
	}
	ran := false
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in := builtin.In(ctx)
	if in.Block(func() { ran = true }); !ran || in.Context != ctx {
		t.Error("a context without a binding")
	}
	for want, r := range map[string]builtin.Running{
		"creating web":                         {Description: "creating web", Remote: "near", Default: true},
		"creating web (operation 7)":           {Description: "creating web", OperationID: "7"},
		"creating web (remote s2)":             {Description: "creating web", Remote: "s2"},
		"creating s2 (operation 7, remote s2)": {Description: "creating s2", OperationID: "7", Remote: "s2"},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
