package spec_test

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCoverage lists the official operations that were called on real servers. The tests of package starlarkincus add
// each request to the file INCUS_STAR_COVERAGE, as "7.0 GET /1.0/instances/c1 200".
func TestCoverage(t *testing.T) {
	file := os.Getenv("INCUS_STAR_COVERAGE")
	if file == "" {
		t.Skip("INCUS_STAR_COVERAGE names no file")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	docs := official(t)
	called, succeeded := make(map[string]map[string]bool), make(map[string]map[string]bool)
	for _, line := range lines {
		called[line], succeeded[line] = make(map[string]bool), make(map[string]bool)
	}
	for text := range strings.Lines(string(data)) {
		words := strings.Fields(text)
		if len(words) != 4 || docs[words[0]] == nil {
			t.Fatalf("%s: can't read %q", file, text)
		}
		pair := docs[words[0]].match(words[1], words[2])
		status, err := strconv.Atoi(words[3])
		if pair == "" || err != nil {
			continue // an invented path of a test
		}
		called[words[0]][pair] = true
		if status >= 200 && status < 300 {
			succeeded[words[0]][pair] = true
		}
	}
	for _, line := range lines {
		t.Logf("%s: %d of %d operations called, %d succeeded", line, len(called[line]), len(docs[line].operations), len(succeeded[line]))
		for _, pair := range slices.Sorted(maps.Keys(docs[line].operations)) {
			switch {
			case succeeded[line][pair]:
			case called[line][pair]:
				t.Logf("%s: never succeeded: %s", line, pair)
			case leftOut[pair] != "" || leftOut[pair+" (only "+line+")"] != "":
				t.Logf("%s: left out: %s: %s", line, pair, leftOut[pair]+leftOut[pair+" (only "+line+")"])
			default:
				t.Logf("%s: never called: %s", line, pair)
			}
		}
	}
}

// match returns the operation of a request; empty if there is none. Of several it returns the one with the fewest
// parameters, because /1.0/images/aliases is no image.
func (d *document) match(method, path string) string {
	got := strings.Split(path, "/")
	best, fewest := "", 0
	for pair := range d.operations {
		of, template, _ := strings.Cut(pair, " ")
		want := strings.Split(template, "/")
		if of != method || len(want) != len(got) {
			continue
		}
		parameters := 0
		for i := range want {
			if want[i] == "{}" && got[i] != "" {
				parameters++
			} else if want[i] != got[i] {
				parameters = -1
				break
			}
		}
		if parameters >= 0 && (best == "" || parameters < fewest) {
			best, fewest = pair, parameters
		}
	}
	return best
}
