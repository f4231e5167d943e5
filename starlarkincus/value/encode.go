package value

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxDepth is the limit of a value's nesting, which also ends the encoding of a list that contains itself.
const maxDepth = 100

// A TypeError describes the part of a value that can't be encoded, and the expected type.
type TypeError struct {
	Path string // such as devices["eth0"]["mtu"]
	Got  string // the Starlark type, or a description of the defect
	Want string // empty if Got describes the defect fully
}

// Error returns the path, and the actual and the expected type.
func (e *TypeError) Error() string {
	if e.Want == "" {
		return e.Path + ": " + e.Got
	}
	return fmt.Sprintf("%s: got %s, want %s", e.Path, e.Got, e.Want)
}

// mismatch returns the error of a value of the wrong type.
func mismatch(path string, v starlark.Value, want string) error {
	return &TypeError{path, v.Type(), want}
}

// Index returns the path of a key or an index below path.
func Index(path string, key any) string {
	if name, ok := key.(string); ok {
		return fmt.Sprintf("%s[%q]", path, name)
	}
	return fmt.Sprintf("%s[%v]", path, key)
}

// ToGo converts any Starlark value that has a JSON form to a value for encoding/json.
func ToGo(v starlark.Value) (any, error) { return Any("value", v) }

// Any encodes a value of any type that has a JSON form. Path is its name in an error.
func Any(path string, v starlark.Value) (any, error) { return anyAt(path, v, 0) }

