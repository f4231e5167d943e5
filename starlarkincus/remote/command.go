package remote

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/process"
)

// maxPrinted limits the output of a command that prints a passphrase, in bytes.
const maxPrinted = 64 << 10

// commandGrace is the time between SIGTERM and SIGKILL for such a command.
var commandGrace = time.Second

// maxComplaint limits the part of its standard error that the error of such a command has, in characters.
const maxComplaint = 500

// printed returns the first line that a shell command prints. If the context ends first, it stops the command and its
// children. Background processes of a command that has ended go on. Tell receives what the command writes to standard
// error, as it comes and safe to print; if it is nil, the error of the call has the end of that.
func printed(ctx context.Context, command, path string, tell func(string)) (string, error) {
	var out []byte
	var complaint []byte // the part of it that wasn't told
	said := 0
	status, err := process.Run(ctx, &process.Command{
		Args: []string{"sh", "-c", command},
		Env:  append(os.Environ(), "INCUS_STAR_KEY="+path),
		Stdout: func(data []byte) error {
			if out = append(out, data...); len(out) > maxPrinted {
				return fmt.Errorf("it printed more than %d KiB", maxPrinted>>10)
			}
			return nil
		},
		Stderr: func(data []byte) error {
			if said += len(data); said > maxPrinted {
				return fmt.Errorf("it printed more than %d KiB to standard error", maxPrinted>>10)
			}
			complaint = append(complaint, data...)
			if whole := wholeRunes(complaint); tell != nil && whole > 0 {
				tell(printable.Text(string(complaint[:whole])))
				complaint = complaint[whole:]
			}
			return nil
		},
		Grace: commandGrace,
	})
	if err == nil && status != 0 {
		err = errors.Plain(fmt.Sprintf("exit status %d", status))
	}
	if text := []rune(strings.TrimSpace(string(complaint))); err != nil && tell == nil && len(text) > 0 {
		err = fmt.Errorf("%w: %s", err, printable.Text(string(text[max(0, len(text)-maxComplaint):])))
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", failure(err, "the command of %s failed", commandVariable)
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r"), nil
}

// wholeRunes returns the length of data without the beginning of a character at its end.
func wholeRunes(data []byte) int {
	for i := len(data) - 1; i >= 0 && i >= len(data)-utf8.UTFMax; i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				return i
			}
			break
		}
	}
	return len(data)
}
