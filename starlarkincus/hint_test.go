package starlarkincus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestHintsOfArguments passes arguments to every list, launch, create and update in the ways of newcomers. What the error
// tells to write exists.
func TestHintsOfArguments(t *testing.T) {
	conditions, ones, configs, images := 0, 0, 0, 0
	each := func(r *spec.Resource, m *spec.Method, all []spec.Method) {
		name, fields := r.Name+"."+m.Name, m.Arguments()
		var args []starlark.Value
		for i := range fields {
			if fields[i].Positional {
				args = append(args, starlark.String("a"))
			}
		}
		hint := starlarkincus.UnnamedHint(name, fields, append(args, starlark.String("user.x"), starlark.String("value")))
		switch {
		case strings.Contains(hint, "get("):
			ones++
			if !slices.ContainsFunc(all, func(m spec.Method) bool { return m.Name == "get" }) {
				t.Errorf("%s: %s, and there is no get", name, hint)
			}
		case strings.Contains(hint, "image = "):
			images++
		case strings.Contains(hint, "config = "):
			configs++
		case hint != "":
			t.Errorf("%s: %s", name, hint)
		}
		if strings.Contains(hint, "value") {
			t.Errorf("%s: %s", name, hint)
		}
		if filter := spec.Find(fields, "filter"); filter != nil {
			for _, f := range filter.Fields {
				if hint := starlarkincus.ConditionHint(fields, f.Script()); hint != "" {
					conditions++
					condition := starlark.NewDict(1)
					_ = condition.SetKey(starlark.String(f.Script()), map[spec.Type]starlark.Value{spec.Bool: starlark.True, spec.Int: starlark.MakeInt(1), spec.Strings: starlark.NewList(nil)}[f.Type])
					if v, _, _ := condition.Get(starlark.String(f.Script())); v == nil {
						_ = condition.SetKey(starlark.String(f.Script()), starlark.String("x"))
					}
					if err := starlarkincus.CheckArgument(filter, condition); err != nil || !strings.Contains(hint, fmt.Sprintf("{%q: …}", f.Script())) {
						t.Errorf("%s: %s: %v", name, hint, err)
					}
				}
			}
		}
	}
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		for _, all := range [][]spec.Method{r.CollectionMethods(), r.ObjectMethods()} {
			for i := range all {
				each(r, &all[i], all)
			}
		}
		for _, child := range r.Children {
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
	if t.Log(conditions, ones, configs, images); conditions < 30 || ones < 5 || configs < 5 || images < 2 {
		t.Error("too few")
	}
}

// TestVerbsOfOthers asks every collection and object for the common verbs that it lacks. What is suggested exists, and changes
// something only if the verb does.
func TestVerbsOfOthers(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	asked, suggested := 0, 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		for _, owner := range []starlark.HasAttrs{w.object(client, p).(starlark.HasAttrs), w.collection(client, p).(starlark.HasAttrs)} {
			names := owner.AttrNames()
			for verb, changes := range map[string]bool{"list": false, "ls": false, "names": false, "read": false, "get": false, "show": false, "info": false, "describe": false,
				"rm": true, "remove": true, "set": true, "add": true} {
				if slices.Contains(names, verb) {
					continue
				}
				asked++
				_, err := owner.Attr(verb)
				if err == nil {
					continue // a field
				}
				found := suggestion.FindStringSubmatch(err.Error())
				if found == nil {
					continue
				}
				suggested++
				v, failed := owner.Attr(found[1])
				if m, ok := v.(*starlarkincus.Method); failed != nil || ok && m.Declaration().Effect != spec.Reads && !changes {
					t.Errorf("%s: %v", p.Kind, err)
				}
			}
		}
	}
	if t.Logf("%d verbs, %d suggestions", asked, suggested); asked < 300 || suggested < 100 {
		t.Error("too few")
	}
}
