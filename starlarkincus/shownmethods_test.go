package starlarkincus_test

import (
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/show"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestShownMembers shows every method and collection of clients, collections and objects, as the prompt does for a name
// without parentheses.
func TestShownMembers(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	owners := []starlark.HasAttrs{client}
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		owners = append(owners, w.object(client, p).(starlark.HasAttrs), w.collection(client, p).(starlark.HasAttrs))
	}
	style := show.Style{Width: 80, Height: 24}
	methods, collections := 0, 0
	for _, owner := range owners {
		for _, name := range owner.AttrNames() {
			v, err := owner.Attr(name)
			if err != nil {
				continue
			}
			text := show.Text(v, style)
			switch v := v.(type) {
			case *starlarkincus.Method:
				methods++
				if !strings.HasPrefix(text, v.Name()+": ") || !strings.Contains(text, "() calls it") {
					t.Errorf("%v is shown as\n%s", v, text)
				}
			case *starlarkincus.Collection:
				collections++
				if !strings.HasPrefix(text, v.Resource().Reach()+": ") {
					t.Errorf("%v is shown as\n%s", v, text)
				}
			}
		}
	}
	all := show.Text(client, style)
	for i := range spec.ClientMethods {
		if strings.Contains(all, " ."+spec.ClientMethods[i].Name+" ") {
			t.Errorf("a method is among the collections:\n%s", all)
		}
	}
	if methods < 200 || collections < 40 {
		t.Errorf("only %d methods and %d collections", methods, collections)
	}
}
