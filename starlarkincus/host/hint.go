package host

import (
	goerrors "errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// pythonHints say what to write for words that Python has and Starlark only reserves.
var pythonHints = map[string]string{
	"try":      "Starlark has no try: write try_(fn, arg), or catch(IncusNotFoundError, fn, arg)",
	"except":   "Starlark has no except: write result = try_(fn, arg) and look at result.error",
	"finally":  "Starlark has no finally: write finally_(body, cleanup)",
	"raise":    `Starlark has no raise: write raise_(IncusError, "message")`,
	"with":     "Starlark has no with: write finally_(body, cleanup), or defer(cleanup) for the script's end",
	"import":   `Starlark has no import: write load("lib/x.star", "name")`,
	"from":     `Starlark has no import: write load("lib/x.star", "name")`,
	"class":    "Starlark has no class: write struct(…), or error_class(…) for an error",
	"is":       "Starlark has no is: write ==",
	"del":      "Starlark has no del: write d.pop(key)",
	"global":   "Starlark functions can't assign to outer variables: keep the value in a dict or a list",
	"nonlocal": "Starlark functions can't assign to outer variables: keep the value in a dict or a list",
	"yield":    "Starlark has no yield: return a list",
	"async":    "Starlark has no async: write parallel(fn, items)",
	"await":    "Starlark has no await: builtins wait by themselves",
}

// explain adds to a syntax error what a person from Python needs, and to an undefined name what may be meant:
// Starlark's resolver can't list the predeclared names, nor does it see that two letters are swapped.
func (h *Host) explain(err error, file *syntax.File, names starlark.StringDict) error {
	switch err := err.(type) {
	case syntax.Error:
		err.Msg += h.parseHint(err)
		return err
	case resolve.ErrorList:
		known := append(names.Keys(), universe()...)
		explained := make(resolve.ErrorList, len(err))
		for i, e := range err {
			if name, ok := strings.CutPrefix(e.Msg, "undefined: "); ok && isIdentifier(name) {
				if near := errors.Nearest(name, append(namesAt(file, e.Pos), known...)); near != "" && near != name {
					e.Msg += fmt.Sprintf(" (did you mean %s?)", near)
				}
			}
			explained[i] = e
		}
		return explained
	}
	return err
}

// namesAt lists the names that a file assigns to at its top level and in the functions around a position.
func namesAt(file *syntax.File, pos syntax.Position) []string {
	names := make(map[string]bool)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			names[n.Name.Name] = true
			start, end := n.Span()
			if pos.Line < start.Line || pos.Line > end.Line {
				return false
			}
			for _, param := range n.Params {
				bindParam(param, names)
			}
		case *syntax.LambdaExpr:
			for _, param := range n.Params {
				bindParam(param, names)
			}
		case *syntax.ForClause:
			bindTarget(n.Vars, names)
		case syntax.Stmt:
			bind(n, names)
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

func bindParam(param syntax.Expr, names map[string]bool) {
	switch param := param.(type) {
	case *syntax.BinaryExpr: // name=default
		bindTarget(param.X, names)
	case *syntax.UnaryExpr: // *args, **kwargs; X is nil in a lone *
		bindTarget(param.X, names)
	default:
		bindTarget(param, names)
	}
}

func (h *Host) parseHint(e syntax.Error) string {
	line := []rune(h.sources.line(e.Pos.Filename(), int(e.Pos.Line)))
	before := string(line[:max(0, min(int(e.Pos.Col)-1, len(line)))])
	if e.Msg == "not an identifier" {
		_, word, ok := cutLast(before, ".")
		switch {
		case !ok:
		case word == "class":
			return `: class is a reserved word: write e["class"] or e.class_`
		case pythonHints[word] != "":
			return fmt.Sprintf(`: %s is a reserved word: write getattr(x, "%[1]s")`, word)
		}
		return ""
	}
	got, _, _ := strings.Cut(strings.TrimPrefix(e.Msg, "got "), ",")
	if got == "string literal" {
		for _, quote := range []string{`"`, "'"} {
			if start, _, _ := strings.Cut(before, quote); start == "f" || strings.HasSuffix(start, " f") || strings.HasSuffix(start, "(f") {
				return `: Starlark has no f-strings: write "%s" % x`
			}
		}
	}
	if hint := pythonHints[got]; hint != "" {
		return ": " + hint
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Incomplete says whether text doesn't parse only because more has to follow, so that a prompt should ask for another
// line. The text that gave the error must have ended with a newline.
func Incomplete(err error) bool {
	var parse syntax.Error
	return goerrors.As(err, &parse) &&
		(strings.HasPrefix(parse.Msg, "got end of file") || strings.HasPrefix(parse.Msg, "unexpected EOF in string"))
}
