package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	execs    = flag.Int("execs", 50, "how many commands TestRealExecs runs one after the other")
	together = flag.Int("execs-together", 20, "how many it runs at once")
	through  = flag.Int("exec-mib", 100, "how many MiB TestRealExecStreams sends through a command")
)

// launched launches an instance for a test, and returns its name.
func launched(t *testing.T) string {
	t.Helper()
	needsIncus(t)
	name := fmt.Sprintf("exec-%x", time.Now().UnixNano()&0xffffffff)
	incus(t, "launch", os.Getenv("INCUS_STAR_TESTBED_IMAGE"), name)
	t.Cleanup(func() { incus(t, "delete", "-f", name) })
	return name
}

// ways are the ways in which a command is ended that doesn't end by itself. COMMAND stands for the command.
var ways = map[string]struct {
	script  string
	signal  os.Signal // nil for none
	timeout bool      // --timeout
	status  int
	named   bool // the report names the command
}{
	"Ctrl-C":             {script: "inst.exec(COMMAND)", signal: os.Interrupt, status: 130, named: true},
	"SIGTERM":            {script: "inst.exec(COMMAND)", signal: syscall.SIGTERM, status: 143, named: true},
	"killed":             {script: "inst.exec(COMMAND)", signal: syscall.SIGKILL, status: -1},
	"--timeout":          {script: "inst.exec(COMMAND)", timeout: true, status: 124, named: true},
	"timeout=":           {script: "try_(inst.exec, COMMAND, timeout = 0.3)"},
	"uncaught timeout=":  {script: "inst.exec(COMMAND, timeout = 0.3)", status: 5},
	"a sibling":          {script: "parallel(lambda i: inst.exec(COMMAND) if i else [sleep(0.5), fail()], range(2))", status: 1, named: true},
	"its reader":         {script: `inst.exec(["sh", "-c", "echo x; " + " ".join(COMMAND)], stream = lambda line: fail("x"))`, status: 1},
	"its input":          {script: "inst.exec(COMMAND, stdin = lambda: [sleep(0.3), fail()])", status: 1},
	"its input, stopped": {script: "inst.exec(COMMAND, stdin = lambda: sleep(100))", signal: os.Interrupt, status: 130, named: true},
	"lines":              {script: "[x for x in inst.exec(COMMAND, wait = False).lines()]", signal: os.Interrupt, status: 130, named: true},
	"the script's end":   {script: "inst.exec(COMMAND, wait = False)"},
	"exit":               {script: "[inst.exec(COMMAND, wait = False), exit(3)]", status: 3, named: true},
	"an error":           {script: "[inst.exec(COMMAND, wait = False), fail()]", status: 1},
	"a terminal":         {script: "inst.exec(COMMAND, tty = True)", signal: os.Interrupt, status: 130, named: true},
	"clean-up":           {script: "finally_(lambda: inst.exec(COMMAND), lambda: check(inst))", signal: os.Interrupt, status: 130, named: true},
}

// However a script ends, and whatever ends it, its command is gone in the instance when it has ended.
func TestRealExecEnds(t *testing.T) {
	name := launched(t)
	for way, c := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			mark := fmt.Sprint(1e6 + time.Now().UnixNano()%1e6)
			script := "inst = incus.instances.get(args[0])\n" +
				`def check(inst): print("left" if "` + mark + `" in inst.exec(["ps"]).stdout else "gone")` + "\n" +
				"print('ready')\n" + strings.ReplaceAll(c.script, "COMMAND", `["sleep", "`+mark+`"]`) + "\n"
			args := []string{"-c", script, name}
			if c.timeout {
				args = append([]string{"--timeout", "1s"}, args...)
			}
			command := start(t, args...)
			command.line(t, "ready")
			if c.signal != nil {
				for deadline := time.Now().Add(10 * time.Second); !strings.Contains(processes(t, name), mark) && time.Now().Before(deadline); {
					time.Sleep(20 * time.Millisecond)
				}
				command.Process.Signal(c.signal)
			}
			printed, status := command.rest()
			if c.signal == syscall.SIGKILL { // the server finds that the connection is gone
				for deadline := time.Now().Add(30 * time.Second); strings.Contains(processes(t, name), mark) && time.Now().Before(deadline); {
					time.Sleep(100 * time.Millisecond)
				}
			}
			if left := processes(t, name); strings.Contains(left, mark) || strings.Contains(printed, "left") {
				t.Errorf("the command is still there:\n%s\n%s", left, command.stderr.Bytes())
			}
			if status != c.status {
				t.Errorf("ended with status %d, want %d\n%s", status, c.status, command.stderr.Bytes())
			}
			said := strings.Contains(command.stderr.String(), `ended after the stop: the command sleep in instance "`+name+`" was ended by SIGTERM`)
			if said != c.named {
				t.Errorf("the report names what was ended: %v, want %v\n%s", said, c.named, command.stderr.Bytes())
			}
		})
	}
}

