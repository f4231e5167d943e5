package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

var publishStops = flag.Int("publish-stops", 4, "how many calls of publish TestRealStoppedPublish ends")

// TestRealStoppedPublish stops publish at a random moment. The instance runs afterwards, as it did before, and no snapshot
// of the call is left.
func TestRealStoppedPublish(t *testing.T) {
	needsIncus(t)
	r := random(t)
	incus(t, "launch", "testbox", "published")
	t.Cleanup(func() { incus(t, "delete", "-f", "published") })
	own := func() []string { return strings.Fields(incus(t, "image", "list", "-f", "csv", "-c", "f")) }
	before := own()
	const script = `
def publish():
    print("go")
    incus.instances.get("published").publish(WAY = True, compression_algorithm = "none", properties = {"moment": "MOMENT"})
LAST
`
	for i := range *publishStops {
		way := []string{"force", "snapshot"}[i%2]
		after := time.Duration(r.Float64() * float64(time.Second))
		by := r.IntN(5)
		last := "publish()"
		if by == 4 {
			last = fmt.Sprintf(`parallel(lambda f: f(), [publish, lambda: [sleep(%v), fail("boo")]])`, after.Seconds())
		}
		text := strings.NewReplacer("WAY", way, "MOMENT", fmt.Sprint(i), "LAST", last).Replace(script)
		args := []string{"--error-format", "json", "-c", text}
		if by == 3 {
			args = append([]string{"--timeout", fmt.Sprint(after + 100*time.Millisecond)}, args...)
		}
		command := start(t, args...)
		if line, _ := command.out.ReadString('\n'); line == "go\n" && by < 3 {
			time.Sleep(after)
			_ = command.Process.Signal([]os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}[by])
		}
		command.rest()
		stderr := command.stderr.String()
		where := fmt.Sprintf("stop %d (%s, way %d after %v)", i, way, by, after)
		allJSON(t, where, command.stderr.Bytes())
		var instance struct{ Status string }
		var snapshots []string
		if err := json.Unmarshal([]byte(incus(t, "query", "/1.0/instances/published")), &instance); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(incus(t, "query", "/1.0/instances/published/snapshots")), &snapshots); err != nil {
			t.Fatal(err)
		}
		named := strings.Contains(stderr, `"left_after_stop"`) // a slow machine
		if instance.Status != "Running" {
			if !named {
				t.Errorf("%s: the instance is %s:\n%s", where, instance.Status, stderr)
			}
			incus(t, "start", "published")
		}
		if len(snapshots) > 0 && !named {
			t.Errorf("%s: %v is left:\n%s", where, snapshots, stderr)
		}
		t.Logf("%s: %.300s", where, stderr)
	}
	for _, fingerprint := range own() {
		if !strings.Contains(strings.Join(before, " "), fingerprint) {
			incus(t, "image", "delete", fingerprint)
		}
	}
}
