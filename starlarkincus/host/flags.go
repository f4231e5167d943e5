package host

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"github.com/spf13/pflag"
	"go.starlark.net/starlark"
)

var flagDecl = builtin.Decl{
	Name:   "flag",
	Params: []builtin.Param{builtin.Need("name", builtin.String), builtin.Opt("default", builtin.Bool|builtin.Number|builtin.String|builtin.List|builtin.None, "None"), builtin.Opt("help", builtin.String, `""`), builtin.Opt("required", builtin.Bool, "False"), builtin.Opt("choices", builtin.List|builtin.None, "None")},
	Help: `Returns the value of a flag on the script's command line, or default if the flag isn't given.

    count = flag("count", 3, help="how many servers")
    tags = flag("tag", [], help="may be given several times")
    image = flag("image", required=True)
    mode = flag("mode", "pull", choices=["pull", "push", "relay"])

The type of the default is the type of the flag: int, float, string, bool, or a list of ints, floats or strings, to which
each --tag on the command line adds an element. A default of None makes a string flag. A required flag only takes its type
from the default, and the script doesn't start without it. With choices, a list that is written out, it doesn't start with
another value either; the default, if it isn't None, must be one of them. On the command line a _ in the name is written -. A bool is
given as --force, --no-force or --force=false, and a flag of one letter also as -n.

The script's --help prints the script's docstring and all flags, and an unknown flag is an error before the script starts.
Both need the flags before the script runs, so call flag at the top level, outside of loops, with a literal name and, for a
bool, a literal default. At the prompt a flag has its default.`,
	Call: onTask(flagValue),
}

var argsDecl = builtin.Decl{
	Name: "args",
	Help: `The arguments of the script: a list of strings, without the script's name and its flags.

Arguments after -- are never flags. If the script declares no flags, args holds all of its arguments.`,
	Returns: builtin.List.Of(builtin.String),
}

func stringList(list []string) starlark.Value {
	elems := make([]starlark.Value, len(list))
	for i, s := range list {
		elems[i] = starlark.String(s)
	}
	return starlark.NewList(elems)
}

// A scriptFlag is a flag that a script declares, with its values on the command line.
type scriptFlag struct {
	name  string         // on the command line
	text  string         // the default in the script's source
	help  string         // empty if the script computes it
	known starlark.Value // the default; nil if the script computes it
	given []string

	required bool
	choices  []starlark.Value // nil for any
}

var _ pflag.Value = (*scriptFlag)(nil)

// String returns the default that --help shows; empty for none.
func (f *scriptFlag) String() string {
	if f.required {
		return ""
	}
	switch v := f.known.(type) {
	case nil:
		return f.text
	case starlark.NoneType:
		return ""
	case starlark.String:
		return string(v)
	case starlark.Bool:
		return strings.ToLower(v.String())
	case *starlark.List:
		if v.Len() == 0 {
			return ""
		}
	}
	return f.known.String()
}

// usage returns the description in --help.
func (f *scriptFlag) usage() string {
	text := f.help
	if f.choices != nil {
		text += " (" + f.listed() + ")"
	}
	if f.required {
		text += " (required)"
	}
	return strings.TrimSpace(text)
}

// Type returns the name of the type in --help. The library treats bool and string specially.
func (f *scriptFlag) Type() string {
	switch kind, list, err := kindOf(f.known); {
	case err != nil:
		return "value"
	case list:
		return kind + "..."
	default:
		return kind
	}
}

func (f *scriptFlag) Set(s string) error {
	f.given = append(f.given, s)
	if kind, _, err := kindOf(f.known); err == nil {
		_, err := f.parse(kind, s)
		return err
	}
	return nil
}

// A negatedFlag is a flag such as --no-force.
type negatedFlag struct{ *scriptFlag }

func (d negatedFlag) Set(s string) error {
	switch s {
	case "true":
		s = "false"
	case "false":
		s = "true"
	}
	return d.scriptFlag.Set(s)
}

// kindOf returns the type of the values of a flag from its default: bool, int, float or string. List reports whether the
// flag may be repeated.
func kindOf(v starlark.Value) (kind string, list bool, err error) {
	switch v := v.(type) {
	case starlark.NoneType, starlark.String:
		return "string", false, nil
	case starlark.Bool, starlark.Int, starlark.Float:
		return v.Type(), false, nil
	case *starlark.List:
		kind = "string"
		for i := range v.Len() {
			switch elem := v.Index(i).(type) {
			case starlark.String, starlark.Int, starlark.Float:
				if i > 0 && elem.Type() != kind {
					return "", false, fmt.Errorf("is a list of %s and %s, want one of one type", kind, elem.Type())
				}
				kind = elem.Type()
			default:
				return "", false, fmt.Errorf("is a list that holds %s, want one of int, float or string", builtin.Described(elem))
			}
		}
		return kind, true, nil
	case nil:
		return "", false, fmt.Errorf("is not known yet")
	}
	return "", false, fmt.Errorf("is %s, want bool, int, float, string, a list or None", builtin.Described(v))
}

