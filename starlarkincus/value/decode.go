// Package value turns JSON into Starlark values and back, and is the only place that does.
//
// Decode and FromGo read; Any, Config, String and their kin encode one value of a declared type. What can't be encoded
// is an error that names the place inside the value, such as devices["eth0"]["mtu"].
package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.starlark.net/starlark"
)

// decodeOptions take what encoding/json takes too: a server's answer is not refused for what does no harm.
var decodeOptions = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// Decode reads one JSON text. Objects become dicts, arrays lists, whole numbers ints of any size, other numbers floats.
func Decode(data []byte) (starlark.Value, error) {
	d := decoder{Decoder: jsontext.NewDecoder(bytes.NewBuffer(data), decodeOptions...)}
	if d.PeekKind() == '[' {
		d.strings = make(map[string]starlark.Value)
	}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, fmt.Errorf("more after the end of the JSON text, at byte %d", d.InputOffset())
	}
	return v, nil
}

type decoder struct {
	*jsontext.Decoder
	sizes   [8]int                    // of the last object at each depth: the next is probably like it
	strings map[string]starlark.Value // by their JSON: a list's objects have the same names, and many of the same values; else nil
}

// maxShared is the length, in bytes, of the longest string that is shared.
const maxShared = 40

// text reads a string.
func (d *decoder) text() (starlark.Value, error) {
	raw, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	if v, ok := d.strings[string(raw)]; ok {
		return v, nil
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // its only error is about broken UTF-8, which it replaces
	v := starlark.Value(starlark.String(text))
	if d.strings != nil && len(raw) <= maxShared {
		d.strings[string(raw)] = v
	}
	return v, nil
}

func (d *decoder) value() (starlark.Value, error) {
	switch d.PeekKind() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return d.text()
	}
	token, err := d.ReadToken()
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return starlark.None, nil
	case 't', 'f':
		return starlark.Bool(token.Bool()), nil
	default:
		return number(token.String())
	}
}

func (d *decoder) object() (starlark.Value, error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	size := &d.sizes[min(d.StackDepth(), len(d.sizes)-1)]
	dict := starlark.NewDict(*size)
	for d.PeekKind() != '}' {
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(name, v); err != nil {
			return nil, err
		}
	}
	*size = dict.Len()
	_, err := d.ReadToken()
	return dict, err
}

func (d *decoder) array() (starlark.Value, error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var elems []starlark.Value
	for d.PeekKind() != ']' {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	_, err := d.ReadToken()
	return starlark.NewList(elems), err
}

// number never goes through a float where the text is a whole number.
func number(text string) (starlark.Value, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return starlark.MakeInt64(n), nil
	}
	if !strings.ContainsAny(text, ".eE") {
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return starlark.MakeBigInt(n), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a number that can be read", text)
	}
	return starlark.Float(f), nil
}

// FromGo makes Starlark values of what encoding/json decodes into any, and of Go's integers, floats and string lists
// and maps; a Starlark value stays itself. Dicts and lists come out frozen, dicts in the order of their keys.
func FromGo(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case starlark.Value:
		return v, nil
	case bool:
		return starlark.Bool(v), nil
	case string:
		return starlark.String(v), nil
	case json.Number:
		return number(v.String())
	case int:
		return starlark.MakeInt(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case float64:
		return starlark.Float(v), nil
	case []string:
		return list(v)
	case []any:
		return list(v)
	case map[string]string:
		return dict(v)
	case map[string]any:
		return dict(v)
	}
	return nil, fmt.Errorf("no Starlark value for a Go %T", v)
}

func list[T any](elems []T) (starlark.Value, error) {
	out := make([]starlark.Value, len(elems))
	for i, elem := range elems {
		v, err := FromGo(elem)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	l := starlark.NewList(out)
	l.Freeze()
	return l, nil
}

func dict[T any](m map[string]T) (starlark.Value, error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	d := starlark.NewDict(len(m))
	for _, k := range keys {
		v, err := FromGo(m[k])
		if err != nil {
			return nil, err
		}
		if err := d.SetKey(starlark.String(k), v); err != nil {
			return nil, err
		}
	}
	d.Freeze()
	return d, nil
}
