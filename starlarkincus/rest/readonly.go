package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"incus-star/errors"
)

// permit returns the error of a request that a client with Config.ReadOnly must not send. It is asked in one place, by
// roundTrip, and judges the request as the server will see it: GETs below /internal change state and dump the
// database, and an upgraded connection carries whatever its user writes.
func (c *Client) permit(k *call) error {
	if !c.config.ReadOnly {
		return nil
	}
	path := k.url.EscapedPath()
	switch upgrade := k.header["Upgrade"]; {
	case k.method != http.MethodGet && k.method != http.MethodHead:
		return k.fail(errors.Permission, nil, "%s %s wasn't sent: this client only reads", k.method, k.url.Path)
	case !belowAPI(path):
		return k.fail(errors.Permission, nil, "%s %s wasn't sent: this client only reads, which is / and what is below /1.0", k.method, k.url.Path)
	case len(upgrade) > 0 && path != eventsPath:
		return k.fail(errors.Permission, nil, "no connection for more than reading was made to %s: this client only reads", k.url.Path)
	}
	return nil
}

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
