package host

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// given runs a script with a command line, and returns both outputs and the status.
func given(t *testing.T, script string, line ...string) (out string, status int) {
	t.Helper()
	var b strings.Builder
	h := New(Options{Stdout: &b, Stderr: &b, Args: line, Servers: namedServers})
	err := h.RunSource(context.Background(), "x.star", []byte(script))
	h.Report(&b, err)
	return b.String(), ExitStatus(err)
}

const flagged = `"""Makes servers.

    Each is a copy.
"""
count = flag("count", 3, help="how many servers")
ratio = flag("ratio", 1.5)
image = flag("image", "debian/12", help="the ` + "`NAME`" + ` of an image")
force = flag("force", False)
keep = flag("keep_all", True, "keep " + "what is there")
only = flag("only", None)
tags = flag("tag", [])
ports = flag(name="port", default=[80, 443])
n = flag("n", -60 * 2)
home = flag("home", env.get("HOST_NO_TEST",
    "/root"))
print(count, ratio, image, force, keep, only, tags, ports, n, home, args)
`

// TestFlagsOfLoadedFiles: a loaded file with flags is an error that names it, at any depth, also at a prompt.
func TestFlagsOfLoadedFiles(t *testing.T) {
	for _, script := range []string{`load("testdata/lib/flag.star", "x")`, `load("testdata/lib/flags_below.star", "y")`, `load("testdata/lib/flags_late.star", "late")
late()`} {
		out, status := given(t, script)
		if status != 1 || !strings.Contains(out, "testdata/lib/flag") || !strings.Contains(out, " is loaded here, and flags belong to the script that is run: move the loaded functions into a file without flags") {
			t.Errorf("%s: status %d, %s", script, status, out)
		}
		_, err := New(Options{}).NewSession().Eval(t.Context(), script)
		if err == nil || !strings.Contains(err.Error(), " is loaded here, and flags belong to the script that is run: move the loaded functions into a file without flags") {
			t.Errorf("at a prompt %s: %v", script, err)
		}
	}
	if out, _ := given(t, `try_(flag, "x")`); strings.Contains(out, "is loaded") {
		t.Error(out)
	}
}

// TestFlagsOfTheCommand: a flag of the command that stands behind the script's name is told from an unknown one.
func TestFlagsOfTheCommand(t *testing.T) {
	for _, given := range []string{"--error-format", "--error-format=json", "--trace"} {
		var b strings.Builder
		h := New(Options{Stdout: &b, Stderr: &b, Args: []string{given, "x"}, CommandFlags: []string{"error-format", "trace"}})
		h.Report(&b, h.RunSource(t.Context(), "x.star", []byte(`flag("trade", 1)`)))
		if !strings.Contains(b.String(), ": it is incus-star's: put it before the script's name") {
			t.Errorf("%s: %s", given, b.String())
		}
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		line   string
		want   string
		status int
	}{
		{"", `3 1.5 debian/12 False True None [] [80, 443] -120 /root []`, 0},
		{"--count 5 --ratio=2 --image= --force --keep-all=false --only x --tag a --tag b --port 22 -n 1 --home /h a b",
			`5 2.0  True False x ["a", "b"] [22] 1 /h ["a", "b"]`, 0},
		{"a --count=5 b -- --force -h", `5 1.5 debian/12 False True None [] [80, 443] -120 /root ["a", "b", "--force", "-h"]`, 0},
		{"--no-keep-all --no-force --count=1 --count=-2 -n=7 --n 8", `-2 1.5 debian/12 False False None [] [80, 443] 8 /root []`, 0},
		{"--keep_all=false --count=123456789012345678901234567890", `123456789012345678901234567890 1.5 debian/12 False False None [] [80, 443] -120 /root []`, 0},
		{"--cuont 5", "x.star: unknown flag --cuont (did you mean --count?)", 2},
		{"--nothing-like-it", "x.star: unknown flag --nothing-like-it (--help lists the flags)", 2},
		{"-count 5", "x.star: unknown flag -count (did you mean --count?)", 2},
		{"-x", "x.star: unknown flag -x (--help lists the flags)", 2},
		{"--count", "x.star: --count: missing its value, of type int", 2},
		{"--home", "x.star: --home: missing its value", 2},
		{"--count five", `x.star: --count: got "five", want an int`, 2},
		{"--count 1.5", `x.star: --count: got "1.5", want an int`, 2},
		{"--count=", `x.star: --count: got "", want an int`, 2},
		{"--ratio x", `x.star: --ratio: got "x", want a number`, 2},
		{"--force=maybe", `x.star: --force: got "maybe", want true or false`, 2},
		{"--no-force=maybe", `x.star: --no-force: got "maybe", want true or false`, 2},
		{"--port x", `x.star: --port: got "x", want an int`, 2},
	} {
		out, status := given(t, flagged, strings.Fields(test.line)...)
		if out != test.want+"\n" || status != test.status {
			t.Errorf("%s: got %q, status %d, want %q", test.line, out, status, test.want)
		}
	}
}

