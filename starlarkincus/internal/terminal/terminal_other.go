//go:build !unix || solaris || aix || illumos

package terminal

import (
	"context"
	"io"
	"os"
	"os/exec"

	"incus-star/errors"
)

type input struct{}

func (*input) open(*os.File) error {
	return errors.Plain("there is no terminal for this on this system")
}
func (*input) Read([]byte) (int, error) { return 0, io.EOF }
func (*input) Close() error             { return nil }
func (*input) close()                   {}

type changes struct{}

func (*changes) watch(*Terminal)          {}
func (*changes) unwatch()                 {}
func (*changes) Resized() <-chan struct{} { return nil }

// InFront returns true on these systems.
func InFront(int) bool { return true }

// SetSize does nothing on these systems.
func SetSize(io.Writer, int, int) {}

func run(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return &EndError{Status: failed.ExitCode()}
	}
	return err
}
