package remote

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/process"
)

// maxPrinted limits the output of a command that prints a passphrase, in bytes.
const maxPrinted = 64 << 10

// commandGrace is the time between SIGTERM and SIGKILL for such a command.
var commandGrace = time.Second

// printed returns the first line that a shell command prints. If the context ends first, it stops the command and its
// children. Background processes of a command that has ended go on.
func printed(ctx context.Context, command, path string) (string, error) {
	var out []byte
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
			_, _ = os.Stderr.Write(data) // else the command is stopped for a message that nobody reads
			return nil
		},
		Grace: commandGrace,
	})
	if err == nil && status != 0 {
		err = errors.Plain(fmt.Sprintf("exit status %d", status))
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
