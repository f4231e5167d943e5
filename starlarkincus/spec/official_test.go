package spec_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

func TestEveryOfficialOperationHasItsRow(t *testing.T) {
	docs := official(t)
	claims := make(map[string]map[*spec.Resource]bool)
	for _, r := range rows() {
		if slices.Contains(conveniences, r.name) {
			continue
		}
		if claims[r.pair] == nil {
			claims[r.pair] = make(map[*spec.Resource]bool)
		}
		claims[r.pair][r.resource] = true
		if docs["6.0"].operations[r.pair] == nil && docs["7.0"].operations[r.pair] == nil {
			t.Errorf("%s sends %s, which is in no official file", r.name, r.pair)
		}
	}
	merged := make(map[string]bool) // PATCH operations, for which update uses PUT
	for _, r := range rows() {
		if path, put := strings.CutPrefix(r.pair, "PUT "); put && r.method.Verb == spec.Update {
			merged["PATCH "+path] = true
		}
	}
	for _, line := range lines {
		claimed, left := 0, 0
		for _, pair := range slices.Sorted(maps.Keys(docs[line].operations)) {
			_, out := leftOut[pair]
			if _, onlyHere := leftOut[pair+" (only "+line+")"]; onlyHere {
				out = true
				if docs["7.0"].operations[pair] == nil && line == "6.0" {
					left++
					continue
				}
			}
			switch n := len(claims[pair]); {
			case n == 0 && merged[pair]:
				left++
			case n == 0 && !out:
				t.Errorf("%s: no row has %s", line, pair)
			case n > 0 && out:
				t.Errorf("%s: %s is left out, and a row has it", line, pair)
			case n > 1:
				t.Errorf("%s: %d resources have %s", line, n, pair)
			case out:
				left++
			default:
				claimed++
			}
		}
		t.Logf("%s: of %d operations %d have a row, %d are left out", line, len(docs[line].operations), claimed, left)
	}
	for pair := range leftOut {
		name, _, _ := strings.Cut(pair, " (")
		if docs["6.0"].operations[name] == nil && docs["7.0"].operations[name] == nil {
			t.Errorf("%s is left out, and in no official file", pair)
		}
	}
}

// TestNewFieldsNeedAnExtension checks that fields which only newer servers have require an API extension, so that older
// servers never receive them.
func TestNewFieldsNeedAnExtension(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		if docs["6.0"].operations[r.pair] != nil || slices.Contains(conveniences, r.name) || strings.HasSuffix(r.pair, "debug/repair") && r.method.Extension != "" {
			continue
		}
		if r.method.Extension == "" && (r.resource == nil || r.resource.Extension == "") {
			t.Errorf("%s sends %s, which Incus 6.0 doesn't have, and neither the method nor the resource has an Extension", r.name, r.pair)
		}
	}
}

// sent returns the fields that the methods of a row may put in the body.
func sent(r row) []spec.Field {
	var out []spec.Field
	for name := range r.method.Send {
		out = append(out, spec.Field{Name: name, Type: spec.Any})
	}
	args := r.method.Arguments()
	for _, f := range args {
		switch {
		case f.In == spec.Body:
			out = append(out, f)
		case f.Name == "image":
			out = append(out, spec.Field{Name: "source", Type: spec.Any})
		}
	}
	switch r.method.Does {
	case spec.DoCreate, spec.DoRename, spec.DoCopy, spec.DoMove:
		if r.resource.Key != "" && r.resource.Named != spec.ByServer && r.resource.Named != spec.AtItsPath {
			out = append(out, spec.Field{Name: r.resource.Key, Type: spec.String})
		}
	}
	switch r.method.Does {
	case spec.DoCopy:
		out = append(out, spec.Field{Name: "source", Type: spec.Any})
	case spec.DoMove:
		out = append(out, spec.Field{Name: "migration", Type: spec.Any})
		if r.resource.Segment != nil {
			out = append(out, spec.Field{Name: "source", Type: spec.Any})
		}
	case spec.DoCreate:
		if r.resource.Segment != nil && r.resource.Named != spec.AtItsPath {
			out = append(out, spec.Field{Name: r.resource.Segment.Name, Type: spec.Any}) // it is in the path
		}
	}
	if r.method.WrapIn != "" {
		out = []spec.Field{{Name: r.method.WrapIn, Type: spec.Object, Fields: out}}
	}
	return out
}

