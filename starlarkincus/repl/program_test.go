package repl

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
)

// patience limits each wait of the tests.
const patience = time.Minute

// runProgram runs a program from a pipe.
func runProgram(ctx context.Context, in io.Reader, interrupts <-chan os.Signal) (status int, out, errs string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	h := host.New(host.Options{Stdout: &stdout, Stderr: &stderr})
	status = Run(ctx, Options{Host: h, Stdin: in, Stdout: &stdout, Stderr: &stderr, Interrupts: interrupts})
	return status, stdout.String(), stderr.String()
}

func TestProgram(t *testing.T) {
	for _, test := range []struct {
		name, in    string
		status      int
		out, errors string
	}{
		{"values", "1 + 1\nNone\n_ + 1\nx = 5\n'a'", 0, "2\n3\n\"a\"\n", ""},
		{"nothing", "", 0, "", ""},
		{"blocks", "def f():\n  x = 1\n\n  return x\n\nfor i in range(2):\n  print(i)\n\nelse_ = 3\nf()\n", 0, "0\n1\n1\n", ""},
		{"the first error ends it", "print(1)\nfail('no')\nprint(2)\n", 1, "1\n", "ScriptError: no"},
		{"what doesn't parse", "print(1)\nx = )\n", 2, "1\n", "unexpected ')'"},
		{"the end within brackets", "f(\n", 2, "", "got end of file"},
		{"the end within a block", "if True:\n  print(1)", 0, "1\n", ""},
		{"exit", "exit(9)\nprint(1)", 9, "", ""},
		{"exit with 0", "exit()\nprint(1)", 0, "", ""},
		{"carriage returns", "def f():\r\n  return 1\r\n\r\nf()\r\n", 0, "1\n", ""},
		{"help", "help(len)\nhelp('nothing_like_it')", 1, "len(x)\n\nReturns the number of elements of x, or of bytes in a string.\n", "there is no help for nothing_like_it"},
		{"help without quotes", "help(instance)", 2, "", `undefined: instance: write help("instance")`},
		{"help of a method without quotes", "help(instance.exec)", 2, "", `undefined: instance: write help("instance.exec")`},
		{"exit without brackets", "exit", 0, "exit() or Ctrl-D ends the prompt\n", ""},
		{"quit", "quit", 2, "", "write exit(), or Ctrl-D at the prompt"},
		{"help of help", "help(help)", 0, "help(x)\n\nPrints the help of x, a value or a name in quotes. help() lists all names. Only\nprompts have it.\n\nThe name may be that of a configuration key, or of a key of devices, which the\nserver describes.\n", ""},
		{"help of nothing", "help('frob.nicate')", 1, "", "there is no help for frob.nicate"},
		{"deferred calls", "defer(print, 'last')\nprint('first')", 0, "first\nlast\n", ""},
		{"deferred calls after an error", "defer(print, 'last')\nfail('no')", 1, "last\n", "ScriptError: no"},
		{"deferred calls after exit", "defer(print, 'last')\nexit(4)", 4, "last\n", ""},
		{"a deferred call that fails", "defer(fail, 'late')\n1", 1, "1\n", "ScriptError: late"},
		{"class", "raise_(IncusNotFoundError, 'x')", 3, "", "IncusNotFoundError: x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, out, errs := runProgram(t.Context(), strings.NewReader(test.in), nil)
			if status != test.status || out != test.out || !strings.Contains(errs, test.errors) || test.errors == "" && errs != "" {
				t.Errorf("status %d, output %q, errors %q", status, out, errs)
			}
		})
	}
}

func TestProgramWithLongLines(t *testing.T) {
	long := strings.Repeat("x", 3_000_000)
	status, out, errs := runProgram(t.Context(), strings.NewReader("len('"+long+"')\nx = '''\n"+strings.Repeat("def\n", 100_000)+"'''\nlen(x)\n"), nil)
	if status != 0 || out != "3000000\n400001\n" {
		t.Errorf("status %d, output %.100q, errors %.100q", status, out, errs)
	}
}

