package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	emulator "incus-star/starlarkincus/internal/screen"

	"github.com/hinshun/vt10x"
)

var updateSession = flag.Bool("update", false, "write the screens of TestRealSession to docs/prompt.md and docs/pictures")

const (
	// sessionPage tells a session at the prompt. Its blocks are the screens after the steps of [session] without a picture, the
	// script that the session saves, and the run of that.
	sessionPage     = "../../docs/prompt.md"
	sessionPictures = "../../docs/pictures"
	sessionPrompt   = "local:shop >>>"
	sessionCols     = 140
)

// A sessionStep is a part of the session that fits on a screen.
type sessionStep struct {
	lines   string // typed on an empty screen
	last    string // typed after them, with Tab until the screen shows the text of list
	list    string
	picture string // the name of the picture of the screen, if it isn't a block
}

var session = []sessionStep{
	{}, // the greeting
	{lines: `incus.instances.list()
incus.instances.get("db").snapshots.list()
incus.profiles.get("default")`},
	{last: `incus.instances.launch("web1", image = "testbox", config = {"limits.c`, list: "limits.cpu.nodes", picture: "completion"},
	{lines: `folders = {"web1": "/www", "web2": "/www", "web3": "/wwww"}
def web(name):
i = incus.instances.ensure(name, image = "testbox", start = True).wait_ready(network = True)
i.files.write("/www/index.html", "hello from " + name, parents = True)
i.exec(["sh", "-c", "httpd -h " + folders[name] + " 2>/var/log/httpd.log"], check = False)
return i

parallel(web, folders)
webs = [r.value for r in _]
incus.instances.list()`, picture: "launch"},
	{lines: `def page(i): return i.exec(["wget", "-qO-", "127.0.0.1"], check = False).stdout

table(webs, ["name", "status", ("PAGE", page)])
print(webs[2].files.read("/var/log/httpd.log"))`, picture: "failing"},
	{lines: `folders["web3"] = "/www"
web("web3").name
table(webs, ["name", "status", ("PAGE", page)])`},
	{lines: `:save web.star`},
}

const sessionSetup = `
network = incus.networks.create("shopnet", config = {
    "ipv4.address": "10.77.3.1/24", "ipv4.dhcp.ranges": "10.77.3.101-10.77.3.199", "ipv4.nat": False, "ipv6.address": "none"})
incus.projects.create("shop", config = {"features.images": False})
shop = incus.use(project = "shop")
shop.profiles.get("default").update(devices = {
    "root": {"type": "disk", "path": "/", "pool": "default"},
    "eth0": {"type": "nic", "name": "eth0", "network": "shopnet"},
})
db = shop.instances.launch("db", image = env["INCUS_STAR_TESTBED_IMAGE"]).wait_ready(network = True)
db.snapshots.create("monday")
`

const sessionEnd = `
shop = incus.use(project = "shop")
catch(IncusError, lambda: parallel(lambda i: i.delete(force = True), shop.instances.list()))
catch(IncusError, incus.projects.delete, "shop")
catch(IncusError, lambda: retry(incus.networks.delete, "shopnet", on = IncusServerError))
`

// TestRealSession types the session on a terminal and compares the screens with the page.
func TestRealSession(t *testing.T) {
	needsOneIncus(t)
	dir := t.TempDir()
	star := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("incus-star", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	star("-c", sessionSetup)
	defer star("-c", sessionEnd)

	// The greeting names a socket, whose path has the same length everywhere, in a folder that is the testbed's own.
	const socket = "/run/incus/incus-star"
	must(t, os.MkdirAll(filepath.Dir(socket), 0o755))
	must(t, os.Symlink(filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), socket))
	defer os.Remove(socket)

	cmd := exec.Command("incus-star", "--project", "shop")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_STATE_HOME="+t.TempDir(), "INCUS_SOCKET="+socket, "PAGER=", "NO_COLOR=")
	s := emulator.Start(t, cmd, sessionCols, 30)
	var screens []string
	for i, step := range session {
		if i == 0 {
			s.Wait(" run")
		} else {
			s.Clear(sessionPrompt)
		}
		s.WaitFor("the prompt", func(rows []string) bool { return lastRow(rows) == sessionPrompt })
		step.typeTo(s)
		screen := tidy(s.Cells())
		if step.picture == "" {
			screens = append(screens, textOf(screen))
		} else {
			compareFile(t, filepath.Join(sessionPictures, step.picture+".svg"), pictureOf(screen, "The prompt: "+step.picture))
		}
		if step.last != "" {
			s.Type("\x03")
		}
	}
	s.Type("\x04")
	if status := s.Status(); status != 0 {
		t.Errorf("status %d", status)
	}
	script, err := os.ReadFile(filepath.Join(dir, "web.star"))
	must(t, err)
	screens = append(screens, string(script), "$ incus-star --project shop web.star\n"+star("--project", "shop", "web.star"))

	page, err := os.ReadFile(sessionPage)
	must(t, err)
	block := regexp.MustCompile("(?ms)^(```[^\n]+\n)(.*?)^```$")
	if n := len(block.FindAllIndex(page, -1)); n != len(screens) {
		t.Fatalf("%s has %d blocks for %d screens", sessionPage, n, len(screens))
	}
	compareFile(t, sessionPage, block.ReplaceAllStringFunc(string(page), func(old string) string {
		screen := screens[0]
		screens = screens[1:]
		return block.FindStringSubmatch(old)[1] + screen + "```"
	}))
}

