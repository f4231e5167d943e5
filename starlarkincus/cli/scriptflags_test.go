package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongFlagsOfScripts gives each flag of a shipped script a value that no server makes right, and each file that a script reads
// a wrong path or content. A sentence says so, before a server is asked.
func TestWrongFlagsOfScripts(t *testing.T) {
	scripts, err := filepath.Abs("../../scripts")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("INCUS_SOCKET", dir+"/none")
	t.Setenv("INCUS_CONF", dir)
	for name, text := range map[string]string{"p.yaml": "name: p\n", "list.yaml": "[1]\n", "nameless.yaml": "config: {}\n", "broken.yaml": "a: [\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"backup.star --to b --keep 0", "backup.star --to b --parallel 0", "backup.star --to b --keep x", "backup.star --parallel 1",
		"clean.star --kind nothing", "clean.star --days -1", "clean.star --days x",
		"configure.star --file none --path /x --restart true a", "configure.star --file p.yaml --path x --restart true a", "configure.star --file p.yaml --path /x --restart true", "configure.star --seconds x", "configure.star --file p.yaml --path /x --restart true --seconds 0 a", "configure.star --file p.yaml --path /x --restart true --mode 9 a",
		"follow.star --path x a", "follow.star --path /x", "follow.star --path /x --lines x a", "follow.star --path /x --wait x a", "follow.star --path /x --match ( a", "follow.star --path /x --until [ a",
		"inventory.star --format xml", "inventory.star web",
		"logs.star --to b --parallel 0", "logs.star --parallel 1",
		"move.star --to b", "move.star --to b --mode pul a", "move.star --to b --seconds x a", "move.star a",
		"recover.star --parallel 1", "recover.star --from b --parallel x", "recover.star --from b --parallel 0",
		"revive.star --times 0", "revive.star --within 0", "revive.star --for -1", "revive.star --for x",
		"rolling.star", "rolling.star --batch 0 a", "rolling.star --tries 0 a", "rolling.star --seconds 0 a", "rolling.star --not-since x a",
		"rollout.star", "rollout.star --waves one p.yaml", "rollout.star --waves 1,150% p.yaml", "rollout.star --waves rest,1 p.yaml", "rollout.star --waves 0 p.yaml",
		"rollout.star --tries 0 p.yaml", "rollout.star --seconds 0 p.yaml", "rollout.star --pause -1 p.yaml", "rollout.star none.yaml", "rollout.star list.yaml", "rollout.star nameless.yaml", "rollout.star broken.yaml",
	} {
		args := strings.Fields(line)
		r := runHere(t, "", nil, append([]string{filepath.Join(scripts, args[0])}, args[1:]...)...)
		if r.status != 2 || r.stdout != "" || r.stderr == "" || strings.Contains(r.stderr, "Traceback") {
			t.Errorf("%s: status %d, output %q, error %q", line, r.status, r.stdout, r.stderr)
		}
	}
}
