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
		{"nope", []string{"copy", "type", "note", "name"}, "note"},
		{"nope", []string{"copy", "type", "name"}, ""},
		{"lsit", []string{"list", "last"}, "list"},
		{"limits", []string{"profiles"}, ""},
		{"", []string{"a"}, ""},
		{"acls", []string{"network_acls", "network_zones"}, "network_acls"},
		{"addresses", []string{"last_addresses", "address"}, "last_addresses"},
		{"addresses", []string{"last_addresses", "name"}, "last_addresses"},
		{"network", []string{"network_acls", "network_zones"}, ""},
		{"zones", []string{"network_zones", "zone"}, "zone"},
		{"cpu", []string{"limits.cpu", "name"}, "limits.cpu"},
		{"a", []string{"a_b"}, ""},
	} {
		if got := Nearest(test.name, test.among); got != test.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", test.name, test.among, got, test.want)
		}
	}
}
