package report

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDocsListFields checks that the documentation names every field of a report in JSON.
func TestDocsListFields(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[reportedError]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/errors.md: the fields of a report in JSON lack `%s`", name)
		}
	}
}
