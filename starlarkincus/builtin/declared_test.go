package builtin_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// TestDeclaredTypes calls each function that scripts have with a value of every type in place of each parameter, by
// position and by name. One of another type than is declared must be refused with the names of the function and of the
// parameter, and one of a declared type must not be refused for it. Results are of the declared types.
func TestDeclaredTypes(t *testing.T) {
	t.Chdir(t.TempDir()) // for write_file
	w := newWorld(t)
	calls := 0
	for name, d := range host.Declarations() {
		if d.Call == nil {
			continue
		}
		for at, p := range d.Params {
			if p.Passing == builtin.Keywords || p.Passing == builtin.Rest {
				continue
			}
			for _, byName := range []bool{false, true} {
				if byName && (p.Passing == builtin.ByPosition || restFrom(d, at) >= 0) || !byName && (p.Passing == builtin.ByName || restFrom(d, 0) < at && restFrom(d, 0) >= 0) {
					continue
				}
				told := false
				for _, k := range kinds {
					taken, refused := false, ""
					for _, v := range w.values[k.kind] {
						calls++
						result, err := w.callDeclared(d, at, v, byName)
						if err == nil && result != nil && !d.Returns.Allows(kindOf(result)) {
							t.Errorf("%s: %s=%s gives %s, declared is %s", name, p.Name, v, result, d.Returns)
						}
						own := err != nil && (strings.HasPrefix(err.Error(), d.Name+": ") || strings.HasPrefix(err.Error(), "Error: "+d.Name+": "))
						switch {
						case p.Type.Allows(k.kind):
							if own && typed.MatchString(err.Error()) {
								refused = err.Error()
							} else {
								taken = true
							}
						case name == "raise_" && v == starlark.None:
							// Most likely a Result's error that was not looked at: the error says that there is none.
						case !(own && (len(d.Params) == 1 || names(err, d, at))) && !told:
							told = true
							t.Errorf("%s: %s=%s (by name: %v): got the error %v", name, p.Name, v, byName, err)
						}
					}
					if p.Type.Allows(k.kind) && k.kind != builtin.Other && !taken {
						t.Errorf("%s: %s: every %s is refused (by name: %v): %s", name, p.Name, k.name, byName, refused)
					}
				}
			}
		}
	}
	t.Log(calls, " calls")
}

// typed matches an error about the type of an argument, or about its name or place.
var typed = regexp.MustCompile(`(got|is) [^"]*, want |argument`)

// names reports whether an error names the parameter: by its name, one of Starlark's own libraries by its number, or with
// the way to write the call.
func names(err error, d *builtin.Decl, at int) bool {
	return regexp.MustCompile(fmt.Sprintf(`\b(%s|parameter %d|write %s)\b`, d.Params[at].Name, at+1, d.Name)).MatchString(err.Error())
}

// restFrom returns the index of the parameter for any further arguments, from one on; -1 without it.
func restFrom(d *builtin.Decl, at int) int {
	if i := slices.IndexFunc(d.Params[at:], func(p builtin.Param) bool { return p.Passing == builtin.Rest }); i >= 0 {
		return at + i
	}
	return -1
}

// callDeclared calls a function with a value for one parameter, and right ones for those that it requires, or that come
// before it.
func (w *world) callDeclared(d *builtin.Decl, at int, v starlark.Value, byName bool) (starlark.Value, error) {
	session := host.New(host.Options{}).NewSession()
	var args []string
	add := func(i int, byName bool, v starlark.Value) {
		name := fmt.Sprintf("arg%d", i)
		session.Set(name, fresh(v))
		if byName {
			name = d.Params[i].Name + "=" + name
		}
		args = append(args, name)
	}
	rest := restFrom(d, 0)
	for i, p := range d.Params {
		switch {
		case p.Passing == builtin.Rest || p.Passing == builtin.Keywords:
		case i == at:
			add(i, byName, v)
		case p.Required || i < at && !byName:
			add(i, p.Passing == builtin.ByName || p.Passing == builtin.Either && i > rest && (byName || i > at), w.right(p.Type))
		}
	}
	limit := time.Minute
	if d.Params[at].Type.Allows(kindOf(v)) {
		limit = 20 * time.Millisecond // it may wait
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return session.Eval(ctx, d.Name+"("+strings.Join(args, ", ")+")")
}

// right returns a value of a declared type that functions can work with.
func (w *world) right(t builtin.Type) starlark.Value {
	for _, v := range []starlark.Value{w.values[builtin.Function][1], starlark.String("a"), starlark.MakeInt(1), starlark.None, starlark.NewList(nil)} {
		if t.Allows(kindOf(v)) {
			return v
		}
	}
	return w.of(t)[0]
}
