// Package value turns JSON into Starlark values and back, and is the only place that does.
//
// Decode and FromGo read; Any, Config, String and their kin encode one value of a declared type. What can't be encoded
// is an error that names the place inside the value, such as devices["eth0"]["mtu"].
package value

import (
	"bytes"
	"context"
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

const (
	// maxDecoded is about how much memory a JSON text's values may take, in bytes. Ten thousand instances take less than half
	// of it. A dict takes 570 bytes where its text has two.
	maxDecoded = 256 << 20
	// maxDigits is how long a number may be: turning digits into an int takes time that grows with their square.
	maxDigits = 1000
)

// The memory that values take, in bytes, as measured.
const (
	emptyDict  = 576
	moreDict   = 112 // for each entry beyond the first eight
	element    = 32  // of a list, with what is left over while it grows
	textHeader = 32
)

// Decode reads one JSON text. Objects become dicts, arrays lists, whole numbers ints of any size, other numbers floats.
// A text whose values would take far more memory than any answer of a server is an error.
func Decode(data []byte) (starlark.Value, error) { return DecodeContext(context.Background(), data) }

// DecodeContext is Decode that gives up when the context ends, with its cause.
func DecodeContext(ctx context.Context, data []byte) (starlark.Value, error) {
	return decode(ctx, data, maxDecoded)
}

func decode(ctx context.Context, data []byte, most int) (starlark.Value, error) {
	d := decoder{Decoder: jsontext.NewDecoder(bytes.NewBuffer(data), decodeOptions...), ctx: ctx, left: most}
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
	left    int                       // of the memory that the values may take, in bytes
	ctx     context.Context
	spends  int // how often memory was taken: the context is asked now and then
}

// maxExpected is how many entries a dict gets room for before they are read.
const maxExpected = 64

var errTooMuch = fmt.Errorf("the values of this JSON text would take more than %d MiB of memory", maxDecoded>>20)

// spend takes from what the values may take.
func (d *decoder) spend(bytes int) error {
	if d.left -= bytes; d.left < 0 {
		return errTooMuch
	}
	if d.spends++; d.spends%4096 == 0 && d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return nil
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
	if err := d.spend(textHeader + len(raw)); err != nil {
		return nil, err
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
	expected := min(*size, maxExpected)
	if err := d.spend(emptyDict + moreDict*max(0, expected-8)); err != nil {
		return nil, err
	}
	dict := starlark.NewDict(expected)
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
		if n := dict.Len(); n > 8 && n > expected {
			if err := d.spend(moreDict); err != nil {
				return nil, err
			}
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
		if err := d.spend(element); err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	if err := d.spend(2 * element); err != nil {
		return nil, err
	}
	_, err := d.ReadToken()
	return starlark.NewList(elems), err
}

// number never goes through a float where the text is a whole number.
func number(text string) (starlark.Value, error) {
	if len(text) > maxDigits {
		return nil, fmt.Errorf("a number of %d characters is longer than the limit of %d", len(text), maxDigits)
	}
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