func TestFlagHelp(t *testing.T) {
	const want = `usage: incus-star x.star [flags] [args]

Makes servers.

Each is a copy.

flags:
      --count int       how many servers (default 3)
      --ratio float      (default 1.5)
      --image NAME      the NAME of an image (default "debian/12")
      --force
      --keep-all        keep what is there (default true)
      --only string
      --tag string...
      --port int...      (default [80, 443])
  -n, --n int            (default -120)
      --home value       (default env.get("HOST_NO_TEST", "/root"))
  -h, --help            print this
`
	for _, line := range []string{"--help", "a -h", "--count 5 --help --nonsense"} {
		out, status := given(t, flagged, strings.Fields(line)...)
		if diff := cmp.Diff(want, out); diff != "" || status != 0 {
			t.Errorf("%s: status %d, -want +got:\n%s", line, status, diff)
		}
	}
}

// A script without flags gets its command line as it is, but where it has a text to show.
func TestNoFlags(t *testing.T) {
	for _, test := range []struct{ script, line, want string }{
		{"print(args)", "--help", `["--help"]`},
		{"print(args)", "-x --y -- z", `["-x", "--y", "--", "z"]`},
		{"'Does it.'\nprint(args)", "--help", "usage: incus-star x.star [args]\n\nDoes it."},
		{"'Does it.'\nprint(args)", "-h x", "usage: incus-star x.star [args]\n\nDoes it."},
		{"'Does it.'\nprint(args)", "ls -h", `["ls", "-h"]`},
		{"'Does it.'\nprint(args)", "-- -h", `["--", "-h"]`},
		{"1 + 1\nprint(args)", "-h", `["-h"]`},
		{"def flag(*args): return args\nprint(flag('x', 1), args)", "--x", `("x", 1) ["--x"]`},
	} {
		if out, _ := given(t, test.script, strings.Fields(test.line)...); out != test.want+"\n" {
			t.Errorf("%q %s: got %q, want %q", test.script, test.line, out, test.want)
		}
	}
}

// A flag that can't be listed before the script runs is an error before it runs.
func TestFlagDeclarations(t *testing.T) {
	for script, want := range map[string]string{
		"def f():\n    flag('x', 1)":                     "x.star:2:5: flag: call flag at the top level",
		"for x in [1]:\n    flag('x', 1)":                "x.star:2:5: flag: call flag at the top level",
		"f = lambda: flag('x', 1)":                       "x.star:1:13: flag: call flag at the top level",
		"x = [flag('x', 1) for y in [1]]":                "x.star:1:6: flag: call flag at the top level",
		"n = 'x'\nflag(n, 1)":                            "x.star:2:1: flag: call flag at the top level",
		"flag(*['x', 1])":                                "x.star:1:1: flag: call flag at the top level",
		"flag('x', 1)\nflag('x', 2)":                     "x.star:2:1: flag: the flag --x is declared twice",
		"flag('a_b', 1)\nflag('a-b', 2)":                 "x.star:2:1: flag: the flag --a-b is declared twice",
		"flag('help', 1)":                                `x.star:1:1: flag: "help" can't be a flag`,
		"flag('--x', 1)":                                 `x.star:1:1: flag: "--x" can't be a flag`,
		"flag('é', 1)":                                   `"é" can't be a flag`,
		"flag('x', (1,))":                                "flag: default is tuple, want bool, int, float, string, a list or None",
		"flag('x', [1, 'a'])":                            "flag: default is a list of int and string, want one of one type",
		"flag('x', [None])":                              "flag: default is a list that holds None, want one of int, float or string",
		"print(flag('x'))":                               "None\n",
		"flag('x', required=1 > 0)":                      "x.star:1:1: flag: write out required, as True or False",
		"flag('x', required='yes')":                      "x.star:1:1: flag: write out required, as True or False",
		"flag('x', 1, 2)":                                "flag: for parameter help: got int, want string",
		"g = flag\ng('x', 1)":                            "flag: call flag at the top level",
		"try_(flag, 'x', 1).value":                       "flag: call flag at the top level",
		"load('testdata/lib/flag.star', 'x')\nprint(x)":  "flags belong to the script that is run",
		"flag('x', [1] + [2], 'h')\nprint(flag('y', 3))": "3\n",
		"if True:\n    print(flag('x', 'in an if'))":     "in an if\n",
	} {
		if out, _ := given(t, script); !strings.Contains(out, want) {
			t.Errorf("%q: got %q, want %q", script, out, want)
		}
	}
}

