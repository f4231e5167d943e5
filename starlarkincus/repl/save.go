package repl

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/syntax"
)

// A worked is an entry that had no error, or its statements before the error.
type worked struct {
	text     string
	valued   bool   // it has a value
	switched bool   // the prompt has set incus and the names that go with it
	deeds    []deed // of its statements; nil if unknown
}

// save writes the session's entries as a script, unless there is such a file.
func (p *prompt) save(_ context.Context, path string) error { return p.write(path, false) }

// saveOver writes the script in any case.
func (p *prompt) saveOver(_ context.Context, path string) error { return p.write(path, true) }

func (p *prompt) write(arg string, replace bool) error {
	if p.ReadOnly {
		return usage("nothing is written with --read-only")
	}
	path, err := fileOf(arg)
	if err != nil {
		return err
	}
	text := scriptOf(p.worked, path)
	if text == "" {
		return usage("no entry has done anything yet")
	}
	err = writeScript(path, text, replace)
	if info, failed := os.Stat(path); err != nil && failed == nil && info.IsDir() {
		return usage("%s is a folder: write a file's name, such as %s", printable.Line(path), printable.Line(filepath.Join(path, "session.star")))
	}
	if errors.Is(err, fs.ErrExist) {
		return usage("there is %s already: :save! replaces it", printable.Line(path))
	}
	if err != nil {
		return usage("%s was not written: %s", printable.Line(path), reason(err))
	}
	if p.Check != nil {
		for _, finding := range p.Check(path) {
			if err := p.say("%s", printable.Text(finding)); err != nil {
				return err
			}
		}
	}
	for _, line := range sitting(p.worked) {
		if err := p.say("left out, because it needs a person: %s", printable.Line(line)); err != nil {
			return err
		}
	}
	for _, text := range p.failed {
		first, rest, _ := strings.Cut(text, "\n")
		if rest != "" {
			first += " …"
		}
		if err := p.say("left out, because it failed, with what it did before: %s", printable.Line(first)); err != nil {
			return err
		}
	}
	return p.say("wrote %s", printable.Line(path))
}

// fileOf returns the path that an argument of a command is, which may be quoted as in Starlark, or start with ~ for the
// user's folder.
func fileOf(arg string) (string, error) {
	path := arg
	if strings.HasPrefix(arg, `"`) || strings.HasPrefix(arg, "'") {
		expr, err := new(syntax.FileOptions).ParseExpr("", arg, 0)
		literal, ok := expr.(*syntax.Literal)
		if err != nil || !ok {
			return "", usage("write the file's name, in quotes or without")
		}
		if path, ok = literal.Value.(string); !ok {
			return "", usage("write the file's name, in quotes or without")
		}
	}
	if path == "" || strings.ContainsRune(path, 0) {
		return "", usage("write the file's name, in quotes or without")
	}
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usage("~ is unknown: %s", printable.Line(err.Error()))
		}
		path = home + rest
	}
	return path, nil
}

// reason returns the reason of a file's error, without the path, which may be that of a temporary file.
func reason(err error) string {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return printable.Line(err.Error())
}

func writeScript(path, text string, replace bool) error {
	if replace {
		return atomicfile.Write(path, []byte(text), atomicfile.Mode{Perm: 0o755})
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o777) // its first line names incus-star
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func lineOffsets(text string) []int {
	offsets := []int{0}
	for i, c := range []byte(text) {
		if c == '\n' {
			offsets = append(offsets, i+1)
		}
	}
	return offsets
}

// offsetOf returns the offset of a position, whose column counts characters.
func offsetOf(text string, lines []int, pos syntax.Position) int {
	at := lines[min(int(pos.Line)-1, len(lines)-1)]
	for range pos.Col - 1 {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// reload runs the load statements of the session again, for the files that have changed.
func (p *prompt) reload(ctx context.Context, _ string) error {
	var loads []string
	for _, e := range p.worked {
		file, err := dialect.Parse("", e.text, 0)
		if err != nil {
			continue
		}
		for _, stmt := range file.Stmts {
			if load, ok := stmt.(*syntax.LoadStmt); ok {
				offsets := lineOffsets(e.text)
				text := e.text[offsetOf(e.text, offsets, load.Load) : offsetOf(e.text, offsets, load.Rparen)+1]
				loads = append(slices.DeleteFunc(loads, func(other string) bool { return other == text }), text)
			}
		}
	}
	if len(loads) == 0 {
		return usage("nothing was loaded yet")
	}
	before := p.Host.Reloads()
	if _, err := p.eval(ctx, strings.Join(loads, "\n")); err != nil {
		return err
	}
	if p.Host.Reloads() == before {
		return p.say("nothing has changed")
	}
	return nil
}
