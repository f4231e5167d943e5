package host

import (
	"os"
	"slices"
	"strings"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var envDecl = builtin.Decl{
	Name: "env",
	Help: `The environment variables of the process, read-only: env["HOME"], env.get("EDITOR", "vi"), "CI" in env.

env[name] is an error if the variable isn't set. inst.exec(…, env={…}) sets variables for a command.`,
	Value: func() starlark.Value { return environment{} },
	Members: []builtin.Decl{{
		Name: "env.get", Params: []builtin.Param{builtin.Need("name", builtin.String).As(builtin.Variable), builtin.Opt("default", builtin.Any, "None")},
		Help: `Returns the value of an environment variable, or default if it isn't set.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			var name string
			var fallback starlark.Value = starlark.None
			if err := c.Unpack(&name, &fallback); err != nil {
				return nil, err
			}
			if s, ok := os.LookupEnv(name); ok {
				return starlark.String(s), nil
			}
			return fallback, nil
		},
	}, {
		Name: "env.keys", Returns: builtin.List.Of(builtin.String), Help: `Returns the sorted names of all environment variables.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			return stringList(environmentNames()), c.Unpack()
		},
	}, {
		Name: "env.items", Returns: builtin.List.Of(builtin.Tuple), Help: `Returns a list of (name, value) tuples, sorted by name.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			var items []starlark.Value
			for _, item := range (environment{}).Items() {
				items = append(items, item)
			}
			return starlark.NewList(items), c.Unpack()
		},
	}},
}

// An environment is the process's variables. Its text shows none of them: they may be secret.
type environment struct{}

var (
	_ starlark.IterableMapping = environment{}
	_ starlark.HasAttrs        = environment{}
)

func (environment) String() string        { return "env" }
func (environment) Type() string          { return "env" }
func (environment) Freeze()               {}
func (environment) Truth() starlark.Bool  { return true }
func (environment) Hash() (uint32, error) { return starlark.String("env").Hash() }
func (environment) AttrNames() []string   { return []string{"get", "items", "keys"} }

func (environment) Attr(name string) (starlark.Value, error) {
	if d := envDecl.Member(name); d != nil {
		return d.Function(), nil
	}
	return nil, nil
}

func (environment) Get(key starlark.Value) (starlark.Value, bool, error) {
	if name, ok := starlark.AsString(key); ok {
		if s, ok := os.LookupEnv(name); ok {
			return starlark.String(s), true, nil
		}
	}
	return nil, false, nil
}

func (e environment) Items() []starlark.Tuple {
	var items []starlark.Tuple
	for _, name := range environmentNames() {
		if s, ok := os.LookupEnv(name); ok {
			items = append(items, starlark.Tuple{starlark.String(name), starlark.String(s)})
		}
	}
	return items
}

func (environment) Iterate() starlark.Iterator {
	return stringList(environmentNames()).(*starlark.List).Iterate()
}

func environmentNames() []string {
	var names []string
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
