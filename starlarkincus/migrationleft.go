package starlarkincus

import (
	"context"
	"fmt"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// The times that a server has to remove an unfinished copy, and that this client then tries to.
const (
	removesAlone = 2 * time.Second
	removing     = 8 * time.Second
)

// stopped returns the error of a call that may have begun the copy. If the caller was stopped, [rest.Work] will report
// the copy.
func (t *migration) stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		t.servers.Leave(ctx)
	}
	return err
}

// unended adds to the error of a failed copy the operations that may go on.
func (t *migration) unended(ctx context.Context, err error) {
	var e *errors.Error
	if !errors.As(err, &e) || e.Class.IsA(errors.OperationTimeout) || ctx.Err() != nil {
		return
	}
	source, target := t.servers.Unended()
	if source != nil {
		e.Message += fmt.Sprintf("; the operation %s may still run on this server", source.ID())
	}
	if target != nil {
		e.Message += fmt.Sprintf("; the operation %s may still run on the other server", target.ID())
	}
}

// unanswered adds to the error of a creation without an answer that there may be a copy.
func (t *migration) unanswered(m *rest.Migration, err error) error {
	var e *errors.Error
	if m.Target == nil && errors.As(err, &e) && e.Outcome == errors.Unknown {
		e.Message += fmt.Sprintf("; the copy %s may be on the other server, whole or in part", t.name)
	}
	return err
}

// undo deletes the remains of a copy whose operation failed, and returns the error with its outcome. Servers delete an
// unfinished copy themselves, some of them a volume only after the end of the operation, so undo waits before it tries.
func (t *migration) undo(ctx context.Context, err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || e.Class.IsA(errors.AlreadyExists) || t.servers.Taken() || e.Class.IsA(errors.OperationTimeout) {
		return err
	}
	if t.options["refresh"] == true {
		if t.servers.Target != nil {
			e.Outcome = errors.Unknown
			e.Message += fmt.Sprintf("; the copy %s may be refreshed in part: refresh it again", t.name)
		}
		return err
	}
	made, begun := newObject(t.in.item(t.name)), time.Now()
	gone := made.read(ctx)
	for ; gone == nil && time.Since(begun) < removesAlone+removing; gone = made.read(ctx) {
		if time.Since(begun) > removesAlone {
			_, _ = made.ref.remove(ctx, patience{})
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
	switch {
	case errors.Is(gone, errors.NotFound):
		e.Outcome = errors.Refused
	case gone == nil:
		e.Outcome = errors.Unknown
		e.Message += fmt.Sprintf("; the unfinished copy %s is left on the other server", t.name)
	case ctx.Err() == nil:
		e.Outcome = errors.Unknown
		e.Message += fmt.Sprintf("; the copy %s may be on the other server, whole or in part", t.name)
	}
	return err
}
