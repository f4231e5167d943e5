package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// docImage is the image in the pages, which tests replace by that of the testbed.
const docImage = "images:debian/12"

// A shelf holds the blocks of a page: a folder and, on a real Incus, a project and a network.
type shelf struct {
	dir, project, network, subnet string
	real                          bool
	env                           []string
}

// newShelf returns an empty shelf. Only a real one's blocks find the testbed's Incus.
func newShelf(t *testing.T, real bool) *shelf {
	s := &shelf{dir: t.TempDir(), real: real}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s.env = []string{"HOME=" + s.dir, "SOURCE=" + root, "GOPROXY=off", "GOFLAGS=", "GOWORK=", "CGO_ENABLED=0", "LC_ALL=C.UTF-8",
		"GOCOVERDIR=" + t.TempDir()} // without it a command that was built for go test -cover prints a warning
	inherited := []string{"PATH"}
	if real {
		inherited = append(inherited, "INCUS_DIR", "INCUS_CONF")
	}
	for _, name := range inherited {
		s.env = append(s.env, name+"="+os.Getenv(name))
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, dir := range strings.Fields(string(out)) {
		s.env = append(s.env, []string{"GOCACHE=", "GOMODCACHE="}[i]+dir)
	}
	return s
}

// makeProject creates the project and its network, whose name and addresses are unique among shelves.
func (s *shelf) makeProject(t *testing.T, name string) {
	t.Helper()
	n := 0
	for _, r := range name {
		n = (n*31 + int(r)) % 50
	}
	s.project, s.subnet, s.network = name, fmt.Sprintf("10.%d.%d.", 120+n, len(name)), fmt.Sprintf("doc%d-%d", n, len(name))
	s.env = append(s.env, "INCUS_PROJECT="+name)
	t.Cleanup(func() { s.lines(t, name+": clean-up", nil, removeProject) })
	s.lines(t, name, nil, projectScript)
}

// projectScript creates the project and the network. It tries several times, because other tests change the host's
// interfaces, which the server examines when it creates a network.
const projectScript = `exec incus-star -c '
project, network, subnet = args
mine = incus.use(project = "default")
mine.projects.create(project, config = {"features.images": False})
retry(mine.networks.ensure, network, on = IncusServerError, config = {"ipv4.address": subnet + "1/24", "ipv4.nat": False, "ipv6.address": "none"})
incus.profiles.get("default").update(devices = {
    "root": {"type": "disk", "path": "/", "pool": "default"},
    "eth0": {"type": "nic", "name": "eth0", "network": network},
})' "$INCUS_PROJECT" "$NETWORK" "$SUBNET"`

const emptyProject = `
for i in incus.instances.list():
    i.delete(force = True)
for i in incus.images.list():
    if [a for a in i.aliases if a["name"].startswith(env["INCUS_PROJECT"])]:
        i.delete()
for v in incus.storage_pools.get("default").volumes.list():
    if v.type == "custom":
        v.delete()
for p in incus.profiles.list():
    if p.name != "default":
        p.delete()
catch(IncusNotFoundError, default.projects.delete, env["INCUS_PROJECT"] + "-team")
catch(IncusNotFoundError, lambda: [f.delete() for f in default.networks.get(env["NETWORK"]).forwards.list()])
`

const removeProject = `exec incus-star -c 'default = incus.use(project = "default")` + emptyProject + `
catch(IncusNotFoundError, default.projects.delete, env["INCUS_PROJECT"])
catch(IncusNotFoundError, lambda: retry(default.networks.delete, env["NETWORK"], on = IncusServerError))'`

// own returns a block's text with the image of the testbed.
func (s *shelf) own(text string) string {
	if s.project == "" {
		return text
	}
	return strings.NewReplacer(docImage, os.Getenv("INCUS_STAR_TESTBED_IMAGE"), "10.107.0.", s.subnet, "incusbr0", s.network, "team-a", s.project+"-team", "cookbook-web", s.project+"-web").Replace(text)
}

// run runs a script or bash lines, and returns the standard output.
func (s *shelf) run(t *testing.T, b block) string {
	t.Helper()
	text := s.own(b.text)
	if b.language == "python" {
		file := fmt.Sprintf("line%d.star", b.line)
		write(t, filepath.Join(s.dir, file), text)
		text = "exec incus-star " + file
	}
	return s.lines(t, b.String(), nil, "set -eo pipefail\n"+text)
}

// lines runs bash lines, which must succeed, and returns the standard output. If both isn't nil, it receives standard
// output and standard error.
func (s *shelf) lines(t *testing.T, what string, both *bytes.Buffer, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", text)
	command.Dir, command.Env = s.dir, append(s.env, "NETWORK="+s.network, "SUBNET="+s.subnet)
	command.Args = append(command.Args, "bash", s.project, s.network, s.subnet)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if both != nil {
		command.Stdout, command.Stderr = both, both
	}
	command.WaitDelay = time.Second
	begin := time.Now()
	if err := command.Run(); err != nil {
		t.Errorf("%s: %v\n%s%s", what, err, out.Bytes(), errs.Bytes())
	}
	t.Logf("%s: %v", what, time.Since(begin).Round(time.Millisecond))
	return out.String()
}

// console runs the commands of a session in one shell, and compares the output of each. A command without shown output
// must succeed.
func (s *shelf) console(t *testing.T, b block) {
	t.Helper()
	const mark = "\x01"
	var commands, wants []string
	for line := range strings.Lines(s.own(b.text)) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands, wants = append(commands, command), append(wants, "")
		} else if n := len(commands) - 1; n < 0 {
			t.Errorf("%s: begins with no command", b)
			return
		} else if strings.HasPrefix(line, "> ") && wants[n] == "" {
			commands[n] += line[2:]
		} else {
			wants[n] += line
		}
	}
	var script strings.Builder
	for _, command := range commands {
		script.WriteString(command + "__status=$?; printf '" + mark + "%d" + mark + "' $__status; (exit $__status)\n")
	}
	var out bytes.Buffer
	s.lines(t, b.String(), &out, script.String()+"exit 0\n")
	parts := strings.Split(out.String(), mark)
	for i, command := range commands {
		if 2*i+1 >= len(parts) {
			t.Errorf("%s: the session ended at %s", b, command)
			return
		}
		if status, _ := strconv.Atoi(parts[2*i+1]); status != 0 && wants[i] == "" {
			t.Errorf("%s: %s ended with %d\n%s", b, command, status, parts[2*i])
		}
		s.compare(t, b.String()+": "+strings.TrimSpace(command), parts[2*i], wants[i])
	}
}

func (s *shelf) compare(t *testing.T, what, got, want string) {
	t.Helper()
	want = s.own(want)
	pattern := regexp.QuoteMeta(strings.TrimRight(want, "\n"))
	pattern = regexp.MustCompile(`(?m)^…$`).ReplaceAllString(pattern, `(?s:.*?)`)
	pattern = strings.ReplaceAll(pattern, "…", `.*?`)
	if !regexp.MustCompile(`^` + pattern + `$`).MatchString(strings.TrimRight(got, "\n")) {
		t.Errorf("%s\ngot:\n%swant:\n%s", what, got, want)
	}
}