// anyAt is Any for a value at a depth of nesting.
func anyAt(path string, v starlark.Value, depth int) (any, error) {
	if depth > maxDepth {
		return nil, &TypeError{Path: path, Got: "nested too deeply, or it holds itself"}
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.String:
		return String(path, v)
	case starlark.Int:
		return json.Number(v.String()), nil
	case starlark.Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return nil, &TypeError{Path: path, Got: v.String() + " has no JSON form"}
		}
		return float64(v), nil
	case *starlarkstruct.Struct:
		m := make(map[string]any)
		for _, name := range v.AttrNames() {
			field, err := v.Attr(name)
			if err != nil {
				return nil, err
			}
			if m[name], err = anyAt(path+"."+name, field, depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case starlark.IterableMapping:
		return mapping(path, v, "", func(path, _ string, v starlark.Value) (any, error) { return anyAt(path, v, depth+1) })
	case *starlark.List, starlark.Tuple, *starlark.Set:
		return elements(path, v.(starlark.Iterable), func(path string, v starlark.Value) (any, error) { return anyAt(path, v, depth+1) })
	}
	return nil, Formless(path, v, "JSON")
}

// Formless returns the error of a value of a type that a format has no form for.
func Formless(path string, v starlark.Value, format string) error {
	return mismatch(path, v, "a value that has a "+format+" form")
}

// elements encodes the elements of a list or another iterable value, each by encode.
func elements[T any](path string, v starlark.Iterable, encode func(path string, v starlark.Value) (T, error)) ([]T, error) {
	list := []T{}
	for elem := range starlark.Elements(v) {
		e, err := encode(Index(path, len(list)), elem)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// mapping encodes a dict or another mapping, whose keys must be strings, each value by encode. Want describes it in the
// error of another value.
func mapping(path string, v starlark.Value, want string, encode func(path, key string, v starlark.Value) (any, error)) (map[string]any, error) {
	items, ok := v.(starlark.IterableMapping)
	if !ok {
		return nil, mismatch(path, v, want)
	}
	m := make(map[string]any)
	for _, item := range items.Items() {
		key, ok := item[0].(starlark.String)
		if !ok {
			return nil, &TypeError{path, "the key " + item[0].String() + " of type " + item[0].Type(), "strings as keys"}
		}
		name, err := String(path, key)
		if err != nil {
			return nil, err
		}
		if m[name], err = encode(Index(path, name), name, item[1]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// FilePath encodes a str that need not be UTF-8.
func FilePath(path string, v starlark.Value) (string, error) {
	s, ok := starlark.AsString(v)
	if !ok {
		return "", mismatch(path, v, "string")
	}
	return s, nil
}

// String encodes a str.
func String(path string, v starlark.Value) (string, error) {
	s, err := FilePath(path, v)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(s) {
		return "", &TypeError{Path: path, Got: "the string is not valid UTF-8"}
	}
	return s, nil
}

// Raw encodes a string or bytes as they are.
func Raw(path string, v starlark.Value) ([]byte, error) {
	switch v := v.(type) {
	case starlark.String:
		return []byte(v), nil
	case starlark.Bytes:
		return []byte(v), nil
	}
	return nil, mismatch(path, v, "string or bytes")
}

// Int encodes an int that fits in 64 bits.
func Int(path string, v starlark.Value) (int64, error) {
	n, ok := v.(starlark.Int)
	if !ok {
		return 0, mismatch(path, v, "int")
	}
	i, ok := n.Int64()
	if !ok {
		return 0, &TypeError{Path: path, Got: "the number does not fit in 64 bits"}
	}
	return i, nil
}

// Forever is the longest time that [Duration] returns.
const Forever = time.Duration(math.MaxInt64)

// Duration encodes a time that is not negative: a number of seconds, or a duration of Starlark's time module.
func Duration(path string, v starlark.Value) (time.Duration, error) {
	if d, ok := v.(startime.Duration); ok {
		if d < 0 {
			return 0, &TypeError{path, d.String(), "a time that is not negative"}
		}
		return time.Duration(d), nil
	}
	seconds, ok := starlark.AsFloat(v)
	switch {
	case !ok:
		return 0, notDuration(path, v)
	case seconds < 0 || math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return 0, &TypeError{path, v.String(), "a number of seconds that is finite and not negative"}
	case seconds >= Forever.Seconds():
		return Forever, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// WholeSeconds encodes an int of seconds that Incus can count as a time, or a duration, which is rounded up to seconds.
func WholeSeconds(path string, v starlark.Value) (int64, error) {
	switch v.(type) {
	case starlark.Int:
		n, err := Int(path, v)
		if most := int64(Forever / time.Second); err == nil && n > most {
			return 0, &TypeError{path, v.String(), fmt.Sprintf("at most %d seconds", most)}
		}
		return n, err
	case startime.Duration:
		d, err := Duration(path, v)
		seconds := int64(d / time.Second)
		if d%time.Second > 0 && d < Forever-time.Second {
			seconds++
		}
		return seconds, err
	case starlark.Float:
		return 0, mismatch(path, v, "a whole number of seconds")
	}
	return 0, notDuration(path, v)
}

// notDuration returns the error of a value that is no time. For a string that reads as one, it shows the right
// notation.
func notDuration(path string, v starlark.Value) error {
	text, ok := starlark.AsString(v)
	if !ok {
		return mismatch(path, v, "a number of seconds or a duration")
	}
	write := `a number of seconds or a duration, such as 90 or time.parse_duration("1m30s")`
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && !math.IsInf(n, 0) {
		write = "a number of seconds or a duration: write " + text
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		seconds := strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
		write = fmt.Sprintf("a number of seconds or a duration: write %s or time.parse_duration(%s)", seconds, v)
	}
	got := "the string " + v.String()
	if len(text) > 40 {
		got = v.Type()
	}
	return &TypeError{path, got, write}
}

// Bool encodes a bool.
func Bool(path string, v starlark.Value) (bool, error) {
	b, ok := v.(starlark.Bool)
	if !ok {
		return false, mismatch(path, v, "bool")
	}
	return bool(b), nil
}

// Strings encodes a list, tuple or set of strings. A single string is an error, not a list of its letters.
func Strings(path string, v starlark.Value) ([]string, error) {
	switch v.(type) {
	case *starlark.List, starlark.Tuple, *starlark.Set:
		return elements(path, v.(starlark.Iterable), String)
	}
	return nil, mismatch(path, v, "list of string")
}

// List encodes a list or tuple, each element by encode.
func List(path string, v starlark.Value, encode func(path string, v starlark.Value) (any, error)) ([]any, error) {
	switch v.(type) {
	case *starlark.List, starlark.Tuple:
		return elements(path, v.(starlark.Iterable), encode)
	}
	return nil, mismatch(path, v, "list")
}

// Object encodes a dict or another mapping, each value by encode.
func Object(path string, v starlark.Value, encode func(path, key string, v starlark.Value) (any, error)) (map[string]any, error) {
	return mapping(path, v, "dict", encode)
}

// Config encodes a dict of configuration. The values become strings, as Incus expects: True is "true" and 2 is "2".
// None becomes null, which unsets the key.
func Config(path string, v starlark.Value) (map[string]any, error) {
	return mapping(path, v, "dict of configuration", configValue)
}

// ConfigText encodes one value of a configuration as a string, which is empty for None, as for an unset key.
func ConfigText(path string, v starlark.Value) (starlark.String, error) {
	encoded, err := configValue(path, "", v)
	text, _ := encoded.(string)
	return starlark.String(text), err
}

// configValue encodes one value of a configuration: a string, or nil for None.
func configValue(path, _ string, v starlark.Value) (any, error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.String:
		return String(path, v)
	case starlark.Bool:
		if v {
			return "true", nil
		}
		return "false", nil
	case starlark.Int:
		return v.String(), nil
	case starlark.Float:
		if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return starlark.MakeInt64(int64(f)).String(), nil
		}
		if s := v.String(); !math.IsInf(float64(v), 0) && !math.IsNaN(float64(v)) {
			return s, nil
		}
		return nil, &TypeError{path, v.String(), "a number that is finite"}
	}
	return nil, mismatch(path, v, "string, int, float, bool or None")
}

// Devices encodes a dict of devices, each a dict of configuration. None in place of a device removes it, and in place
// of a value unsets the key.
func Devices(path string, v starlark.Value) (map[string]any, error) {
	return mapping(path, v, "dict of devices", func(path, _ string, v starlark.Value) (any, error) {
		if v == starlark.None {
			return nil, nil
		}
		return Config(path, v)
	})
}
