package spec_test

import (
	"regexp"
	"slices"
	"testing"

	"incus-star/starlarkincus/spec"
)

// everyMethod calls visit for each method of the table. For methods of a client, r is nil.
func everyMethod(visit func(who string, r *spec.Resource, m *spec.Method)) {
	seen := make(map[*spec.Resource]bool)
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		if r == nil || seen[r] {
			return
		}
		seen[r] = true
		for _, m := range slices.Concat(r.CollectionMethods(), r.ObjectMethods()) {
			visit(r.Kind+"."+m.Name, r, &m)
			walk(m.Returns.Of)
		}
		for _, child := range r.Children {
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		visit("incus."+m.Name, nil, m)
		walk(m.Returns.Of)
	}
}

// TestEveryMethodHasItsColumns checks that every method declares its behavior, result and effect, and that these agree
// with its requests.
func TestEveryMethodHasItsColumns(t *testing.T) {
	count := 0
	everyMethod(func(who string, r *spec.Resource, m *spec.Method) {
		count++
		if m.Does <= 0 || m.Does >= spec.Behaviors {
			t.Errorf("%s: the column Does is missing", who)
		}
		if m.Returns.Shape == 0 {
			t.Errorf("%s: the column Returns is missing", who)
		}
		if m.Effect == 0 {
			t.Errorf("%s: the column Effect is missing", who)
			return
		}
		object := slices.Contains([]spec.Shape{spec.Itself, spec.One, spec.ListOf, spec.Struct, spec.StructList, spec.Stream}, m.Returns.Shape)
		if object != (m.Returns.Of != nil) {
			t.Errorf("%s returns %v", who, m.Returns)
		}
		if m.Returns.Maybe && m.Returns.Shape != spec.Itself || m.Returns.Shape == spec.Itself && m.Collection {
			t.Errorf("%s can't return %v", who, m.Returns)
		}
		if m.Takes != nil && m.Effect != spec.Deletes && m.Effect != spec.Changes {
			t.Errorf("%s takes objects with it, and by the column Effect it %s", who, m.Effect)
		}
		changes := slices.ContainsFunc(m.Sends(r), func(q spec.Request) bool { return q.HTTP != "GET" && q.HTTP != "HEAD" })
		switch {
		case m.Does == spec.DoWaitReady: // the command that it runs only waits
		case m.Effect == spec.AsAsked:
		case r != nil && (r.Path == "sftp" || r.Local): // the changes are sent over the connection, or aren't the server's
		case changes != (m.Effect != spec.Reads):
			t.Errorf("%s: by the column Effect it %s, and it sends %v", who, m.Effect, m.Sends(r))
		}
	})
	if count < 400 {
		t.Errorf("only %d methods", count)
	}
}

// helpWords are regular expressions for the words by which the help of a method tells its result.
var helpWords = map[spec.Shape]string{
	spec.Itself:     `returns it\b`,
	spec.One:        `returns it\b|returns the |^Returns `,
	spec.ListOf:     `^Returns a list of all |: a list, each `,
	spec.StringList: `^Returns the names of all |as a list of `,
	spec.Text:       `as a string\b|as text\b`,
	spec.Data:       `as a string or bytes\b`,
	spec.StructList: `: a list of structs, each `,
	spec.Truth:      `^Reports whether `,
	spec.Operation:  `returns (the|an) Operation\b`,
	spec.Struct:     `returns a struct of `,
	spec.Nothing:    ``,
	spec.Anything:   `^Returns `,
	spec.Client:     `^Returns a client `,
	spec.Stream:     `for a loop: `,
	spec.LineStream: `^Returns its output for a loop`,
	spec.ByteStream: `returns a stream of |^Returns a stream of `,
}

// TestHelpTellsTheResult checks that the help of each method tells the result that the column Returns declares.
func TestHelpTellsTheResult(t *testing.T) {
	anyResult := regexp.MustCompile(`\b[Rr]eturns |^Reports `)
	words := make(map[spec.Shape]*regexp.Regexp)
	for shape, text := range helpWords {
		words[shape] = regexp.MustCompile(text)
	}
	everyMethod(func(who string, r *spec.Resource, m *spec.Method) {
		switch pattern := words[m.Returns.Shape]; {
		case pattern == nil:
			t.Errorf("%s: helpWords has no words for a result such as its own, %v", who, m.Returns)
		case !pattern.MatchString(m.Doc):
			t.Errorf("%s: its help doesn't tell the result of the column Returns, in words that match %q: %s", who, pattern, m.Doc)
		case m.Returns.Shape == spec.Nothing && anyResult.MatchString(m.Doc):
			t.Errorf("%s: its help tells a result, and by the column Returns it has none: %s", who, m.Doc)
		}
	})
}

// keptBelow lists the children that outlive their parent, with the reason.
var keptBelow = map[string]string{
	"Pool.volumes": "a pool with volumes can't be deleted",
	"Pool.buckets": "nor one with buckets",
}

// TestDeletesTakeChildren checks that all children that can be created below an object are declared to be deleted with
// it, or to stay.
func TestDeletesTakeChildren(t *testing.T) {
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		for _, child := range r.Children {
			made := child.Verbs&spec.New != 0 && child.Verbs&spec.Get != 0 && r.Verbs&spec.Delete != 0
			if made && child.Name != "templates" && child.Name != "nvram" && slices.Contains(r.Takes, child) != (keptBelow[r.Kind+"."+child.Name] == "") {
				t.Errorf("a deleted %s takes its %s along: %v", r.One(), child.Name, slices.Contains(r.Takes, child))
			}
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
}
