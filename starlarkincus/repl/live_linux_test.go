package repl

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	emulator "incus-star/starlarkincus/internal/screen"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// openLive starts a prompt with a server on a terminal of a size.
func openLive(t *testing.T, env *remote.Environment, cols, rows int, more ...string) *emulator.Screen {
	return openPrompt(t, cols, rows, append([]string{"INCUS_SOCKET=" + env.Getenv("INCUS_SOCKET"), "INCUS_CONF=" + env.Getenv("INCUS_CONF")}, more...)...)
}

// typeTab types a text, and Tab when the text is on the screen.
func typeTab(s *emulator.Screen, text string) {
	s.Type(text)
	s.Wait(lastOf(text, 12))
	s.Type("\t")
}

// lastOf returns the end of a text, which may be on one row.
func lastOf(text string, n int) string { return strings.TrimSpace(text[max(0, len(text)-n):]) }

// TestScreenCompletion checks that Tab completes the server's names, and a second one lists several, with their kinds where
// there is room.
func TestScreenCompletion(t *testing.T) {
	names := manyNames()
	names["/1.0/instances"] = append(names["/1.0/instances"], "db-one", "db-two")
	env := serve(t, &fakeIncus{names: names})
	for _, size := range sizes {
		s := openLive(t, env, size.cols, size.rows)
		typeTab(s, `incus.instances.get("web-f`)
		s.Wait(`frontend"`)
		s.Type("\x03")
		s.Ready(">>>")
		typeTab(s, `incus.instances.get("db`)
		s.Wait(`db-`)
		s.Type("\t")
		rows := s.WaitFor("a list", func(rows []string) bool {
			text := strings.Join(rows, "\n")
			return strings.Contains(text, "db-one") && strings.Contains(text, "db-two") && strings.HasSuffix(strings.TrimSpace(text), `get("db-`)
		})
		if kinds := strings.Contains(strings.Join(rows, "\n"), "db-two  instance"); !kinds {
			t.Errorf("%dx%d: no kinds:\n%s", size.cols, size.rows, strings.Join(rows, "\n"))
		}
		s.Type("\x03")
		s.Ready(">>>")
		typeTab(s, ":project st")
		s.Wait(":project stage")
		s.Type("\x03")
		s.Ready(">>>")
		s.Type(":complete local\r")
		s.Wait("completion asks no server")
		s.Ready(">>>")
		typeTab(s, `incus.profiles.get("gpu`)
		s.Type(`")`)
		ends(s, `incus.profiles.get("gpu")`)
	}
}

// TestScreenCandidates checks the list of candidates above a line that is wrapped, in the middle of it, and of more
// candidates than the screen has room for.
func TestScreenCandidates(t *testing.T) {
	names := manyNames()
	names["/1.0/instances"] = append(names["/1.0/instances"], "db-one", "db-two")
	env := serve(t, &fakeIncus{names: names})
	s := openLive(t, env, 40, 10)
	const head, tail = `x = [incus.instances.get("db-one"), incus.instances.get("db`, `"), "the end of it"]`
	s.Wait("Incus") // of the line about the server
	s.Clear(">>>")
	s.Type("1\r")
	ends(s, ">>> 1\n1\n>>>")
	before := strings.TrimRight(strings.Join(s.Rows(), "\n"), "\n >")
	s.Type(head + tail)
	ends(s, inRows(">>> "+head+tail, 40))
	s.Type(strings.Repeat("\x02", len(tail)) + "\t")
	line := inRows(">>> "+head+"-"+tail, 40)
	ends(s, line)
	s.Type("\t")
	want := before + "\ndb-one  instance  db-two  instance\n" + line
	ends(s, want)
	s.Type("t\t")
	ends(s, before+"\ndb-one  instance  db-two  instance\n"+inRows(">>> "+head+"-two"+tail, 40))
	s.Type("\x03")
	s.Ready(">>>")
	s.Clear(">>>")
	typeTab(s, `incus.instances.get("jo`)
	s.Wait(`"job-`)
	s.Type("\t")
	ends(s, "\njob-103  job-11   job-116  job-122\n… 971 more\n>>> incus.instances.get(\"job-")
}

// inRows returns a text in rows of a width.
func inRows(text string, width int) string {
	var rows []string
	for ; len(text) > width; text = text[width:] {
		rows = append(rows, strings.TrimRight(text[:width], " "))
	}
	return strings.Join(append(rows, text), "\n")
}

