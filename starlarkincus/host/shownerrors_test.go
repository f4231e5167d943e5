package host

import (
	"bytes"
	"strings"
	"testing"

	"incus-star/errors"
)

// A table of errors has columns that fit, and the report of a command's failure no line about the change.
func TestErrorsAreShownShortly(t *testing.T) {
	var out bytes.Buffer
	h := New(Options{Stdout: &out})
	if err := h.RunSource(t.Context(), "script", []byte(`table([IncusBusyError("busy", status = 423, object = {"kind": "instance", "name": "a"})])`)); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(strings.ToLower(out.String()), "\n"); strings.Join(strings.Fields(first), " ") != "class status message object" {
		t.Errorf("got the columns %q", first)
	}
	for class, said := range map[*errors.Class]bool{errors.Exec: false, errors.Connection: true} {
		var report bytes.Buffer
		h.Report(&report, &errors.Error{Class: class, Message: "x", Outcome: errors.Done})
		if strings.Contains(report.String(), "change: done") != said {
			t.Errorf("%s: got %q", class.Name(), report.String())
		}
	}
}
