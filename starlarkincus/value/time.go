package value

import (
	"time"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

// Time encodes a time of Starlark's time module, or a string in RFC 3339, as RFC 3339. The empty string stays as it is.
func Time(path string, v starlark.Value) (string, error) {
	const want = `a time, such as time.now() + 24 * time.hour, or a string in RFC 3339, such as "2026-01-02T15:04:05Z"`
	switch v := v.(type) {
	case startime.Time:
		t := time.Time(v)
		if text, err := t.MarshalText(); err == nil {
			return string(text), nil
		}
		return "", &TypeError{path, v.String(), "a time of the years 0 to 9999"}
	case starlark.String:
		if _, err := time.Parse(time.RFC3339, string(v)); v == "" || err == nil {
			return string(v), nil
		}
		if len(v) > 40 {
			return "", mismatch(path, v, want)
		}
		return "", &TypeError{path, "the string " + v.String(), want}
	}
	return "", mismatch(path, v, want)
}
