package reference

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
)

// TellKey writes the help of a configuration key, or a key of devices, as a server describes it for each kind of objects,
// and reports whether one of the descriptions is that of the key.
func (r *Reference) TellKey(w io.Writer, name string, keys []spec.Key) bool {
	var found []spec.Key
	for _, k := range keys {
		if spec.KeyMatches(k.Name, name) || k.Name == name {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return false
	}
	t := r.text()
	t.line(name)
	for len(found) > 0 {
		k := found[0]
		of := []string{k.For()}
		found = slices.DeleteFunc(found[1:], func(other spec.Key) bool {
			same := other
			same.Of = k.Of
			if same == k {
				of = append(of, other.For())
			}
			return same == k
		})
		t.key(k, of)
	}
	t.print(w)
	return true
}

// key writes the description of a key that several kinds of objects may have.
func (t *text) key(k spec.Key, of []string) {
	t.para(plain(k.Doc))
	slices.Sort(of)
	t.gap()
	for _, row := range [][2]string{{"for", strings.Join(slices.Compact(of), ", ")}, {"type", k.Type}, {"default", k.Default}, {"initial value", k.Initial},
		{"required", k.Required}, {"condition", k.When}, {"live update", k.Live}, {"scope", k.Scope}} {
		if value := plain(row[1]); value != "" {
			t.hanging("  "+row[0]+strings.Repeat(" ", 15-len(row[0])), strings.Repeat(" ", 17), value)
		}
	}
	for part := range strings.SplitSeq(plain(k.More), "\n\n") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		t.gap()
		before, list, _ := strings.Cut("\n"+part, "\n- ")
		if strings.TrimSpace(before) != "" {
			t.indented("", before)
		}
		for elem := range strings.SplitSeq(list, "\n- ") {
			if elem != "" {
				t.hanging("  - ", "    ", elem)
			}
		}
	}
}

// NearKey returns the described key that a misspelt one may be; empty for none.
func NearKey(name string, keys []spec.Key) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return errors.Nearest(name, names)
}

// The Markdown of the descriptions.
var (
	seeElsewhere = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(` ?See \{ref\}[^.]*\.`) })
	role         = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\\{[a-z:-]+\\}`([^`<]*?)(\\s*<[^`>]*>)?`") })
)

// plain returns a text of a server's description without its Markdown.
func plain(s string) string {
	s = seeElsewhere().ReplaceAllString(s, "")
	s = role().ReplaceAllStringFunc(s, func(found string) string {
		text := role().FindStringSubmatch(found)[1]
		if strings.HasPrefix(found, "{config:") {
			text = text[strings.LastIndexByte(text, ':')+1:]
		}
		return text
	})
	return strings.TrimSpace(strings.ReplaceAll(s, "`", ""))
}
