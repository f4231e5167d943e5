package repl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/internal/terminal"
)

// unwrapped returns a text without spaces and newlines.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), "") }

func TestCommands(t *testing.T) {
	for _, size := range sizes {
		s := openPrompt(t, size.cols, size.rows, "NO_COLOR=1", "PAGER=")
		for _, step := range []struct{ typed, shown string }{
			{":help", "line by line.\n>>>"},
			{":hlep", "\nthere is no command :hlep (did you mean :help?)\n>>>"},
			{":q", "\nthere is no command :q: exit() or Ctrl-D ends the prompt\n>>>"},
			{"len", "\n() calls it, ? shows its help\n>>>"},
			{"run(['sh', '-c', 'echo out; exit 3'])", "\nerr_.stdout has its standard output, 1 line\n>>>"},
			{":frobnicate", "\nthere is no command :frobnicate: :help lists them\n>>>"},
			{":", "\n:help lists the commands\n>>>"},
			{": trace maybe", "\nwrite :trace on, or :trace off\n>>>"},
			{":reload now", "\n:reload takes nothing\n>>>"},
			{":remote", "\nwrite :remote NAME\n>>>"},
			{":reload", "\nnothing was loaded yet\n>>>"},
			{":trace maybe", "\nwrite :trace on, or :trace off\n>>>"},
			{":complete locl", "\nwrite :complete local, or :complete live\n>>>"},
			{":complete local", "\ncompletion asks no server\n>>>"},
			{":edit x", "last\n>>>"},
			{":complete live\r:complete local", "\ncompletion asks servers for names\ncompletion asks no server\n>>>"},
			{":ops stop", "\nwrite :ops, or :ops cancel ID\n>>>"},
			{"6 * 7", "\n42\n>>>"},
			{"'a' + 'b'", "\n\"ab\"\n>>>"},
			{"[_, _1]", "\n[\"ab\", 42]\n>>>"},
			{"_2", "\n42\n>>>"},
			{"_", "]\n>>>"},
			{"_2 + 1", "\n43\n>>>"},
			{"fail('gone wrong')", "ScriptError: gone wrong\n>>>"},
			{"err_.message + '!'", "\n\"gone wrong!\"\n>>>"},
			{"x = )", " ^\n>>>"},
			{"err_.class_", "\n\"ScriptError\"\n>>>"},
			{":all [1, 2]", "\n[1, 2]\n>>>"},
			{"nothing_like_it?", "\nthere is no help for nothing_like_it\n>>>"},
		} {
			s.Type(step.typed + "\r")
			s.WaitFor(step.shown, func(rows []string) bool {
				return strings.HasSuffix(unwrapped(strings.Join(rows, "")), unwrapped(step.shown))
			})
		}
		for _, question := range []string{"len?", "?len", "? len", " len ? ", "len??", "?len?"} {
			s.Type(":help\r" + question + "\r")
			ends(s, "string.\n>>>")
		}
		s.Type("\x1b[200~:complete local\n\n:complete live\nx = 2\nx * 3\x1b[201~\r")
		ends(s, "\ncompletion asks no server\ncompletion asks servers for names\n6\n>>>")
		s.Type("?try_.nothing\r")
		ends(s, "\nthere is no help for try_.nothing\n>>>")
		s.Type("?\r")
		ends(s, "\n  zip\n>>>")
		s.Type("watch?\r")
		ends(s, "have it.\n>>>")
		s.Type(":time 20 + 1\r")
		s.WaitFor("time", func(rows []string) bool {
			text := strings.TrimSpace(strings.Join(rows, "\n"))
			return strings.Contains(text, "\n21\n") && strings.HasSuffix(text, "s\n>>>")
		})
		s.Type(":tr\t")
		ends(s, "\n>>> :trace")
		s.Type("of\t\r")
		ends(s, "can't be traced here\n>>>")
		s.Type(":time le\t\t")
		s.Type("('abc')\r")
		s.WaitFor("time", func(rows []string) bool {
			text := strings.TrimSpace(strings.Join(rows, "\n"))
			return strings.Contains(text, "\n3\n") && strings.HasSuffix(text, "s\n>>>")
		})
	}
}

