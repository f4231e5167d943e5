package repl

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	emulator "incus-star/starlarkincus/internal/screen"
)

// serveLate serves a server that answers after the returned function is called.
func serveLate(t *testing.T) (socket string, answer func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "unix.socket")
	listener, err := net.Listen("unix", socket)
	check(t, err)
	gate := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
		var content any = map[string]any{"auth": "trusted", "environment": map[string]any{"server_version": "7.0"}}
		if r.URL.Path == "/1.0/instances" {
			content = []any{"/1.0/instances/a", "/1.0/instances/b"}
		}
		data, _ := json.Marshal(map[string]any{"type": "sync", "status_code": 200, "metadata": content})
		_, _ = w.Write(data)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return socket, func() { close(gate) }
}

// TestNoticeAbove checks that what a late server says is printed above the line that is edited, which stays as it was, with
// its cursor, whether it has one row or several.
func TestNoticeAbove(t *testing.T) {
	const notice = "Incus 7.0, 2 instances run"
	for _, size := range sizes {
		for _, rows := range []int{0, 1, 3} {
			socket, answer := serveLate(t)
			s := openPrompt(t, size.cols, size.rows, "INCUS_SOCKET="+socket)
			typed := "'" + strings.Repeat("0123456789", rows*size.cols/10) + "ab'"
			s.Type(typed)
			shown := func(text string) func([]string) bool {
				return func(rows []string) bool { return strings.Contains(strings.Join(rows, ""), text) }
			}
			s.WaitFor("line", shown(">>> "+typed))
			s.Type("\x02\x02") // Ctrl-B
			answer()
			s.WaitFor("notice above the line", shown(notice+">>> "+typed))
			s.Type("X") // where the cursor was
			want := ">>> " + typed[:len(typed)-2] + "Xb'"
			lines := s.WaitFor("changed line", shown(notice+want))
			if n := strings.Count(strings.Join(lines, "\n"), ">>>"); n != 1 {
				t.Errorf("%v, %d rows: %d prompts:\n%s", size, rows, n, strings.Join(lines, "\n"))
			}
			s.Type("\r")
			s.WaitFor("value", shown(want+strings.ReplaceAll(typed[:len(typed)-2]+"Xb'", "'", "\"")+">>>"))
		}
	}
}

// Without a line editor, what a late server says stands before the next prompt.
func TestNoticeWithoutEditor(t *testing.T) {
	socket, answer := serveLate(t)
	s := openPrompt(t, 80, 24, "TERM=dumb", "INCUS_SOCKET="+socket)
	s.Type("'ty' +")
	s.Wait(">>> 'ty' +")
	answer()
	s.Type(" 'ped'; sleep(0.5)\n")
	s.Ready(">>>")
	for end := time.Now().Add(emulator.Patience); !strings.Contains(s.Output(), "\nIncus 7.0, 2 instances run\r\n>>> "); {
		if time.Now().After(end) {
			t.Fatal("the notice isn't there")
		}
		s.Type("1\n")
		time.Sleep(50 * time.Millisecond)
	}
	if strings.Contains(s.Output(), "\x1b") {
		t.Errorf("escape sequences: %q", s.Output())
	}
}

// A server that isn't there is said, while one types.
func TestNoServer(t *testing.T) {
	s := openPrompt(t, 200, 50)
	s.Wait("\nno server: can't connect to the Incus socket /dev/null/none")
	s.Type("1 + 1\r")
	s.Wait("\n2\n>>>")
}

func TestAboutText(t *testing.T) {
	for message, want := range map[string]string{
		"no answer":           "no server: no answer; :remote NAME goes to another one",
		"is it running here?": "no server: is it running here? :remote NAME goes to another one",
	} {
		if got := aboutText(starlarkincus.About{}, errors.Plain(message)); got != want {
			t.Errorf("got %q", got)
		}
	}
}

func TestPromptFor(t *testing.T) {
	for _, test := range []struct {
		place    Place
		readOnly bool
		want     string
	}{
		{Place{}, false, ">>> "},
		{Place{"local", "x", "default"}, false, ">>> "},
		{Place{"local", "x", "web"}, false, "local:web >>> "},
		{Place{"lab", "x", "default"}, false, "lab >>> "},
		{Place{"lab", "x", "web"}, true, "lab:web READ-ONLY >>> "},
		{Place{"local", "x", "default"}, true, "READ-ONLY >>> "},
		{Place{"la\x1b[mb", "x", "default"}, false, `la\x1b[mb >>> `},
	} {
		p := &prompt{Options: Options{Stdout: io.Discard, ReadOnly: test.readOnly}, place: test.place}
		if got := p.promptFor(""); got != test.want {
			t.Errorf("%v: got %q, want %q", test.place, got, test.want)
		}
		if got := p.promptFor("def f():\n"); got != "... " {
			t.Errorf("got %q", got)
		}
	}
}

