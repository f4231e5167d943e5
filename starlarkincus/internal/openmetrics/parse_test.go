package openmetrics

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := Parse(`# HELP incus_cpu_seconds_total The total number of CPU time used, in \\seconds\n.
# TYPE incus_cpu_seconds_total counter
incus_cpu_seconds_total{cpu="0",mode="system",name="a\"b\\c\nd",project="default"} 0.5
incus_cpu_seconds_total{cpu = "1" , mode="x",} 2 1520879607.789
  # a comment
# TYPE http_requests counter
http_requests_total 1.2e+10 # {trace="x"} 0.5

# UNIT http_requests requests
plain   -1
` + "carriage\t7\r\n" + `braces{a="{}}, =",b=""}+Inf
{quoted="no"} 1`)
	if err == nil || !strings.HasPrefix(err.Error(), "line 13: no value follows the name") {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = Parse(`# HELP incus_cpu_seconds_total The total number of CPU time used, in \\seconds\n.
# TYPE incus_cpu_seconds_total counter
incus_cpu_seconds_total{cpu="0",mode="system",name="a\"b\\c\nd",project="default"} 0.5
incus_cpu_seconds_total{cpu = "1" , mode="x",} 2 1520879607.789
  # a comment
# TYPE http_requests counter
http_requests_total 1.2e+10 # {trace="x"} 0.5

# UNIT http_requests requests
plain   -1
` + "carriage\t7\r\n" + `braces{a="{}}, =",b=""}+Inf
quotes{a="/a" b"" ,b="\","}1
# EOF
`)
	help := "The total number of CPU time used, in \\seconds\n."
	want := []Sample{
		{"incus_cpu_seconds_total", []Label{{"cpu", "0"}, {"mode", "system"}, {"name", "a\"b\\c\nd"}, {"project", "default"}}, 0.5, "counter", help},
		{"incus_cpu_seconds_total", []Label{{"cpu", "1"}, {"mode", "x"}}, 2, "counter", help},
		{"http_requests_total", nil, 1.2e10, "counter", ""},
		{"plain", nil, -1, "", ""},
		{"carriage", nil, 7, "", ""},
		{"braces", []Label{{"a", "{}}, ="}, {"b", ""}}, math.Inf(1), "", ""},
		{"quotes", []Label{{"a", `/a" b"`}, {"b", `",`}}, 1, "", ""},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if got, err := Parse("nan NaN\nbig 1e999\n"); err != nil || !math.IsNaN(got[0].Value) || !math.IsInf(got[1].Value, 1) {
		t.Error(got, err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a":              `line 1: no value follows the name in "a"`,
		"a ":             `line 1: a has no value`,
		"\n\na x":        `line 3: a: "x" is no number`,
		`a{b="c" 1`:      `line 1: the value of the label "b" doesn't end`,
		`a{b="c`:         `line 1: the value of the label "b" doesn't end`,
		`a{b="c\"`:       `line 1: the value of the label "b" doesn't end`,
		`a{b} 1`:         `line 1: a label has no value in "b} 1"`,
		`a{b=c} 1`:       `line 1: a label has no value in "b=c} 1"`,
		`a{b.c="d"} 1`:   `line 1: "b.c" isn't the name of a label`,
		`a{="d"} 1`:      `line 1: "" isn't the name of a label`,
		`a{`:             `line 1: a label has no value in ""`,
		`{"a",b="c"} 1`:  `line 1: no value follows the name in "{\"a\",b=\"c\"} 1"`,
		"<html></html>":  `line 1: no value follows the name in "<html></html>"`,
		"<html> </html>": `line 1: <html>: "</html>" is no number`,
	} {
		if got, err := Parse(text); fmt.Sprint(err) != want || got != nil {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# TYPE a counter\na{b=\"c\\n\"} 1 2 # {} 3\n# EOF\n")
	f.Fuzz(func(t *testing.T, text string) {
		samples, err := Parse(text)
		if err == nil && len(samples) > strings.Count(text, "\n")+1 {
			t.Errorf("%d samples", len(samples))
		}
	})
}
