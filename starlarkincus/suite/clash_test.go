package suite

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRealAdviceOnClashes checks that the advice about a name in use helps, on a real server.
func TestRealAdviceOnClashes(t *testing.T) {
	needsIncus(t)
	const launch = "def test_x():\n    incus.instances.launch(%q, image = env['INCUS_STAR_TESTBED_IMAGE'])\n"
	expect := func(what string, parallel, status int, note string, files map[string]string) {
		t.Helper()
		got, text := runUntil(t, t.Context(), Options{Paths: []string{write(t, files)}, Timeout: time.Minute, Parallel: parallel})
		if flat := strings.Join(strings.Fields(text), " "); got != status || !strings.Contains(flat, note) || note == "" && strings.Contains(flat, "note:") {
			t.Errorf("%s: ended with %d and no note %q:\n%s", what, got, note, text)
		}
	}
	// Two tests at the same time: the second launches while the first has its instance.
	dir := t.TempDir()
	holds := fmt.Sprintf(launch, "clash-1") + fmt.Sprintf("    write_file(%q, '')\n    wait_until(lambda: not try_(read_file, %q).error)\n", dir+"/up", dir+"/tried")
	meets := fmt.Sprintf("def test_y():\n    wait_until(lambda: not try_(read_file, %q).error)\n    finally_(launch, lambda: write_file(%q, ''))\n", dir+"/up", dir+"/tried") +
		strings.Replace(fmt.Sprintf(launch, "clash-1"), "test_x", "launch", 1)
	expect("at the same time", 2, 1, "a test that ran at the same time has clash-1 too: rename one of them, or run one file at a time with -p 1",
		map[string]string{"a_test.star": holds, "b_test.star": meets})
	expect("-p 1", 1, 0, "", map[string]string{"a_test.star": fmt.Sprintf(launch, "clash-1"), "b_test.star": fmt.Sprintf(launch, "clash-1")})
	expect("other names", 2, 0, "", map[string]string{"a_test.star": fmt.Sprintf(launch, "clash-1"), "b_test.star": fmt.Sprintf(launch, "clash-2")})

	// An instance of another run: -p 1 would not help, and isn't advised.
	eval(t, `incus.instances.launch("clash-3", image = env["INCUS_STAR_TESTBED_IMAGE"])`)
	defer eval(t, `incus.instances.delete("clash-3", force = True)`)
	for _, parallel := range []int{1, 4} {
		expect("not of this run", parallel, 1, "clash-3 is also in the project default, which is not of this run: rename the test's instance",
			map[string]string{"a_test.star": fmt.Sprintf(launch, "clash-3")})
	}
}
