package repl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTerminalEntries(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	if greeting := p.expect("ends.\n"); strings.Join(strings.Fields(greeting), " ") != "incus-star 1.2 for local (the test), project default. help() lists all names, :help the commands, Ctrl-D" {
		t.Errorf("greeting: %q", greeting)
	}
	p.enter("1 + 1")
	p.expect("\n2\n")
	p.enter("_ * 21")
	p.expect("\n42\n")
	p.enter("x = None")
	p.enter("x")
	p.enter("_ + 1")
	p.expect("\n43\n")
	p.enter(`"a\nb"`)
	p.expect("\na\nb\n")
	p.enter("print('one\\ntwo')")
	p.expect("\none\ntwo\n")

	p.enter("g = lambda x: x")
	p.enter("def f(x):")
	p.expect("... ")
	p.send("# twice\r")
	p.expect("... ")
	p.send("return g(x)\r")
	p.expect("... ")
	p.send("\r")
	p.enter("g = lambda x: 2 * x")
	p.enter("f(8)")
	p.expect("\n16\n")
	p.enter("[1,")
	p.expect("... ")
	p.send("\r") // a blank line within brackets ends nothing
	p.expect("... ")
	p.send("2]\r")
	p.expect("\n[1, 2]\n")

	p.enter("fail('gone wrong')")
	p.expect("ScriptError: gone wrong\n")
	p.enter("1 +* 2")
	p.expect("got '*', want primary expression")
	p.enter("def f():")
	p.expect("... ")
	p.send("\r")
	p.expect("want indent")
	p.enter("1 // 0")
	p.expect("division by zero")
	p.enter("'still ' + 'here'")
	p.expect("\n\"still here\"\n")
	p.enter("exit(7)")
	if status := p.status(); status != 7 {
		t.Errorf("exit(7) ended with %d", status)
	}
}

func TestTerminalEnd(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.enter("for i in range(3):")
	p.expect("... ")
	p.send("print(i)\r")
	p.expect("... ")
	p.send("\x15\x04")
	p.expect("\n0\n1\n2\n") // as Python does
	p.enter("defer(print, 'at the ' + 'end')")
	p.expect(">>> ")
	p.send("\x04")
	if status := p.status(); status != 0 {
		t.Errorf("Ctrl-D ended with %d", status)
	}
	p.expect("\nat the end\n")
	if mode := p.mode(); mode != p.found {
		t.Errorf("terminal mode\nbefore %+v\nafter  %+v", p.found, mode)
	}
}

func TestTerminalInterrupt(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.expect(">>> ")
	p.send("half an entr")
	p.expect("entr")
	p.send("\x03")
	p.expect("^C\n>>> ")
	p.send("def f():\r")
	p.expect("... ")
	p.send("    x")
	p.expect("x")
	p.send("\x03")
	p.expect("^C\n>>> ")
	p.send("def spin():\r    print('r' + 'unning')\r    while True: pass\r\r")
	for i, code := range []string{"spin()", "print('r' + 'unning'); sleep(1000)", "spin()"} {
		p.enter(code)
		p.expect("\nrunning\n")
		begin := time.Now()
		if i == 2 {
			check(t, p.cmd.Process.Signal(os.Interrupt)) // as from another process
		} else {
			p.send("\x03")
		}
		p.expect("interrupted")
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%s: Ctrl-C took %v", code, took)
		}
	}
	p.enter("'alive'")
	p.expect("\n\"alive\"\n")

	p.expect(">>> ")
	p.send("half")
	p.expect("half")
	check(t, p.cmd.Process.Signal(os.Interrupt))
	p.expect("^C\n>>> ")
	p.send("\x04")
	if status := p.status(); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

// TestTerminalSignals checks that a signal ends the prompt at any time, with the signal's status and the terminal's
// original mode.
func TestTerminalSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		for name, typed := range map[string]string{
			"empty": "", "half a line": "half", "within a block": "if True:\r    pri", "within a paste": pasteStart + "a\rb",
			"running": "print('r' + 'unning'); sleep(1000)\r",
		} {
			t.Run(sig.String()+", "+name, func(t *testing.T) {
				p := startTerminal(t, t.TempDir())
				p.enter("defer(print, 'at the ' + 'end')")
				p.expect(">>> ")
				p.send(typed)
				switch name {
				case "running":
					p.expect("\nrunning\n")
				case "within a paste":
					p.expect("a␊b")
				default:
					p.expect(typed[strings.LastIndexByte(typed, '\r')+1:])
				}
				check(t, p.cmd.Process.Signal(sig))
				if status := p.status(); status != 128+int(sig) {
					t.Errorf("ended with %d", status)
				}
				p.expect(sig.String() + "\n")
				p.expect("at the end\n")
				if mode := p.mode(); mode != p.found {
					t.Errorf("terminal mode\nbefore %+v\nafter  %+v", p.found, mode)
				}
			})
		}
	}
}

