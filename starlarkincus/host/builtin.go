package host

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/lib/base64"
	"incus-star/starlarkincus/lib/csv"
	"incus-star/starlarkincus/lib/hash"
	"incus-star/starlarkincus/lib/json"
	"incus-star/starlarkincus/lib/math"
	"incus-star/starlarkincus/lib/re"
	"incus-star/starlarkincus/lib/table"
	"incus-star/starlarkincus/lib/time"
	"incus-star/starlarkincus/lib/yaml"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// names lists the declarations of all names of scripts besides Starlark's own and the error classes, which package errors
// has.
var names = []*builtin.Decl{
	// Errors and clean-up.
	&tryDecl, &catchDecl, &raiseDecl, &failDecl, &finallyDecl, &deferDecl, &errorClassDecl, &errorDecl, &errorObjectDecl, &resultDecl,
	// Repetition, concurrency, time.
	&retryDecl, &waitUntilDecl, &parallelDecl, &fleetDecl, &fleetTypeDecl, &rolloutDecl, &sleepDecl, &builtin.Events,
	// The command line and the process.
	&flagDecl, &argsDecl, &envDecl, &runDecl, &runStreamDecl, &streamDecl, &exitDecl, &dieDecl,
	// Output and files.
	&printDecl, &table.Decl, &logDecl, &readFileDecl, &writeFileDecl, &fsDecl,
	// Libraries.
	&base64.Decl, &csv.Decl, &hash.Decl, &json.Decl, &math.Decl, &re.Decl, &structDecl, &time.Decl, &yaml.Decl,
}

// replaced are Starlark's own names that the host redefines.
var replaced = map[string]bool{"print": true, "fail": true, "hash": true}

// declared returns all declarations by name: members, such as re.search, and error classes included.
var declared = sync.OnceValue(func() map[string]*builtin.Decl { return index(names) })

// index returns declarations by name. It panics if two have the same name.
func index(names []*builtin.Decl) map[string]*builtin.Decl {
	all := make(map[string]*builtin.Decl)
	add := func(d *builtin.Decl) {
		if all[d.Name] != nil || starlark.Universe.Has(d.Name) && !replaced[d.Name] {
			panic(fmt.Sprintf("host: the name %s is declared twice", d.Name))
		}
		all[d.Name] = d
	}
	for _, d := range names {
		add(d)
		for i := range d.Members {
			add(&d.Members[i])
		}
	}
	for _, class := range errors.Classes() {
		add(ClassDecl(class))
	}
	return all
}

// ClassDecl returns the declaration of an error class.
func ClassDecl(class *errors.Class) *builtin.Decl {
	var above []string
	for base := class.Base(); base != nil; base = base.Base() {
		above = append(above, base.Name())
	}
	help := class.Doc()
	if above != nil {
		help += "\n\nA class of errors under " + strings.Join(above, ", ") + "."
	}
	v := classValue{class}
	return &builtin.Decl{
		Name: class.Name(), Help: help, Params: []builtin.Param{builtin.Need("message", builtin.String), builtin.KwArgs("fields", builtin.Any)},
		Returns: builtin.Error,
		Call:    func(c *builtin.Call) (starlark.Value, error) { return v.CallInternal(c.Thread, c.Args, c.Kwargs) },
		Value:   func() starlark.Value { return v },
	}
}

// Declared returns the declaration of a name of scripts, such as print, re.search or IncusError; nil for an unknown name.
func Declared(name string) *builtin.Decl { return declared()[name] }

// Declarations returns the declarations that Declared knows, by name.
func Declarations() map[string]*builtin.Decl { return maps.Clone(declared()) }

// An invocation is a script's call of one of the host's functions.
type invocation struct {
	*builtin.Call
	*task
}

// onTask returns a function that is declared for a function that needs the task.
func onTask(fn func(*invocation) (starlark.Value, error)) func(*builtin.Call) (starlark.Value, error) {
	return func(c *builtin.Call) (starlark.Value, error) {
		t := taskOf(c.Thread)
		if t == nil {
			return nil, c.Errorf("called outside of a script")
		}
		return fn(&invocation{c, t})
	}
}

func (c *invocation) host() *Host { return c.run.host }

// values returns the values of the declared names.
func (h *Host) values() starlark.StringDict {
	values := make(starlark.StringDict)
	for _, name := range preallocating {
		values[name] = bounded(name)
	}
	values["range"] = starlark.NewBuiltin("range", makeRange)
	for name, d := range declared() {
		if v := d.Make(); v != nil && !strings.Contains(name, ".") {
			values[name] = v
		}
	}
	values["args"] = stringList(h.options.Args)
	return values
}

var structDecl = builtin.Decl{
	Name: "struct",
	Help: `struct(**fields) returns an immutable value with the given fields: struct(name="web", cpu=2).name`,
	Value: func() starlark.Value {
		return starlark.NewBuiltin("struct", starlarkstruct.Make)
	},
}
