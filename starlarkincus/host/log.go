package host

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/report"

	"go.starlark.net/starlark"
)

var logDecl = builtin.Decl{
	Name:    "log",
	Params:  []builtin.Param{builtin.Pos("message", builtin.Any), builtin.KwArgs("fields", builtin.Any)},
	Returns: builtin.None, Help: `Prints a line with the time and the level info on standard error: log("created", name="web", count=3). The same as
log.info.

A field that is None, such as the hint of an error without one, is left out. Values of fields and keys that are named like a password, a token, an access key or another secret are printed as
[redacted], and so is a value after such a name in the text of the message or of a field, as in note="my token=abc"; a field named just key is printed. The command's --log-level sets the least level that is printed: debug, info
(the default), warning or error.`,
	Call: logAt(slog.LevelInfo),
	Members: []builtin.Decl{
		{Name: "log.debug", Params: []builtin.Param{builtin.Pos("message", builtin.Any), builtin.KwArgs("fields", builtin.Any)}, Returns: builtin.None, Help: `Prints a line with the level debug, for details that only help to find a mistake.`, Call: logAt(slog.LevelDebug)},
		{Name: "log.info", Params: []builtin.Param{builtin.Pos("message", builtin.Any), builtin.KwArgs("fields", builtin.Any)}, Returns: builtin.None, Help: `Prints a line with the level info, for the ordinary course of the script.`, Call: logAt(slog.LevelInfo)},
		{Name: "log.warning", Params: []builtin.Param{builtin.Pos("message", builtin.Any), builtin.KwArgs("fields", builtin.Any)}, Returns: builtin.None, Help: `Prints a line with the level warning, for a possible problem.`, Call: logAt(slog.LevelWarn)},
		{Name: "log.error", Params: []builtin.Param{builtin.Pos("message", builtin.Any), builtin.KwArgs("fields", builtin.Any)}, Returns: builtin.None, Help: `Prints a line with the level error, for a failure. The script continues.`, Call: logAt(slog.LevelError)},
	},
}

var logNames = map[slog.Level]string{
	slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warning", slog.LevelError: "error",
}

// LogLevel returns the level for one of its names in scripts: debug, info, warning, error.
func LogLevel(name string) (slog.Level, error) {
	for level, known := range logNames {
		if name == known {
			return level, nil
		}
	}
	return 0, fmt.Errorf("%q is no level: want debug, info, warning or error", name)
}

func logAt(level slog.Level) func(*builtin.Call) (starlark.Value, error) {
	return onTask(func(c *invocation) (starlark.Value, error) {
		if len(c.Args) != 1 {
			return nil, c.Errorf("got %d arguments without a name, want one message; name the others, as in count=3", len(c.Args))
		}
		c.Kwargs = slices.DeleteFunc(slices.Clone(c.Kwargs), func(field starlark.Tuple) bool { return field[1] == starlark.None })
		options := &c.host().options
		if level < options.LogLevel {
			return starlark.None, nil
		}
		message := secret.Text(builtin.PlainText(hideSecrets(c.Args[0])))
		if options.JSON {
			_, _ = io.WriteString(options.Stderr, logObject(level, message, c.Kwargs))
			return starlark.None, nil
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %-7s %s", time.Now().Format(time.DateTime), logNames[level], printable.Indented(message))
		for _, field := range c.Kwargs {
			name := string(field[0].(starlark.String))
			if secret.Key(name) {
				field[1] = starlark.String(secret.Hidden)
			}
			b.WriteString(" " + printable.Line(name) + "=" + logValue(hideSecrets(field[1])))
		}
		b.WriteString("\n")
		// One call of Write keeps the lines of several processes apart. Its failure is no reason to end the script.
		_, _ = io.WriteString(options.Stderr, b.String())
		return starlark.None, nil
	})
}

// logObject returns a line of the log as JSON.
func logObject(level slog.Level, message string, fields []starlark.Tuple) string {
	object := struct {
		Time    string         `json:"time"`
		Level   string         `json:"level"`
		Message string         `json:"message"`
		Fields  map[string]any `json:"fields,omitempty"`
	}{time.Now().Format(time.RFC3339), logNames[level], message, make(map[string]any)}
	for _, field := range fields {
		name := string(field[0].(starlark.String))
		switch v := hideSecrets(field[1]).(type) {
		case starlark.Bool:
			object.Fields[name] = bool(v)
		case starlark.Int:
			object.Fields[name] = json.Number(v.String())
		default:
			object.Fields[name] = secret.Text(builtin.PlainText(v))
		}
		if secret.Key(name) {
			object.Fields[name] = secret.Hidden
		}
	}
	line, _ := report.JSONLine(object) // all of it can be written
	return line
}

// logValue returns the text of a field's value, quoted if it could be read as several.
func logValue(v starlark.Value) string {
	s := secret.Text(builtin.PlainText(v))
	_, text := v.(starlark.String)
	if text && (s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || !unicode.IsPrint(r) })) {
		return strconv.Quote(s)
	}
	return printable.Text(s)
}
