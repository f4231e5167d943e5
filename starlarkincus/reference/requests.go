package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"
)

// A sent request is one of a method's, with where it goes.
type sent struct {
	spec.Request
	path string // with the names of segments in braces; a part in brackets may be missing
}

// sends returns the requests of a method of the resource, in their order.
func (p *placed) sends(m *spec.Method) []sent {
	var out []sent
	for _, r := range p.site.Sends(m) {
		out = append(out, sent{r, r.Path})
	}
	return out
}

// ofClient returns the requests of a client's method.
func ofClient(m *spec.Method) []sent {
	var out []sent
	for _, r := range m.Sends(nil) {
		if r.Path == "" {
			r.Path = m.Path
		}
		out = append(out, sent{r, r.Path})
	}
	return out
}

// String is the line of help, without the circumstances.
func (s sent) String() string {
	line := s.HTTP + " " + s.path
	if s.Query != "" {
		line += "?" + s.Query
	}
	var body []string
	for _, field := range slices.Sorted(maps.Keys(s.Body)) {
		body = append(body, fmt.Sprintf("%s=%v", field, s.Body[field]))
	}
	if body != nil {
		line += " with " + strings.Join(body, ", ")
	}
	if s.Note != "" {
		line += ", " + s.Note
	}
	if s.Waits {
		line += ", if the server continues in the background"
	}
	return line
}

// helpLines are the help of requests. Several that are sent in the same circumstances stand below these.
func helpLines(requests []sent) []string {
	var out []string
	for i := 0; i < len(requests); {
		when, n := requests[i].When, 1
		for i+n < len(requests) && requests[i+n].When == when {
			n++
		}
		switch {
		case when == "":
			for _, r := range requests[i : i+n] {
				out = append(out, r.String())
			}
		case n == 1:
			out = append(out, requests[i].String()+", "+when)
		default:
			out = append(out, when+":")
			for _, r := range requests[i : i+n] {
				out = append(out, "  "+r.String())
			}
		}
		i += n
	}
	return out
}

// requests are the REST requests that a method sends, one a line. Where several resources have a method of that name,
// they are those of all whose declaration is the same.
func requests(name string, m *spec.Method) [][]string {
	if m.Offline {
		return [][]string{{"none"}}
	}
	found := make(map[string][]string)
	add := func(requests []sent) {
		help := helpLines(requests)
		found[strings.Join(help, "\n")] = help
	}
	if strings.HasPrefix(name, "incus.") {
		add(ofClient(m))
	}
	for _, p := range places() {
		ways := p.collections()
		for _, other := range p.CollectionMethods() {
			if (name == p.Name || slices.Contains(ways, strings.TrimSuffix(name, "."+m.Name))) && same(&other, m) {
				add(p.sends(m))
			}
		}
		for _, other := range p.ObjectMethods() {
			if name == p.one()+"."+m.Name && same(&other, m) {
				add(p.sends(m))
			}
		}
	}
	delete(found, "")
	var out [][]string
	for _, key := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[key])
	}
	return out
}

// sent writes requests: those of each resource in a paragraph.
func (t *text) sent(requests [][]string) {
	for _, lines := range requests {
		t.gap()
		first := "REST: "
		for _, line := range lines {
			margin := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " ")))
			t.hanging(first+margin, "          "+margin, line)
			first = "      "
		}
	}
}
