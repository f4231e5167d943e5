package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"
)

// clientRequests returns the requests of a client's method.
func clientRequests(m *spec.Method) []spec.Request {
	out := m.Sends(nil)
	for i := range out {
		if out[i].Path == "" {
			out[i].Path = m.Path
		}
	}
	return out
}

// requestLine returns the line of a request, without its circumstances.
func requestLine(q spec.Request) string {
	line := q.HTTP + " " + q.Path
	if q.Query != "" {
		line += "?" + q.Query
	}
	var body []string
	for _, field := range slices.Sorted(maps.Keys(q.Body)) {
		body = append(body, fmt.Sprintf("%s=%v", field, q.Body[field]))
	}
	if body != nil {
		line += " with " + strings.Join(body, ", ")
	}
	if q.Note != "" {
		line += ", " + q.Note
	}
	if q.Waits {
		line += ", if the server continues in the background"
	}
	return line
}

// requestLines returns the lines of requests. Several with the same circumstances stand below these.
func requestLines(requests []spec.Request) []string {
	var out []string
	for i := 0; i < len(requests); {
		when, n := requests[i].When, 1
		for i+n < len(requests) && requests[i+n].When == when {
			n++
		}
		switch {
		case when == "":
			for _, q := range requests[i : i+n] {
				out = append(out, requestLine(q))
			}
		case n == 1:
			out = append(out, requestLine(requests[i])+", "+when)
		default:
			out = append(out, when+":")
			for _, q := range requests[i : i+n] {
				out = append(out, "  "+requestLine(q))
			}
		}
		i += n
	}
	return out
}

// requests returns the lines of the requests that a method sends. Several resources may have a method of that name: it
// returns those of each, if the declaration is the same.
func requests(name string, m *spec.Method) [][]string {
	if m.Offline && m.Requests == nil {
		return [][]string{{"none"}}
	}
	found := make(map[string][]string)
	add := func(requests []spec.Request) {
		help := requestLines(requests)
		found[strings.Join(help, "\n")] = help
	}
	if strings.HasPrefix(name, "incus.") {
		add(clientRequests(m))
	}
	for _, s := range sites() {
		ways := s.collections()
		for _, other := range s.CollectionMethods() {
			if (name == s.Name || slices.Contains(ways, strings.TrimSuffix(name, "."+m.Name))) && same(&other, m) {
				add(s.Sends(m))
			}
		}
		for _, other := range s.ObjectMethods() {
			if name == s.Singular()+"."+m.Name && same(&other, m) {
				add(s.Sends(m))
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

// sent writes requests, those of each resource in a paragraph.
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
