package repl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	emulator "incus-star/starlarkincus/internal/screen"
)

// openPrompt starts a prompt on a terminal of a size, and waits for its first prompt. Without a server of the test's own there
// is none, and it waits for the line about that as well, which would else come between two rows at any time.
func openPrompt(t *testing.T, cols, rows int, env ...string) *emulator.Screen {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", "TERM=xterm", "GORACE=atexit_sleep_ms=0", "XDG_STATE_HOME="+t.TempDir(), "EDITOR=", "VISUAL=")
	about := "\nIncus " // of the real server, printed when it answers
	if !strings.Contains(t.Name(), "Real") {
		cmd.Env = append(cmd.Env, "INCUS_CONF="+t.TempDir(), "INCUS_SOCKET=/dev/null/none")
		later := func(v string) bool { // the server answers, or nothing is printed above a prompt
			return strings.HasPrefix(v, "INCUS_SOCKET=") || v == "TERM=dumb" || v == "TERM="
		}
		if about = ""; !slices.ContainsFunc(env, later) {
			about = "\nno server: "
		}
	}
	cmd.Env = append(cmd.Env, env...)
	s := emulator.Start(t, cmd, cols, rows)
	s.WaitFor("prompt", func(rows []string) bool {
		text := strings.TrimSpace(strings.Join(rows, "\n"))
		return strings.HasSuffix(text, ">>>") && strings.Contains(text, about)
	})
	return s
}

// ends waits until the text on the screen ends with a text, and returns the rows.
func ends(s *emulator.Screen, text string) []string {
	return s.WaitFor(strconv.Quote(text)+" at the end", func(rows []string) bool {
		return strings.HasSuffix(strings.TrimRight(strings.Join(rows, "\n"), "\n"), text)
	})
}

// sizes are those of the terminals in the tests.
var sizes = []struct{ cols, rows int }{{80, 24}, {40, 10}, {200, 50}}

func TestBlockIsIndented(t *testing.T) {
	for _, size := range sizes {
		s := openPrompt(t, size.cols, size.rows)
		for _, line := range []string{"def f(n):", "for i in range(n):", "if i == 2:"} {
			s.Type(line + "\r")
			ends(s, line+"\n...")
		}
		s.Type("return 'tw' + 'o'\r") // one level out
		ends(s, "            return 'tw' + 'o'\n...")
		s.Type("\x7fprint(i)\r") // Backspace takes a step
		ends(s, "\n...     print(i)\n...")
		s.Type("\x15\r") // a blank line
		s.Ready(">>>")
		s.Type("f(5)\r")
		ends(s, "\n\"two\"\n>>>")
	}
}

// A block that doesn't parse comes back line by line.
func TestBlockComesBack(t *testing.T) {
	s := openPrompt(t, 80, 24)
	s.Type("def f():\r")
	ends(s, "\n...")
	s.Type("x = 6\r")
	ends(s, "x = 6\n...")
	s.Type("return x *\r")
	ends(s, "drops it\n>>> def f():")
	s.Type("\r")
	ends(s, "\n>>> def f():\n...     x = 6")
	s.Type("\r")
	ends(s, "\n...     return x *")
	s.Type(" 7\r")
	ends(s, "return x * 7\n...")
	s.Type("\r")
	s.Ready(">>>")
	s.Type("f()\r")
	ends(s, "\n42\n>>>")
	// Ctrl-C drops the lines.
	s.Type("for x in [1]:\r")
	ends(s, "[1]:\n...")
	s.Type("y = )\r")
	ends(s, "drops it\n>>> for x in [1]:")
	s.Type("\x03")
	s.Ready(">>>")
	s.Type("'dro' + 'pped'\r")
	ends(s, "\n\"dropped\"\n>>>")
}

// A block of the history comes back line by line after Ctrl-O.
func TestBlockOfHistory(t *testing.T) {
	const up, lines = "\x1b[A", "\x0f"
	s := openPrompt(t, 80, 24)
	s.Type("def f():\r")
	ends(s, "f():\n...")
	s.Type("return 'on' + 'e'\r")
	ends(s, "'on' + 'e'\n...")
	s.Type("\r")
	s.Ready(">>>")
	s.Type(up)
	ends(s, ">>> def f():␊    return 'on' + 'e'")
	s.Type(lines)
	ends(s, "\n>>> def f():")
	s.Type("\r")
	ends(s, "\n>>> def f():\n...     return 'on' + 'e'")
	s.Type("\x7f\x7fe more'\r")
	ends(s, "'on' + 'e more'\n...")
	s.Type("\r")
	s.Ready(">>>")
	s.Type("f()\r")
	ends(s, "\n\"one more\"\n>>>")
}