// TestProgramRunsAtOnce checks that the output of an entry is written before the next entry is read, because the writer
// may wait for it.
func TestProgramRunsAtOnce(t *testing.T) {
	in, feed := io.Pipe()
	outputs, out := io.Pipe()
	h := host.New(host.Options{Stdout: out})
	ended := make(chan int)
	go func() { ended <- Run(t.Context(), Options{Host: h, Stdin: in, Stdout: out, Stderr: io.Discard}) }()
	for i := range 3 {
		fmt.Fprintf(feed, "%d + 1\n", i)
		var got int
		if _, err := fmt.Fscanln(outputs, &got); err != nil || got != i+1 {
			t.Fatalf("got %d (%v)", got, err)
		}
	}
	feed.Close()
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestProgramInterrupted(t *testing.T) {
	signals := make(chan os.Signal, 1)
	in, feed := io.Pipe()
	defer feed.Close() // ends the reading
	go func() {
		fmt.Fprintln(feed, "x = 1")
		signals <- os.Interrupt // during the wait for the next line, or while the first still runs
	}()
	if status, _, errs := runProgram(t.Context(), in, signals); status != 130 || !strings.HasPrefix(errs, "interrupted") {
		t.Errorf("status %d, errors %q", status, errs)
	}

	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, host.ErrTimeout)
	defer cancel()
	if status, _, errs := runProgram(ctx, strings.NewReader("sleep(1000)\n"), nil); status != 124 || !strings.Contains(errs, "timed out") {
		t.Errorf("status %d, errors %q", status, errs)
	}
	in, feed = io.Pipe()
	defer feed.Close()
	if status, _, errs := runProgram(ctx, in, nil); status != 124 || errs != "timed out\n" {
		t.Errorf("status %d, errors %q", status, errs)
	}
}

// TestProgramInterruptedTwice checks that a second interrupt ends clean-up, including calls deferred to the prompt's
// end.
func TestProgramInterruptedTwice(t *testing.T) {
	const functions = "def body():\n  print('body')\n  sleep(1000)\ndef cleanup():\n  print('cleanup')\n  sleep(1000)\n"
	for _, program := range []string{"finally_(body, cleanup)\n", "defer(cleanup)\nbody()\n"} {
		signals := make(chan os.Signal)
		outputs, out := io.Pipe()
		h := host.New(host.Options{Stdout: out})
		ended := make(chan int, 1)
		go func() {
			ended <- Run(t.Context(), Options{Host: h, Stdin: strings.NewReader(functions + program), Stdout: out, Stderr: io.Discard, Interrupts: signals})
		}()
		for _, want := range []string{"body", "cleanup"} {
			var got string
			if _, err := fmt.Fscanln(outputs, &got); err != nil || got != want {
				t.Fatalf("got %q (%v)", got, err)
			}
			signals <- os.Interrupt
		}
		select {
		case status := <-ended:
			if status != 130 {
				t.Errorf("%s: status %d", program, status)
			}
		case <-time.After(patience):
			t.Fatalf("%s: clean-up goes on", program)
		}
	}
}

func TestWriteStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var b bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		cancel(host.ErrInterrupted)
		return b.Write(p)
	})
	if err := write(ctx, w, strings.Repeat("x", 1<<20)); err != host.ErrInterrupted || b.Len() == 0 || b.Len() > 1<<19 {
		t.Errorf("%d bytes were written (%v)", b.Len(), err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestTarget(t *testing.T) {
	dir := t.TempDir()
	config := "default-remote: lab\nremotes:\n  lab:\n    addr: https://lab:8443\n    public: true\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	env := remote.OS()
	env.Getenv = func(name string) string { return map[string]string{"INCUS_CONF": dir}[name] }
	env.GlobalDir = dir
	for _, test := range []struct{ name, project, want string }{
		{"", "", "lab (https://lab:8443), project default"},
		{"lab", "mine", "lab (https://lab:8443), project mine"},
		{"nowhere", "", ""},
	} {
		if got := Target(t.Context(), env, test.name, test.project).String(); got != test.want {
			t.Errorf("%q, %q: got %q, want %q", test.name, test.project, got, test.want)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
