package host

import (
	"fmt"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// TestItemsOfParallel calls parallel with items of every kind, half of which fail. Each Result has its item, and so has each
// row of the table at the prompt, whose errors name their objects.
func TestItemsOfParallel(t *testing.T) {
	shown := map[string]string{"'web1'": "web1", "2": "2", "2.5": "2.5", "True": "True", "b'x'": "x", "None": "", "('a', 1)": "a, 1", "['a', 'b']": "a, b",
		"{'name': 'db'}": "name", "struct(name = 'cache')": "cache", "len": "len", "'a\\nb'": "a", "'w' * 300": "wwwwwwww"}
	h := New(Options{Predeclared: starlark.StringDict{"work": starlark.NewBuiltin("work", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if args[0].Type() == "string" || args[0].Type() == "struct" {
			e := errors.New(errors.NotFound, "Instance not found")
			e.Object, e.Status = &errors.Object{Kind: "instance", Name: "web2"}, 404
			return nil, e
		}
		return starlark.String("fine"), nil
	})}})
	for item, text := range shown {
		v, err := h.NewSession().Eval(t.Context(), fmt.Sprintf("r = parallel(work, [%s])\nr[0].item == %[1]s or fail(r[0].item)\nr\n", item))
		if err != nil {
			t.Errorf("%s: %v", item, err)
			continue
		}
		lines := strings.Split(show.Text(v, show.Style{Width: 120, Height: 24}), "\n")
		if heads := strings.Fields(lines[0]); strings.Join(heads, " ") != "ITEM RESULT VALUE" && text != "" || len(lines) != 2 {
			t.Errorf("%s:\n%s", item, strings.Join(lines, "\n"))
			continue
		}
		if !strings.Contains(lines[1], text) {
			t.Errorf("%s: %s, want %q", item, lines[1], text)
		}
		if strings.Contains(lines[1], "IncusNotFoundError") && !strings.HasSuffix(lines[1], `Instance not found (instance "web2")`) {
			t.Errorf("%s: %s", item, lines[1])
		}
	}
}