func parseFlag(kind, s string) (starlark.Value, error) {
	switch kind {
	case "bool":
		if s == "true" || s == "false" {
			return starlark.Bool(s == "true"), nil
		}
		return nil, fmt.Errorf("got %q, want true or false", s)
	case "int":
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return starlark.MakeBigInt(n), nil
		}
		return nil, fmt.Errorf("got %q, want an int", s)
	case "float":
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return starlark.Float(f), nil
		}
		return nil, fmt.Errorf("got %q, want a number", s)
	}
	return starlark.String(s), nil
}

// value returns the flag's value, fallback if it isn't given.
func (f *scriptFlag) value(fallback starlark.Value, kind string, list bool) (starlark.Value, error) {
	if len(f.given) == 0 {
		return fallback, nil
	}
	var all []starlark.Value
	for _, s := range f.given {
		v, err := f.parse(kind, s)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", f.name, err)
		}
		all = append(all, v)
	}
	if list {
		return starlark.NewList(all), nil
	}
	return all[len(all)-1], nil
}

func flagValue(c *invocation) (starlark.Value, error) {
	var name, help string
	var fallback starlark.Value = starlark.None
	var required bool
	var choices starlark.Value
	if err := c.Unpack(&name, &fallback, &help, &required, &choices); err != nil {
		return nil, err
	}
	kind, list, err := kindOf(fallback)
	if err != nil {
		return nil, c.Errorf("default %w", err)
	}
	if err := (&scriptFlag{required: required}).choose(choices, fallback); err != nil {
		return nil, c.Errorf("%w", err)
	}
	if c.Thread.CallStackDepth() < 2 {
		return nil, c.Errorf("%s", flagRule)
	}
	line, at := c.run.line, c.Thread.CallFrame(1).Pos
	var f *scriptFlag
	if line != nil {
		f = line.flags[textPosOf(at)]
	}
	if f == nil {
		loaded := !strings.HasPrefix(at.Filename(), "<") && (line == nil || at.Filename() != line.script)
		switch {
		case loaded:
			return nil, c.Errorf("%s", LoadedFlags(at.Filename()))
		case line == nil: // an entry of a prompt
			return fallback, nil
		}
		return nil, c.Errorf("%s", flagRule)
	}
	v, err := f.value(fallback, kind, list)
	if err != nil {
		// The type of a computed default is known only now, but the mistake is in the command line, not in the script.
		c.host().Report(c.host().options.Stderr, &UsageError{line.script, err.Error()})
		e := &ExitError{Status: statusUsage}
		c.stop(e)
		return nil, e
	}
	return v, nil
}

// flagSet returns the flags for the library that parses command lines, and the value of --help.
func (l *commandLine) flagSet() (set *pflag.FlagSet, help *bool) {
	set = pflag.NewFlagSet(l.script, pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	set.SortFlags = false
	set.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(dashed(name))
	})
	for _, f := range l.order {
		short := ""
		if len(f.name) == 1 {
			short = f.name
		}
		added := set.VarPF(f, f.name, short, f.usage())
		if f.Type() == "bool" {
			added.NoOptDefVal = "true"
		}
	}
	help = set.BoolP("help", "h", false, "print this")
	for _, f := range l.order {
		if no := "no-" + f.name; f.Type() == "bool" && set.Lookup(no) == nil {
			added := set.VarPF(negatedFlag{f}, no, "", "")
			added.NoOptDefVal, added.Hidden = "true", true
		}
	}
	return set, help
}

func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

// missing returns an error with the names of all required flags that the command line lacks.
func (l *commandLine) missing() error {
	var names []string
	for _, f := range l.order {
		if f.required && len(f.given) == 0 {
			names = append(names, "--"+f.name)
		}
	}
	if names == nil {
		return nil
	}
	return &UsageError{l.script, fmt.Sprintf("missing %s (--help lists the flags)", strings.Join(names, ", "))}
}

// parse parses a command line and returns the arguments after the flags. Helped reports whether it asks for help.
func (l *commandLine) parse(line []string) (rest []string, helped bool, err error) {
	set, help := l.flagSet()
	err = set.Parse(line)
	switch {
	case *help:
		return set.Args(), true, nil
	case err == nil:
		return set.Args(), false, l.missing()
	}
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	message := err.Error()
	switch {
	case errors.As(err, &unknown):
		given := unknown.GetSpecifiedName()
		message = "unknown flag --" + given
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			given = short
			message = "unknown flag -" + short
		}
		var names []string
		set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if slices.Contains(l.command, unknown.GetSpecifiedName()) {
			message += ": it is incus-star's: put it before the script's name"
		} else if near := errors.Nearest(given, names); near != "" {
			message += fmt.Sprintf(" (did you mean --%s?)", near)
		} else {
			message += " (--help lists the flags)"
		}
	case errors.As(err, &missing):
		message = fmt.Sprintf("--%s: missing its value", missing.GetFlag().Name)
		if kind := missing.GetFlag().Value.Type(); kind != "value" {
			message += ", of type " + strings.TrimSuffix(kind, "...")
		}
	case errors.As(err, &invalid):
		message = fmt.Sprintf("--%s: %v", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return nil, false, &UsageError{l.script, message}
}
