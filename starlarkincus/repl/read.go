package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"incus-star/errors"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// read reads the lines of an entry. The end of the input within an entry ends only the entry. The lines of p.again come
// first, one by one, to be kept or edited.
func (p *prompt) read(ctx context.Context) (*entry, error) {
	var e entry
	again := p.again
	p.again = nil
	_, edits := p.source.(*editor)
	for {
		q := question{prompt: p.promptFor(e.text), before: e.text}
		if len(again) > 0 {
			q.suggest, again = again[0], again[1:]
		} else if edits {
			q.suggest = indentation(e.text)
		}
		line, err := p.source.line(ctx, q)
		var revised *revision
		switch {
		case errors.As(err, &revised):
			text := e.text + revised.line
			if len(again) > 0 {
				text += "\n" + strings.Join(again, "\n")
			}
			if !revised.byLine {
				return p.edited(ctx, text, true)
			}
			e, again = entry{}, linesOf(text)
			continue
		case err == io.EOF && e.text != "":
			return &e, nil
		case err != nil:
			return nil, err
		}
		done := e.add(line)
		if command := e.text == line+"\n" && isCommand(line); command || done && len(again) == 0 {
			return &e, nil
		}
	}
}

// linesOf returns the lines of a text.
func linesOf(text string) []string { return strings.Split(strings.TrimRight(text, " \t\n"), "\n") }

// bringBack prepares an entry of several lines for editing if it failed before any of it ran.
func (p *prompt) bringBack(e *entry, err error) {
	var parse syntax.Error
	var names resolve.ErrorList
	if _, edits := p.source.(*editor); !edits || !errors.As(err, &parse) && !errors.As(err, &names) {
		return
	}
	if lines := linesOf(e.text); len(lines) > 1 {
		p.again = lines
		p.notices.add("the block again: Enter keeps a line, Ctrl-X Ctrl-E edits all, Ctrl-C drops it")
	}
}

// errNotWritten is the error of an editor that was left without writing.
var errNotWritten = errors.Plain("nothing was written, so nothing runs")

// edited returns the entry that a text becomes in the user's editor. Without an editor it comes back line by line, as after one
// that failed, or, if the text was typed just now, that wrote nothing.
func (p *prompt) edited(ctx context.Context, text string, typed bool) (*entry, error) {
	command := os.Getenv("VISUAL")
	if command == "" {
		command = os.Getenv("EDITOR")
	}
	_, edits := p.source.(*editor)
	if command == "" && !edits {
		p.warn("edit", errors.Plain("$EDITOR is not set"))
		return nil, errCleared
	}
	if command == "" {
		p.again = linesOf(text)
		p.notices.add("$EDITOR is not set: Enter keeps a line, Ctrl-C drops all")
		return nil, errCleared
	}
	changed, err := p.editText(ctx, command, text)
	if endsPrompt(ctx, err) {
		return nil, err
	}
	if err != nil {
		p.warn("edit", err)
		if edits && (typed || err != errNotWritten) {
			p.again = linesOf(text)
			p.notices.add("the entry again: Enter keeps a line, Ctrl-C drops all")
		}
		return nil, errCleared
	}
	text = strings.TrimRight(lineEnds.Replace(changed), "\n")
	e := &entry{}
	for i, line := range linesOf(text) {
		fmt.Fprintln(p.Stdout, [2]string{">>> ", "... "}[min(i, 1)]+show(line))
	}
	e.text = text + "\n"
	return e, nil
}

// endsPrompt reports whether the error ends the prompt.
func endsPrompt(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.As(err, new(*ending)))
}

// editText runs an editor on a text, and returns the changed one.
func (p *prompt) editText(ctx context.Context, command, text string) (string, error) {
	folder, err := os.MkdirTemp("", "incus-star")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "entry.star")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		return "", err
	}
	before := time.Unix(0, 0) // unlike that of any write
	if err := os.Chtimes(file, before, before); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer p.interruptible(cancel, false)()
	cmd := exec.Command("sh", "-c", command+` "$1"`, "sh", file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = p.lend(ctx, cmd)
	if ctx.Err() != nil {
		return "", causeOf(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%w: nothing runs", err)
	}
	info, err := os.Stat(file)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return "", errors.Plain("what the editor left is no regular file, so nothing runs")
	case err == nil && info.ModTime().Equal(before):
		return "", errNotWritten
	}
	data, err := os.ReadFile(file)
	return string(data), err
}
