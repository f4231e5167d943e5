package host

import (
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
)

// maxHidden is the depth to which hideSecrets searches a value.
const maxHidden = 20

// hideSecrets returns a copy of a value for a log or a report, in which dicts lack the values of secret names. The output
// of print isn't changed.
func hideSecrets(v starlark.Value) starlark.Value { return hideBelow(v, maxHidden) }

func hideBelow(v starlark.Value, depth int) starlark.Value {
	switch v := v.(type) {
	case *starlark.Dict:
		if depth == 0 {
			return starlark.String("{…}")
		}
		out := starlark.NewDict(v.Len())
		for name, inner := range v.Entries() {
			if text, ok := starlark.AsString(name); ok && secret.Key(text) && inner != starlark.None {
				inner = starlark.String(secret.Hidden)
			}
			_ = out.SetKey(name, hideBelow(inner, depth-1)) // a key of the other dict
		}
		return out
	case *starlark.List:
		if depth == 0 {
			return starlark.String("[…]")
		}
		out := make([]starlark.Value, 0, v.Len())
		for elem := range v.Elements() {
			out = append(out, hideBelow(elem, depth-1))
		}
		return starlark.NewList(out)
	case starlark.Tuple:
		out := make(starlark.Tuple, len(v))
		for i, elem := range v {
			if depth == 0 {
				return starlark.String("(…)")
			}
			out[i] = hideBelow(elem, depth-1)
		}
		return out
	}
	return v
}

// shownText returns a value's text for a report.
func shownText(v starlark.Value) string { return secret.Text(hideSecrets(v).String()) }