// processes returns those of an instance.
func processes(t *testing.T, name string) string {
	out, err := exec.Command("incus", "exec", name, "--", "ps").Output()
	if err != nil {
		t.Errorf("incus exec: %v", err)
	}
	return string(out)
}

// Many commands, one after the other and at once, each with its own output and status.
func TestRealExecs(t *testing.T) {
	name := launched(t)
	command := start(t, "-c", `
inst = incus.instances.get(args[0])
def one(i):
    r = inst.exec(["sh", "-c", "read x; echo out $x; echo err %d >&2; exit %d" % (i, i % 100)], stdin = "in %d\n" % i, check = False)
    if (r.exit_code, r.stdout, r.stderr) != (i % 100, "out in %d\n" % i, "err %d\n" % i): fail(i, r)
for i in range(int(args[1])): one(i)
for r in parallel(one, range(int(args[2])), limit = int(args[2])): r.value
print("done")
`, name, fmt.Sprint(*execs), fmt.Sprint(*together))
	if out, status := command.rest(); out != "done\n" || status != 0 {
		t.Errorf("ended with %d: %s\n%s", status, out, command.stderr.Bytes())
	}
}

// maxStreaming is the most memory that a script may take whose command's data doesn't fit into it, in KiB.
const maxStreaming = 60 << 10

// What goes through a command comes back identical, in little memory.
func TestRealExecStreams(t *testing.T) {
	usePlain(t) // the race detector takes memory
	name := launched(t)
	for kind, call := range map[string]string{
		"functions": `inst.exec(["cat"], stdin = give, stream = take)`,
		"a file":    `inst.exec(["cat"], stdin_file = args[2], stream = take)`,
		"a handle": `
h = inst.exec(["cat"], wait = False)
parallel(lambda f: f(), [lambda: pump(h), lambda: [take(x) for x in h.lines()]], limit = 2)
h.wait()`,
	} {
		t.Run(kind, func(t *testing.T) {
			file := t.TempDir() + "/data"
			var data strings.Builder
			lines := *through << 20 / 1024
			for i := range lines {
				fmt.Fprintf(&data, "%01023d\n", i)
			}
			if err := os.WriteFile(file, []byte(data.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			command := start(t, "-c", `
inst = incus.instances.get(args[0])
lines = int(args[1])
sent, got = [0], [0]
def text(i): return "0" * (1023 - len(str(i))) + str(i)
def give():
    if sent[0] >= lines: return None
    sent[0] += 64
    return "\n".join([text(i) for i in range(sent[0] - 64, sent[0])]) + "\n"
def take(line):
    if line != text(got[0]): fail("line", got[0], line)
    got[0] += 1
def pump(h):
    part = give()
    while part:
        h.write(part)
        part = give()
    h.close_stdin()
`+call+`
if got[0] != lines: fail(got)
print([x for x in read_file("/proc/self/status").splitlines() if x.startswith("VmHWM")][0])
`, name, fmt.Sprint(lines), file)
			begin := time.Now()
			out, status := command.rest()
			var most int // in KiB; what the kernel tells after the end counts what ran before the command as well
			if _, err := fmt.Sscanf(out, "VmHWM: %d kB", &most); err != nil || status != 0 {
				t.Errorf("ended with %d: %s\n%s", status, out, command.stderr.Bytes())
			}
			t.Logf("%d MiB in %v, with %d MiB of memory", *through, time.Since(begin), most>>10)
			if most > maxStreaming {
				t.Errorf("it took %d KiB, want at most %d", most, maxStreaming)
			}
		})
	}
}
