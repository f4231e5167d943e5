package host

import (
	"strings"
	_ "time/tzdata" // so that time zones are known on a host without them

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/lib/json"
	"go.starlark.net/lib/math"
	"go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The libraries that are Starlark's own.
var structDecl = builtin.Decl{
	Name: "struct",
	Help: `struct(**fields) makes an immutable value with those fields: struct(name="web", cpu=2).name`,
	Value: func() starlark.Value {
		return starlark.NewBuiltin("struct", starlarkstruct.Make)
	},
}

var jsonDecl = builtin.Decl{
	Name: "json",
	Help: `Reads and writes JSON: json.encode(x), json.decode(text). An object of Incus is encoded as its fields.`,
	Members: []builtin.Decl{{
		Name: "json.encode", Params: []builtin.Param{builtin.Need("x", builtin.Any)},
		Returns: builtin.String, Help: `x as JSON in one line, the keys of dicts in their order by letter.`,
		Call: builtin.Forward(json.Module, "encode"),
	}, {
		Name: "json.encode_indent", Params: []builtin.Param{builtin.Need("x", builtin.Any), builtin.Opt("prefix", builtin.String, `""`), builtin.Opt("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `x as JSON over several lines; indent is what each level adds in front, prefix what all lines begin with.`,
		Call: builtin.Forward(json.Module, "encode_indent"),
	}, {
		Name: "json.decode", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("default", builtin.Any, "…")},
		Help: `The value of a JSON text. Numbers without a point are ints of any size.

A text that is no JSON gives default, and without one an Error, which try_ holds.`,
		Call: jsonDecode,
	}, {
		Name: "json.indent", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("prefix", builtin.String, `""`), builtin.Opt("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `A JSON text, spread over several lines.`,
		Call: builtin.Parse(json.Module, "indent"),
	}},
}

var timeDecl = builtin.Decl{
	Name: "time",
	Help: `Times and durations: time.now() - time.parse_time(inst.created_at) > 2 * time.hour

A time has year month day hour minute second nanosecond unix unix_nano, format(layout) and in_location(zone); a duration
has hours minutes seconds milliseconds microseconds nanoseconds. They add, subtract and compare. To wait there is sleep.
A layout is written as the time 2006-01-02 15:04:05 -0700 would look in it.`,
	Members: []builtin.Decl{{
		Name: "time.now", Returns: builtin.Time, Help: `The time now, in the local zone.`,
		Call: builtin.Forward(time.Module, "now"),
	}, {
		Name: "time.time", Params: []builtin.Param{builtin.Key("year", builtin.Int, ""), builtin.Key("month", builtin.Int, ""), builtin.Key("day", builtin.Int, ""), builtin.Key("hour", builtin.Int, ""), builtin.Key("minute", builtin.Int, ""), builtin.Key("second", builtin.Int, ""), builtin.Key("nanosecond", builtin.Int, ""), builtin.Key("location", builtin.String, `""`)},
		Returns: builtin.Time, Help: `The time with those parts; location is a zone such as "Europe/Paris", else UTC.`,
		Call: builtin.Forward(time.Module, "time"),
	}, {
		Name: "time.parse_time", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("format", builtin.String, `"2006-01-02T15:04:05Z07:00"`), builtin.Opt("location", builtin.String, `"UTC"`)},
		Returns: builtin.Time, Help: `The time that a text says, in RFC 3339 as the server writes it, or in another layout. Another text is an Error, which
try_ holds.`,
		Call: builtin.Parse(time.Module, "parse_time"),
	}, {
		Name: "time.parse_duration", Params: []builtin.Param{builtin.Need("d", builtin.String)},
		Returns: builtin.Duration, Help: `The duration that a text such as "1h30m" says. Another text is an Error, which try_ holds.`,
		Call: builtin.Parse(time.Module, "parse_duration"),
	}, {
		Name: "time.from_timestamp", Params: []builtin.Param{builtin.Need("sec", builtin.Int), builtin.Opt("nsec", builtin.Int, "0")},
		Returns: builtin.Time, Help: `The time that many seconds after the beginning of 1970 UTC.`,
		Call: builtin.Forward(time.Module, "from_timestamp"),
	}, {
		Name: "time.is_valid_timezone", Params: []builtin.Param{builtin.Need("location", builtin.String)},
		Returns: builtin.Bool, Help: `Whether there is a time zone of that name, such as "Europe/Paris".`,
		Call: builtin.Forward(time.Module, "is_valid_timezone"),
	},
		{Name: "time.hour", Returns: builtin.Duration, Help: `The duration of an hour.`, Value: builtin.Constant(time.Module, "hour")},
		{Name: "time.minute", Returns: builtin.Duration, Help: `The duration of a minute.`, Value: builtin.Constant(time.Module, "minute")},
		{Name: "time.second", Returns: builtin.Duration, Help: `The duration of a second.`, Value: builtin.Constant(time.Module, "second")},
		{Name: "time.millisecond", Returns: builtin.Duration, Help: `The duration of a millisecond.`, Value: builtin.Constant(time.Module, "millisecond")},
		{Name: "time.microsecond", Returns: builtin.Duration, Help: `The duration of a microsecond.`, Value: builtin.Constant(time.Module, "microsecond")},
		{Name: "time.nanosecond", Returns: builtin.Duration, Help: `The duration of a nanosecond.`, Value: builtin.Constant(time.Module, "nanosecond")},
	},
}

var mathDecl = builtin.Decl{
	Name: "math",
	Help: `Functions of numbers, which may be ints or floats; all but floor and ceil return floats.`,
	Members: []builtin.Decl{
		{Name: "math.ceil", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Int, Help: `The smallest int that is not below x.`, Call: builtin.Forward(math.Module, "ceil")},
		{Name: "math.floor", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Int, Help: `The largest int that is not above x.`, Call: builtin.Forward(math.Module, "floor")},
		{Name: "math.round", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The nearest whole number, as a float; halves go away from zero.`, Call: builtin.Forward(math.Module, "round")},
		{Name: "math.fabs", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `x without its sign, as a float.`, Call: builtin.Forward(math.Module, "fabs")},
		{Name: "math.copysign", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Need("y", builtin.Number)}, Returns: builtin.Float, Help: `x with the sign of y.`, Call: builtin.Forward(math.Module, "copysign")},
		{Name: "math.mod", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Need("y", builtin.Number)}, Returns: builtin.Float, Help: `What is left of x divided by y; it has the sign of x.`, Call: builtin.Forward(math.Module, "mod")},
		{Name: "math.remainder", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Need("y", builtin.Number)}, Returns: builtin.Float, Help: `What is left of x divided by y, by the rules of IEEE 754.`, Call: builtin.Forward(math.Module, "remainder")},
		{Name: "math.pow", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Need("y", builtin.Number)}, Returns: builtin.Float, Help: `x to the power of y.`, Call: builtin.Forward(math.Module, "pow")},
		{Name: "math.sqrt", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The square root of x.`, Call: builtin.Forward(math.Module, "sqrt")},
		{Name: "math.exp", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `e to the power of x.`, Call: builtin.Forward(math.Module, "exp")},
		{Name: "math.log", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Opt("base", builtin.Number, "e")}, Returns: builtin.Float, Help: `The logarithm of x, the natural one or to a base.`, Call: builtin.Forward(math.Module, "log")},
		{Name: "math.hypot", Params: []builtin.Param{builtin.Need("x", builtin.Number), builtin.Need("y", builtin.Number)}, Returns: builtin.Float, Help: `The length of the vector from 0, 0 to x, y.`, Call: builtin.Forward(math.Module, "hypot")},
		{Name: "math.gamma", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The gamma function of x.`, Call: builtin.Forward(math.Module, "gamma")},
		{Name: "math.degrees", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `An angle in radians as degrees.`, Call: builtin.Forward(math.Module, "degrees")},
		{Name: "math.radians", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `An angle in degrees as radians.`, Call: builtin.Forward(math.Module, "radians")},
		{Name: "math.sin", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The sine of x, in radians.`, Call: builtin.Forward(math.Module, "sin")},
		{Name: "math.cos", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The cosine of x, in radians.`, Call: builtin.Forward(math.Module, "cos")},
		{Name: "math.tan", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The tangent of x, in radians.`, Call: builtin.Forward(math.Module, "tan")},
		{Name: "math.asin", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The arc sine of x, in radians.`, Call: builtin.Forward(math.Module, "asin")},
		{Name: "math.acos", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The arc cosine of x, in radians.`, Call: builtin.Forward(math.Module, "acos")},
		{Name: "math.atan", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The arc tangent of x, in radians.`, Call: builtin.Forward(math.Module, "atan")},
		{Name: "math.atan2", Params: []builtin.Param{builtin.Need("y", builtin.Number), builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The angle of the vector from 0, 0 to x, y, in radians.`, Call: builtin.Forward(math.Module, "atan2")},
		{Name: "math.sinh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The hyperbolic sine of x.`, Call: builtin.Forward(math.Module, "sinh")},
		{Name: "math.cosh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The hyperbolic cosine of x.`, Call: builtin.Forward(math.Module, "cosh")},
		{Name: "math.tanh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The hyperbolic tangent of x.`, Call: builtin.Forward(math.Module, "tanh")},
		{Name: "math.asinh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The inverse hyperbolic sine of x.`, Call: builtin.Forward(math.Module, "asinh")},
		{Name: "math.acosh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The inverse hyperbolic cosine of x.`, Call: builtin.Forward(math.Module, "acosh")},
		{Name: "math.atanh", Params: []builtin.Param{builtin.Need("x", builtin.Number)}, Returns: builtin.Float, Help: `The inverse hyperbolic tangent of x.`, Call: builtin.Forward(math.Module, "atanh")},
		{Name: "math.e", Returns: builtin.Float, Help: `The base of natural logarithms, 2.71828…`, Value: builtin.Constant(math.Module, "e")},
		{Name: "math.pi", Returns: builtin.Float, Help: `The ratio of a circle's circumference to its diameter.`, Value: builtin.Constant(math.Module, "pi")},
	},
}

// maxJSONDepth is how deep a JSON text may nest, as for Go's own decoder. Starlark's calls itself at each level, and
// where Go's stack ends, the process does.
const maxJSONDepth = 10_000

var decodeJSON = builtin.Forward(json.Module, "decode")

func jsonDecode(c *builtin.Call) (starlark.Value, error) {
	if len(c.Args) == 0 {
		return decodeJSON(c) // x goes without its name
	}
	var text string
	var fallback starlark.Value
	if err := c.Unpack(&text, &fallback); err != nil {
		return nil, err
	}
	var v starlark.Value
	err := c.Errorf("the text nests more than %s levels", thousands(maxJSONDepth))
	if jsonDepth(text) <= maxJSONDepth {
		c.Args, c.Kwargs = starlark.Tuple{starlark.String(text)}, nil
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
