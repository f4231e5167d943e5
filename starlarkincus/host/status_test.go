package host

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"incus-star/errors"
)

// The README lists the exit statuses with the classes that they are of: what it says of a class, or else of the nearest
// one above it, is what ExitStatus returns.
func TestReadmeListsTheStatuses(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(readme), "The exit status is ")
	list, _, _ = strings.Cut(list, "what `exit(n)`")
	if !found {
		t.Fatal("the README has no list of exit statuses")
	}
	status := make(map[string]int)
	for _, part := range strings.Split(list, ";") {
		n, err := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(part))
		if err != nil {
			continue
		}
		for _, class := range regexp.MustCompile(`\((\w*Error)\)`).FindAllStringSubmatch(part, -1) {
			status[class[1]] = n
		}
	}
	for _, s := range statusOf {
		if status[s.class.Name()] == 0 {
			t.Errorf("the README doesn't say the status of %s, %d", s.class.Name(), s.status)
		}
	}
	for _, class := range errors.Classes() {
		above := class
		for status[above.Name()] == 0 && above.Base() != nil {
			above = above.Base()
		}
		if got := ExitStatus(errors.New(class, "x")); got != status[above.Name()] {
			t.Errorf("%s: the status is %d, the README says %d", class.Name(), got, status[above.Name()])
		}
	}
}
