package table

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/internal/printable"

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
		10: "NAME      TEXT       N\n" +
			"web       0123456…   1\n" +
			"日本語…   short     22\n",
	} {
		got := g.text(width)
		if got != want {
			t.Errorf("width %d:\n%s\nwant\n%s", width, got, want)
		}
		for line := range strings.Lines(got) {
			if w := printable.Width(strings.TrimSuffix(line, "\n")); width >= 50 && w > width {
				t.Errorf("width %d: a line of %d", width, w)
			}
		}
	}
}

func TestNarrow(t *testing.T) {
	for total := range 200 {
		for _, widths := range [][]int{nil, {1}, {300}, {10, 300, 20}, {100, 100, 100}, {9, 9, 9, 9, 9, 9}, {0, 0, 80}} {
			got := append([]int(nil), widths...)
			narrow(got, total)
			sum := tableGap * (len(got) - 1)
			for i, w := range got {
				if sum += w; w > widths[i] || w < min(widths[i], minColumn) {
					t.Errorf("%v to %d: got %v", widths, total, got)
				}
			}
			if sum > total {
				for _, w := range got {
					if w > minColumn {
						t.Errorf("%v to %d: got %v", widths, total, got)
					}
				}
			}
		}
	}
}
