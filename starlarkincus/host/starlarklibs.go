package host

import (
	"strings"
	_ "time/tzdata" // so that time zones are known on a host without them

	"incus-star/errors"

	"go.starlark.net/lib/json"
	"go.starlark.net/lib/math"
	"go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The libraries that are Starlark's own.
func init() {
	register([]definition{{
		name: "struct",
		help: `struct(**fields) makes an immutable value with those fields: struct(name="web", cpu=2).name`,
		value: func(*Host) starlark.Value {
			return starlark.NewBuiltin("struct", starlarkstruct.Make)
		},
	}, {
		name: "json",
		help: `Reads and writes JSON: json.encode(x), json.decode(text). An object of Incus is encoded as its fields.`,
		members: []definition{{
			name: "encode", params: "x",
			help: `x as JSON in one line, the keys of dicts in their order by letter.`,
			call: of(json.Module, "encode"),
		}, {
			name: "encode_indent", params: `x, prefix="", indent="\t"`,
			help: `x as JSON over several lines; indent is what each level adds in front, prefix what all lines begin with.`,
			call: of(json.Module, "encode_indent"),
		}, {
			name: "decode", params: "x, default=…",
			help: `The value of a JSON text. Numbers without a point are ints of any size.

A text that is no JSON gives default, and without one an Error, which try_ holds.`,
			call: jsonDecode,
		}, {
			name: "indent", params: `x, prefix="", indent="\t"`,
			help: `A JSON text, spread over several lines.`,
			call: parsing(json.Module, "indent", "x", "prefix?", "indent?"),
		}},
	}, {
		name: "time",
		help: `Times and durations: time.now() - time.parse_time(inst.created_at) > 2 * time.hour

A time has year month day hour minute second nanosecond unix unix_nano, format(layout) and in_location(zone); a duration
has hours minutes seconds milliseconds microseconds nanoseconds. They add, subtract and compare. To wait there is sleep.
A layout is written as the time 2006-01-02 15:04:05 -0700 would look in it.`,
		members: []definition{{
			name: "now", help: `The time now, in the local zone.`,
			call: of(time.Module, "now"),
		}, {
			name: "time", params: `year=, month=, day=, hour=, minute=, second=, nanosecond=, location=""`,
			help: `The time with those parts; location is a zone such as "Europe/Paris", else UTC.`,
			call: of(time.Module, "time"),
		}, {
			name: "parse_time", params: `x, format="2006-01-02T15:04:05Z07:00", location="UTC"`,
			help: `The time that a text says, in RFC 3339 as the server writes it, or in another layout. Another text is an Error, which
try_ holds.`,
			call: parsing(time.Module, "parse_time", "x", "format?", "location?"),
		}, {
			name: "parse_duration", params: "d",
			help: `The duration that a text such as "1h30m" says. Another text is an Error, which try_ holds.`,
			call: parsing(time.Module, "parse_duration", "d"),
		}, {
			name: "from_timestamp", params: "sec, nsec=0",
			help: `The time that many seconds after the beginning of 1970 UTC.`,
			call: of(time.Module, "from_timestamp"),
		}, {
			name: "is_valid_timezone", params: "location",
			help: `Whether there is a time zone of that name, such as "Europe/Paris".`,
			call: of(time.Module, "is_valid_timezone"),
		},
			{name: "hour", help: `The duration of an hour.`, value: constant(time.Module, "hour")},
			{name: "minute", help: `The duration of a minute.`, value: constant(time.Module, "minute")},
			{name: "second", help: `The duration of a second.`, value: constant(time.Module, "second")},
			{name: "millisecond", help: `The duration of a millisecond.`, value: constant(time.Module, "millisecond")},
			{name: "microsecond", help: `The duration of a microsecond.`, value: constant(time.Module, "microsecond")},
			{name: "nanosecond", help: `The duration of a nanosecond.`, value: constant(time.Module, "nanosecond")},
		},
	}, {
		name: "math",
		help: `Functions of numbers, which may be ints or floats; all but floor and ceil return floats.`,
		members: []definition{
			{name: "ceil", params: "x", help: `The smallest int that is not below x.`, call: of(math.Module, "ceil")},
			{name: "floor", params: "x", help: `The largest int that is not above x.`, call: of(math.Module, "floor")},
			{name: "round", params: "x", help: `The nearest whole number, as a float; halves go away from zero.`, call: of(math.Module, "round")},
			{name: "fabs", params: "x", help: `x without its sign, as a float.`, call: of(math.Module, "fabs")},
			{name: "copysign", params: "x, y", help: `x with the sign of y.`, call: of(math.Module, "copysign")},
			{name: "mod", params: "x, y", help: `What is left of x divided by y; it has the sign of x.`, call: of(math.Module, "mod")},
			{name: "remainder", params: "x, y", help: `What is left of x divided by y, by the rules of IEEE 754.`, call: of(math.Module, "remainder")},
			{name: "pow", params: "x, y", help: `x to the power of y.`, call: of(math.Module, "pow")},
			{name: "sqrt", params: "x", help: `The square root of x.`, call: of(math.Module, "sqrt")},
			{name: "exp", params: "x", help: `e to the power of x.`, call: of(math.Module, "exp")},
			{name: "log", params: "x, base=e", help: `The logarithm of x, the natural one or to a base.`, call: of(math.Module, "log")},
			{name: "hypot", params: "x, y", help: `The length of the vector from 0, 0 to x, y.`, call: of(math.Module, "hypot")},
			{name: "gamma", params: "x", help: `The gamma function of x.`, call: of(math.Module, "gamma")},
			{name: "degrees", params: "x", help: `An angle in radians as degrees.`, call: of(math.Module, "degrees")},
			{name: "radians", params: "x", help: `An angle in degrees as radians.`, call: of(math.Module, "radians")},
			{name: "sin", params: "x", help: `The sine of x, in radians.`, call: of(math.Module, "sin")},
			{name: "cos", params: "x", help: `The cosine of x, in radians.`, call: of(math.Module, "cos")},
			{name: "tan", params: "x", help: `The tangent of x, in radians.`, call: of(math.Module, "tan")},
			{name: "asin", params: "x", help: `The arc sine of x, in radians.`, call: of(math.Module, "asin")},
			{name: "acos", params: "x", help: `The arc cosine of x, in radians.`, call: of(math.Module, "acos")},
			{name: "atan", params: "x", help: `The arc tangent of x, in radians.`, call: of(math.Module, "atan")},
			{name: "atan2", params: "y, x", help: `The angle of the vector from 0, 0 to x, y, in radians.`, call: of(math.Module, "atan2")},
			{name: "sinh", params: "x", help: `The hyperbolic sine of x.`, call: of(math.Module, "sinh")},
			{name: "cosh", params: "x", help: `The hyperbolic cosine of x.`, call: of(math.Module, "cosh")},
			{name: "tanh", params: "x", help: `The hyperbolic tangent of x.`, call: of(math.Module, "tanh")},
			{name: "asinh", params: "x", help: `The inverse hyperbolic sine of x.`, call: of(math.Module, "asinh")},
			{name: "acosh", params: "x", help: `The inverse hyperbolic cosine of x.`, call: of(math.Module, "acosh")},
			{name: "atanh", params: "x", help: `The inverse hyperbolic tangent of x.`, call: of(math.Module, "atanh")},
			{name: "e", help: `The base of natural logarithms, 2.71828…`, value: constant(math.Module, "e")},
			{name: "pi", help: `The ratio of a circle's circumference to its diameter.`, value: constant(math.Module, "pi")},
		},
	}})
}

// maxJSONDepth is how deep a JSON text may nest, as for Go's own decoder. Starlark's calls itself at each level, and
// where Go's stack ends, the process does.
const maxJSONDepth = 10_000

var decodeJSON = of(json.Module, "decode")

func jsonDecode(c *call) (starlark.Value, error) {
	if len(c.args) == 0 {
		return decodeJSON(c) // x goes without its name
	}
	var text string
	var fallback starlark.Value
	if err := c.unpack("x", &text, "default?", &fallback); err != nil {
		return nil, err
	}
	var v starlark.Value
	err := c.errorf("the text nests more than %s levels", thousands(maxJSONDepth))
	if jsonDepth(text) <= maxJSONDepth {
		c.args, c.kwargs = starlark.Tuple{starlark.String(text)}, nil
		v, err = decodeJSON(c)
	}
	switch {
	case err == nil:
		return v, nil
	case fallback != nil:
		return fallback, nil
	}
	return nil, errors.New(errors.Base, "%s", err)
}

// jsonDepth is how deep a JSON text nests. Text that is no JSON may count as deeper than it is read.
func jsonDepth(text string) int {
	if strings.Count(text, "[")+strings.Count(text, "{") <= maxJSONDepth {
		return 0
	}
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
