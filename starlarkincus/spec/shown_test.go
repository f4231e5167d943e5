package spec_test

import (
	"testing"

	"incus-star/starlarkincus/spec"
)

// TestEveryKindHasColumns checks that each kind of object or struct has columns for a table, and that each column shows a field.
func TestEveryKindHasColumns(t *testing.T) {
	seen := make(map[*spec.Resource]bool)
	see := func(r *spec.Resource) {
		if r == nil || seen[r] || r.Content == spec.PlainText || r.Path == "sftp" {
			return
		}
		seen[r] = true
		if len(r.Columns) == 0 {
			t.Errorf("%s has no columns", r.Kind)
		}
		names := make(map[string]bool)
		for _, c := range r.Columns {
			f := spec.Find(r.Fields, c.Field)
			switch {
			case f == nil || f.Script() != c.Field || f.Use&(spec.Read|spec.Derived) == 0:
				t.Errorf("%s: the column %s is no field that can be read", r.Kind, c.Field)
				continue
			case c.Key != "" && f.Type != spec.Config && f.Type != spec.Object && f.Type != spec.Objects:
				t.Errorf("%s: the column %s has the key %s, and the field is %s", r.Kind, c.Field, c.Key, f.Type)
			case c.Key != "" && f.Type != spec.Config && f.Fields != nil && spec.Find(f.Fields, c.Key) == nil:
				t.Errorf("%s: the column %s has the unknown key %s", r.Kind, c.Field, c.Key)
			}
			if names[c.Name()] {
				t.Errorf("%s has two columns %s", r.Kind, c.Name())
			}
			names[c.Name()] = true
		}
		if r.Key != "" && !names[r.Key] {
			t.Errorf("%s has no column for its key, %s", r.Kind, r.Key)
		}
	}
	for _, s := range spec.Sites() {
		see(s.Resource)
	}
	everyMethod(func(_ string, r *spec.Resource, m *spec.Method) {
		see(r)
		see(m.Returns.Of)
		see(m.Handle)
	})
	if len(seen) < 50 {
		t.Errorf("only %d kinds", len(seen))
	}
}