// TestScreenBadServer checks that nothing of what a server does is seen where one types, and that each key is answered.
func TestScreenBadServer(t *testing.T) {
	for name, answer := range badServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openLive(t, serve(t, http.HandlerFunc(answer)), 80, 24)
			typeTab(s, `incus.instances.get("we`)
			s.Type("\tb1")
			ends(s, `incus.instances.get("web1`)
			typeTab(s, `", project = "st`)
			s.Type(`age")`)
			rows := ends(s, `stage")`)
			// Above it may be the line about the server, at any time.
			if after := strings.TrimSpace(strings.Join(rows, "\n")); strings.Count(after, ">>>") != 1 || !strings.HasSuffix(after, `>>> incus.instances.get("web1", project = "stage")`) {
				t.Errorf("the screen:\n%s", after)
			}
			s.Type("\x03")
			s.Ready(">>>")
			s.Type("6 * 7\r")
			s.Wait("42")
		})
	}
}

// shows reports whether a text is on the screen.
func shows(s *emulator.Screen, text string) bool {
	return strings.Contains(strings.Join(s.Rows(), "\n"), text)
}

// realSetup prepares the names of the places on a real server, and realEnd removes them.
const (
	realSetup = `
incus.projects.create("stage")
incus.profiles.create("gpu-box")
incus.networks.create("web-net", config = {"ipv4.address": "none", "ipv6.address": "none"})
fast = incus.storage_pools.create("fast", driver = "dir")
fast.volumes.create("data-vol")
i = incus.instances.create("web-frontend", image = "testbox")
i.snapshots.create("before-upgrade")
incus.images.aliases.create("debian-base", target = incus.images.get("testbox").fingerprint)
`
	realEnd = `
[try_(f, *args) for f, args in [
    (incus.instances.delete, ["web-frontend"]), (incus.images.aliases.delete, ["debian-base"]), (incus.storage_pools.get("fast").volumes.delete, ["data-vol"]),
    (incus.storage_pools.delete, ["fast"]), (incus.networks.delete, ["web-net"]), (incus.profiles.delete, ["gpu-box"]), (incus.projects.delete, ["stage"]),
]]
`
)

// TestRealScreenCompletion checks that the places propose the names of a real server.
func TestRealScreenCompletion(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN")
	prepareFiles(t)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	run := func(code string) {
		t.Helper()
		if _, err := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}}).NewSession().Eval(t.Context(), code); err != nil {
			t.Fatal(err)
		}
	}
	run(realSetup)
	defer run(realEnd)
	s := openPrompt(t, 200, 50, "INCUS_SOCKET=") // the server of INCUS_DIR
	s.Type(pasteStart + strings.ReplaceAll(strings.TrimSpace(liveSetup), "\n", "\r") + pasteEnd + "\r\r")
	ends(s, "\n>>>\n>>>") // of both lines
	s.Type("len(d)\r")
	s.Wait("3")
	s.Ready(">>>")
	right := 0
	for _, p := range places {
		head, tail, _ := strings.Cut(p.text, "⇥")
		if p.fake {
			continue
		}
		lines := strings.Split(head, "\n")
		for _, line := range lines[:len(lines)-1] {
			s.Type(strings.TrimSpace(line) + "\r")
			ends(s, "\n...")
		}
		last := strings.TrimSpace(lines[len(lines)-1])
		s.Type(last + tail)
		s.Wait(last + tail)
		s.Type(strings.Repeat("\x02", len(tail))) // Ctrl-B
		want := strings.TrimSpace(p.want[strings.LastIndexByte(p.want, '\n')+1:])
		for tries := 0; tries < 50 && !shows(s, want); tries++ { // an answer may come too late for the first key
			s.Type("\t")
			for range 25 {
				if !shows(s, want) {
					time.Sleep(20 * time.Millisecond)
				}
			}
		}
		s.Wait(want)
		right++
		s.Type("\x03")
		s.Ready(">>>")
		s.Clear(">>>")
	}
	t.Logf("%d places are right", right)
	if right < 30 {
		t.Errorf("%d places are right, want 30", right)
	}
}

// TestRealClusterCompletion checks that target= proposes the members of a real cluster, and its groups.
func TestRealClusterCompletion(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN")
	c := newLivePrompt(t, nil, "")
	for text, want := range map[string]string{
		`incus.instances.create("n", target = "`:  "incus.cluster.members.names()",
		`incus.use(target = "`:                    "incus.cluster.members.names()",
		`incus.cluster.members.get("`:             "incus.cluster.members.names()",
		`incus.instances.create("n", target = "@`: `["@" + g for g in incus.cluster.groups.names()]`,
		`incus.cluster.groups.get("`:              "incus.cluster.groups.names()",
	} {
		v, err := c.session.Eval(t.Context(), "sorted("+want+")")
		if err != nil {
			t.Fatal(err)
		}
		var got []starlark.Value
		for _, k := range c.whole(text, "") {
			got = append(got, starlark.String(strings.TrimSuffix(k.text, `"`)))
		}
		if starlark.NewList(got).String() != v.String() {
			t.Errorf("%s: got %v, want %v", text, got, v)
		}
	}
}
