package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Thousands of undefined names cost no more than a few: the first get hints, and the list has an end.
func TestManyUndefinedNames(t *testing.T) {
	var text strings.Builder
	text.WriteString("container = 1\n")
	for i := range 50_000 {
		fmt.Fprintf(&text, "print(contaner%d)\n", i)
	}
	start := time.Now()
	for _, inJSON := range []bool{false, true} {
		h := New(Options{JSON: inJSON})
		err := h.RunSource(context.Background(), "x", []byte(text.String()))
		var report bytes.Buffer
		h.Report(&report, err)
		want := "… and 49,993 more\n"
		if inJSON {
			want = "and 49,900 more errors"
			if !json.Valid(report.Bytes()) {
				t.Error("the report is no JSON")
			}
		}
		if text := report.String(); !strings.Contains(text, want) || !strings.Contains(text, "contaner0 (did you mean container?)") || len(text) > 50_000 {
			t.Errorf("the report has %d bytes: %.2000s", len(text), text)
		}
	}
	t.Logf("took %v", time.Since(start))
}
