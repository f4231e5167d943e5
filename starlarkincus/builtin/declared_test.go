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

// TestDeclaredTypes calls each function of scripts with values of every type for each parameter, by position and by
// name. A value of an undeclared type must be rejected with the names of the function and of the parameter, and a value
// of a declared type must not be rejected for its type. Results must be of the declared types.
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
							// Most likely the error of reading a Result's value.
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

// names reports whether an error identifies the parameter: by its name, by its number as in Starlark's libraries, or by
// showing the right call.
func names(err error, d *builtin.Decl, at int) bool {
	return regexp.MustCompile(fmt.Sprintf(`\b(%s|parameter %d|write %s)\b`, d.Params[at].Name, at+1, d.Name)).MatchString(err.Error())
}

// restFrom returns the index, from one on, of the parameter *args; -1 if there is none.
func restFrom(d *builtin.Decl, at int) int {
	if i := slices.IndexFunc(d.Params[at:], func(p builtin.Param) bool { return p.Passing == builtin.Rest }); i >= 0 {
		return at + i
	}
	return -1
}

// callDeclared calls a function with a value for one parameter, and valid values for the required parameters and those
// before it.
func (w *world) callDeclared(d *builtin.Decl, at int, v starlark.Value, byName bool) (starlark.Value, error) {
	session := host.New(host.Options{Servers: servers}).NewSession()
	for owner, kind := range map[string]builtin.Type{"Fleet": builtin.Fleet, "error": builtin.Error} {
		if strings.HasPrefix(d.Name, owner+".") {
			session.Set(owner, w.values[kind][0])
		}
	}
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
		limit = 20 * time.Millisecond // for functions that wait
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return session.Eval(ctx, d.Name+"("+strings.Join(args, ", ")+")")
}

// right returns a valid value of a declared type.
func (w *world) right(t builtin.Type) starlark.Value {
	for _, v := range []starlark.Value{w.values[builtin.Function][1], starlark.String("a"), starlark.MakeInt(1), starlark.None, starlark.NewList([]starlark.Value{starlark.String("a")})} {
		if t.Allows(kindOf(v)) {
			return v
		}
	}
	return w.of(t)[0]
}