// Ctrl-X Ctrl-E edits the entry in $EDITOR, which has the terminal.
func TestBlockInEditor(t *testing.T) {
	folder := t.TempDir()
	editor := filepath.Join(folder, "e")
	script := "#!/bin/sh\necho \"edits $(cat \"$1\")\"\nread answer\nprintf 'def f():\\n\\n    return \"%s\"\\n\\nf()\\n' \"$answer\" >\"$1\"\n"
	check(t, os.WriteFile(editor, []byte(script), 0o700))
	s := openPrompt(t, 80, 24, "EDITOR="+editor)
	s.Type("x = (\r")
	ends(s, "\n...")
	s.Type("1 +")
	ends(s, "1 +")
	s.Type("\x18\x05")
	ends(s, "edits x = (\n    1 +")
	s.Type("typed\r")
	ends(s, ">>> def f():\n...\n...     return \"typed\"\n...\n... f()\n\"typed\"\n>>>")
	s.Type("'go ' + 'on'\r")
	ends(s, "\n\"go on\"\n>>>")
	// If the editor fails, nothing runs, and the entry is there again.
	check(t, os.WriteFile(editor, []byte("#!/bin/sh\necho 'fail(1)' >\"$1\"\nexit 3\n"), 0o700))
	s.Type("1 + 1\x18\x05")
	s.Wait("edit: exit status 3: nothing runs\n")
	ends(s, "\n>>> 1 + 1")
	s.Type("\r")
	ends(s, "\n>>> 1 + 1\n2\n>>>")
	// If it writes nothing, nothing runs either. What was typed is there again.
	check(t, os.WriteFile(editor, []byte("#!/bin/sh\nexit 0\n"), 0o700))
	s.Type(":edit\r")
	ends(s, "edit: nothing was written, so nothing runs\n>>>")
	s.Type("2 + 2\x18\x05")
	ends(s, "so nothing runs\nthe entry again: Enter keeps a line, Ctrl-C drops all\n>>> 2 + 2")
	s.Type("\r")
	ends(s, "\n>>> 2 + 2\n4\n>>>")
	// What it writes runs, also if that is the same.
	check(t, os.WriteFile(editor, []byte("#!/bin/sh\ntouch \"$1\"\n"), 0o700))
	s.Type(":edit\r")
	ends(s, "\n>>> 2 + 2\n4\n>>>")
}

func TestPasteWithoutMarks(t *testing.T) {
	s := openPrompt(t, 80, 24)
	s.Type("def g():\n\n    x = 4\n\n    return x\n\n'g %d' % g()\n")
	ends(s, "\n\"g 4\"\n>>>")
	s.Type("def f():\r\tx = 20\r\r\treturn x + 1\r\r2 * f()\r")
	ends(s, "\n42\n>>>")
	// In pieces, and after the indentation of a block.
	s.Type("for i in range(2):\r")
	ends(s, "range(2):\n...")
	s.Type("    a = i\r    print('i', a)\r\r")
	ends(s, "\ni 0\ni 1\n>>>")
}

// A long line is wrapped, and a resize leaves it whole.
func TestLongLine(t *testing.T) {
	for _, size := range sizes {
		s := openPrompt(t, size.cols, size.rows)
		long := "len('" + strings.Repeat("0123456789", size.cols/5) + "')"
		shows := func(text string) {
			t.Helper()
			s.WaitFor("long line", func(rows []string) bool { return strings.Contains(strings.Join(rows, ""), text) })
		}
		s.Type(long)
		shows(">>> " + long)
		s.Type("\x01")
		s.Type("1 + \x05")
		shows(">>> 1 + " + long)
		s.Resize(size.cols+7, size.rows)
		s.Type(" + 100")
		shows(">>> 1 + " + long + " + 100")
		s.Type("\r")
		ends(s, "\n"+strconv.Itoa(size.cols/5*10+101)+"\n>>>")
	}
}

// A line that is typed while the terminal gets narrower and wider stays whole.
func TestResizeWhileTyping(t *testing.T) {
	s := openPrompt(t, 80, 24)
	text := "len('" + strings.Repeat("0123456789", 12)
	s.Type(text)
	s.WaitFor("line", func(rows []string) bool { return strings.Contains(strings.Join(rows, ""), text) })
	for i, size := range []struct{ cols, rows int }{{40, 10}, {60, 12}, {200, 50}, {30, 8}} {
		s.Resize(size.cols, size.rows)
		more := strconv.Itoa(i)
		s.Type(more)
		text += more
		s.WaitFor("line after a resize", func(rows []string) bool {
			return strings.HasSuffix(strings.TrimSpace(strings.Join(rows, "")), text[len(text)-20:])
		})
	}
	s.Type("')\r")
	ends(s, "\n124\n>>>")
}

// A resize at an empty line, such as that after an entry, leaves one prompt.
func TestResizeAtEmptyLine(t *testing.T) {
	s := openPrompt(t, 80, 24)
	for i, size := range []struct{ cols, rows int }{{70, 20}, {75, 24}, {60, 24}} {
		s.Type(fmt.Sprintf("%d * 11\r", i))
		drawn := func(rows []string) bool { return strings.HasSuffix(s.Output(), ">>> \x1b[5G") }
		ends(s, fmt.Sprintf("\n%d\n>>>", i*11))
		before := len(s.Output())
		s.Resize(size.cols, size.rows)
		s.WaitFor("line that is drawn again", func(rows []string) bool { return len(s.Output()) > before && drawn(rows) })
		s.Type("4")
		ends(s, fmt.Sprintf("\n%d\n>>> 4", i*11))
		s.Type("\x7f")
	}
}

// An entry that is longer than the screen can be recalled, edited and run.
func TestEntryLongerThanScreen(t *testing.T) {
	s := openPrompt(t, 40, 10)
	long := "len('" + strings.Repeat("0123456789", 100) + "')"
	s.Type(pasteStart + long + pasteEnd + "\r")
	ends(s, "\n1000\n>>>")
	s.Type("\x1b[A")
	s.WaitFor("end of the entry", func(rows []string) bool {
		return strings.HasSuffix(strings.TrimSpace(strings.Join(rows, "")), "6789')")
	})
	s.Type(" + 1\r")
	ends(s, "\n1001\n>>>")
}
