package errors

import "testing"

func TestNearest(t *testing.T) {
	for _, test := range []struct {
		name  string
		among []string
		want  string
	}{
		{"pord", []string{"prod", "local"}, "prod"},
		{"confg", []string{"config", "devices"}, "config"},
		{"Description", []string{"description"}, "description"},
		{"x", []string{"a", "b"}, ""},
		{"limits", []string{"profiles"}, ""},
		{"", []string{"a"}, ""},
	} {
		if got := Nearest(test.name, test.among); got != test.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", test.name, test.among, got, test.want)
		}
	}
}
