package show

import (
	"slices"
	"testing"
)

func TestFit(t *testing.T) {
	for total := 1; total < 200; total++ {
		for _, widths := range [][]int{nil, {1}, {300}, {10, 300, 20}, {100, 100, 100}, {9, 9, 9, 9, 9, 9}, {0, 0, 80}} {
			before := slices.Clone(widths)
			content := make([]int, len(widths))
			for i, w := range widths {
				content[i] = w / 2
			}
			got := fit(widths, content, total)
			sum := columnGap * (len(got) - 1)
			for i, w := range got {
				if sum += w; w > widths[i] || w < min(widths[i], minNarrow) && len(got) > 1 {
					t.Errorf("%v to %d: got %v", widths, total, got)
				}
			}
			if sum > total || len(got) == 0 && len(widths) > 0 || !slices.Equal(widths, before) {
				t.Errorf("%v to %d: got %v", before, total, got)
			}
		}
	}
}
