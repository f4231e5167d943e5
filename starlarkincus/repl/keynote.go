package repl

import (
	"fmt"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
)

// missingKey matches the error about a key that a dict lacks.
var missingKey = lazy(`^key "([^"]+)" not in dict$`)

// keyNote returns a line about an entry that failed because a key isn't set in the config of an instance, such as
// web.config["limits.cpu"], if its profiles set it; "" for another failure. It reads what is at hand.
func (p *prompt) keyNote(entry string, err error) string {
	var failed *starlark.EvalError
	if !errors.As(err, &failed) {
		return ""
	}
	key := missingKey().FindStringSubmatch(failed.Msg)
	if key == nil {
		return ""
	}
	ts := tokenize(entry)
	c := &completion{sampler: &sampler{get: p.session.Get, tokens: ts}}
	for i := range ts.list {
		if !ts.is(i, "[") || !ts.is(i+2, "]") || ts.list[i+1].kind != textToken || ts.textValue(i+1) != key[1] || !ts.endsOperand(i-1) {
			continue
		}
		start := ts.primary(i)
		if start < 0 {
			continue
		}
		o, f, _ := c.fieldAt(start, i)
		if o == nil || f.Name != "config" {
			continue
		}
		all, _ := c.attr(o, "expanded_config").(starlark.Mapping)
		if all == nil {
			continue
		}
		if _, found, err := all.Get(starlark.String(key[1])); !found || err != nil {
			continue
		}
		return fmt.Sprintf("expanded_config has %s, from %s", printable.Line(key[1]), fromProfiles(c.attr(o, "profiles")))
	}
	return ""
}

// outputNote returns a line about the standard output of a command that failed, which its message doesn't have; "" if there is none.
func outputNote(err error) string {
	var failed *errors.Error
	if !errors.As(err, &failed) || !failed.Class.IsA(errors.Exec) {
		return ""
	}
	var text string
	switch v := failed.Fields["stdout"].(type) {
	case starlark.String:
		text = string(v)
	case starlark.Bytes:
		text = string(v)
	}
	if strings.TrimSpace(text) == "" {
		return ""
	}
	n := strings.Count(strings.TrimRight(text, "\n"), "\n") + 1
	return "err_.stdout has its standard output, " + printable.Count(n) + map[bool]string{true: " line", false: " lines"}[n == 1]
}

// fromProfiles returns the words for the profiles of an instance.
func fromProfiles(v starlark.Value) string {
	var names []string
	if list, ok := v.(*starlark.List); ok {
		for elem := range list.Elements() {
			if name, ok := starlark.AsString(elem); ok {
				names = append(names, printable.Line(name))
			}
		}
	}
	switch len(names) {
	case 0:
		return "a profile"
	case 1:
		return "its profile " + names[0]
	}
	return "one of its profiles " + strings.Join(names, ", ")
}
