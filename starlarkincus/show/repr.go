package show

import (
	"strings"

	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// A repr is the text of a value as repr writes it, without secrets, up to a number of bytes. Unlike the method String of a value, it takes
// no longer for a huge one, nor for one that has the same value at many places.
type repr struct {
	strings.Builder
	limit int
	depth int
	steps int
}

// maxDepth is the depth of shown values.
const maxDepth = 8

// full reports whether the rest of the value is left out, which it writes once.
func (r *repr) full() bool {
	if r.steps++; r.Len() < r.limit && r.steps <= r.limit {
		return false
	}
	if !strings.HasSuffix(r.String(), "…") {
		r.WriteString("…")
	}
	return true
}

func (r *repr) write(v starlark.Value) {
	if r.full() {
		return
	}
	if r.depth >= maxDepth {
		r.WriteString("…")
		return
	}
	r.depth++
	defer func() { r.depth-- }()
	switch v := v.(type) {
	case nil:
		r.WriteString("None")
	case starlark.String:
		r.WriteString(starlark.String(clip(string(v), r.limit)).String())
	case starlark.Bytes:
		r.WriteString(starlark.Bytes(clip(string(v), r.limit)).String())
	case *starlark.List:
		r.WriteString("[")
		r.elements(v.Len(), v.Index)
		r.WriteString("]")
	case starlark.Tuple:
		r.WriteString("(")
		r.elements(len(v), v.Index)
		if len(v) == 1 {
			r.WriteString(",")
		}
		r.WriteString(")")
	case *starlark.Set:
		r.WriteString("set([")
		first := true
		for elem := range v.Elements() {
			if r.separate(&first); r.full() {
				break
			}
			r.write(elem)
		}
		r.WriteString("])")
	case *starlark.Dict:
		r.WriteString("{")
		first := true
		for key, elem := range v.Entries() {
			if r.separate(&first); r.full() {
				break
			}
			r.write(key)
			r.WriteString(": ")
			r.item(key, elem)
		}
		r.WriteString("}")
	case *starlarkstruct.Struct:
		name, ok := starlark.AsString(v.Constructor())
		if !ok {
			name = v.Constructor().String()
		}
		r.WriteString(name + "(")
		first := true
		for _, field := range v.AttrNames() {
			if r.separate(&first); r.full() {
				break
			}
			r.WriteString(field + " = ")
			elem, _ := v.Attr(field)
			r.item(starlark.String(field), elem)
		}
		r.WriteString(")")
	default:
		if res, ok := v.(resulting); ok && v.Type() == "Result" {
			r.result(res)
			return
		}
		r.WriteString(clip(v.String(), r.limit))
	}
}

func (r *repr) result(v resulting) {
	if v.Truth() {
		r.WriteString("Result(value=")
		r.write(v.Index(0))
	} else {
		r.WriteString("Result(error=")
		r.write(v.Index(1))
	}
	r.WriteString(")")
}

// item writes a value beside its name, unless that is the name of a secret.
func (r *repr) item(key, v starlark.Value) {
	if name, ok := starlark.AsString(key); ok && secret.Key(name) && v != starlark.None {
		r.WriteString(secret.Hidden)
		return
	}
	r.write(v)
}

func (r *repr) separate(first *bool) {
	if !*first {
		r.WriteString(", ")
	}
	*first = false
}

func (r *repr) elements(n int, at func(int) starlark.Value) {
	first := true
	for i := range n {
		if r.separate(&first); r.full() {
			return
		}
		r.write(at(i))
	}
}

// list writes elements with commas between them, strings without quotes.
func (r *repr) list(all []starlark.Value, field string) {
	first := true
	for _, elem := range all {
		if r.separate(&first); r.full() {
			return
		}
		if text, ok := plain(elem); ok {
			r.WriteString(clip(text, r.limit))
		} else {
			r.item(starlark.String(field), elem)
		}
	}
}

// resulting is a Result: its value or its error.
type resulting interface {
	starlark.Value
	Len() int
	Index(int) starlark.Value
}
