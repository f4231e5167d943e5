package reference

import (
	"bytes"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

// TestHelpOfEveryPath checks that every path in a script has help.
func TestHelpOfEveryPath(t *testing.T) {
	count := 0
	help := func(name string) {
		count++
		var b bytes.Buffer
		if err := testReference().HelpName(&b, name); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var collection func(way string, r *spec.Resource)
	var object func(r *spec.Resource)
	seen := make(map[*spec.Resource]bool)
	collection = func(way string, r *spec.Resource) {
		help(way)
		for _, m := range r.CollectionMethods() {
			help(way + "." + m.Name)
			if m.Returns.Of != nil && !m.Returns.OfStructs() {
				object(m.Returns.Of)
			}
		}
		for _, child := range r.Children {
			if child.Stands == spec.OnCollection {
				collection(way+"."+child.Name, child)
			}
		}
		object(r)
	}
	object = func(r *spec.Resource) {
		if seen[r] {
			return
		}
		seen[r] = true
		help(r.Singular())
		help(r.Kind)
		for _, m := range r.ObjectMethods() {
			help(r.Singular() + "." + m.Name)
			if m.Returns.Of != nil && !m.Returns.OfStructs() {
				object(m.Returns.Of)
			}
		}
		for _, child := range r.Children {
			if child.Stands != spec.OnCollection {
				collection(r.Singular()+"."+child.Name, child)
			}
		}
	}
	for _, r := range spec.Collections {
		collection(r.Name, r)
		collection("incus."+r.Name, r)
	}
	for _, m := range spec.ClientMethods {
		help("incus." + m.Name)
	}
	help("lock")
	if count < 300 {
		t.Errorf("only %d paths", count)
	}
}

func TestSearch(t *testing.T) {
	for word, want := range map[string]string{"publish": "instance.publish", "BACKUP": "instance.backups.create", "evacuat": "member.evacuate", "backoff": "retry"} {
		var b bytes.Buffer
		if !testReference().Search(&b, word) || !strings.Contains(b.String(), want) {
			t.Errorf("%s: got %s, want %s", word, b.String(), want)
		}
	}
	if testReference().Search(new(bytes.Buffer), "nosuchword") {
		t.Error("something tells of nosuchword")
	}
}
