package host

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// Each parameter of the host's functions that is a time takes seconds and durations, and has a hint for a string.
func TestDurations(t *testing.T) {
	calls := map[string]string{ // a call, where X is the time
		"sleep seconds":       "sleep(X)",
		"retry delay":         "retry(fail_once(), on=Error, delay=X)",
		"wait_until timeout":  "wait_until(lambda: True, timeout=X)",
		"wait_until interval": "wait_until(lambda: True, interval=X)",
		"run timeout":         `try_(run, ["true"], timeout=X)`,
		"run_stream timeout":  `try_(lambda: list(run_stream(["true"], timeout=X)))`,
	}
	calls["fleet timeout"] = `fleet("a", timeout=X)`
	calls["Fleet.rollout pause"] = `fleet(["a", "b"]).rollout(lambda c: 1, waves=[1, 1], pause=X)`
	const once = `
def fail_once():
    calls = []
    def fn():
        calls.append(1)
        if len(calls) == 1:
            raise_(Error, "once")
    return fn
`
	isTime := regexp.MustCompile(`\b(seconds|timeout|interval|delay|ttl|pause|duration)\b(?:[,=]|$)`)
	for name, d := range declared() {
		if strings.HasPrefix(name, "time.") {
			continue
		}
		for _, param := range isTime.FindAllStringSubmatch(d.Signature(), -1) {
			call := calls[name+" "+param[1]]
			if call == "" {
				t.Errorf("%s: its parameter %s needs a call in this test", name, param[1])
				continue
			}
			if param[1] == "timeout" || param[1] == "interval" { // the others are waits, which last
				for _, long := range []string{"9223372026", "9300000000", "1 << 62", "1e11", "1e300", `time.parse_duration("2562047h47m16s")`} {
					if out, _ := given(t, once+strings.Replace(call, "X", long, 1)); out != "" {
						t.Errorf("%s with %s: got %q", name, long, out)
					}
				}
			}
			for x, want := range map[string]string{
				`0.001`:                      "",
				`time.parse_duration("1ms")`: "",
				`time.millisecond`:           "",
				`"2s"`:                       `the string "2s", want a number of seconds or a duration: write 2 or time.parse_duration("2s")`,
				`"3"`:                        `want a number of seconds or a duration: write 3`,
				`-1`:                         "finite and not negative",
				`time.parse_duration("-1s")`: "not negative",
				`float("inf")`:               "finite and not negative",
				`time.now()`:                 "want a number of seconds or a duration",
			} {
				begin := time.Now()
				out, _ := given(t, once+strings.Replace(call, "X", x, 1))
				if want == "" && out != "" || !strings.Contains(out, want) {
					t.Errorf("%s with %s: got %q, want %q", name, x, out, want)
				}
				if took := time.Since(begin); want != "" && strings.Contains(x, "inf") && took > 5*time.Second {
					t.Errorf("%s with %s took %v", name, x, took)
				}
			}
		}
	}
}
