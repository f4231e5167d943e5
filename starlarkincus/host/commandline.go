package host

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A commandLine is a script's command line, with the flags that the script's text declares.
type commandLine struct {
	script  string
	command []string // the flags of the command that runs the script
	doc     string
	flags   map[textPos]*scriptFlag // by the position of the call
	order   []*scriptFlag
}

// A textPos is a position that can be compared.
type textPos struct {
	file      string
	line, col int32
}

func textPosOf(pos syntax.Position) textPos { return textPos{pos.Filename(), pos.Line, pos.Col} }

const flagRule = `call flag at the top level of the script that is run, outside of loops, with the name written out, as in flag("count", 3)`

// FlagMistakes returns the mistakes in the flags of a parsed script, which keep it from running.
func FlagMistakes(file *syntax.File, text string) resolve.ErrorList {
	_, err := declaredFlags(file, text)
	wrong, _ := err.(resolve.ErrorList)
	return wrong
}

// LoadedFlags returns the message for a loaded file that declares flags.
func LoadedFlags(file string) string {
	return file + " is loaded here, and flags belong to the script that is run: move the loaded functions into a file without flags"
}

// readCommandLine sets a script's flags, and args to the other arguments. Helped reports whether it printed the script's
// help instead. For a script without flags args has all arguments, unless the first one asks for help and the script has a
// docstring.
func (r *run) readCommandLine(file *syntax.File, text string) (helped bool, err error) {
	line, err := declaredFlags(file, text)
	if err != nil {
		return false, err
	}
	r.line = line
	line.command = r.host.options.CommandFlags
	given := r.host.options.Args
	if len(line.order) == 0 {
		helped = line.doc != "" && len(given) > 0 && (given[0] == "-h" || given[0] == "--help")
	} else {
		var rest []string
		if rest, helped, err = line.parse(given); err != nil {
			return false, err
		}
		r.names = maps.Clone(r.names)
		r.names["args"] = stringList(rest)
	}
	if helped {
		err = r.host.print(strings.TrimSuffix(line.help(), "\n"))
	}
	return helped, err
}

// help returns the text for a script's --help.
func (l *commandLine) help() string {
	script := l.script
	switch script {
	case "<stdin>":
		script = "-"
	case "-c":
		script = "-c …"
	}
	text := "usage: incus-star " + script
	set, _ := l.flagSet()
	for _, f := range l.order {
		if f.required {
			name, _ := pflag.UnquoteUsage(set.Lookup(f.name))
			text += strings.TrimRight(" --"+f.name+" "+name, " ")
		}
	}
	if len(l.order) > 0 {
		text += " [flags]"
	}
	text += " [args]\n"
	if l.doc != "" {
		text += "\n" + l.doc + "\n"
	}
	if len(l.order) > 0 {
		text += "\nflags:\n"
		for line := range strings.Lines(set.FlagUsages()) {
			text += strings.TrimRight(line, " \n") + "\n"
		}
	}
	return printable.Text(text)
}

// declaredFlags returns the flags that a resolved script declares. A call of flag that --help couldn't list is an error.
func declaredFlags(file *syntax.File, text string) (*commandLine, error) {
	l := &commandLine{script: file.Path, doc: docOf(file), flags: make(map[textPos]*scriptFlag)}
	lines := strings.Split(text, "\n")
	var wrong resolve.ErrorList
	var outer []bool // for each node around: whether it may run several times, or never
	syntax.Walk(file, func(n syntax.Node) bool {
		if n == nil {
			outer = outer[:len(outer)-1]
			return false
		}
		inside := len(outer) > 0 && outer[len(outer)-1]
		if call, ok := n.(*syntax.CallExpr); ok && isFlag(call) {
			f, message := declaredFlag(call, lines)
			switch {
			case inside:
				message = flagRule
			case message == "" && slices.ContainsFunc(l.order, func(other *scriptFlag) bool { return other.name == f.name }):
				message = fmt.Sprintf("the flag --%s is declared twice", f.name)
			}
			if message != "" {
				wrong = append(wrong, resolve.Error{Pos: syntax.Start(call), Msg: "flag: " + message})
			} else {
				l.order = append(l.order, f)
				l.flags[textPosOf(call.Lparen)] = f
			}
		}
		switch n.(type) {
		case *syntax.DefStmt, *syntax.LambdaExpr, *syntax.ForStmt, *syntax.WhileStmt, *syntax.Comprehension:
			inside = true
		}
		outer = append(outer, inside)
		return true
	})
	if wrong != nil {
		return nil, wrong
	}
	return l, nil
}

// isFlag reports whether a call is of the host's flag, not of a name that the script defines.
func isFlag(call *syntax.CallExpr) bool {
	id, ok := call.Fn.(*syntax.Ident)
	if !ok || id.Name != "flag" {
		return false
	}
	binding, ok := id.Binding.(*resolve.Binding)
	return ok && binding.Scope == resolve.Predeclared
}

