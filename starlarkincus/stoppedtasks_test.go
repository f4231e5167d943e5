package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/fakeexec"
	"incus-star/starlarkincus/remote"

	"github.com/coder/websocket"
)

// stoppedTasks are ways in which a task that runs a command is stopped while the script goes on. In each, bad() ends the
// group with an error, and COMMAND doesn't end by itself.
var stoppedTasks = map[string]string{
	"waits":                    "lambda: inst.exec(COMMAND)",
	"waits with a terminal":    "lambda: inst.exec(COMMAND, tty = True)",
	"waits with a limit":       "lambda: inst.exec(COMMAND, timeout = 600)",
	"streams":                  "lambda: inst.exec(COMMAND, stream = lambda line: None)",
	"supplies input":           "lambda: inst.exec(COMMAND, stdin = lambda: sleep(600))",
	"only reads":               "lambda: inst.exec(COMMAND, reads = True)",
	"holds an error":           "lambda: catch(Error, inst.exec, COMMAND)",
	"has a clean-up":           "lambda: finally_(lambda: inst.exec(COMMAND), lambda: None)",
	"retries":                  "lambda: retry(inst.exec, COMMAND)",
	"waits for a handle":       "lambda: handle().wait()",
	"waits for a handle, 600s": "lambda: handle().wait(timeout = 600)",
	"reads lines":              "lambda: [line for line in handle().lines()]",
	"keeps a handle":           "lambda: [handle(), sleep(600)]",
	"waits for another's":      "lambda: shared.wait()",
	"fails with a handle":      "lambda: [handle(), fail('own')]",
	"is nested":                "lambda: parallel(lambda _: inst.exec(COMMAND), range(2))",
	"is nested, with a handle": "lambda: [parallel(lambda _: handle(), range(2)), sleep(600)]",
	"cleans up with a handle":  "lambda: finally_(lambda: sleep(600), lambda: handle())",
}

// stoppedTasksScript runs one way, thrice. alive() returns the number of running commands.
const stoppedTasksScript = `
def handle():
    return inst.exec(COMMAND, wait = False)
way = WAY
shared = handle() if SHARED else None
def bad():
    for _ in range(60):
        if alive() > 0: break
        sleep(0.02)
    fail("boo")
for round in range(3):
    e = catch(ScriptError, parallel, lambda f: f(), [way, bad, way])[1]
    if e == None or e.message not in ("boo", "own"):
        fail("the error is %r" % e)
    if alive() > 0:
        fail("round %d: %d commands go on" % (round, alive()))
    if SHARED:
        if catch(IncusExecError, shared.wait)[1] == None:
            fail("a command that was ended has a plain result")
        shared = handle()
`

// runStoppedTasks runs all ways. Setup defines inst, COMMAND and alive.
func runStoppedTasks(t *testing.T, environment *remote.Environment, setup string) {
	for name, way := range stoppedTasks {
		t.Run(name, func(t *testing.T) {
			client := starlarkincus.New(starlarkincus.Options{Environment: environment, Trace: count})
			defer client.Close()
			names := client.Names()
			names["testbed"] = testbed(t)
			var out bytes.Buffer
			h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: names, Track: starlarkincus.Track})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			script := strings.NewReplacer("WAY", way, "SHARED", map[bool]string{true: "True", false: "False"}[strings.Contains(way, "shared")]).Replace(stoppedTasksScript)
			if err := h.RunSource(ctx, "stopped", []byte(setup+script)); err != nil {
				h.Report(&out, err)
				t.Errorf("%s", out.Bytes())
			}
		})
	}
}

