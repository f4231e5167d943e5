package rest

import (
	"net/url"
	"slices"
	"strings"
)

// belowAPI reports whether a path is /, or at or below /1.0, however a server or a proxy interprets its escapes, double
// slashes and dots.
func belowAPI(escaped string) bool {
	switch {
	case escaped == "/" || escaped == "/1.0":
		return true
	case !strings.HasPrefix(escaped, "/1.0/"):
		return false
	}
	// Each round removes one layer of escapes. No legitimate path has more than a few.
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

// isParent reports whether a segment is "..", with or without parameters, which some proxies remove.
func isParent(segment string) bool {
	name, _, _ := strings.Cut(segment, ";")
	return strings.TrimSpace(name) == ".."
}