var flagName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]*$`) })

// declaredFlag returns the flag that a call declares, or a message about a mistake in the call.
func declaredFlag(call *syntax.CallExpr, lines []string) (f *scriptFlag, wrong string) {
	params := []string{"name", "default", "help", "required", "choices"}
	given := make(map[string]syntax.Expr)
	for i, arg := range call.Args {
		switch named, ok := arg.(*syntax.BinaryExpr); {
		case ok && named.Op == syntax.EQ:
			given[named.X.(*syntax.Ident).Name] = named.Y
		case i < len(params):
			given[params[i]] = arg
		}
	}
	name, ok := starlark.AsString(constantOf(given["name"]))
	if !ok {
		return nil, flagRule
	}
	if !flagName().MatchString(name) || name == "h" || name == "help" {
		return nil, fmt.Sprintf("%q can't be a flag: want letters, digits, - and _, and neither help nor h", name)
	}
	f = &scriptFlag{name: dashed(name), known: constantOf(given["default"])}
	if given["default"] != nil {
		f.text = excerptOf(given["default"], lines)
	} else {
		f.known = starlark.None
	}
	if given["required"] != nil {
		required, ok := constantOf(given["required"]).(starlark.Bool)
		if !ok {
			return nil, "write out required, as True or False"
		}
		f.required = bool(required)
	}
	f.help, _ = starlark.AsString(constantOf(given["help"]))
	if given["choices"] != nil {
		choices := constantOf(given["choices"])
		if choices == nil {
			return nil, `write out choices, as in choices = ["a", "b"]`
		}
		if err := f.choose(choices, f.known); err != nil {
			return nil, err.Error()
		}
	}
	return f, ""
}

// constantOf returns the value of a constant expression; nil for any other.
func constantOf(expr syntax.Expr) starlark.Value {
	switch x := expr.(type) {
	case *syntax.ParenExpr:
		return constantOf(x.X)
	case *syntax.Ident:
		if binding, ok := x.Binding.(*resolve.Binding); ok && binding.Scope == resolve.Universal {
			switch x.Name {
			case "None", "True", "False":
				return starlark.Universe[x.Name]
			}
		}
	case *syntax.Literal:
		return literal(x)
	case *syntax.UnaryExpr:
		if v := constantOf(x.X); v != nil && (x.Op == syntax.MINUS || x.Op == syntax.PLUS) {
			return valueOrNil(starlark.Unary(x.Op, v))
		}
	case *syntax.BinaryExpr:
		a, b := constantOf(x.X), constantOf(x.Y)
		_, text := a.(starlark.String)
		if a != nil && b != nil && (x.Op == syntax.PLUS || x.Op == syntax.STAR && !text && a.Type() == b.Type()) {
			return valueOrNil(starlark.Binary(x.Op, a, b))
		}
	case *syntax.ListExpr:
		elems := make([]starlark.Value, len(x.List))
		for i, elem := range x.List {
			if elems[i] = constantOf(elem); elems[i] == nil {
				return nil
			}
		}
		return starlark.NewList(elems)
	}
	return nil
}

func literal(x *syntax.Literal) starlark.Value {
	if x.Token == syntax.BYTES {
		return nil
	}
	switch v := x.Value.(type) {
	case string:
		return starlark.String(v)
	case float64:
		return starlark.Float(v)
	case int64:
		return starlark.MakeInt64(v)
	case *big.Int:
		return starlark.MakeBigInt(v)
	}
	return nil
}

func valueOrNil(v starlark.Value, err error) starlark.Value {
	if err != nil {
		return nil
	}
	return v
}

// excerptOf returns the source of an expression, in one line.
func excerptOf(expr syntax.Expr, lines []string) string {
	start, end := expr.Span()
	var parts []string
	for n := start.Line; n <= end.Line && int(n) <= len(lines); n++ {
		line := []rune(lines[n-1])
		from, to := 0, len(line)
		if n == start.Line {
			from = min(int(start.Col)-1, len(line))
		}
		if n == end.Line {
			to = max(from, min(int(end.Col)-1, len(line)))
		}
		parts = append(parts, strings.TrimSpace(string(line[from:to])))
	}
	return strings.Join(parts, " ")
}

// docOf returns a script's docstring without the indentation of its lines; empty for none.
func docOf(file *syntax.File) string {
	if len(file.Stmts) == 0 {
		return ""
	}
	first, ok := file.Stmts[0].(*syntax.ExprStmt)
	if !ok {
		return ""
	}
	doc, ok := starlark.AsString(constantOf(first.X))
	if !ok {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(doc), "\n")
	margin := -1
	for _, line := range lines[1:] {
		if text := strings.TrimLeft(line, " \t"); text != "" && (margin < 0 || len(line)-len(text) < margin) {
			margin = len(line) - len(text)
		}
	}
	for i, line := range lines {
		if i > 0 {
			line = line[min(max(margin, 0), len(line)):]
		}
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.Join(lines, "\n")
}
