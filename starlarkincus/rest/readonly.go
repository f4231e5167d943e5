package rest

import (
	"net/url"
	"slices"
	"strings"
)

// belowAPI reports whether a path is / or stays at or below /1.0, whatever a server or a proxy makes of escapes, double
// slashes and dots in it.
func belowAPI(escaped string) bool {
	switch {
	case escaped == "/" || escaped == "/1.0":
		return true
	case !strings.HasPrefix(escaped, "/1.0/"):
		return false
	}
	// Each round takes one layer of escapes off; more than a few are no name of anything.
	for range 8 {
		segments := strings.FieldsFunc(escaped, func(r rune) bool { return r == '/' || r == '\\' })
		if slices.ContainsFunc(segments, isParent) {
			return false
		}
		plain, err := url.PathUnescape(escaped)
		if err != nil || plain == escaped {
			return true
		}
		escaped = plain
	}
	return false
}

// isParent reports whether a path's segment is "..", with or without the parameters that some proxies take off.
func isParent(segment string) bool {
	name, _, _ := strings.Cut(segment, ";")
	return strings.TrimSpace(name) == ".."
}
