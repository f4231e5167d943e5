package json

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// encode returns the call of one of Starlark's encoders. The error of bytes, and of a time, has the path of the value.
func encode(name string) func(*builtin.Call) (starlark.Value, error) {
	native := builtin.Forward(json.Module, name)
	return func(c *builtin.Call) (starlark.Value, error) {
		text, err := native(c)
		if err == nil || len(c.Args) != 1 {
			return text, err
		}
		if found := refused(c.Args[0], strings.TrimPrefix(err.Error(), c.Decl.Name+": ")); found != nil {
			return nil, c.Errorf("%w", found)
		}
		return nil, err
	}
}

// step matches the part of an encoder's message that leads from a value to one that it holds.
var step = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:at \S+ index (\d+)|in \S+ key ("(?:[^"\\]|\\.)*")|in field \.(\w+)): `)
})

// refused follows an encoder's message from x to the value that it is about. If that is a method of a value, it returns the
// error of the latter: the encoder takes any value with attributes for a struct, and finds the methods of bytes. For other
// messages it returns nil.
func refused(x starlark.Value, message string) error {
	path := "x"
	for {
		found := step().FindStringSubmatch(message)
		if found == nil {
			return nil
		}
		var inner starlark.Value
		next := path
		switch v := x.(type) {
		case starlark.IterableMapping:
			key, err := strconv.Unquote(found[2])
			if err != nil {
				return nil
			}
			next = value.Index(path, key)
			inner, _, _ = v.Get(starlark.String(key))
		case starlark.Iterable:
			i, _ := strconv.Atoi(found[1])
			next = value.Index(path, i)
			n := 0
			for elem := range starlark.Elements(v) {
				if n == i {
					inner = elem
					break
				}
				n++
			}
		case starlark.HasAttrs:
			next = path + "." + found[3]
			inner, _ = v.Attr(found[3])
			if _, method := inner.(starlark.Callable); method && !isStruct(x) {
				return value.Formless(path, x, "JSON")
			}
		}
		if inner == nil {
			return nil
		}
		x, path, message = inner, next, message[len(found[0]):]
	}
}

// isStruct reports whether the attributes of a value are those that a script gave it.
func isStruct(v starlark.Value) bool {
	_, ok := v.(*starlarkstruct.Struct)
	return ok
}
