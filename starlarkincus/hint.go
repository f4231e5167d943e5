package starlarkincus

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// UnnamedHint returns the end of a method's error for too many arguments without a name, of which nil is an unknown one: the
// argument that the first of them is likely meant for. It is empty if none is likely.
func UnnamedHint(method string, fields []spec.Field, args []starlark.Value) string {
	place := 0
	for i := range fields {
		if fields[i].Positional {
			place++
		}
	}
	if place >= len(args) {
		return ""
	}
	text, isText := starlark.AsString(args[place])
	verb := method[strings.LastIndexByte(method, '.')+1:]
	config := spec.Find(fields, "config")
	switch image := spec.Find(fields, "image"); {
	case verb == "list" && filterOf(fields) != nil && isText:
		return fmt.Sprintf(": get(%q) reads one", text)
	case verb == "list" && filterOf(fields) != nil:
		return ": get(name) reads one"
	case image != nil && isText:
		return fmt.Sprintf(": write image = %q", text)
	case image != nil:
		return ": write image = …"
	case config != nil && config.Type == spec.Config && isText && verb == "update":
		return fmt.Sprintf(": write config = {%q: …}", text) // the value may be a secret
	case config != nil && config.Type == spec.Config && isDict(args[place]) && verb == "update":
		return ": write config = {…}"
	}
	return ""
}

func isDict(v starlark.Value) bool {
	_, ok := v.(starlark.IterableMapping)
	return ok
}

// ConditionHint returns the end of a method's error for an unknown argument that is a field by which it can filter; empty for
// another one.
func ConditionHint(fields []spec.Field, name string) string {
	filter := filterOf(fields)
	if filter == nil {
		return ""
	}
	f := spec.Find(filter.Fields, name)
	if f == nil || !slices.Contains([]spec.Type{spec.String, spec.Name, spec.Bool, spec.Int, spec.Strings}, f.Type) {
		return ""
	}
	return fmt.Sprintf(": write filter = {%q: …}", name)
}

// filterOf returns the argument that filters a list; nil if there is none.
func filterOf(fields []spec.Field) *spec.Field {
	f := spec.Find(fields, "filter")
	if f == nil || f.Type != spec.Filter && f.Type != spec.Conditions {
		return nil
	}
	return f
}

// comparison returns the condition that an expression such as status=Running stands for, which servers don't know.
func comparison(text string) (field, value string, ok bool) {
	for _, sign := range []string{"==", "=", ":"} {
		field, value, ok = strings.Cut(text, sign)
		field, value = strings.TrimSpace(field), strings.Trim(strings.TrimSpace(value), `"'`)
		if ok {
			return field, value, field != "" && value != "" && !strings.ContainsAny(field+value, " \t\n\"'")
		}
	}
	return "", "", false
}
