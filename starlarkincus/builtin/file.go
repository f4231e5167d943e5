package builtin

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// StreamPrints is the advice for output of a command to a file that isn't replaced, such as /dev/stdout.
const StreamPrints = "stream=print prints the output, line by line"

// FileError returns an error of the class Error about a local file, of the function of that name.
func FileError(function, path string, err error) error {
	reason := err.Error()
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		reason = pathErr.Err.Error()
	case errors.As(err, &linkErr):
		reason = linkErr.Err.Error()
	}
	name := path
	if name == "" || strings.TrimSpace(name) != name {
		name = fmt.Sprintf("%q", path)
	}
	missing, hint := errors.Is(err, fs.ErrNotExist), ""
	if folder := missingFolder(path); missing && folder != "" {
		reason = "the folder " + folder + " doesn't exist"
	}
	if rest, tilde := strings.CutPrefix(path, "~"); missing && tilde && (rest == "" || rest[0] == '/') {
		hint = fmt.Sprintf(`~ isn't expanded: write env["HOME"] + %q`, cmp.Or(rest, "/…"))
	}
	return &errors.Error{Class: errors.Base, Message: fmt.Sprintf("%s: %s: %s", function, name, reason), Path: path, Hint: hint,
		Fields: map[string]any{"missing": starlark.Bool(missing)}}
}

// missingFolder returns the folder of a path if it doesn't exist; otherwise empty.
func missingFolder(path string) string {
	folder := filepath.Dir(path)
	if _, err := os.Lstat(folder); path == "" || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return folder
}

// MakesFolder returns the advice to make the folder of a path; empty if it is there.
func MakesFolder(path string) string {
	if folder := missingFolder(path); folder != "" {
		return fmt.Sprintf("fs.mkdir(%q, parents=True) makes the folder", folder)
	}
	return ""
}

// ReadOnlyFile returns the error of a call that would change a local file in a run that only reads. What is the
// participle for the message, such as "written".
func ReadOnlyFile(function, path, what string) error {
	return FileError(function, path, errors.Plain("wasn't "+what+": this run only reads (--read-only)"))
}
