package check

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/input"

	"github.com/bazelbuild/buildtools/build"
	"go.starlark.net/syntax"
)

// Format is a script's text in its usual form: that of buildifier for .bzl files, with nothing reordered or rewritten.
// Name is what errors call the script. What isn't formatted is returned as it is, with the reason.
func Format(name string, src []byte) ([]byte, error) {
	// The formatter keeps carriage returns and a byte order mark where they are; the language has no use for them.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(src), "\ufeff"))
	before, err := parsed(name, []byte(text))
	if err != nil {
		return src, err
	}
	if pos, what := untaken(before); what != "" {
		return src, fmt.Errorf("%s:%d: can't be formatted: the formatter doesn't know %s", name, pos.Line, what)
	}
	file, err := build.ParseBzl(name, []byte(text))
	if err != nil {
		var parse build.ParseError
		if errors.As(err, &parse) {
			return src, fmt.Errorf("%s:%d: can't be formatted: %s", name, parse.Pos.Line, parse.Message)
		}
		return src, fmt.Errorf("%s:1: can't be formatted: %s", name, strings.TrimPrefix(err.Error(), name+":"))
	}
	out := build.FormatWithoutRewriting(file)
	after, err := parsed(name, out)
	if err != nil || !Same(before, after) {
		return src, fmt.Errorf("%s:1: can't be formatted: that would change what it does", name)
	}
	return out, nil
}

// parsed is a script's tree with its comments.
func parsed(name string, src []byte) (*syntax.File, error) {
	if err := host.CheckSource(name, src); err != nil {
		return nil, err
	}
	options := syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
	file, err := options.Parse(name, src, syntax.RetainComments)
	var wrong syntax.Error
	if errors.As(err, &wrong) {
		return nil, fmt.Errorf("%s:%d: doesn't parse: %s", name, wrong.Pos.Line, wrong.Msg)
	}
	return file, err
}

// untaken is the first thing in a script that the formatter doesn't take.
func untaken(file *syntax.File) (pos syntax.Position, what string) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.WhileStmt:
			if what == "" {
				pos, what = n.While, "while"
			}
		case *syntax.Literal:
			if what == "" && n.Token == syntax.BYTES {
				pos, what = n.TokenPos, "bytes literals"
			}
		}
		return what == ""
	})
	return pos, what
}

// Same says whether two scripts have the same meaning and the same comments: whether their trees differ in positions
// and in how strings are quoted only.
func Same(a, b *syntax.File) bool {
	return reflect.DeepEqual(shape(a), shape(b)) && reflect.DeepEqual(comments(a), comments(b))
}

// shape is a tree without positions.
func shape(file *syntax.File) []any {
	var out []any
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case nil:
			out = append(out, nil)
			return false
		case *syntax.ParenExpr: // its parts may be spread over lines with others
			out = append(out, "()")
		case *syntax.Ident:
			out = append(out, n.Name)
		case *syntax.Literal:
			out = append(out, n.Token, n.Value)
		case *syntax.AssignStmt:
			out = append(out, n.Op)
		case *syntax.BinaryExpr:
			out = append(out, n.Op)
		case *syntax.UnaryExpr:
			out = append(out, n.Op)
		case *syntax.BranchStmt:
			out = append(out, n.Token)
		case *syntax.IfStmt:
			out = append(out, len(n.True), len(n.False))
		case *syntax.Comprehension:
			out = append(out, n.Curly)
		case *syntax.DefStmt:
			out = append(out, len(n.Params))
		case *syntax.LambdaExpr:
			out = append(out, len(n.Params))
		case *syntax.SliceExpr:
			out = append(out, n.Lo == nil, n.Hi == nil, n.Step == nil)
		case *syntax.LoadStmt:
			out = append(out, n.ModuleName())
			for i := range n.From {
				out = append(out, n.From[i].Name, n.To[i].Name)
			}
			return false
		}
		out = append(out, reflect.TypeOf(n).String())
		return true
	})
	return out
}

// comments are the texts of a file's comments, in their order, by how often each is there.
func comments(file *syntax.File) map[string]int {
	all := make(map[string]int)
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			return false
		}
		if c := n.Comments(); c != nil {
			for _, list := range [][]syntax.Comment{c.Before, c.Suffix, c.After} {
				for _, comment := range list {
					all[strings.TrimSpace(strings.TrimLeft(comment.Text, "#"))]++
				}
			}
		}
		return true
	})
	return all
}

// Formatted reads a file, and gives its text and the formatted text.
func Formatted(path string) (before, after []byte, err error) {
	if before, err = input.File(context.Background(), path, input.Script); err != nil {
		return nil, nil, err
	}
	after, err = Format(path, before)
	return before, after, err
}

// Replace gives a file another content, whole or not at all. It keeps the file's mode, and a symbolic link to it.
func Replace(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o222 == 0 {
		return &fs.PathError{Op: "write", Path: path, Err: errors.Plain("is read-only")}
	}
	return atomicfile.Write(path, content, atomicfile.Mode{Perm: info.Mode().Perm()})
}