// The type of a computed default is known only when the script comes to it.
func TestComputedDefault(t *testing.T) {
	const script = "n = flag('n', len('abc'))\nbig = flag('big', n > 2)\nl = flag('l', list(range(2)))\nprint(n, big, l)"
	for line, want := range map[string]string{
		"":                     "3 True [0, 1]\n",
		"-n 4 --l 7 --l 8":     "4 True [7, 8]\n",
		"--big=false":          "3 False [0, 1]\n",
		"--big yes":            "x.star: --big: got \"yes\", want true or false\n",
		"-n 4.5":               "x.star: --n: got \"4.5\", want an int\n",
		"--n 4 --l 1 --l \x1b": "x.star: --l: got \"\\x1b\", want an int\n",
	} {
		out, status := given(t, script, strings.Fields(line)...)
		if out != want || (status == 2) != strings.HasPrefix(want, "x.star") {
			t.Errorf("%s: got %q, status %d, want %q", line, out, status, want)
		}
	}
	out, status := given(t, "try_(lambda: finally_(lambda: None, lambda: print('cleaned')))\ncatch(Error, print)\nx = flag('n', len('a'))\nprint(x)", "-n", "z")
	if want := "cleaned\n\nx.star: --n: got \"z\", want an int\n"; out != want || status != 2 {
		t.Errorf("got %q, status %d, want %q", out, status, want)
	}
}

// At a prompt, where there is no command line, a flag is its default.
func TestFlagAtPrompt(t *testing.T) {
	h := New(Options{Args: []string{"--count", "5"}})
	s := h.NewSession()
	if got := mustEval(t, s, "flag('count', 3)"); got != "3" {
		t.Error(got)
	}
	if got := mustEval(t, s, "def f(): return flag('n', [1])\nf()"); got != "[1]" {
		t.Error(got)
	}
}

// A library sees the args of the script, without its flags.
func TestArgsInLibrary(t *testing.T) {
	var b strings.Builder
	h := New(Options{Stdout: &b, Stderr: &b, Args: []string{"a", "--count", "5"}})
	err := h.RunSource(context.Background(), "testdata/x.star", []byte("count = flag('count', 1)\nload('lib/args.star', 'seen')\nprint(seen, args)"))
	if err != nil || b.String() != "[\"a\"] [\"a\"]\n" {
		t.Errorf("got %v, %q", err, b.String())
	}
}

const needing = `image = flag("image", required=True, help="the image")
count = flag("count", 0, "how many", required=True)
tags = flag("tag", [], required=True)
force = flag("force", False, required=True)
size = flag("size", len("a"), required=True)
plain = flag("plain", "p", required=False)
print("runs", image, count, tags, force, size, plain, args)
`

// All required flags that are missing are named at once, and before anything is done.
func TestRequiredFlags(t *testing.T) {
	for _, test := range []struct {
		line, want string
		status     int
	}{
		{"", "x.star: missing --image, --count, --tag, --force, --size (--help lists the flags)", 2},
		{"--count 0 --no-force --tag= x", "x.star: missing --image, --size (--help lists the flags)", 2},
		{"--image= --count 0 --tag= --no-force --size 2 x", `runs  0 [""] False 2 p ["x"]`, 0},
		{"--image=i --count 7 --tag a --tag b --force --size 2", `runs i 7 ["a", "b"] True 2 p []`, 0},
		{"-- --image=i", "x.star: missing --image, --count, --tag, --force, --size (--help lists the flags)", 2},
		{"--image=i --count x", `x.star: --count: got "x", want an int`, 2},
		{"--imgae=i", "x.star: unknown flag --imgae (did you mean --image?)", 2},
	} {
		out, status := given(t, needing, strings.Fields(test.line)...)
		if out != test.want+"\n" || status != test.status {
			t.Errorf("%s: got %q, status %d, want %q", test.line, out, status, test.want)
		}
	}
	const help = `usage: incus-star x.star --image string --count int --tag string... --force --size value [flags] [args]

flags:
      --image string    the image (required)
      --count int       how many (required)
      --tag string...   (required)
      --force           (required)
      --size value      (required)
      --plain string     (default "p")
  -h, --help            print this
`
	out, status := given(t, needing, "--image=i", "--help")
	if diff := cmp.Diff(help, out); diff != "" || status != 0 {
		t.Errorf("status %d, -want +got:\n%s", status, diff)
	}
	if got := mustEval(t, New(Options{}).NewSession(), "flag('n', 3, required=True)"); got != "3" {
		t.Errorf("at the prompt: got %s", got)
	}
}
