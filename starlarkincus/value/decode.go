// Package value converts JSON to Starlark values and back. All such conversions are here.
//
// [Decode] and [FromGo] return Starlark values; [Any], [Config], [String] and their kin encode one Starlark value of a
// declared type. The error of a value that can't be encoded is a [*TypeError] with the path inside the value, such as
// devices["eth0"]["mtu"].
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

// decodeOptions are as lenient as encoding/json, so that a server's answer is not refused for a harmless defect.
var decodeOptions = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

const (
	// maxDecoded is the approximate limit of the memory for the values of a JSON text, in bytes. Ten thousand instances
	// take less than half of it. The length of the text is no measure: a dict takes 570 bytes, its text two.
	maxDecoded = 256 << 20
	// maxDigits is the limit of a number's length: the time to convert a number grows with the square of its length.
	maxDigits = 1000
)

// The memory taken by values, in bytes, as measured.
const (
	emptyDict  = 576
	moreDict   = 112 // for each entry beyond the first eight
	element    = 32  // of a list, with the spare room of its growth
	textHeader = 32
)

// Decode decodes one JSON text. Objects become dicts, arrays lists, whole numbers ints of any size, other numbers
// floats. It returns an error for a text whose values would take far more memory than any answer of a server.
func Decode(data []byte) (starlark.Value, error) { return DecodeContext(context.Background(), data) }

// DecodeContext is like [Decode], but returns the context's cause when the context ends.
func DecodeContext(ctx context.Context, data []byte) (starlark.Value, error) {
	return decode(ctx, data, maxDecoded)
}

// decode is DecodeContext with a limit of memory, in bytes.
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

// A decoder decodes one JSON text.
type decoder struct {
	*jsontext.Decoder
	sizes   [8]int                    // of the last object at each depth, as an estimate for the next
	strings map[string]starlark.Value // by their JSON, shared because a list's objects have the same names and many equal values; nil if the text is no list
	left    int                       // of the limit of memory, in bytes
	ctx     context.Context
	spends  int // number of calls of spend, each 4096th of which checks the context
}

// maxExpected is the limit of the entries that a dict gets room for in advance.
const maxExpected = 64

var errTooMuch = fmt.Errorf("the values of this JSON text would take more than %d MiB of memory", maxDecoded>>20)

// spend subtracts from the limit of memory. It returns an error if that is exceeded or the context has ended.
func (d *decoder) spend(bytes int) error {
	if d.left -= bytes; d.left < 0 {
		return errTooMuch
	}
	if d.spends++; d.spends%4096 == 0 && d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return nil
}

// maxShared is the limit of the length of a shared string, in bytes of JSON.
const maxShared = 40

// text decodes a string.
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
	text, _ := jsontext.AppendUnquote(nil, raw) // the error is about invalid UTF-8, which is replaced
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

// number converts a number. A whole number never passes through a float, which would round it.
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

// FromGo converts a Go value to a Starlark value: any result of encoding/json, and int, int64, float64, []string and
// map[string]string. A Starlark value is returned as it is. Dicts and lists are frozen, and dicts sorted by key.
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
