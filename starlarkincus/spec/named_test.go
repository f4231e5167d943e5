package spec_test

import (
	"regexp"
	"testing"

	"incus-star/starlarkincus/spec"
)

// TestNamedArguments checks that each argument that the help of a method names, in its text, the texts of its arguments and the
// conditions of its requests, is one of the method's own. That of another method is in the parentheses of a
// call, or "of" this method.
func TestNamedArguments(t *testing.T) {
	named := regexp.MustCompile(`\b([a-z][a-z_]*)=`)
	quoted := regexp.MustCompile(`'[^']*'|"[^"]*"|\w\([^()]*\)|\w+= of \w+`)
	methods, names := 0, 0
	check := func(who string, m *spec.Method, r *spec.Resource) {
		methods++
		args := m.Arguments()
		texts := []string{m.Doc}
		for i := range args {
			texts = append(texts, args[i].Doc)
		}
		for _, q := range m.Sends(r) {
			texts = append(texts, q.When, q.Note)
		}
		for _, text := range texts {
			for _, found := range named.FindAllStringSubmatch(quoted.ReplaceAllString(text, ""), -1) {
				if names++; spec.Find(args, found[1]) == nil {
					t.Errorf("%s has no argument %s: %s", who, found[1], text)
				}
			}
		}
	}
	for i := range spec.ClientMethods {
		check("incus", &spec.ClientMethods[i], nil)
	}
	for _, site := range spec.Sites() {
		for _, m := range append(site.CollectionMethods(), site.ObjectMethods()...) {
			check(site.Singular()+"."+m.Name, &m, site.Resource)
		}
	}
	if methods < 300 || names < 100 {
		t.Errorf("%d methods, %d names", methods, names)
	}
}
