package cli_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endings are the ways in which a script can end, each with clean-up: finally_ around body, and two deferred calls.
var endings = []struct {
	name   string
	flags  []string
	body   string
	send   []os.Signal // the first when the script is ready, the second when clean-up has begun
	status int
	stdout string
	class  string // with --error-format json; empty if nothing is reported
	stderr string // a pattern for the report as text
}{
	{name: "end", body: `pass`, status: 0, stdout: "finally deferred", stderr: `^$`},
	{name: "exit", body: `exit(7)`, status: 7, stdout: "finally deferred", stderr: `^$`},
	{name: "exit 0", body: `exit()`, status: 0, stdout: "finally deferred", stderr: `^$`},
	{name: "die", body: `die("no server is left", status=7)`, status: 7, stdout: "finally deferred", class: "Exit", stderr: `^no server is left\n$`},
	{name: "die in tasks", body: `parallel(lambda i: try_(die, "no\x1bserver"), range(3))`, status: 1, stdout: "finally deferred", class: "Exit",
		stderr: "^no[^\x1b]{1,8}server\n$"},
	{name: "ScriptError", body: `1 // 0`, status: 1, stdout: "finally deferred",
		class: "ScriptError", stderr: `(?s)^Traceback .*\nScriptError: floored division by zero\n$`},
	{name: "own error", body: `raise_(error_class("Own"), "mine")`, status: 1, stdout: "finally deferred", class: "Own", stderr: `\nOwn: mine\n$`},
	{name: "API error", body: `raise_(IncusNotFoundError, "gone", status = 404)`, status: 3, stdout: "finally deferred",
		class: "IncusNotFoundError", stderr: `\nIncusNotFoundError \(404\): gone\n$`},
	{name: "connection error", body: `incus.connect(endpoint = "https://127.0.0.1:1").instances.list()`, status: 4, stdout: "finally deferred",
		class: "IncusConnectionError", stderr: `\nIncusConnectionError: can't connect to https://127.0.0.1:1: connection refused`},
	{name: "operation error", body: `raise_(IncusOperationError, "failed", operation_id = "5f3a")`, status: 5, stdout: "finally deferred",
		class: "IncusOperationError", stderr: `\nIncusOperationError: failed\noperation: 5f3a\n$`},
	{name: "timeout", flags: []string{"--timeout", "LIMIT"}, body: `sleep(1000)`, status: 124, stdout: "finally deferred",
		class: "Timeout", stderr: `(?s)^Traceback .*\ntimed out after [0-9.ms]+\n$`},
	{name: "step limit", flags: []string{"--max-steps", "10000"}, body: `[i for i in range(1000000)]`, status: 124, stdout: "finally deferred",
		class: "StepLimit", stderr: `\nthe step limit is reached: 10000\n$`},
	{name: "Ctrl-C", body: `ready(); sleep(1000)`, send: []os.Signal{os.Interrupt}, status: 130, stdout: "finally deferred",
		class: "Interrupt", stderr: `^interrupted at -c, line \d+, in (body|ready)\n$`},
	{name: "Ctrl-C in tasks", body: `parallel(lambda i: [begun.append(i), wait_until(lambda: len(begun) == 3, interval=0.001), i or ready(), sleep(1000)], range(3))`, send: []os.Signal{os.Interrupt}, status: 130,
		stdout: "finally deferred", class: "Interrupt", stderr: `^interrupted at -c, line \d+, in (lambda|ready), task 1 of 3: 0\n$`},
	{name: "Ctrl-C twice", flags: []string{"--cleanup-timeout", "1h"}, body: `ready(); slow.append(1); sleep(1000)`, send: []os.Signal{os.Interrupt, os.Interrupt}, status: 130, stdout: "finally",
		class: "Interrupt", stderr: `(?s)clean-up was ended by a second interrupt\n.*late was not called.*\ninterrupted at -c`},
	{name: "SIGQUIT", body: `ready(); sleep(1000)`, send: []os.Signal{syscall.SIGQUIT}, status: 131, stdout: "finally deferred",
		class: "Interrupt", stderr: `(?s)^Traceback .*\nquit\n$`},
	{name: "SIGTERM", body: `ready(); sleep(1000)`, send: []os.Signal{syscall.SIGTERM}, status: 143, stdout: "finally deferred",
		class: "Interrupt", stderr: `(?s)^Traceback .*\nterminated\n$`},
	{name: "SIGTERM, then Ctrl-C", flags: []string{"--cleanup-timeout", "1h"}, body: `ready(); slow.append(1); sleep(1000)`, send: []os.Signal{syscall.SIGTERM, os.Interrupt}, status: 143,
		stdout: "finally", class: "Interrupt", stderr: `clean-up was ended by a second interrupt\n`},
	{name: "SIGHUP", body: `ready(); sleep(1000)`, send: []os.Signal{syscall.SIGHUP}, status: 129, stdout: "finally deferred",
		class: "Interrupt", stderr: `\nhangup\n$`},
}

// around is the script around a body. Clean-up also writes to files, because standard output may be closed.
const around = `
slow = []
begun = []

def note(word):
    write_file(args[0] + "/" + word, "")
    print(word)

def ready():
    print("ready")

def late():
    note("deferred")

def cleanup():
    note("finally")
    if slow:
        sleep(1000)

def body():
    BODY

defer(late)
finally_(body, cleanup)
`

