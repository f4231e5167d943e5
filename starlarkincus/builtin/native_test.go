package builtin_test

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// kinds lists the types of declarations, each with expressions for values of it.
var kinds = []struct {
	name   string
	kind   builtin.Type
	values string
}{
	{"None", builtin.None, `None`},
	{"bool", builtin.Bool, `False, True`},
	{"int", builtin.Int, `0, 1, 65, -1`},
	{"float", builtin.Float, `0.0, 2.5`},
	{"string", builtin.String, `"", "a", "1", "aXa", "A b"`},
	{"bytes", builtin.Bytes, `b"", b"a"`},
	{"list", builtin.List, `[], [1, 2], ["a"], [("a", 1)]`},
	{"tuple", builtin.Tuple, `(), (1, 2), ("a",), (("a", 1),)`},
	{"dict", builtin.Dict, `{}, {"a": 1}, {1: 2}, {("a", 1): 1}`},
	{"set", builtin.Set, `set(), set([1, 2]), set(["a"]), set([("a", 1)])`},
	{"range", builtin.Range, `range(0), range(1, 3)`},
	{"function", builtin.Function, `len, (lambda *args: 1)`},
	{"struct", builtin.Struct, `struct(a=1)`},
	{"module", builtin.Module, `json, hash`},
	{"error", builtin.Error, `Error("a")`},
	{"error_class", builtin.Class, `Error`},
	{"Result", builtin.Result, `try_(lambda: 1)`},
	{"time.time", builtin.Time, `time.from_timestamp(0)`},
	{"time.duration", builtin.Duration, `time.hour`},
	{"re.Pattern", builtin.Pattern, `re.compile("a")`},
	{"re.Match", builtin.Match, `re.match("a", "a")`},
	{"env", builtin.Environment, `env`},
	{"Fleet", builtin.Fleet, `fleet("a"), fleet(["a", "b"]), fleet("int"), fleet("pair")`},
	{"object", builtin.Other, `object([]), object([1, 2]), object(["a"]), object([("a", 1)])`},
}

// TestNative calls each of Starlark's own functions and methods with values of every type in place of each parameter,
// and compares the accepted types and the results with the declaration.
func TestNative(t *testing.T) {
	w := newWorld(t)
	for _, name := range builtin.NativeNames() {
		if d := builtin.Native(name); d.Callable() && name != "fail" {
			t.Run(name, func(t *testing.T) {
				w.compareTypes(t, d)
				w.comparePassing(t, d)
			})
		}
	}
}

// A world holds values of each type.
type world struct {
	thread *starlark.Thread
	values map[builtin.Type][]starlark.Value
}

func newWorld(t *testing.T) *world {
	session := host.New(host.Options{Predeclared: starlark.StringDict{
		"object": starlark.NewBuiltin("object", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return object{args[0].(*starlark.List)}, nil
		}),
	}, Servers: servers}).NewSession()
	w := &world{new(starlark.Thread), make(map[builtin.Type][]starlark.Value)}
	w.thread.Print = func(*starlark.Thread, string) {}
	for _, k := range kinds {
		list, err := session.Eval(context.Background(), "["+k.values+"]")
		if err != nil {
			t.Fatal(err)
		}
		w.values[k.kind] = slices.Collect(starlark.Elements(list.(starlark.Iterable)))
	}
	return w
}

// servers returns a server for each name.
func servers(_ context.Context, names []starlark.Value) (all []builtin.Server, err error) {
	for _, name := range names {
		text, ok := starlark.AsString(name)
		if !ok {
			return nil, fmt.Errorf("servers has %s, want a string", name.Type())
		}
		client := name
		switch text {
		case "int":
			client = starlark.MakeInt(1)
		case "pair":
			client = starlark.Tuple{starlark.String("a"), starlark.MakeInt(1)}
		}
		all = append(all, builtin.Server{Name: text, Client: client})
	}
	return all, nil
}

// of returns all values of a set of types.
func (w *world) of(t builtin.Type) []starlark.Value {
	var all []starlark.Value
	for _, k := range kinds {
		if t.Allows(k.kind) {
			all = append(all, w.values[k.kind]...)
		}
	}
	return all
}

// kindOf returns the type of a value.
func kindOf(v starlark.Value) builtin.Type {
	name := v.Type()
	switch name {
	case "NoneType":
		return builtin.None
	case "builtin_function_or_method":
		return builtin.Function
	}
	for _, k := range kinds {
		if k.name == name {
			return k.kind
		}
	}
	return builtin.Other
}