// TestRealPrompt works at a prompt on a real server.
func TestRealPrompt(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	s := openPrompt(t, 200, 50, "NO_COLOR=1", "PAGER=")
	s.Wait(" run\n")
	enter := func(line, shown string) {
		t.Helper()
		s.Type(line + "\r")
		ends(s, shown)
	}
	enter("p = incus.projects.create('prompt')", "create('prompt')\n>>>")
	enter(":project prmpt", "there is no project prmpt: incus.projects.names() lists them\n>>>")
	enter(":project prompt", "\nlocal:prompt >>>")
	enter("incus.instances.names()", "\n[]\nlocal:prompt >>>")
	enter(":remote nowhere", "(known: local)\nlocal:prompt >>>")
	enter(":remote local", "\n>>>")
	enter("c = incus.instances.launch('prompt-c', image = 'testbox')", "'testbox')\n>>>")
	s.Type("op = c.stop(force = True, wait = False)\r")
	s.Wait(", stopping instance prompt-c: done\n>>>")
	enter("c.start().status", "\n\"Running\"\n>>>")
	s.Type("command = c.exec(['sh', '-c', 'exit 3'], wait = False)\r")
	s.Wait("\nthe command sh in instance \"prompt-c\": exit status 3\n>>>")
	s.Type("done = c.exec(['true'], wait = False); sleep(1); 1\r") // it ends within the entry
	ends(s, "\n1\nthe command true in instance \"prompt-c\": done\n>>>")
	enter("c.exec(['true'], wait = False).wait().exit_code", "\n0\n>>>")
	enter("command = c.exec(['cat'], wait = False)", "wait = False)\n>>>")
	enter("command.close_stdin(); command.wait().exit_code", "\n0\n>>>")
	enter("'noth' + 'ing'", "\n0\n>>> 'noth' + 'ing'\n\"nothing\"\n>>>") // was said of what an entry has waited for
	// A shell has the terminal, and gives it back.
	s.Type("c.shell()\r")
	s.Wait("~ #")
	s.Type("echo in$((1))side; exit\r")
	s.Wait("\nin1side")
	s.Ready(">>>")
	enter("'ba' + 'ck'", "\n\"back\"\n>>>")
	// Ctrl-C in a call says what runs on.
	s.Type("c.exec(['sh', '-c', 'echo st$((1))rted; sleep 1000'], stream = print)\r")
	s.Wait("\nst1rted")
	s.Type("\x03")
	s.Wait("ended after the stop")
	s.Wait("interrupted")
	s.Ready(">>>")
	enter(":ops", "\nnothing runs on the server\n>>>")
	enter(":ops cancel 0", "\nthere is no operation 0: :ops lists them\n>>>")
	enter("token = incus.certificates.create_token('prompt-token', wait = False)", "False)\n>>>")
	enter("[o.status for o in incus.operations.list() if o.id == token.id]", "\n[\"Running\"]\n>>>")
	s.Type(":ops\r")
	s.Wait("\nstarted here: ")
	s.Type("print('cancel', token.id)\r")
	s.Wait("\ncancel ")
	rows := s.Rows()
	s.Ready(">>>")
	id := ""
	for _, row := range rows {
		if after, ok := strings.CutPrefix(row, "cancel "); ok {
			id = after
		}
	}
	s.Type(":ops cancel " + id[:8] + "\t") // others may run on the server
	s.Wait(":ops cancel " + id)
	s.Type(strings.Repeat("\x7f", len(id)-13) + "\r")
	s.WaitFor("the end", func(rows []string) bool {
		text := strings.Join(rows, "\n")
		return strings.Contains(text, "\ncancelled\n") && strings.Contains(text, "operation "+id) && strings.Contains(text, ": cancelled\n>>>")
	})
	enter("c.delete(force = True)", ">>>")
	enter("p.delete()", ">>>")
	s.Type("\x04")
	s.Status()
}
