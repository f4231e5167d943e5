package starlarkincus_test

import (
	"fmt"
	"os"
)

// childCall is the environment variable with the call that a child process of a test makes.
const childCall = "INCUS_STAR_TEST_CALL"

// announceSkips prints a line about skipped tests. The go command hides the output of passing packages, so the line
// goes to its own standard error if possible.
func announceSkips() {
	if os.Getenv("INCUS_STAR_TESTBED") != "" || os.Getenv(childCall) != "" {
		return
	}
	const line = "the tests that need a real Incus are skipped: scripts/test.sh runs them all"
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/2", os.Getppid()), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, line)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}