func TestEveryFieldOfABodyIsKnown(t *testing.T) {
	docs := official(t)
	bodies := make(map[string][]spec.Field)
	names := make(map[string]string)
	for _, r := range rows() {
		if slices.Contains(conveniences, r.name) {
			continue
		}
		for _, f := range r.method.Arguments() {
			if f.In == spec.Whole && f.Type != spec.String {
				bodies[r.pair] = f.Fields
			}
		}
		names[r.pair] += " " + r.name
		if !strings.HasPrefix(r.pair, "GET ") && !strings.HasPrefix(r.pair, "DELETE ") {
			bodies[r.pair] = append(bodies[r.pair], sent(r)...)
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(bodies)) {
		old, new := docs["6.0"].operations[pair], docs["7.0"].operations[pair]
		known := make(map[string]bool)
		for _, line := range lines {
			if op := docs[line].operations[pair]; op != nil {
				docs[line].compare(t, line+":"+names[pair], pair, op.body, bodies[pair], known)
			}
		}
		for _, f := range bodies[pair] {
			if !known[strings.ToLower(f.Name)] && f.Name != spec.AnyKey && unofficial[pair] == "" {
				t.Errorf("%s sends %s, which %s doesn't have", names[pair], f.Name, pair)
			}
		}
		if old != nil && new != nil {
			needsExtension(t, docs, pair, old.body, new.body, bodies[pair])
		}
	}
}

// compare reports the fields of an official body that are missing from the table.
func (d *document) compare(t *testing.T, who, at string, schema map[string]any, fields []spec.Field, known map[string]bool) {
	t.Helper()
	schema = d.resolve(schema)
	if values, ok := schema["additionalProperties"].(map[string]any); ok && len(fields) > 0 && fields[0].Name == spec.AnyKey {
		known[spec.AnyKey] = true
		d.compare(t, who, at+".*", values, fields[0].Fields, make(map[string]bool))
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		known[strings.ToLower(name)] = true
		var found []spec.Field
		for _, f := range fields {
			if strings.EqualFold(f.Name, name) {
				found = append(found, f)
			}
		}
		if notSent[at+" "+name] != "" {
			continue
		}
		if len(found) == 0 {
			t.Errorf("%s: %s has %s, which isn't known", who, at, name)
			continue
		}
		property := properties[name].(map[string]any)
		want := d.types(property)
		typed := slices.DeleteFunc(slices.Clone(found), func(f spec.Field) bool { return f.Type == spec.Any })
		for _, f := range typed {
			if want != nil && !slices.Contains(want, f.Type) {
				t.Errorf("%s: %s has %s of a type that is %s here", who, at, name, f.Type)
			}
			if f.Type == spec.Object || f.Type == spec.Objects {
				inner := d.resolve(property)
				if items, ok := inner["items"].(map[string]any); ok {
					inner = d.resolve(items)
				}
				d.compare(t, who, at+"."+name, inner, f.Fields, make(map[string]bool))
			}
		}
	}
}

// needsExtension reports fields that only newer servers have but that require no extension.
func needsExtension(t *testing.T, docs map[string]*document, pair string, old, new map[string]any, fields []spec.Field) {
	t.Helper()
	before, _ := docs["6.0"].resolve(old)["properties"].(map[string]any)
	after, _ := docs["7.0"].resolve(new)["properties"].(map[string]any)
	for name, property := range after {
		for _, f := range fields {
			if !strings.EqualFold(f.Name, name) || f.Type == spec.Any {
				continue
			}
			earlier, there := before[name].(map[string]any)
			if !there && f.Extension == "" {
				t.Errorf("%s: %s is new in 7.0 and needs no extension", pair, name)
			}
			if there && f.Fields != nil {
				needsExtension(t, docs, pair+" "+name, items(docs["6.0"], earlier), items(docs["7.0"], property.(map[string]any)), f.Fields)
			}
		}
	}
}

// TestEveryFieldOfAnAnswerIsKnown checks that every field of an official answer is an attribute in the table.
func TestEveryFieldOfAnAnswerIsKnown(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		fields := []spec.Field(nil)
		switch {
		case r.method.Does == spec.DoRead && r.method.Returns.Of != nil:
			fields = r.method.Returns.Of.Fields
		case r.method.Does == spec.DoGet, r.method.Does == spec.DoList && r.resource.Lists != spec.ByName:
			fields = r.resource.Fields
		default:
			continue
		}
		read := spec.With(fields, spec.Read)
		for _, line := range lines {
			op := docs[line].operations[r.pair]
			if op == nil || op.response == nil {
				continue
			}
			schema := items(docs[line], op.response)
			properties, _ := schema["properties"].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(properties)) {
				if r.resource != nil && r.resource.MaxRecursion > 1 && slices.Contains([]string{"state", "snapshots", "backups", "keys"}, name) {
					continue // part of the full object only; methods and collections have these names
				}
				// The schema of an answer also has the fields of requests, which are always empty.
				if f := spec.Find(read, name); f == nil && spec.Find(fields, name) == nil {
					t.Errorf("%s: %s tells %s, which isn't known", line, r.name, name)
				}
			}
			for _, f := range read {
				if f.Extension == "" && properties != nil && properties[f.Name] == nil && line == "7.0" && f.Made == spec.NotMade && !r.keyed(f) {
					t.Errorf("%s: %s doesn't tell %s", line, r.name, f.Name)
				}
			}
		}
	}
}

