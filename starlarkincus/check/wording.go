package check

import (
	"fmt"
	"strings"
)

// A caller is what binds a call's arguments: each says in its own words what is wrong with them, and check says it in
// the same.
type caller int

const (
	byMethod   caller = iota // of the incus module
	byBuiltin                // of the host
	byFunction               // of a script
)

// tooMany is the message for more arguments without names than are wanted.
func (s *signature) tooMany(who string, count, named int, positions []string) string {
	switch {
	case s.caller == byFunction && len(s.params) == 0:
		return fmt.Sprintf("function %s accepts no arguments (%d given)", who, count+named)
	case s.caller == byFunction:
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

// lacking is the message for required arguments that aren't given.
func (s *signature) lacking(who string, missing []param) string {
	p := missing[0]
	switch s.caller {
	case byFunction:
		var names []string
		for _, p := range missing {
			names = append(names, p.name)
		}
		return fmt.Sprintf("function %s missing %d argument%s (%s)", who, len(names), plural(len(names)), strings.Join(names, ", "))
	case byBuiltin:
		return fmt.Sprintf("%s: missing argument for %s", who, p.name)
	}
	return fmt.Sprintf("%s: missing argument %s: %s", who, p.name, p.field.Doc)
}

// unknown is the message for an argument of a name that there isn't. Near is what was probably meant, if anything.
func (s *signature) unknown(who, name, near string, names []string) string {
	switch s.caller {
	case byFunction:
		return fmt.Sprintf("function %s got an unexpected keyword argument %q", who, name)
	case byBuiltin:
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

// twice is the message for an argument that is given twice.
func (s *signature) twice(who, name string) string {
	switch s.caller {
	case byFunction:
		return fmt.Sprintf("function %s got multiple values for parameter %q", who, name)
	case byBuiltin:
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
