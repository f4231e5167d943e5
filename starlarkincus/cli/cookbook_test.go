package cli_test

import (
	"strings"
	"sync"
	"testing"
)

// TestRealCookbook checks that the bash lines and the script in each section of the cookbook do the same: from the same
// initial state they produce the same final state, and the script's output, if any, ends that of the lines.
func TestRealCookbook(t *testing.T) {
	type job struct{ lines, script block }
	var jobs []*job
	for _, b := range blocks(t, "../../docs/cookbook.md") {
		if b.file() != "" || b.section == "" {
			continue
		}
		if len(jobs) == 0 || jobs[len(jobs)-1].lines.section != b.section {
			jobs = append(jobs, &job{lines: block{section: b.section}})
		}
		j := jobs[len(jobs)-1]
		switch b.language {
		case "sh":
			j.lines = b
		case "python":
			j.script = b
		}
	}
	for _, j := range jobs {
		if j.lines.text == "" || j.script.text == "" {
			t.Errorf("%s: not both lines for bash and a script", j.lines.section)
		}
	}
	if len(jobs) < 20 {
		t.Errorf("%d jobs", len(jobs))
	}
	needsOneIncus(t)
	queue := make(chan *job, len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	var workers sync.WaitGroup
	defer workers.Wait()
	for _, name := range []string{"cook-a", "cook-bb", "cook-ccc", "cook-dddd"} {
		s := newShelf(t, true)
		s.makeProject(t, name)
		workers.Go(func() {
			for j := range queue {
				wantOut, wantState := s.job(t, j.lines, j.lines.before)
				out, state := s.job(t, j.script, j.lines.before)
				if state != wantState {
					t.Errorf("%s: the script leaves\n%s\nthe lines for bash\n%s", j.script, state, wantState)
				}
				if !strings.HasSuffix(wantOut, out) {
					t.Errorf("%s: the script prints\n%s\nthe lines for bash\n%s", j.script, out, wantOut)
				}
			}
		})
	}
}

// job runs a block from its section's initial state, and returns its output and the final state of the project.
func (s *shelf) job(t *testing.T, b block, before string) (out, state string) {
	if before != "" {
		s.lines(t, b.String()+" before", nil, "set -e\n"+s.own(before))
	}
	out = s.run(t, b)
	state = s.lines(t, b.String()+" after", nil, "exec incus-star -c '"+cookbookState+emptyProject+"'")
	return out, state
}

// cookbookState prints the state that jobs may change.
const cookbookState = `
default = incus.use(project = "default")

def plain(config):
    return {k: v for k, v in sorted((config or {}).items()) if not k.startswith("volatile.") and not k.startswith("image.")}

for i in incus.instances.list():
    print("instance", i.name, i.status, repr(i.description), plain(i.config), i.devices, i.profiles, i.ephemeral)
    for s in i.snapshots.list():
        print("  snapshot", s.name, s.expires_at != None, plain(s.config))
    for b in i.backups.list():
        print("  backup", b.name)
for p in incus.profiles.list():
    print("profile", p.name, repr(p.description), plain(p.config), p.devices)
for v in incus.storage_pools.get("default").volumes.list():
    if v.type == "custom":
        print("volume", v.name, repr(v.description), plain(v.config), v.content_type, [s.name for s in v.snapshots.list()])
for i in incus.images.list():
    for a in i.aliases:
        if a["name"].startswith(env["INCUS_PROJECT"]):
            print("image", a["name"], i.properties, i.public)
for p in default.projects.list():
    if p.name.startswith(env["INCUS_PROJECT"]):
        print("project", p.name, repr(p.description), plain(p.config))
for f in default.networks.get(env["NETWORK"]).forwards.list():
    print("forward", f.listen_address, f.config, f.ports, repr(f.description))
`