func TestParametersAreTheOfficialOnes(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		op := docs["7.0"].operations[r.pair]
		if op == nil || slices.Contains(conveniences, r.name) {
			continue
		}
		has := func(name string) bool {
			return slices.Contains(op.query, name) || slices.Contains(undocumented[r.pair], name)
		}
		args := r.method.Arguments()
		for _, f := range args {
			name := map[string]string{"all_projects": "all-projects"}[f.Name]
			if f.In == spec.Query {
				name = f.Name
			}
			if name == "" {
				continue
			}
			if !has(name) && !(f.Name == "filter" && r.method.Does == spec.DoNames) {
				t.Errorf("%s takes %s, which %s doesn't have", r.name, f.Script(), r.pair)
			}
		}
		if r.project != has("project") && r.resource != nil {
			if !(r.resource == spec.Warnings || r.resource == spec.Operations || r.resource == spec.Server) {
				t.Errorf("%s: is of a project: %v; %s has project: %v", r.name, r.project, r.pair, has("project"))
			}
		}
		targeted := r.method.Target || r.resource != nil && r.resource.Target&r.method.Verb != 0 || spec.Find(args, "target") != nil && spec.Find(args, "target").In == spec.Query
		if targeted != has("target") && !slices.Contains(untargeted, r.name) {
			t.Errorf("%s: can be about a member: %v; %s has target: %v", r.name, targeted, r.pair, has("target"))
		}
		if r.method.Does == spec.DoList {
			for _, p := range []struct{ name, arg string }{{"filter", "filter"}, {"all-projects", "all_projects"}} {
				if slices.Contains(op.query, p.name) && spec.Find(args, p.arg) == nil {
					t.Errorf("%s doesn't take %s, which %s has", r.name, p.arg, r.pair)
				}
			}
		}
	}
}

// TestNamesDontCollide checks that the methods, the child collections and the attributes of an object have different
// names, except for attributes of the full object.
func TestNamesDontCollide(t *testing.T) {
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		seen := make(map[string]string)
		take := func(kind, name string) {
			if seen[name] != "" {
				t.Errorf("%s: %s is a %s and a %s", r.Kind, name, seen[name], kind)
			}
			seen[name] = kind
		}
		for _, m := range r.ObjectMethods() {
			take("method", m.Name)
		}
		for _, f := range spec.With(r.Fields, spec.Read) {
			take("field", f.Script())
		}
		for _, child := range r.Children {
			if child.Stands != spec.OnCollection {
				take("collection", child.Name)
			}
			walk(child)
		}
		for _, m := range append(r.CollectionMethods(), r.ObjectMethods()...) {
			args := make(map[string]bool)
			for _, f := range m.Arguments() {
				if args[f.Script()] {
					t.Errorf("%s.%s has two arguments %s", r.Kind, m.Name, f.Script())
				}
				args[f.Script()] = true
				if f.Doc == "" || strings.HasSuffix(f.Doc, ".") {
					t.Errorf("%s.%s: %s: the help %q is empty or ends with a full stop", r.Kind, m.Name, f.Script(), f.Doc)
				}
			}
			if m.Doc == "" || !strings.HasSuffix(m.Doc, ".") {
				t.Errorf("%s.%s: the help %q is no sentence", r.Kind, m.Name, m.Doc)
			}
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
}
