package starlarkincus

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

// without are the resources of which servers send no events.
var without = []string{"exec", "logs", "exec-output", "nvram"}

// TestNamesOfEvents derives the name of each kind of object in the table from its URL.
func TestNamesOfEvents(t *testing.T) {
	kinds := 0
	for _, s := range spec.Sites() {
		segments := strings.Split(s.Object, "/")
		if s.Local || !strings.HasSuffix(s.Object, "}") || s.Key == "" || slices.ContainsFunc(segments, func(s string) bool { return slices.Contains(without, s) }) {
			continue
		}
		kinds++
		for _, name := range []string{"web", "a/b?c#d%2F", "ä ö", "fd42::1", "10.0.0.1", "snapshots", "custom", "1.0"} {
			var parts []string
			for _, part := range segments {
				switch {
				case part == "{type}":
					part = "custom"
				case strings.HasPrefix(part, "{"):
					part = "above"
				}
				parts = append(parts, part)
			}
			parts[len(parts)-1] = url.PathEscape(name)
			for _, query := range []string{"", "?project=p%2F", "?project=p&target=m"} {
				if source := strings.Join(parts, "/") + query; nameOf(source) != name {
					t.Errorf("%s: %q", source, nameOf(source))
				}
			}
		}
	}
	if kinds < 20 {
		t.Errorf("only %d kinds", kinds)
	}
	for _, source := range []string{"", "/1.0", "/1.0/cluster", "/1.0/instances", "/1.0/instances/", "nonsense", "?project=p"} {
		if name := nameOf(source); name != "" {
			t.Errorf("%q: %q", source, name)
		}
	}
	for _, below := range []string{"", "/metadata", "/metadata/templates", "/console"} {
		if name := nameOf("/1.0/instances/web" + below); name != "web" {
			t.Errorf("%s: %q", below, name)
		}
	}
	t.Log(kinds, "kinds")
}
