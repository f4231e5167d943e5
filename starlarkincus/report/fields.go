package report

import (
	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// A Result is the value or the error of a call. Item and remote are those of a call by parallel or of a fleet; nil and empty for others.
type Result interface {
	starlark.Value
	Parts() (v starlark.Value, failure *errors.Error, item starlark.Value, remote string)
}

// A failure is the value of an error.
type failure interface {
	starlark.Value
	Failure() *errors.Error
}

// maxNested is the depth to which JSON has the parts of a value.
const maxNested = 20

// fields returns the attributes that the class or a script gave to an error, without secrets.
func (p *Printer) fields(e *errors.Error, depth int) map[string]any {
	if len(e.Fields) == 0 {
		return nil
	}
	out := make(map[string]any)
	for name, field := range e.Fields {
		if v, ok := field.(starlark.Value); ok {
			field = p.encoded(v, depth+1)
		}
		out[name] = field
	}
	secret.Hide(out)
	return out
}

// encoded returns the JSON form of a value. A part that has none is the text that Starlark shows.
func (p *Printer) encoded(v starlark.Value, depth int) any {
	if depth > maxNested {
		return v.String()
	}
	switch v := v.(type) {
	case Result:
		return p.encodedResult(v, depth)
	case failure:
		return p.reportedError(v.Failure(), nil, depth)
	case *starlarkstruct.Struct:
		out := make(map[string]any)
		for _, name := range v.AttrNames() {
			if field, err := v.Attr(name); err == nil {
				out[name] = p.encoded(field, depth+1)
			}
		}
		return out
	case starlark.IterableMapping:
		out := make(map[string]any)
		for _, item := range v.Items() {
			name, ok := starlark.AsString(item[0])
			if !ok {
				name = item[0].String()
			}
			out[name] = p.encoded(item[1], depth+1)
		}
		return out
	case *starlark.List, starlark.Tuple, *starlark.Set:
		out := []any{}
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			out = append(out, p.encoded(elem, depth+1))
		}
		return out
	}
	plain, err := value.ToGo(v)
	if err != nil {
		return v.String()
	}
	return plain
}

// encodedResult returns the JSON form of a Result: an object with value or error.
func (p *Printer) encodedResult(r Result, depth int) map[string]any {
	out := make(map[string]any)
	v, failed, item, remote := r.Parts()
	if failed != nil {
		out["error"] = p.reportedError(failed, nil, depth+1)
	} else {
		out["value"] = p.encoded(v, depth+1)
	}
	if item != nil {
		out["item"] = p.encoded(item, depth+1)
	}
	if remote != "" {
		out["remote"] = remote
	}
	return out
}