// typeTo types a step, each line when the one before has been run.
func (step sessionStep) typeTo(s *emulator.Screen) {
	for _, line := range strings.Split(step.lines, "\n") {
		if step.lines == "" {
			break
		}
		s.Type(line + "\r")
		s.WaitFor("prompt after "+line, func(rows []string) bool {
			last := lastRow(rows)
			return strings.Contains(strings.Join(rows, "\n"), line) && (last == sessionPrompt || strings.TrimSpace(last) == "..." && line != "")
		})
	}
	if step.last == "" {
		return
	}
	s.Type(step.last)
	s.Wait(step.last)
	listed := func() bool { return strings.Contains(strings.Join(s.Rows(), "\n"), step.list) }
	for end := time.Now().Add(emulator.Patience); !listed() && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		s.Type("\t")
	}
	s.Wait(step.list)
}

// lastRow returns the last row with text.
func lastRow(rows []string) string {
	for _, row := range slices.Backward(rows) {
		if row != "" {
			return row
		}
	}
	return ""
}

var (
	changing = regexp.MustCompile(`incus-star \S+ for|Incus \d\S*, \d+ instances? runs?|10\.77\.3\.1\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*|/run/incus/incus-star`)
	longTime = regexp.MustCompile(`^done in .* m?s$`)
)

// tidy returns the rows of a screen up to the last one with text, without what differs between runs and servers.
func tidy(cells [][]vt10x.Glyph) [][]vt10x.Glyph {
	addresses := make(map[string]string)
	var rows [][]vt10x.Glyph
	for _, row := range cells {
		text := strings.TrimRight(textOf([][]vt10x.Glyph{row}), "\n")
		if longTime.MatchString(text) {
			continue
		}
		runes := []rune(text)
		var kept []vt10x.Glyph
		at := 0
		for _, m := range changing.FindAllStringIndex(text, -1) {
			from, to := len([]rune(text[:m[0]])), len([]rune(text[:m[1]]))
			kept = append(kept, row[at:from]...)
			for _, r := range steady(string(runes[from:to]), addresses) {
				letter := row[from]
				letter.Char = r
				kept = append(kept, letter)
			}
			at = to
		}
		rows = append(rows, append(kept, row[at:len(runes)]...))
	}
	for len(rows) > 0 && len(rows[len(rows)-1]) == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// steady returns a text of the session in place of one that changes.
func steady(text string, addresses map[string]string) string {
	switch {
	case strings.HasPrefix(text, "incus-star"):
		return "incus-star 1.0 for"
	case strings.HasPrefix(text, "Incus"):
		return "Incus 7.0.2, 1 instance runs"
	case strings.HasPrefix(text, "/run"):
		return "/var/lib/incus/unix.socket"
	case strings.HasPrefix(text, "10."):
		if addresses[text] == "" {
			addresses[text] = fmt.Sprintf("10.77.3.%d", 101+len(addresses))
		}
		return addresses[text]
	}
	return "2027-03-01T09:30:00Z"[:min(len(text), 20)]
}

// textOf returns rows as text.
func textOf(rows [][]vt10x.Glyph) string {
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for _, g := range row {
			line.WriteRune(max(g.Char, ' '))
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}

// compareFile compares a file with the content that it should have, or writes that with -update.
func compareFile(t *testing.T, path, want string) {
	t.Helper()
	if *updateSession {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, []byte(want)) {
		t.Errorf("%s isn't up to date (%v): run this test with -update. Lines of the test alone:\n%s\nof the file alone:\n%s", path, err, linesOnlyIn(want, string(got)), linesOnlyIn(string(got), want))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// linesOnlyIn returns the lines of a that b hasn't.
func linesOnlyIn(a, b string) string {
	others := strings.Split(b, "\n")
	return strings.Join(slices.DeleteFunc(strings.Split(a, "\n"), func(line string) bool { return slices.Contains(others, line) }), "\n")
}
