package check

import (
	"fmt"
	"strings"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A wording selects the words of messages about arguments. Each kind of function reports wrong arguments in its own
// words, and check reports them in the same.
type wording int

const (
	methodWording   wording = iota // of the incus module
	builtinWording                 // of the host
	functionWording                // of a script
)

// tooMany returns the message for too many positional arguments.
func (s *signature) tooMany(who string, count, named int, positions []string) string {
	switch {
	case s.wording == functionWording && len(s.params) == 0:
		return fmt.Sprintf("function %s accepts no arguments (%d given)", who, count+named)
	case s.wording == functionWording:
		most := ""
		for _, p := range s.params {
			if p.position && !p.required {
				most = "at most "
			}
		}
		return fmt.Sprintf("function %s accepts %s%d positional argument%s (%d given)", who, most, len(positions), plural(len(positions)), count)
	}
	return fmt.Sprintf("%s: got %d arguments without a name, want %s", who, count, atMost(positions))
}

// lacking returns the message for missing required arguments.
func (s *signature) lacking(who string, missing []param) string {
	p := missing[0]
	switch s.wording {
	case functionWording:
		var names []string
		for _, p := range missing {
			names = append(names, p.name)
		}
		return fmt.Sprintf("function %s missing %d argument%s (%s)", who, len(names), plural(len(names)), strings.Join(names, ", "))
	case builtinWording:
		return fmt.Sprintf("%s: missing argument for %s", who, p.name)
	}
	return fmt.Sprintf("%s: missing argument %s: %s", who, p.name, p.field.Doc)
}

// unknown returns the message for an unknown argument name. Near is the suggestion, if any.
func (s *signature) unknown(who, name, near string, names []string) string {
	switch s.wording {
	case functionWording:
		return fmt.Sprintf("function %s got an unexpected keyword argument %q", who, name)
	case builtinWording:
		return fmt.Sprintf("%s: unexpected keyword argument %q", who, name)
	}
	text := fmt.Sprintf("%s: unknown argument %s", who, name)
	switch {
	case len(names) == 0:
		text += ": it takes none"
	case near == "":
		text += ": there are " + strings.Join(names, ", ")
	}
	return text
}

// twice returns the message for an argument that is passed twice.
func (s *signature) twice(who, name string) string {
	switch s.wording {
	case functionWording:
		return fmt.Sprintf("function %s got multiple values for parameter %q", who, name)
	case builtinWording:
		return fmt.Sprintf("%s: got multiple values for keyword argument %q", who, name)
	}
	return fmt.Sprintf("%s: got %s twice", who, name)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// fields returns the declarations of a method's arguments; nil for other functions.
func (s *signature) fields() []spec.Field {
	var out []spec.Field
	for _, p := range s.params {
		if p.field != nil {
			out = append(out, *p.field)
		}
	}
	return out
}

// unnamedHint returns what a run says about too many arguments without a name.
func (m *module) unnamedHint(s *signature, who string, args []syntax.Expr) string {
	if s.wording != methodWording {
		return ""
	}
	var given []starlark.Value
	for _, arg := range args {
		if value, name, spread := argument(arg); name == "" && !spread {
			given = append(given, m.literal(value))
		}
	}
	return starlarkincus.UnnamedHint(who, s.fields(), given)
}
