package show

import (
	"fmt"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// An object with a long configuration fits on each terminal that has rows for its other fields, and 2 of those.
func TestObjectFits(t *testing.T) {
	config := starlark.NewDict(40)
	for i := range 40 {
		_ = config.SetKey(starlark.String(fmt.Sprint("user.", i)), starlark.String("x"))
	}
	o := fake{starlark.NewDict(8), spec.Instances}
	for _, field := range []string{"name", "status", "location", "project", "architecture", "description"} {
		_ = o.SetKey(starlark.String(field), starlark.String("x"))
	}
	_ = o.SetKey(starlark.String("config"), config)
	least := strings.Count(Text(o, Style{Width: 80, Height: 1}), "\n") + 1
	for height := least + 1; height < 60; height++ {
		text := Text(o, Style{Width: 80, Height: height})
		if lines := strings.Count(text, "\n") + 1; lines > height-1 || !strings.Contains(text, "more") {
			t.Errorf("%d lines on a terminal of %d:\n%s", lines, height, text)
		}
	}
}