// An object is a value of the type Other, which can be called, measured and iterated.
type object struct{ *starlark.List }

func (object) Type() string { return "object" }
func (object) Name() string { return "object" }
func (object) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.MakeInt(1), nil
}

// fresh returns a copy of a value, because a call may change it.
func fresh(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case *starlark.List:
		return starlark.NewList(slices.Collect(v.Elements()))
	case *starlark.Set:
		set := new(starlark.Set)
		for elem := range v.Elements() {
			_ = set.Insert(elem)
		}
		return set
	case *starlark.Dict:
		dict := new(starlark.Dict)
		for key, value := range v.Entries() {
			_ = dict.SetKey(key, value)
		}
		return dict
	}
	return v
}

// A trial is a call of a function: the receiver of a method, or nil, and the arguments, nil for a missing one.
type trial struct {
	receiver starlark.Value
	args     []starlark.Value
	byName   int            // index of the argument to pass by name; -1 for none
	extra    starlark.Tuple // after the others
	unknown  bool           // adds an argument with an unknown name
}

func (w *world) try(d *builtin.Decl, c trial) (result, receiver starlark.Value, err error) {
	fn := starlark.Universe[d.Name]
	if c.receiver != nil {
		receiver = fresh(c.receiver)
		_, name, _ := strings.Cut(d.Name, ".")
		if fn, err = receiver.(starlark.HasAttrs).Attr(name); err != nil {
			return nil, nil, err
		}
	}
	var args starlark.Tuple
	var kwargs []starlark.Tuple
	for i, arg := range c.args {
		switch p := d.Params[i]; {
		case arg == nil:
		case i == c.byName || p.Passing == builtin.ByName || p.Passing == builtin.Keywords:
			kwargs = append(kwargs, starlark.Tuple{starlark.String(p.Name), arg})
		default:
			args = append(args, arg)
		}
	}
	args = append(args, c.extra...)
	if c.unknown {
		kwargs = append(kwargs, starlark.Tuple{starlark.String("nonsense"), starlark.None})
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	result, err = starlark.Call(w.thread, fn, args, kwargs)
	return result, receiver, err
}

// trials yields the calls with all values of one argument, and all declared values of the arguments before it. Later
// arguments are omitted unless they are required.
func (w *world) trials(d *builtin.Decl, at int, values []starlark.Value) iter.Seq[trial] {
	return func(yield func(trial) bool) {
		receivers := []starlark.Value{nil}
		if owner, _, method := strings.Cut(d.Name, "."); method {
			receivers = w.of(kindNamed(owner))
		}
		args := make([]starlark.Value, len(d.Params))
		var fill func(i int) bool
		fill = func(i int) bool {
			if i == len(args) {
				for _, receiver := range receivers {
					if !yield(trial{receiver: receiver, args: args, byName: -1}) {
						return false
					}
				}
				return true
			}
			own := []starlark.Value{nil}
			switch p := d.Params[i]; {
			case i == at:
				own = values
			case i < at || p.Required:
				own = w.of(p.Type)
			}
			for _, v := range own {
				args[i] = v
				if !fill(i + 1) {
					return false
				}
			}
			return true
		}
		fill(0)
	}
}

func kindNamed(name string) builtin.Type {
	for _, k := range kinds {
		if k.name == name {
			return k.kind
		}
	}
	panic(name)
}

// compareTypes calls a function with values of each type in place of each parameter.
func (w *world) compareTypes(t *testing.T, d *builtin.Decl) {
	var returned builtin.Type
	// taken reports whether a call with one of the values succeeds, and records the results.
	taken := func(at int, values []starlark.Value) bool {
		taken := false
		for c := range w.trials(d, at, values) {
			result, _, err := w.try(d, c)
			if at >= 0 && d.Params[at].Type == builtin.Any {
				// A value may be rejected for its content, such as a missing key, but not for its type.
				taken = taken || err == nil || !strings.Contains(err.Error(), "for parameter")
			}
			if err != nil {
				continue
			}
			taken = true
			returned |= kindOf(result)
			if !d.Returns.Allows(kindOf(result)) {
				t.Errorf("%v%v gives %s, declared is %s", c.receiver, c.args, result.Type(), d.Returns)
			}
			if elems, ok := result.(starlark.Iterable); ok && d.Returns.Elem() != builtin.Any {
				for elem := range starlark.Elements(elems) {
					if !d.Returns.Elem().Allows(kindOf(elem)) {
						t.Errorf("%v%v gives %v, declared is %s", c.receiver, c.args, result, d.Returns)
					}
				}
			}
		}
		return taken
	}
	taken(-1, nil)
	for i, p := range d.Params {
		for _, k := range kinds {
			got := taken(i, w.values[k.kind])
			if declared := p.Type.Allows(k.kind); got != declared {
				t.Errorf("%s: %s: taken: %v, declared: %v (%s)", p.Name, k.name, got, declared, p.Type)
			}
		}
	}
	if d.Returns&builtin.Other == 0 && d.Returns&(1<<32-1)&^returned != 0 {
		t.Errorf("declared to return %s, but returns %s", d.Returns, returned)
	}
}

// enough is the number of calls that comparePassing tries for each parameter.
const enough = 200

// ofNumber matches errors about the number of arguments, or their names.
var ofNumber = regexp.MustCompile("argument")

// comparePassing calls a function with each argument passed by name, omitted, and equal to its default, and with too
// many arguments.
func (w *world) comparePassing(t *testing.T, d *builtin.Decl) {
	has := func(how builtin.Passing) bool {
		return slices.ContainsFunc(d.Params, func(p builtin.Param) bool { return p.Passing == how })
	}
	// Without parameters there is a single call.
	for at := range max(len(d.Params), 1) {
		var p builtin.Param
		values := []starlark.Value{nil}
		if len(d.Params) > 0 {
			p = d.Params[at]
			values = w.of(p.Type)
		}
		worked := 0
		for c := range w.trials(d, at, values) {
			result, receiver, err := w.try(d, c)
			if err != nil {
				continue
			}
			if worked++; worked > enough {
				break
			}
			// change calls the function after one change of the trial.
			change := func(change func(*trial)) (string, error) {
				changed := c
				changed.args = slices.Clone(c.args)
				change(&changed)
				r, self, err := w.try(d, changed)
				return fmt.Sprint(r, self), err
			}
			same := fmt.Sprint(result, receiver)
			if got, err := change(func(c *trial) { c.byName = at }); len(d.Params) > 0 && !has(builtin.Keywords) {
				if byName := p.Passing == builtin.Either || p.Passing == builtin.ByName; byName != (err == nil) || byName && got != same {
					t.Fatalf("%v%v: %s by its name: %s, %v", c.receiver, c.args, p.Name, got, err)
				}
			}
			if got, err := change(func(c *trial) { c.extra = starlark.Tuple{starlark.None} }); err == nil && !has(builtin.Rest) && !slices.Contains(c.args, nil) {
				t.Fatalf("%v%v with one argument more gives %s", c.receiver, c.args, got)
			}
			if got, err := change(func(c *trial) { c.unknown = true }); err == nil && !has(builtin.Keywords) {
				t.Fatalf("%v%v with an unknown name gives %s", c.receiver, c.args, got)
			}
			if len(d.Params) == 0 {
				continue
			}
			without, err := change(func(c *trial) { c.args[at] = nil })
			switch {
			case at+1 < len(d.Params) && c.args[at+1] != nil:
				// The next argument takes its place.
			case p.Required:
				if err == nil {
					t.Fatalf("%v%v: %s isn't required", c.receiver, c.args, p.Name)
				}
			case err != nil && ofNumber.MatchString(err.Error()) && !oneAtLeast[d.Name]:
				t.Fatalf("%v%v: %s is required: %v", c.receiver, c.args, p.Name, err)
			}
			if value, ok := w.written(p.Default); ok && err == nil {
				if got, err := change(func(c *trial) { c.args[at] = value }); err != nil || got != without {
					t.Fatalf("%v%v: the default %s gives %s, %v, no argument %s", c.receiver, c.args, p.Default, got, err, without)
				}
			}
		}
		if worked == 0 {
			t.Errorf("%s: no call succeeds", p.Name)
		}
	}
}

// oneAtLeast lists functions of any number of arguments, but at least one.
var oneAtLeast = map[string]bool{"max": true, "min": true}

// written returns the value of a declared default; false if it has no source form.
func (w *world) written(text string) (starlark.Value, bool) {
	v, err := starlark.EvalOptions(new(syntax.FileOptions), w.thread, "", text, nil)
	return v, err == nil
}
