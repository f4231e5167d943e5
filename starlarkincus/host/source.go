package host

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/nesting"
)

// readSource reads a script's file. It gives up when the context ends.
func readSource(ctx context.Context, path string) (string, error) {
	src, err := input.File(ctx, path, input.Script)
	var pathErr *fs.PathError
	switch {
	case err != nil && ctx.Err() != nil:
		return "", &stopError{cause: causeOf(ctx)}
	case err == nil:
		return checkSource(path, src)
	case errors.Is(err, fs.ErrNotExist):
		return "", &UsageError{path, "no such file"}
	case isFolder(path):
		return "", &UsageError{path, "is a folder, not a script"}
	case errors.As(err, &pathErr):
		return "", &UsageError{path, pathErr.Err.Error()}
	}
	return "", &UsageError{path, err.Error()}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readStdin reads a script from standard input. It gives up when the context ends.
func (h *Host) readStdin(ctx context.Context) ([]byte, error) {
	if h.options.Stdin == nil {
		return nil, nil
	}
	src, err := input.All(ctx, h.options.Stdin, input.Script)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, &stopError{cause: causeOf(ctx)}
	case err != nil:
		return nil, &UsageError{"<stdin>", err.Error()}
	}
	return src, nil
}

// CheckSource returns a [*UsageError] for bytes that can't be a script, such as binary data.
func CheckSource(name string, src []byte) error {
	_, err := checkSource(name, src)
	return err
}

// checkSource returns a script's text with plain newlines. It refuses NUL bytes and invalid UTF-8, because the scanner ends
// the file at the first and accepts the second.
func checkSource(name string, src []byte) (string, error) {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return "", &UsageError{name, "is UTF-16, want UTF-8"}
	}
	if len(src) > input.Script {
		return "", &UsageError{name, (&input.TooLarge{Limit: input.Script}).Error()}
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	text := strings.ReplaceAll(strings.ReplaceAll(string(src), "\r\n", "\n"), "\r", "\n")
	line := 1
	for i, r := range text {
		switch {
		case r == '\n':
			line++
		case r == 0:
			return "", &UsageError{name, fmt.Sprintf("line %d: has a NUL byte: this is not a script", line)}
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			return "", &UsageError{name, fmt.Sprintf("line %d: is not UTF-8: byte 0x%02x", line, text[i])}
		}
	}
	if line, err := nesting.Check(text); err != nil {
		return "", &UsageError{name, fmt.Sprintf("line %d: %v", line, err)}
	}
	return text, nil
}
