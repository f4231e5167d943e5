package repl

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"incus-star/starlarkincus/internal/printable"
	emulator "incus-star/starlarkincus/internal/screen"

	"github.com/hinshun/vt10x"
)

// A listed is a server with some instances.
type listed struct {
	socket string
	states atomic.Int32 // requests for the states
	fails  atomic.Bool  // those fail
}

func serveInstances(t *testing.T) *listed {
	t.Helper()
	l := &listed{socket: filepath.Join(t.TempDir(), "unix.socket")}
	listener, err := net.Listen("unix", l.socket)
	check(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var content any = map[string]any{"api_extensions": []string{}, "api_status": "stable", "api_version": "1.0", "auth": "trusted"}
		if r.URL.Path == "/1.0/instances" {
			full := r.URL.Query().Get("recursion") == "2"
			if full {
				l.states.Add(1)
			}
			if full && l.fails.Load() {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"type":"error","error":"no states","error_code":500}`))
				return
			}
			var all []map[string]any
			for i, status := range []string{"Running", "Stopped", "Error"} {
				one := map[string]any{"name": fmt.Sprint("web", i), "status": status, "type": "container", "description": "\x1b[2Jx", "location": "none",
					"config": map[string]any{"limits.cpu": "2", "user.password": "hunter2"}}
				if full {
					one["state"] = map[string]any{"network": map[string]any{"eth0": map[string]any{"type": "broadcast", "addresses": []any{
						map[string]any{"family": "inet", "scope": "global", "address": fmt.Sprint("10.0.0.", i)}}}}}
					one["snapshots"] = []any{map[string]any{"name": "s0"}}
				}
				all = append(all, one)
			}
			content = all
		}
		data, _ := json.Marshal(map[string]any{"type": "sync", "status_code": 200, "metadata": content})
		_, _ = w.Write(data)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l
}

// onScreen starts a prompt on a terminal.
func onScreen(t *testing.T, l *listed, cols, rows int, env ...string) *emulator.Screen {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", "TERM=xterm", "GORACE=atexit_sleep_ms=0", "XDG_STATE_HOME="+dir, "INCUS_CONF="+dir, "HOME="+dir, "PAGER=", "NO_COLOR=")
	if l != nil {
		cmd.Env = append(cmd.Env, "INCUS_SOCKET="+l.socket)
	}
	cmd.Env = append(cmd.Env, env...)
	if slices.Contains(env, "no PAGER") {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "PAGER=") || v == "no PAGER" })
	}
	s := emulator.Start(t, cmd, cols, rows)
	s.Ready(">>>")
	return s
}

// run types an entry, and returns the rows at the next prompt.
func run(s *emulator.Screen, entry, shows string) []string {
	s.Type(entry + "\r")
	s.Wait(shows)
	return s.Ready(">>>")
}

// rowsAfter returns the rows after the first one that contains a text.
func rowsAfter(rows []string, text string) []string {
	for i, row := range rows {
		if strings.Contains(row, text) {
			return rows[i+1:]
		}
	}
	return nil
}

func TestScreenTable(t *testing.T) {
	l := serveInstances(t)
	for _, size := range [][2]int{{80, 24}, {40, 10}, {200, 50}} {
		s := onScreen(t, l, size[0], size[1])
		rows := rowsAfter(run(s, "incus.instances.list()", "web2"), "list()")
		want := []string{
			"NAME  STATUS   IPV4      TYPE       SNAPSHOTS", "web0  Running  10.0.0.0  container          1",
			"web1  Stopped  10.0.0.1  container          1", "web2  Error    10.0.0.2  container          1"}
		if size[0] == 40 {
			want = []string{"NAME  STATUS   IPV4      TYPE      SNAP…", "web0  Running  10.0.0.0  contain…      1",
				"web1  Stopped  10.0.0.1  contain…      1", "web2  Error    10.0.0.2  contain…      1"}
		}
		if got := strings.Join(rows[:4], "\n"); got != strings.Join(want, "\n") {
			t.Errorf("%v: got\n%s", size, got)
		}
		for text, color := range map[string]vt10x.Color{"Running": vt10x.Green, "Error": vt10x.Red, "web0": vt10x.DefaultFG} {
			for _, got := range s.Colors(text) {
				if got%8 != color%8 && got != color {
					t.Errorf("%s has the colour %v", text, got)
				}
			}
		}
	}
}

// TestScreenTableCall checks that table has the layout of the prompt, without a request of its own.
func TestScreenTableCall(t *testing.T) {
	l := serveInstances(t)
	s := onScreen(t, l, 80, 24)
	rows := rowsAfter(run(s, "table(incus.instances.list())", "web2"), "list()")
	if rows[0] != "NAME  STATUS   TYPE" || rows[1] != "web0  Running  container" || l.states.Load() != 0 {
		t.Errorf("%d requests, got\n%s", l.states.Load(), strings.Join(rows, "\n"))
	}
	for _, got := range s.Colors("Running") {
		if got%8 != vt10x.Green {
			t.Errorf("Running has the colour %v", got)
		}
	}
	run(s, `table(incus.instances.list(state=True), ["name", lambda i: len(i.last_addresses)])`, "COLUMN 2")
	if rows := run(s, "table([{'n': 1}], [lambda r: r['m']])", "key \"m\" not in dict"); !strings.Contains(strings.Join(rows, "\n"), "in lambda") {
		t.Errorf("%s", strings.Join(rows, "\n"))
	}
}

func TestScreenResize(t *testing.T) {
	s := onScreen(t, serveInstances(t), 80, 24)
	run(s, "incus.instances.list()", "web2")
	s.Resize(30, 20)
	s.Type("\r")
	s.Ready(">>>")
	for _, row := range rowsAfter(run(s, "print(5);_", "… 1 more"), "5") {
		if n := printable.Width(row); n > 30 {
			t.Errorf("a row of %d: %q", n, row)
		}
	}
}

// The states that can't be read leave the columns out.
func TestScreenWithoutStates(t *testing.T) {
	l := serveInstances(t)
	l.fails.Store(true)
	s := onScreen(t, l, 80, 24)
	rows := rowsAfter(run(s, "incus.instances.list()", "web2"), "list()")
	if rows[0] != "NAME  STATUS   TYPE" || strings.Contains(strings.Join(rows, "\n"), "no states") || l.states.Load() != 1 {
		t.Errorf("%d requests, got\n%s", l.states.Load(), strings.Join(rows, "\n"))
	}
	run(s, `print(incus.instances.list()); "printed"`, `"printed"`)
	if l.states.Load() != 1 {
		t.Error("print reads the states")
	}
}

func TestScreenObject(t *testing.T) {
	s := onScreen(t, serveInstances(t), 80, 24)
	rows := strings.Join(run(s, "incus.instances.list()[1]", "user.password"), "\n")
	for _, want := range []string{"Instance web1", "  status          Stopped", "  last_addresses  10.0.0.1", "  description     \\x1b[2Jx", "    limits.cpu     2", "    user.password  [redacted]"} {
		if !strings.Contains(rows, want) {
			t.Errorf("no %q in\n%s", want, rows)
		}
	}
	if rows := strings.Join(run(s, ":all", "last_used_at"), "\n"); !strings.Contains(rows, "  last_used_at") {
		t.Errorf("%s", rows)
	}
	if rows := strings.Join(run(s, ":all {1: 'x' * 200, 2: 'end'}", "2  end"), "\n"); strings.Count(rows, "x") < 200 {
		t.Errorf("%s", rows)
	}
	if rows := strings.Join(run(s, "incus.instances", "help(incus.instances)"), "\n"); !strings.Contains(rows, "incus.instances.list()") {
		t.Errorf("%s", rows)
	}
	if rows := strings.Join(run(s, `catch(ScriptError, fail, "bad luck")`, "ScriptError: bad"), "\n"); !strings.Contains(rows, "a Result with an error:") {
		t.Errorf("%s", rows)
	}
}

func TestScreenNoColors(t *testing.T) {
	l := serveInstances(t)
	for _, variable := range []string{"NO_COLOR=1", "TERM=dumb"} {
		s := onScreen(t, l, 80, 24, variable)
		run(s, "incus.instances.list()", "web2")
		run(s, "table(incus.instances.list())", "web2")
		s.Type("\x04")
		s.Status()
		if out := s.Output(); strings.Contains(out, "\x1b[1mNAME") || strings.Contains(out, "\x1b[32m") || variable == "TERM=dumb" && strings.Contains(out, "\x1b") {
			t.Errorf("%s: %q", variable, out)
		}
	}
}

// TestScreenPager pages long values and help with pagers of all kinds. Nothing is lost, and the terminal is as it was.
func TestScreenPager(t *testing.T) {
	for _, test := range []struct {
		name, pager string
		entry       string
		keys        string // typed when the pager waits
		shows       []string
	}{
		{"quits early", "head -n 2 && echo that is all", "{x: x for x in range(100)}", "", []string{"0   0", "1   1", "that is all"}},
		{"help", "head -n 1 && echo that is all", "help()", "", []string{"that is all"}},
		{"missing", "/nothing/like/it", "{x: x for x in range(100)}", "", []string{"99  99"}},
		{"fails", "head -n 1; exit 3", "{x: x for x in range(100)}", "", []string{"99  99"}},
		{"reads nothing", "true", "{x: x for x in range(100)}", "", nil},
		{"none", "", "{x: x for x in range(100)}", "", []string{"99  99"}},
		{"interrupted", "echo waiting; exec sleep 1000", "{x: x for x in range(100)}", "\x03", []string{"waiting"}},
		{"ignores Ctrl-C", `trap "" INT; echo waiting; read x < /dev/tty; echo "got $x"`, "{x: x for x in range(100)}", "\x03 yes\r", []string{"got yes"}},
		{"leaves the terminal raw", "head -n 1; stty raw -echo < /dev/tty", "{x: x for x in range(100)}", "", []string{"0   0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := onScreen(t, nil, 80, 24, "PAGER="+test.pager)
			s.Type(test.entry + "\r")
			if test.keys != "" {
				s.Wait("waiting")
				interrupt, rest, _ := strings.Cut(test.keys, " ")
				s.Type(interrupt)
				if rest != "" {
					s.Wait("^C") // which drops what is typed before it
					s.Type(rest)
				}
			}
			for _, text := range test.shows {
				s.Wait(text)
			}
			s.Ready(">>>")
			run(s, "6 * 7", "42")
			s.Type("\x04")
			if status := s.Status(); status != 0 || s.Mode() != s.Found() {
				t.Errorf("status %d, the mode %v was %v", status, s.Mode(), s.Found())
			}
		})
	}
}

func TestScreenLess(t *testing.T) {
	if _, err := exec.LookPath("less"); err != nil {
		t.Skip("no less")
	}
	for _, pager := range []string{"PAGER=less", "no PAGER"} {
		pageWithLess(t, pager)
	}
}

func pageWithLess(t *testing.T, pager string) {
	s := onScreen(t, nil, 80, 24, pager, "LESS=")
	s.Type("{x: x for x in range(100)}\r")
	s.WaitFor("first page", func(rows []string) bool { return rows[23] == ":" })
	s.Type("\x03")
	for end := time.Now().Add(emulator.Patience); !strings.Contains(strings.Join(s.Rows(), "\n"), "99  99") && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		s.Type("G") // Ctrl-C drops what is typed before it
	}
	s.Wait("99  99")
	s.Type("q")
	s.Ready(">>>")
	run(s, "len(_)", "100")
	s.Type("\x04")
	if status := s.Status(); status != 0 || s.Mode() != s.Found() {
		t.Errorf("status %d, the mode %v was %v", status, s.Mode(), s.Found())
	}
	s = onScreen(t, nil, 80, 24, pager)
	if rows := run(s, "{x: x for x in range(5)}", "4  4"); strings.Contains(strings.Join(rows, "\n"), "END") {
		t.Errorf("a short value is paged: %q", rows)
	}
}

// TestScreenPagerEnded ends a prompt while a pager runs.
func TestScreenPagerEnded(t *testing.T) {
	s := onScreen(t, nil, 80, 24, "PAGER=echo waiting; exec sleep 1000")
	s.Type("{x: x for x in range(100)}\r")
	s.Wait("waiting")
	check(t, s.Signal(syscall.SIGTERM))
	s.Status()
}
