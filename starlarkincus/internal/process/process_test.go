//go:build linux

package process

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"incus-star/errors"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mark is in the environment of this run's processes.
var mark = fmt.Sprintf("INCUS_STAR_PROCESS_TEST=%d ", os.Getpid())

// marked returns the processes with the test's mark in their environment, and the zombies of this process.
func marked(t *testing.T, name string) (found []string) {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		environ, _ := os.ReadFile(folder + "/environ")
		stat, _ := os.ReadFile(folder + "/stat")
		_, after, _ := bytes.Cut(stat, []byte(") "))
		zombie := bytes.HasPrefix(after, fmt.Appendf(nil, "Z %d ", os.Getpid()))
		if bytes.Contains(environ, []byte(mark+name+"\x00")) || zombie {
			found = append(found, filepath.Base(folder)+" "+string(stat))
		}
	}
	return found
}

// gone fails the test unless its processes end soon, because SIGKILL takes a moment.
func gone(t *testing.T, name string) {
	t.Helper()
	var left []string
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if left = marked(t, name); left == nil {
			return
		}
	}
	t.Errorf("left: %q", left)
}

// A recorder is a command whose output is recorded.
type recorder struct {
	Command
	out, err bytes.Buffer
}

func record(name string, args ...string) *recorder {
	r := &recorder{}
	into := func(b *bytes.Buffer) func([]byte) error {
		return func(data []byte) error { b.Write(data); return nil }
	}
	r.Command = Command{Args: args, Env: append(os.Environ(), mark+name), Stdout: into(&r.out), Stderr: into(&r.err), Grace: 300 * time.Millisecond}
	return r
}

// The commands, which touch $READY when they can be stopped.
var stubborn = map[string]string{
	"waits":              `touch $READY; exec sleep 100`,
	"has children":       `sleep 100 & sleep 100 & touch $READY; wait`,
	"ignores SIGTERM":    `trap '' TERM; touch $READY; while :; do sleep 100; done`,
	"children ignore it": `(trap '' TERM; sleep 100) & touch $READY; wait`,
	"is suspended":       `touch $READY; kill -STOP $$; sleep 100`,
	"writes on":          `touch $READY; while :; do echo xxxxxxxxxxxxxxxx; done`,
	"cleans up":          `trap 'sleep 0.1; echo cleaned; exit 0' TERM; sh -c 'touch $READY; exec sleep 100' & wait`, // the child has no trap at any time
	"reads":              `touch $READY; cat; sleep 100`,
	"ended":              `sleep 100 & touch $READY`, // its background process keeps the output open
}