// TestTerminalTimeout checks that the timeout limits each entry, not the session.
func TestTerminalTimeout(t *testing.T) {
	p := startTerminal(t, t.TempDir(), "TEST_TIMEOUT=500ms")
	for range 2 {
		p.enter("print('r' + 'unning'); sleep(1000)")
		p.expect("\nrunning\n")
		p.expect("timed out after 500ms\n")
	}
	p.expect(">>> ")
	p.send("'al' + ")
	time.Sleep(700 * time.Millisecond)
	p.send("'ive'\r")
	p.expect("\n\"alive\"\n")
	p.expect(">>> ")
	p.send("\x04")
	if status := p.status(); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

func TestTerminalPanic(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.enter("panic()")
	if status := p.status(); status != 2 {
		t.Errorf("a panic ended with %d", status)
	}
	if mode := p.mode(); mode != p.found {
		t.Errorf("terminal mode\nbefore %+v\nafter  %+v", p.found, mode)
	}
}

// TestTerminalModeWhileRunning checks that a script's output has its line ends while it runs, that what is typed then comes after
// it, and that an interrupt from elsewhere leaves that alone.
func TestTerminalModeWhileRunning(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.enter("print('r' + 'unning'); sleep(1000)")
	p.expect("\nrunning\n")
	if mode := p.mode(); mode.Oflag != p.found.Oflag || mode.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || (mode.Iflag^p.found.Iflag)&unix.IXON != 0 {
		t.Errorf("terminal mode\nbefore  %+v\nrunning %+v", p.found, mode)
	}
	p.send("1 + 1\r") // typed ahead
	check(t, p.cmd.Process.Signal(os.Interrupt))
	if before := p.expect("interrupted"); strings.Contains(before, "1 + 1") {
		t.Errorf("typed text is shown before: %q", before)
	}
	p.expect(">>> ")
	p.expect("\n2\n")
}

func TestTerminalHistory(t *testing.T) {
	const up = "\x1b[A"
	state := t.TempDir()
	long := strings.Repeat("x", 10_000)
	p := startTerminal(t, state)
	p.enter("len('" + long + "')")
	p.expect("\n10000\n")
	p.enter("def f():")
	p.send("    # doubled \\ and \\n\r    return 'f' + 'unction'\r\r")
	p.enter("f()")
	p.expect("\n\"function\"\n")
	p.expect(">>> ")

	// A second prompt at the same time must not lose entries of the first one.
	q := startTerminal(t, state)
	q.enter("'oth' + 'er'")
	q.expect("\n\"other\"\n")
	q.expect(">>> ")
	q.send(up + up + up)
	q.expect("def f():␊    # doubled")
	q.send("\r")
	q.enter("f()")
	q.expect("\n\"function\"\n")
	p.send("\x04")
	p.status()
	q.expect(">>> ")
	q.send("\x04")
	q.status()

	p = startTerminal(t, state)
	p.expect(">>> ")
	p.send(up + up)
	p.expect("return 'f' + 'unction'")
	p.send("\r")
	p.enter("f()")
	p.expect("\n\"function\"\n")
	p.expect(">>> ")
	p.send("len" + up) // searches by the typed prefix
	p.expect("xxx")
	p.send("\r")
	p.expect("\n10000\n")

	file := filepath.Join(state, "incus-star", "history")
	for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700 | os.ModeDir} {
		info, err := os.Stat(path)
		check(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

// TestTerminalSpace checks that an entry that begins with a space runs, and is not added to the history.
func TestTerminalSpace(t *testing.T) {
	const up = "\x1b[A"
	state := t.TempDir()
	p := startTerminal(t, state)
	p.enter("'ke' + 'pt'")
	p.expect("\n\"kept\"\n")
	p.enter(" 'se' + 'cret'")
	p.expect("\n\"secret\"\n")
	p.enter("  for i in range(2):")
	p.send("    print('i', i)\r\r")
	p.expect("\ni 0\ni 1\n")
	p.expect(">>> ")
	p.send(up + "\r")
	p.expect("\n\"kept\"\n")
	data, err := os.ReadFile(filepath.Join(state, "incus-star", "history"))
	if check(t, err); string(data) != "'ke' + 'pt'\n" {
		t.Errorf("the history has %q", data)
	}
}

// TestTerminalPictures checks that pasted pictures of control characters stay pictures.
func TestTerminalPictures(t *testing.T) {
	state := t.TempDir()
	p := startTerminal(t, state)
	r := newRand(t)
	var want []string
	p.enter("# typed ␊fail('it ran')")
	want = append(want, "# typed ␊fail('it ran')")
	p.expect(">>> ")
	p.send(pasteStart + "# pasted ␊fail('it ran')" + pasteEnd + "\r")
	want = append(want, "# pasted ␊fail('it ran')")
	for range 20 {
		text := strings.NewReplacer("\"", "", "\\", "", "\x03", "", "\r", "", "\x1b", "", "\x00", "").Replace(randomText(r))
		text = `len("""` + text + `""")`
		if text == want[len(want)-1] {
			continue // the history has it once
		}
		p.expect(">>> ")
		p.send(pasteStart + text + pasteEnd + "\r")
		want = append(want, text)
	}
	p.enter("1 + 1")
	p.expect("\n2\n")
	if got := load(t, filepath.Join(state, "incus-star", "history")); !slices.Equal(got, append(want, "1 + 1")) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(readable(p.output.String()), "ScriptError") {
		t.Error("a comment ran")
	}
}

func TestTerminalCompletion(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.expect(">>> ")
	p.send("incus.inst\t")
	p.expect("incus.instances")
	p.send(".la\t")
	p.expect(".launch")
	p.send("('c1', imag\t")
	p.expect("image=")
	p.send("\x03")
	p.expect(">>> ")
	p.send("def fun(number):\r\treturn number\r\r")
	p.expect(">>> ")
	p.send("fun(nu\t7)\r")
	p.expect("\n7\n")
	p.expect(">>> ")
	p.send("incus.instances.re\t\t")
	p.send("\x03")
	p.expect(">>> ")
}

func TestTerminalPaste(t *testing.T) {
	p := startTerminal(t, t.TempDir())
	p.expect(">>> ")
	// Tabs and blank lines, and two statements at once.
	p.send(pasteStart + "def f(inc):\r\tx = inc\r\r\treturn\t2 * x\r\rf(21)\r" + pasteEnd + "\r")
	p.expect("␊␉x = inc␊")
	p.expect("\n42\n")
	// A terminal that doesn't mark pasted text.
	p.expect(">>> ")
	p.send("def f(inc):\r\tx = inc\r\treturn 3 * x\r\rf(21)\r")
	p.expect("\n63\n")
	// Ctrl-C ends a paste whose end mark was lost.
	p.expect(">>> ")
	p.send(pasteStart + "lost\rend")
	p.expect("lost␊end")
	p.send("\x03")
	p.enter("'go ' + 'on'")
	p.expect("\n\"go on\"\n")
}

func TestTerminalPlain(t *testing.T) {
	p := startTerminal(t, t.TempDir(), "TERM=dumb")
	p.expect(">>> ")
	p.send("def f():\n    return 6 * 7\n\n")
	p.enter("f()")
	p.expect("\n42\n")
	p.expect(">>> ")
	p.send("def g():\n")
	p.expect("... ")
	p.send("  hal")
	p.expect("  hal")
	p.send("\x03")
	p.enter("'after'")
	p.expect("\n\"after\"\n")
	p.enter("def h():\n    return 'kept'")
	p.expect("... ")
	p.expect("... ")
	p.send("    drop")
	p.expect("    drop")
	p.send("\x1c")
	p.expect("^\\\n... ")
	p.send("\n")
	p.enter("h()")
	p.expect("\n\"kept\"\n")
	p.enter("print('r' + 'unning'); sleep(1000)")
	p.expect("\nrunning\n")
	p.send("\x03")
	p.expect("interrupted")
	p.expect(">>> ")
	p.send("\x04")
	if status := p.status(); status != 0 {
		t.Errorf("Ctrl-D ended with %d", status)
	}
}
