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

// Format returns a script in the format of buildifier for .bzl files, without reordering or rewriting. Name is the
// script's name in errors. After an error the script is returned unchanged.
func Format(name string, src []byte) ([]byte, error) {
	// The formatter would keep carriage returns and a byte order mark.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(src), "\ufeff"))
	before, err := parse(name, []byte(text))
	if err != nil {
		return src, err
	}
	if pos, what := unsupported(before); what != "" {
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
	after, err := parse(name, out)
	if err != nil || !Same(before, after) {
		return src, fmt.Errorf("%s:1: can't be formatted: the formatter would change its meaning", name)
	}
	return out, nil
}

// parse returns a script's tree with its comments.
func parse(name string, src []byte) (*syntax.File, error) {
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

// unsupported returns the first construct in a script that the formatter can't parse.
func unsupported(file *syntax.File) (pos syntax.Position, what string) {
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

// Same reports whether two scripts have the same meaning and comments: their trees differ only in positions and in the
// quoting of strings.
func Same(a, b *syntax.File) bool {
	return reflect.DeepEqual(shape(a), shape(b)) && reflect.DeepEqual(comments(a), comments(b))
}

// shape returns a tree without positions.
func shape(file *syntax.File) []any {
	var out []any
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case nil:
			out = append(out, nil)
			return false
		case *syntax.ParenExpr: // it may span several lines
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

// comments returns the number of occurrences of each comment's text.
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

// Formatted reads a file and returns its text and the formatted text.
func Formatted(path string) (before, after []byte, err error) {
	if before, err = input.File(context.Background(), path, input.Script); err != nil {
		return nil, nil, err
	}
	after, err = Format(path, before)
	return before, after, err
}

// Replace atomically replaces a file's content. It keeps the file's mode, and follows a symbolic link.
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
