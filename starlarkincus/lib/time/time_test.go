package time_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	gotime "time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/lib/time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func eval(expr string) (starlark.Value, error) {
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, starlark.StringDict{"time": time.Decl.Make()})
}

// TestLikeGo compares the parsing, formatting and arithmetic of random times and durations with Go's.
func TestLikeGo(t *testing.T) {
	seed := uint64(gotime.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	zones := []string{"UTC", "Europe/Berlin", "America/St_Johns", "Asia/Tokyo", "Australia/Lord_Howe"}
	for range 500 {
		name := zones[r.IntN(len(zones))]
		zone, err := gotime.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		at := gotime.Unix(r.Int64N(1<<32), r.Int64N(1e9)).In(zone)
		d := gotime.Duration(r.Int64N(1 << 45))
		sum := at.Add(d)
		for expr, want := range map[string]any{
			fmt.Sprintf(`time.parse_time(%q).unix_nano`, at.Format(gotime.RFC3339Nano)):                                                                at.UnixNano(),
			fmt.Sprintf(`time.parse_time(%q, format="2006-01-02 15:04:05 -0700").unix`, at.Format("2006-01-02 15:04:05 -0700")):                        at.Unix(),
			fmt.Sprintf(`time.from_timestamp(%d, %d).in_location(%q).format("2006-01-02T15:04:05.999999999Z07:00")`, at.Unix(), at.Nanosecond(), name): at.Format(gotime.RFC3339Nano),
			fmt.Sprintf(`(time.from_timestamp(%d, %d) + time.parse_duration(%q)).unix_nano`, at.Unix(), at.Nanosecond(), d):                            sum.UnixNano(),
			fmt.Sprintf(`(time.from_timestamp(%d) - time.from_timestamp(%d)).seconds`, sum.Unix(), at.Unix()):                                          starlark.Float(sum.Unix() - at.Unix()),
			fmt.Sprintf(`time.parse_duration(%q).nanoseconds`, d):                                                                                      int64(d),
			fmt.Sprintf(`str(time.parse_duration(%q))`, d):                                                                                             d.String(),
			fmt.Sprintf(`time.from_timestamp(%d) < time.from_timestamp(%d)`, at.Unix(), sum.Unix()):                                                    starlark.Bool(at.Unix() < sum.Unix()),
			fmt.Sprintf(`time.time(year=%d, month=%d, day=%d, hour=%d, minute=%d, second=%d, nanosecond=%d).unix_nano`, at.UTC().Year(), at.UTC().Month(), at.UTC().Day(), at.UTC().Hour(), at.UTC().Minute(), at.UTC().Second(), at.Nanosecond()): at.UnixNano(),
		} {
			text := fmt.Sprint(want)
			if s, ok := want.(string); ok {
				text = starlark.String(s).String()
			}
			if v, err := eval(expr); err != nil || v.String() != text {
				t.Errorf("%s: got %v, %v, want %s", expr, v, err, text)
			}
		}
	}
}

// TestValues checks the durations of the library, and that now is between two readings of the clock.
func TestValues(t *testing.T) {
	for _, m := range time.Decl.Members {
		if m.Value == nil {
			continue
		}
		unit, _ := map[string]gotime.Duration{"time.hour": gotime.Hour, "time.minute": gotime.Minute, "time.second": gotime.Second,
			"time.millisecond": gotime.Millisecond, "time.microsecond": gotime.Microsecond, "time.nanosecond": gotime.Nanosecond}[m.Name]
		if v, err := eval(m.Name + ".nanoseconds"); err != nil || v.String() != fmt.Sprint(int64(unit)) || m.Returns != builtin.Duration {
			t.Errorf("%s is %v, %v, want %d", m.Name, v, err, unit)
		}
	}
	before := gotime.Now()
	v, err := eval("time.now().unix_nano")
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := v.(starlark.Int).Int64(); now < before.UnixNano() || now > gotime.Now().UnixNano() {
		t.Errorf("now is %d", now)
	}
	for zone, want := range map[string]string{"UTC": "True", "": "True", "Local": "True", "Europe/Paris": "True", "Mars/Base": "False", "../etc": "False"} {
		if v, err := eval(fmt.Sprintf("time.is_valid_timezone(%q)", zone)); err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v", zone, v, err)
		}
	}
}

// TestBadInput checks that try_ catches the error of invalid text, but not that of a mistake in the script.
func TestBadInput(t *testing.T) {
	for expr, want := range map[string]string{
		`time.parse_time("today")`:                          `Error: time.parse_time: parsing time "today" as "2006-01-02T15:04:05Z07:00": cannot parse "today" as "2006"`,
		`time.parse_time("")`:                               `Error: time.parse_time: parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"`,
		`time.parse_time("2025-13-01T00:00:00Z")`:           `Error: time.parse_time: parsing time "2025-13-01T00:00:00Z": month out of range`,
		`time.parse_time("1", format="2", location="Mars")`: `Error: time.parse_time: unknown time zone Mars`,
		`time.parse_duration("long")`:                       `Error: time.parse_duration: time: invalid duration "long"`,
		`time.parse_duration("5")`:                          `Error: time.parse_duration: time: missing unit in duration "5"`,
		`time.parse_duration("9223372036854775807h")`:       `Error: time.parse_duration: time: invalid duration "9223372036854775807h"`,
		`time.parse_time(5)`:                                "time.parse_time: for parameter x: got int, want string",
		`time.parse_time()`:                                 "time.parse_time: missing argument for x",
		`time.parse_time("", zone="")`:                      `time.parse_time: unexpected keyword argument "zone"`,
		`time.parse_duration(time.hour)`:                    "time.parse_duration: for parameter d: got time.duration, want string",
		`time.time(2025)`:                                   "time.time: unexpected positional arguments",
		`time.time(year="x")`:                               `time.time: for parameter "year": got string, want int`,
		`time.time(years=1)`:                                `time.time: unexpected keyword argument "years" (did you mean year?)`,
		`time.time(location="Mars")`:                        "time.time: unknown time zone Mars",
		`time.from_timestamp("1")`:                          "time.from_timestamp: for parameter 1: got string, want int",
		`time.now(1)`:                                       "",
		`time.now().in_location("Mars")`:                    "unknown time zone Mars",
		`time.hour + 1`:                                     "unknown binary op: time.duration + int",
		`time.hour // time.parse_duration("0s")`:            "time.duration division by zero",
		`time.now() + time.now()`:                           "unknown binary op: time.time + time.time",
	} {
		v, err := eval(expr)
		if err == nil && expr != "time.now(1)" || want != "" && err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
		var raised *errors.Error
		if held := strings.HasPrefix(want, "Error: "); held != errors.As(err, &raised) {
			t.Errorf("%s: %T", expr, err)
		}
	}
}
