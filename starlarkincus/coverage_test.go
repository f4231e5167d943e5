package starlarkincus_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"incus-star/starlarkincus/rest"
)

// calls is the set of requests to real servers, with their statuses.
var calls struct {
	sync.Mutex
	seen map[string]bool
}

// count is the Options.Trace of the tests' clients, and records requests.
func count(t rest.Trace) {
	calls.Lock()
	defer calls.Unlock()
	if calls.seen == nil {
		calls.seen = make(map[string]bool)
	}
	calls.seen[fmt.Sprintf("%s %s %s %d", os.Getenv("INCUS_STAR_TESTBED"), t.Method, t.Path, t.Status)] = true
}

// reportCalls appends the requests to the file INCUS_STAR_COVERAGE, which TestCoverage of package spec compares with
// the API.
func reportCalls() error {
	file := os.Getenv("INCUS_STAR_COVERAGE")
	if file == "" || len(calls.seen) == 0 {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(slices.Sorted(maps.Keys(calls.seen)), "\n") + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
