package table

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// TestTableWidth checks that the widest columns are cut on a narrow terminal, and that wide letters count as two.
func TestTableWidth(t *testing.T) {
	long := strings.Repeat("0123456789", 5)
	g := &grid{columns: []string{"name", "text", "n"}}
	g.rows = append(g.rows, [][]starlark.Value{
		{starlark.String("web"), starlark.String(long), starlark.MakeInt(1)},
		{starlark.String("日本語日本語日本語日本語"), starlark.String("short"), starlark.MakeInt(22)},
	}...)
	for width, want := range map[int]string{
		0: "NAME                      TEXT                                                 N\n" +
			"web                       " + long + "   1\n" +
			"日本語日本語日本語日本語  short                                               22\n",
		50: "NAME                    TEXT                     N\n" +
			"web                     012345678901234567890…   1\n" +
			"日本語日本語日本語日…   short                   22\n",
		18: "NAME    TEXT     N\n" +
			"web     01234…   1\n" +
			"日本…   short   22\n",
		10: "NAME\nweb\n日本語日…\n… 2 more …\n",
	} {
		got := g.text(show.Style{Width: width})
		if got != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, got, want)
		}
		for line := range strings.Lines(got) {
			if w := printable.Width(strings.TrimSuffix(line, "\n")); width > 0 && w > width {
				t.Errorf("width %d: a line of %d", width, w)
			}
		}
	}
}
