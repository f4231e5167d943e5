package value

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The encodings of a command's output.
const (
	AutoEncoding  = "auto"  // a string if the output is UTF-8, else bytes
	TextEncoding  = "utf-8" // a string; other output is an error
	BytesEncoding = "bytes"
)

// CheckEncoding returns an error unless encoding is one that [Output] knows. Path is the argument's name.
func CheckEncoding(path, encoding string) error {
	switch encoding {
	case AutoEncoding, TextEncoding, BytesEncoding:
		return nil
	}
	return &TypeError{path, "the string " + starlark.String(encoding).String(), `"auto", "utf-8" or "bytes"`}
}

// Output decodes the output of a command by an encoding. Path is its name in an error, such as stdout.
func Output(path string, data []byte, encoding string) (starlark.Value, error) {
	return outputAfter(0, path, data, encoding)
}

// outputAfter is Output for data that follows a number of lines.
func outputAfter(lines int, path string, data []byte, encoding string) (starlark.Value, error) {
	if encoding == BytesEncoding {
		return starlark.Bytes(data), nil
	}
	line, invalid := InvalidLine(data)
	switch {
	case !invalid:
		return starlark.String(data), nil
	case encoding == TextEncoding:
		return nil, fmt.Errorf(`%s: line %d is not UTF-8: encoding="bytes" gives bytes, and so does "auto"`, path, lines+line)
	}
	return starlark.Bytes(data), nil
}

// InvalidLine returns the number of the first line that is not UTF-8, and whether there is one.
func InvalidLine(data []byte) (line int, invalid bool) {
	if utf8.Valid(data) {
		return 0, false
	}
	line = 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line, true
}

// ExecResult returns the result of a command, in an instance or here, as scripts have it.
func ExecResult(exitCode int, stdout, stderr starlark.Value) starlark.Value {
	return starlarkstruct.FromStringDict(starlark.String("ExecResult"), starlark.StringDict{
		"exit_code": starlark.MakeInt(exitCode),
		"stdout":    stdout,
		"stderr":    stderr,
	})
}

// ExecError returns the error of a command that ended with another status than 0. The message has the last line of
// stderr, if that is text. Clean removes secrets from text.
func ExecError(command string, exitCode int, stdout, stderr starlark.Value, clean func(string) string) *errors.Error {
	e := errors.New(errors.Exec, "%s ended with status %d", command, exitCode)
	if s, ok := stderr.(starlark.String); ok {
		if text := strings.TrimSpace(string(s)); text != "" {
			e.Message += ": " + clean(text[strings.LastIndex(text, "\n")+1:])
		}
	}
	e.Fields = map[string]any{"exit_code": exitCode, "stdout": CleanOutput(stdout, clean), "stderr": CleanOutput(stderr, clean)}
	e.Outcome = errors.Done
	return e
}

// CleanOutput removes secrets from output that is text.
func CleanOutput(v starlark.Value, clean func(string) string) starlark.Value {
	if s, ok := v.(starlark.String); ok {
		return starlark.String(clean(string(s)))
	}
	return v
}