func TestStoppedTasksEndTheirCommands(t *testing.T) {
	f := &lastingFake{commands: make(map[string]*lastingCommand)}
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	defer func() { server.Close(); <-done }()
	runStoppedTasks(t, &remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_SOCKET": socket}[name] }}, `
COMMAND = ["lasting"]
inst = incus.instances.get("c1")
alive = lambda: incus.request("GET", "/1.0/alive").metadata
`)
}

func TestRealStoppedTasksEndTheirCommands(t *testing.T) {
	needsIncus(t)
	name := fmt.Sprintf("tasks-%x", time.Now().UnixNano())
	runReal(t, fmt.Sprintf("incus.instances.launch(%q, image = %q)", name, os.Getenv("INCUS_STAR_TESTBED_IMAGE")))
	defer runReal(t, fmt.Sprintf("incus.instances.delete(%q, force = True)", name))
	runStoppedTasks(t, nil, fmt.Sprintf(`
COMMAND = ["sleep", "4242"]
inst = incus.instances.get(%q)
alive = lambda: inst.exec(["ps"]).stdout.count("sleep 4242")
`, name))
}

// A lastingFake is a server whose commands run until a signal or the end of their connection for signals.
type lastingFake struct {
	mu       sync.Mutex
	commands map[string]*lastingCommand
}

type lastingCommand struct {
	id       string
	terminal bool
	end      sync.Once
	ended    chan struct{}
	code     int
	attached int // websockets; with all of them it begins
}

// begun reports whether the command has begun. The lock of its server is held.
func (c *lastingCommand) begun() bool { return c.attached == 4 || c.terminal && c.attached == 2 }

func (c *lastingCommand) stop(code int) {
	c.end.Do(func() { c.code = code; close(c.ended) })
}

// state returns the operation.
func (c *lastingCommand) state() map[string]any {
	metadata := map[string]any{"fds": fakeexec.Fds(c.terminal, func(name string) string { return name }), "command": []string{"lasting"}}
	state := map[string]any{"id": c.id, "class": "websocket", "description": "Executing command", "status": "Running", "status_code": 103, "metadata": metadata}
	select {
	case <-c.ended:
		metadata["return"] = c.code
		state["status"], state["status_code"] = "Success", 200
	default:
	}
	return state
}

func (f *lastingFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	sync := func(v any) {
		answer(200, map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": v})
	}
	_, rest, isOperation := strings.Cut(r.URL.Path, "/operations/")
	id, what, _ := strings.Cut(rest, "/")
	f.mu.Lock()
	c := f.commands[id]
	f.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/exec"):
		var body struct{ Interactive bool }
		_ = json.NewDecoder(r.Body).Decode(&body)
		f.mu.Lock()
		c := &lastingCommand{id: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(f.commands)+1), terminal: body.Interactive, ended: make(chan struct{})}
		f.commands[c.id] = c
		f.mu.Unlock()
		at := "/1.0/operations/" + c.id
		w.Header().Set("Location", at)
		answer(202, map[string]any{"type": "async", "status": "Operation created", "status_code": 100, "operation": at, "metadata": c.state()})
	case strings.HasSuffix(r.URL.Path, "/alive"):
		f.mu.Lock()
		defer f.mu.Unlock()
		alive := 0
		for _, c := range f.commands {
			select {
			case <-c.ended:
			default:
				if c.begun() {
					alive++
				}
			}
		}
		sync(alive)
	case isOperation && c == nil:
		answer(404, map[string]any{"type": "error", "error": "Operation not found", "error_code": 404})
	case what == "websocket":
		f.websocket(w, r, c, r.URL.Query().Get("secret"))
	case what == "wait":
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-c.ended:
		case <-r.Context().Done():
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": c.state()})
	case isOperation:
		sync(c.state())
	case r.URL.Path == "/1.0/events":
		conn, err := websocket.Accept(w, r, nil)
		if err == nil {
			defer conn.CloseNow()
			_, _, _ = conn.Read(r.Context())
		}
	default:
		sync(map[string]any{"name": "c1", "status": "Running", "api_extensions": []string{}, "auth": "trusted"})
	}
}

// websocket serves a websocket until the end of the command.
func (f *lastingFake) websocket(w http.ResponseWriter, r *http.Request, c *lastingCommand, name string) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	f.mu.Lock()
	c.attached++
	f.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			_, reader, err := conn.Reader(context.Background())
			if err != nil {
				if name == "control" {
					c.stop(137)
				}
				return
			}
			data, _ := io.ReadAll(reader)
			var message struct{ Signal int }
			if name == "control" && json.Unmarshal(data, &message) == nil && message.Signal != 0 {
				c.stop(128 + message.Signal)
			}
		}
	}()
	select {
	case <-c.ended:
	case <-gone:
	}
	if name == "1" || name == "2" || name == "0" && c.terminal {
		_ = conn.Write(context.Background(), websocket.MessageText, nil)
	}
	conn.CloseNow()
	<-gone
}
