// Package time is Starlark's library of times and durations.
package time

import (
	_ "time/tzdata" // so that time zones are known on a host without them

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/lib/time"
)

// Decl is the library.
var Decl = builtin.Decl{
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