// TestStop checks that each way of stopping each command ends all of its processes.
func TestStop(t *testing.T) {
	cause := errors.Plain("stopped")
	lingering(t, time.Minute)
	for name, script := range stubborn {
		for _, way := range []string{"context", "output", "hurry", "deadline"} {
			if name == "ended" && way != "context" {
				continue // it has ended by itself
			}
			t.Run(name+"/"+way, func(t *testing.T) {
				ready := filepath.Join(t.TempDir(), "ready")
				r := record(t.Name(), "sh", "-c", script)
				r.Env = append(r.Env, "READY="+ready)
				big := strings.Repeat("x", 1<<20) // exceeds the capacity of a pipe
				if name != "reads" {
					r.Stdin = strings.NewReader(big)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if name == "cleans up" {
					r.Grace = time.Hour
				}
				var stop func()
				switch way {
				case "context", "deadline":
					stop = func() { cancel(cause) }
				case "hurry":
					hurry := make(chan struct{})
					r.Hurry, r.Grace = hurry, time.Hour
					stop = func() { cancel(cause); close(hurry) }
				case "output":
					if name != "writes on" {
						t.Skip("writes nothing")
					}
					stop = func() {}
					r.Stdout = func([]byte) error {
						if _, err := os.Stat(ready); err == nil {
							return cause
						}
						return nil
					}
				}
				began := make(chan time.Time, 1)
				go func() {
					for {
						if _, err := os.Stat(ready); err == nil {
							break
						}
						time.Sleep(5 * time.Millisecond)
					}
					if name == "ended" {
						time.Sleep(100 * time.Millisecond)
					}
					began <- time.Now()
					stop()
				}()
				_, err := Run(ctx, &r.Command)
				took := time.Since(<-began)
				if err != cause || took > 30*time.Second {
					t.Errorf("got %v after %v", err, took)
				}
				if name == "cleans up" && way == "context" && r.out.String() != "cleaned\n" {
					t.Errorf("the end of the output is lost: %q", r.out.String())
				}
				if name == "ended" {
					return // it continues: see below
				}
				gone(t, t.Name())
			})
		}
	}
}

// lingering sets linger for a test.
func lingering(t *testing.T, d time.Duration) {
	before := linger
	t.Cleanup(func() { linger = before })
	linger = d
}

// TestBackground runs commands with background processes, which keep the output open or not, and checks that Run
// returns with the output of the command, and that the processes continue.
func TestBackground(t *testing.T) {
	for i, test := range []struct {
		script, out string
		linger      time.Duration // 0 for the usual one
	}{
		{`sleep 300 & echo done`, "done\n", 0},
		{`(while :; do echo more; sleep 0.01; done) & exit 0`, "", 0},
		{`(while :; do echo more; done) & exit 0`, "", 0},
		{`setsid sleep 300 & echo done`, "done\n", 0},
		{`(sleep 0.2; echo late) & echo early`, "early\nlate\n", time.Minute},
		{`head -c 65536 /dev/zero; sleep 300 &`, strings.Repeat("\x00", 65536), 0},
	} {
		lingering(t, cmp.Or(test.linger, time.Second))
		name := fmt.Sprintf("%s %d", t.Name(), i)
		r := record(name, "sh", "-c", test.script)
		began := time.Now()
		status, err := Run(t.Context(), &r.Command)
		if status != 0 || err != nil || test.out != "" && r.out.String() != test.out || time.Since(began) > 30*time.Second {
			t.Errorf("%s: %d, %v, %.100q after %v", test.script, status, err, r.out.String(), time.Since(began))
		}
		for _, left := range marked(t, name) {
			pid, _ := strconv.Atoi(strings.Fields(left)[0])
			process, err := os.FindProcess(pid)
			if err == nil {
				_ = process.Kill()
			}
		}
		gone(t, name)
	}
}

// TestRandomOutput runs scripts of random writes to both outputs, from random input to a random status.
func TestRandomOutput(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 25 {
		input := make([]byte, r.IntN(3)*r.IntN(400_000))
		for i := range input {
			input[i] = byte(r.IntN(256))
		}
		script, out, errOut := "", "", ""
		for range r.IntN(6) {
			n, letter := r.IntN(100_000), string(rune('a'+r.IntN(26)))
			text := strings.Repeat(letter, n)
			redirect := ""
			if r.IntN(2) == 0 {
				redirect, errOut = " >&2", errOut+text
			} else {
				out += text
			}
			script += fmt.Sprintf("head -c %d /dev/zero | tr '\\0' %s%s; ", n, letter, redirect)
		}
		text := string(input)
		want := r.IntN(256)
		c := record(t.Name(), "sh", "-c", fmt.Sprintf("%s cat; exit %d", script, want))
		c.Stdin = strings.NewReader(text)
		status, err := Run(t.Context(), &c.Command)
		if err != nil || status != want || c.out.String() != out+text || c.err.String() != errOut {
			t.Fatalf("seed %d: %q: %d, %v; %d and %d bytes, want %d and %d", seed, script, status, err, c.out.Len(), c.err.Len(), len(out+text), len(errOut))
		}
	}
	gone(t, t.Name())
}

// TestStatus compares exit statuses with those of a shell.
func TestStatus(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		args   []string
		status int
		run    bool
	}{
		{[]string{"true"}, 0, true},
		{[]string{"false"}, 1, true},
		{[]string{"sh", "-c", "exit 255"}, 255, true},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, true},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, true},
		{[]string{"sh", "-c", "kill -SEGV $$"}, 139, true},
		{[]string{"sh", "-c", "exit 127"}, 127, true},
		{[]string{"no-such-command"}, 127, false},
		{[]string{"/no/such/command"}, 127, false},
		{[]string{"/etc/passwd/command"}, 127, false},
		{[]string{folder}, 126, false},
		{[]string{write("plain", "exit 0", 0o644)}, 126, false},
		{[]string{write("garbage", "\x00\x01", 0o755)}, 126, false},
		{[]string{write("interpreter", "#!/no/such/thing\n", 0o755)}, 127, false},
		{[]string{"plain"}, 126, false},
		{[]string{"true", strings.Repeat("x", 4<<20)}, 126, false},
	} {
		c := record(t.Name(), test.args...)
		c.Env = append(c.Env, "PATH="+os.Getenv("PATH")+":"+folder)
		status, err := Run(t.Context(), &c.Command)
		var notRun *NotRunError
		if test.run && (err != nil || status != test.status) || !test.run && (!errors.As(err, &notRun) || notRun.Status != test.status) {
			t.Errorf("%.60q: %d, %v, want %d", test.args, status, err, test.status)
		}
	}
	for _, dir := range []string{"/no/such", "/etc/passwd", ""} {
		c := record(t.Name(), "pwd")
		c.Dir = dir
		_, err := Run(t.Context(), &c.Command)
		var wrong *DirError
		if errors.As(err, &wrong) != (dir != "") {
			t.Errorf("in %q: %v", dir, err)
		}
	}
}

// TestSurroundings checks that a command has no terminal, no input by default, and the PATH of its environment.
func TestSurroundings(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "greet"), []byte("#!/bin/sh\necho \"$WORD\"; pwd; cat; (: </dev/tty) 2>/dev/null && echo a terminal\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := record(t.Name(), "greet")
	c.Env, c.Dir = []string{"PATH=relative:" + bin + ":/bin:/usr/bin", "WORD=hi"}, "/"
	if status, err := Run(t.Context(), &c.Command); status != 0 || err != nil || c.out.String() != "hi\n/\n" {
		t.Errorf("%d, %v, %q, %q", status, err, c.out.String(), c.err.String())
	}
	// A command ends even if it doesn't read its large input.
	big := strings.Repeat("x", 4<<20)
	c = record(t.Name(), "true")
	c.Stdin = strings.NewReader(big)
	if status, err := Run(t.Context(), &c.Command); status != 0 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, &c.Command); err != context.Canceled {
		t.Error(err)
	}
}
