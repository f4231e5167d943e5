// Package time is Starlark's library time, of times and durations.
package time

import (
	_ "time/tzdata" // for hosts without a time zone database

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/lib/time"
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "time",
	Help: `Times and durations: time.now() - time.parse_time(inst.created_at) > 2 * time.hour

Times of the server, such as created_at, are strings in RFC 3339, which time.parse_time reads. As an argument both are taken.

A time has the attributes year month day hour minute second nanosecond unix unix_nano and the methods format(layout) and
in_location(zone); a duration has hours minutes seconds milliseconds microseconds nanoseconds. Both can be added, subtracted
and compared. sleep waits for a duration. A layout is the time 2006-01-02 15:04:05 -0700 in the desired form.`,
	Members: []builtin.Decl{{
		Name: "time.now", Returns: builtin.Time, Help: `Returns the current time, in the local time zone.`,
		Call: builtin.Forward(time.Module, "now"),
	}, {
		Name: "time.time", Params: []builtin.Param{builtin.Key("year", builtin.Int, ""), builtin.Key("month", builtin.Int, ""), builtin.Key("day", builtin.Int, ""), builtin.Key("hour", builtin.Int, ""), builtin.Key("minute", builtin.Int, ""), builtin.Key("second", builtin.Int, ""), builtin.Key("nanosecond", builtin.Int, ""), builtin.Key("location", builtin.String, `""`)},
		Returns: builtin.Time, Help: `Returns the time with the given parts in a time zone, such as "Europe/Paris"; default: UTC.`,
		Call: builtin.Forward(time.Module, "time"),
	}, {
		Name: "time.parse_time", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("format", builtin.String, `"2006-01-02T15:04:05Z07:00"`), builtin.Opt("location", builtin.String, `"UTC"`)},
		Returns: builtin.Time, Help: `Parses a time in RFC 3339, the format of the server, or in another layout. Any other text raises an Error, which try_
catches.`,
		Call: builtin.Parse(time.Module, "parse_time"),
	}, {
		Name: "time.parse_duration", Params: []builtin.Param{builtin.Pos("d", builtin.String)},
		Returns: builtin.Duration, Help: `Parses a duration such as "1h30m". Any other text raises an Error, which try_ catches.`,
		Call: builtin.Parse(time.Module, "parse_duration"),
	}, {
		Name: "time.from_timestamp", Params: []builtin.Param{builtin.Pos("sec", builtin.Int), builtin.OptPos("nsec", builtin.Int, "0")},
		Returns: builtin.Time, Help: `Returns the time at a number of seconds, and nanoseconds, since 1970 UTC.`,
		Call: builtin.Forward(time.Module, "from_timestamp"),
	}, {
		Name: "time.is_valid_timezone", Params: []builtin.Param{builtin.Pos("location", builtin.String)},
		Returns: builtin.Bool, Help: `Reports whether a time zone exists, such as "Europe/Paris".`,
		Call: builtin.Forward(time.Module, "is_valid_timezone"),
	},
		{Name: "time.hour", Returns: builtin.Duration, Help: `A duration of an hour.`, Value: builtin.Constant(time.Module, "hour")},
		{Name: "time.minute", Returns: builtin.Duration, Help: `A duration of a minute.`, Value: builtin.Constant(time.Module, "minute")},
		{Name: "time.second", Returns: builtin.Duration, Help: `A duration of a second.`, Value: builtin.Constant(time.Module, "second")},
		{Name: "time.millisecond", Returns: builtin.Duration, Help: `A duration of a millisecond.`, Value: builtin.Constant(time.Module, "millisecond")},
		{Name: "time.microsecond", Returns: builtin.Duration, Help: `A duration of a microsecond.`, Value: builtin.Constant(time.Module, "microsecond")},
		{Name: "time.nanosecond", Returns: builtin.Duration, Help: `A duration of a nanosecond.`, Value: builtin.Constant(time.Module, "nanosecond")},
	},
}
