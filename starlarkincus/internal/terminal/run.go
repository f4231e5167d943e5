package terminal

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"
)

// An EndError is the error of a program that failed.
type EndError struct {
	Status int            // that of a shell
	Signal syscall.Signal // that ended it; 0 for none
}

func (e *EndError) Error() string {
	if e.Signal != 0 {
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Status)
}

// turn is full while a program runs.
var turn = make(chan struct{}, 1)

// Run runs a program on the user's terminal, such as an editor or a pager, until it ends, and restores the terminal's mode.
// The program's standard files must be files. When the context ends, Run ends the program with all that it has started on
// the terminal, and returns the context's cause. A program that fails has an [*EndError].
//
// The program has a process group of its own, which has the terminal: Ctrl-C is for it alone, and its end reaches all of its
// processes. If it stops, as after Ctrl-Z, this process stops as well. Programs run one after another. What a program leaves when it ends
// of its own accord, or is killed, goes on without the terminal, as under a shell.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return Lend(func() error { return run(ctx, cmd) })
}