func TestEndings(t *testing.T) {
	for _, e := range endings {
		for _, format := range []string{"text", "json"} {
			t.Run(e.name+"/"+format, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				args := append([]string{"--error-format", format}, e.flags...)
				args = append(args, "-c", strings.Replace(around, "BODY", strings.ReplaceAll(e.body, "; ", "\n    "), 1), dir)
				var stdout, stderr string
				var status int
				for limit, at := 200*time.Millisecond, slices.Index(args, "LIMIT"); ; limit *= 4 {
					if at >= 0 {
						args[at] = limit.String()
					}
					stdout, stderr, status = runAndSend(t, args, e.send)
					if at < 0 || strings.Contains(stdout, "finally") || limit > 10*time.Second {
						break // the time wasn't over before the script waited
					}
				}
				if status != e.status {
					t.Errorf("ended with %d, want %d\n%s", status, e.status, stderr)
				}
				words := strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(stdout, "ready\n", ""), "\n", " "))
				if words != e.stdout {
					t.Errorf("printed %q, want %q", words, e.stdout)
				}
				if strings.Contains(stderr, "goroutine") {
					t.Errorf("Go's own trace:\n%s", stderr)
				}
				if format == "text" {
					if !regexp.MustCompile(e.stderr).MatchString(stderr) {
						t.Errorf("stderr is %q, want %q", stderr, e.stderr)
					}
					return
				}
				checkObjects(t, stderr, e.class, e.status)
			})
		}
	}
}

// checkObjects checks that stderr holds JSON objects, the last of which reports the script's end.
func checkObjects(t *testing.T, stderr, class string, status int) {
	var last struct {
		Class      string
		Message    string
		ExitStatus *int `json:"exit_status"`
		Frames     []struct {
			File string
			Line int
		}
	}
	for line := range strings.Lines(stderr) {
		last.ExitStatus = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%v:\n%s", err, stderr)
		}
	}
	if last.Class != class || class != "" && (last.ExitStatus == nil || *last.ExitStatus != status ||
		class != "Exit" && (len(last.Frames) == 0 || last.Frames[0].File != "-c")) {
		t.Errorf("stderr is\n%s", stderr)
	}
}

// runAndSend runs the command, and sends it the first signal at its first line and the second at its next.
func runAndSend(t *testing.T, args []string, send []os.Signal) (stdout, stderr string, status int) {
	command := start(t, args...)
	for i, s := range send {
		if i < 2 {
			line, _ := command.out.ReadString('\n')
			stdout += line
		}
		time.Sleep(100 * time.Millisecond) // until the script waits, and all tasks have begun
		command.Process.Signal(s)
	}
	// Signals in quick succession may count as one, where a person would press again.
	if len(send) > 2 {
		again := time.NewTicker(300 * time.Millisecond)
		defer again.Stop()
		done := make(chan struct{})
		defer close(done)
		go func() {
			for {
				select {
				case <-done:
					return
				case <-again.C:
					command.Process.Signal(send[len(send)-1])
				}
			}
		}()
	}
	rest, status := command.rest()
	return stdout + rest, command.stderr.String(), status
}

// TestEndingWithClosedOutput checks the end of a script whose output has no reader, as in incus-star x.star | head -1.
func TestEndingWithClosedOutput(t *testing.T) {
	for _, body := range []string{
		"while True: print('more')",
		"while True: try_(print, 'more')",
		"parallel(lambda i: [print('more') for _ in range(1000000)], range(4))",
	} {
		dir := t.TempDir()
		command := start(t, "-c", strings.Replace(around, "BODY", body, 1), dir)
		command.line(t, "more")
		command.pipe.Close()
		command.Wait()
		if status := command.ProcessState.ExitCode(); status != 141 || command.stderr.Len() > 0 {
			t.Errorf("%s: ended with %d, want 141, and printed\n%s", body, status, command.stderr.Bytes())
		}
		for _, name := range []string{"finally", "deferred"} {
			if _, err := os.Stat(dir + "/" + name); err != nil {
				t.Errorf("%s: clean-up: %v", body, err)
			}
		}
	}
}

// TestEndingOfUninterruptible checks that a third signal ends a script that can't be interrupted.
func TestEndingOfUninterruptible(t *testing.T) {
	code := "x = [[0] * 1000000] * 1000000\nfinally_(lambda: print('ready') or sleep(1000), lambda: print('cleaning') or max(x))"
	for format, want := range map[string]string{
		"text": "interrupted: given up, clean-up was not finished\n",
		"json": `"message":"interrupted: given up, clean-up was not finished"`,
	} {
		_, stderr, status := runAndSend(t, []string{"--error-format", format, "-c", code}, []os.Signal{syscall.SIGTERM, os.Interrupt, os.Interrupt})
		if status != 143 || !strings.Contains(stderr, want) {
			t.Errorf("ended with %d, want 143, and printed\n%s", status, stderr)
		}
	}
}

// TestIgnoredSignals checks that a signal that was ignored at the start stays ignored, as Ctrl-C by background jobs of
// a shell, and SIGHUP under nohup.
func TestIgnoredSignals(t *testing.T) {
	command := exec.Command("sh", "-c", `trap '' HUP INT; exec incus-star -c 'print("ready"); sleep(0.3); print("end")'`)
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(pipe)
	_, _ = out.ReadString('\n')
	command.Process.Signal(syscall.SIGHUP)
	command.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(out)
	if err := command.Wait(); err != nil || string(rest) != "end\n" {
		t.Errorf("got %q, %v", rest, err)
	}
}
