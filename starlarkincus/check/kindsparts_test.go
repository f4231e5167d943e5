package check

import (
	"strings"
	"testing"
)

// TestKindsOfParts checks that an element, a part and a product of values of all kinds has the type that check gives it: a wrong
// attribute of it has the message that a run gives.
func TestKindsOfParts(t *testing.T) {
	client := fakeClient(t)
	var lines []string
	for _, kind := range kinds {
		if !comparable(kind+".") || strings.HasPrefix(kind, "incus") || strings.HasPrefix(kind, "fleet") {
			continue
		}
		for _, form := range []string{"[0]", "[-1]", `["a"]`, "[0:1]", "[::-1]", " * 2", " + " + kind, ".elems()"} {
			lines = append(lines, "(("+kind+")"+form+").nosuch")
		}
		lines = append(lines, "[x for x in "+kind+"][0].nosuch", "[x.nosuch for x in "+kind+"]", "list("+kind+")[0].nosuch", "sorted("+kind+")[0].nosuch", "max("+kind+").nosuch",
			"reversed("+kind+").nosuch", "enumerate("+kind+")[0][1].nosuch", "zip("+kind+")[0][0].nosuch", "(-"+kind+").nosuch")
	}
	all := checked(t, lines)
	found := 0
	for n, line := range lines {
		switch message := ran(t, client, line); {
		case len(all[n]) == 0:
		case message == "":
			t.Errorf("%s runs, but check says %v", line, all[n])
		case strings.Contains(message, ".nosuch"): // otherwise it fails before, as with a key that isn't there
			found++
			agree(t, client, line, all[n])
		}
	}
	t.Logf("%d of %d lines have findings", found, len(lines))
}