// A file that has changed is loaded anew by load and by :reload.
func TestReload(t *testing.T) {
	folder := t.TempDir()
	file, deep := filepath.Join(folder, "lib.star"), filepath.Join(folder, "deep.star")
	write := func(path, text string) {
		check(t, os.WriteFile(path, []byte(text), 0o600))
		later := time.Now().Add(time.Duration(len(text)) * time.Second) // a change within the clock's step
		check(t, os.Chtimes(path, later, later))
	}
	write(deep, "n = 1\n")
	write(file, "load('deep.star', 'n')\ndef f(): return 'n is %d' % n\n")
	s := openPrompt(t, 200, 50)
	s.Type("load('" + file + "', 'f')\r")
	ends(s, "'f')\n>>>")
	s.Type("f()\r")
	ends(s, "\n\"n is 1\"\n>>>")
	s.Type(":reload\r")
	ends(s, "\nnothing has changed\n>>>")
	write(deep, "n = 22\n")
	s.Type(":reload\r")
	ends(s, deep+" has changed: loaded anew\n"+file+" has changed: loaded anew\n>>>")
	s.Type("f()\r")
	ends(s, "\n\"n is 22\"\n>>>")
	write(file, "def f(): return 'no n'\n")
	s.Type("load('" + file + "', 'f')\r")
	ends(s, file+" has changed: loaded anew\n>>>")
	s.Type("f()\r")
	ends(s, "\n\"no n\"\n>>>")
	write(file, "def f(): return (\n")
	s.Type(":reload\r")
	ends(s, "want primary expression\n>>>")
	s.Type("f()\r") // what was loaded stays
	ends(s, "\n\"no n\"\n>>>")
}

func TestSaveNeverOverwrites(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "f")
	s := openPrompt(t, 200, 50, "HOME="+folder)
	s.Type(":save " + file + "\r")
	ends(s, "\nno entry has done anything yet\n>>>")
	s.Type("x = 1\r")
	ends(s, "x = 1\n>>>")
	s.Type(":save " + file + "\r")
	ends(s, "\nchecked "+file+"\nwrote "+file+"\n>>>")
	s.Type("fail()\r")
	ends(s, "ScriptError:\n>>>")
	s.Type("print(x)\r")
	ends(s, "\n1\n>>>")
	s.Type(":save " + file + "\r")
	ends(s, "already: :save! replaces it\n>>>")
	s.Type(":save! " + file + "\r")
	ends(s, "wrote "+file+"\n>>>")
	if data, err := os.ReadFile(file); err != nil || string(data) != "#!/usr/bin/env incus-star\nx = 1\nprint(x)\n" {
		t.Errorf("got %q (%v)", data, err)
	}
	for _, step := range []struct{ typed, shown string }{
		{folder, "\n" + folder + " is a folder: write a file's name, such as " + folder + "/session.star\n>>>"},
		{file + "/deeper", "\n" + file + "/deeper was not written: not a directory\n>>>"},
		{folder + "/none/x", "\n" + folder + "/none/x was not written: no such file or directory\n>>>"},
		{"'" + folder + "/a b'", "\nchecked " + folder + "/a b\nwrote " + folder + "/a b\n>>>"},
		{folder + "/a b", "/a b already: :save! replaces it\n>>>"},
		{"~/c d", "wrote " + folder + "/c d\n>>>"},
		{`"~"`, "\n" + folder + " is a folder: write a file's name, such as " + folder + "/session.star\n>>>"},
		{`"x`, "\nwrite the file's name, in quotes or without\n>>>"},
	} {
		s.Type(":save " + step.typed + "\r")
		ends(s, step.shown)
	}
	s.Type(":save! " + folder + "\r")
	ends(s, "/session.star\n>>>")
	s.Type(":save! " + folder + "/a\t")
	ends(s, "\n>>> :save! "+folder+"/a b")
	s.Type("\r")
	ends(s, "wrote "+folder+"/a b\n>>>")
	s = openPrompt(t, 200, 50, "TEST_READ_ONLY=1")
	s.Type(":save " + file + "2\r")
	ends(s, "\nnothing is written with --read-only\nREAD-ONLY >>>")
}

func TestLongEntry(t *testing.T) {
	s := openPrompt(t, 80, 24, "TEST_LONG=10ms")
	s.Type("sleep(0.1)\r")
	s.WaitFor("time", func(rows []string) bool {
		return strings.Contains(strings.Join(rows, "\n"), "\ndone in ") && strings.HasSuffix(strings.TrimSpace(strings.Join(rows, "\n")), " ms\n>>>")
	})
}

// The time of an entry is that of its call, without the programs that had the terminal.
func TestStopwatch(t *testing.T) {
	begin := time.Now()
	spent := stopwatch()
	var elsewhere time.Duration
	check(t, terminal.Lend(func() error {
		lent := time.Now()
		time.Sleep(20 * time.Millisecond)
		elsewhere = time.Since(lent)
		return nil
	}))
	if got, all := spent(), time.Since(begin); got < 0 || got > all-elsewhere {
		t.Errorf("got %v of %v, with %v elsewhere", got, all, elsewhere)
	}
}

func TestWatch(t *testing.T) {
	s := openPrompt(t, 80, 24)
	s.Type("seen = []\r")
	ends(s, "[]\n>>>")
	s.Type("def count(): seen.append(1); return 'value %d' % (len(seen) // 3)\r\r")
	ends(s, "...\n>>>")
	s.Type("watch(count, 0.01)\r")
	s.Wait("\n\"value 2\"\n")
	s.Type("\x03")
	s.Ready(">>>")
	s.Type("'st' + 'ill'\r")
	ends(s, "\n\"still\"\n>>>")
}
