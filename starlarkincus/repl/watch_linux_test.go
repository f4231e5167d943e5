package repl

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWatchAll watches functions with all kinds of values, some of which make the prompt send requests.
func TestWatchAll(t *testing.T) {
	l := serveInstances(t)
	s := onScreen(t, l, 120, 30)
	for code, shows := range map[string]string{
		"incus.instances.list":                                               "10.0.0.2",
		"lambda: incus.instances.list()[0]":                                  "10.0.0.0",
		"lambda: tuple(incus.instances.list())":                              "10.0.0.2",
		"lambda: {'of': incus.instances.list()}":                             "of",
		"lambda: [i.status for i in incus.instances.list()]":                 "Stopped",
		"lambda: [r for r in parallel(lambda i: i, incus.instances.list())]": "web2",
		"lambda: try_(incus.instances.get, 'web9')":                          "a Result",
		"lambda: struct(a=1, b=2)":                                           "struct",
		"lambda: 'one\\ntwo'":                                                "two",
		"lambda: incus.instances":                                            "instances",
		"lambda: incus":                                                      "incus",
		"lambda: None":                                                       "None",
		"lambda: 12.5":                                                       "12.5",
	} {
		entry := "watch(" + code + ", 60)"
		s.Type(entry + "\r")
		s.WaitFor("the value of "+entry, func(rows []string) bool {
			var shown []string
			for i, row := range rows {
				if strings.HasSuffix(row, entry) {
					shown = rows[i+1:]
				}
			}
			at := slices.IndexFunc(shown, regexp.MustCompile(`^\d\d:\d\d:\d\d$`).MatchString)
			return at >= 0 && strings.Contains(strings.Join(shown[at+1:], "\n"), shows)
		})
		s.Type("\x03")
		ends(s, "\n>>>")
	}
	run(s, "'st' + 'ill'", "still\"")
}
