package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// jobs returns the scripts of scripts/ for an operator's jobs.
func jobs(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../scripts/*.star")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range all {
		if filepath.Base(file) != "tour.star" {
			files = append(files, file)
		}
	}
	if len(files) < 10 {
		t.Fatal("too few scripts: ", files)
	}
	return files
}

// TestJobs checks that each script for a job is short, without mistakes, formatted, executable, explained by its --help and
// listed in the cookbook, and that a test runs it on a real Incus.
func TestJobs(t *testing.T) {
	cookbook, err := os.ReadFile("../../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/[js]*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(data)
	}
	flags := regexp.MustCompile(`(?m)^\w+ = flag\("([-\w]+)", .*help = "`)
	for _, file := range jobs(t) {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if n := strings.Count(text, "\n"); n > 60 {
			t.Errorf("%s has %d lines", name, n)
		}
		if info, err := os.Stat(file); err != nil || info.Mode()&0o111 == 0 || !strings.HasPrefix(text, "#!/usr/bin/env incus-star\n") {
			t.Errorf("%s can't be executed: %v", name, err)
		}
		if m := regexp.MustCompile(`\berr(or)?\.message`).FindString(text); m != "" {
			t.Errorf("%s: %s lacks the object: use str", name, m)
		}
		for _, command := range [][]string{{"check", file}, {"fmt", "--check", file}} {
			if out, err := exec.Command("incus-star", command...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", command, err, out)
			}
		}
		help, err := exec.Command("incus-star", file, "--help").Output()
		if err != nil {
			t.Errorf("%s --help: %v", name, err)
		}
		found := flags.FindAllStringSubmatch(text, -1)
		if len(found) == 0 || len(found) != strings.Count(text, " = flag(") {
			t.Errorf("%s: %d flags with a help", name, len(found))
		}
		for _, f := range found {
			if !strings.Contains(string(help), "--"+f[1]) {
				t.Errorf("%s --help lacks --%s:\n%s", name, f[1], help)
			}
		}
		if !strings.Contains(string(cookbook), "(../scripts/"+name+")") {
			t.Errorf("the cookbook doesn't list %s", name)
		}
		if !strings.Contains(tests.String(), "$SCRIPTS/"+name) {
			t.Errorf("no test runs %s", name)
		}
	}
}

// TestScheduledJobs checks that the lines for cron and timers in the documentation have a limit of time, and a script with
// these flags.
func TestScheduledJobs(t *testing.T) {
	page, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)(?:^[\d* ]+root |^ExecStart=)/\S+/incus-star --timeout \S+ /\S+/(\w+\.star) (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(found) != 2 {
		t.Errorf("%d lines, not one for cron and one for a timer", len(found))
	}
	for _, line := range found {
		help, err := exec.Command("incus-star", "../../scripts/"+line[1], "--help").Output()
		if err != nil {
			t.Fatalf("%s: %v", line[0], err)
		}
		for _, flag := range regexp.MustCompile(`--\S+`).FindAllString(line[2], -1) {
			if !strings.Contains(string(help), flag) {
				t.Errorf("%s: %s has no %s", line[0], line[1], flag)
			}
		}
	}
}

// TestRealJobs runs the scripts for jobs as in the files of testdata/jobs, each in a project of its own.
func TestRealJobs(t *testing.T) {
	needsOneIncus(t)
	runFiles(t, "testdata/jobs", []string{"INCUS_DIR", "INCUS_CONF", "INCUS_STAR_TESTBED_IMAGE"})
}

// TestRealServersJobs runs those for two servers, as in the files of testdata/servers.
func TestRealServersJobs(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		t.Skip("needs two servers: run scripts/test.sh")
	}
	runFiles(t, "testdata/servers", []string{"INCUS_DIR", "INCUS_STAR_TESTBED_IMAGE", "INCUS_STAR_TESTBED_DIRS"})
}

// project implements project NAME, which creates a project with images of its own, makes it the default, and deletes it at
// the end with all that is in it.
func project(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: project NAME")
	}
	incusStar := func(code string) {
		ts.Check(ts.Exec("incus-star", "-c", "default = incus.use(project = 'default')\n"+code, args[0]))
	}
	ts.Defer(func() { incusStar(removeOwnProject) })
	incusStar(createOwnProject)
	ts.Setenv("INCUS_PROJECT", args[0])
}

const createOwnProject = `
mine = incus.use(project = args[0])
default.projects.create(args[0])
mine.profiles.get("default").update(devices = default.profiles.get("default").devices)
default.images.get(env["INCUS_STAR_TESTBED_IMAGE"]).export("image.tar.gz")
mine.images.upload("image.tar.gz", aliases = [{"name": env["INCUS_STAR_TESTBED_IMAGE"]}])
`

const removeOwnProject = `
mine = incus.use(project = args[0])
for i in mine.instances.list():
    i.delete(force = True)
for i in mine.images.list():
    i.delete()
for v in mine.storage_pools.get("default").volumes.list(type = "custom"):
    v.delete()
for p in mine.profiles.list():
    if p.name != "default":
        p.delete()
default.projects.delete(args[0])
`
