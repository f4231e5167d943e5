package starlarkincus

import (
	"context"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
)

// unchanged returns an error if the object was renamed, deleted or replaced while its backup was made. Its content may be in
// the backup only in part then, although the server's operation succeeds.
func (x *backupExport) unchanged(ctx context.Context) error {
	_, err := x.lookAgain(ctx, x.was, sameOne)
	if err == nil || !errors.Is(err, errors.NotFound) && !errors.Is(err, errors.PreconditionFailed) {
		return err
	}
	return &errors.Error{Class: errors.PreconditionFailed, Method: "POST", Path: x.ref.join("backups").path, Cause: err, Outcome: errors.NotSent,
		Message: x.subject() + " was renamed, deleted or replaced during its export: its backup may not be whole"}
}

// sentUnchanged is unchanged for a backup that was sent while it was made. One that is kept was whole before.
func (x *backupExport) sentUnchanged(ctx context.Context) error {
	if x.output == nil {
		return nil
	}
	return x.unchanged(ctx)
}

// nothingKept returns the error of an export of which nothing is left on the server.
func nothingKept(err error) error {
	if e := (*errors.Error)(nil); errors.As(err, &e) && e.Outcome == errors.Unknown {
		e.Outcome = errors.NotSent
	}
	return err
}

// delete deletes the backup, or waits for the end of its deletion. If the server may be about to make it, or has it under
// another name of the object, delete returns an error.
func (x *backupExport) delete(ctx context.Context) error {
	if x.deletion != nil {
		if _, err := wait(ctx, x.deletion, patience{}); err == nil || ctx.Err() != nil {
			return err
		}
	}
	err := x.backup.clear(x.part.Track(ctx), x.unsure)
	if !errors.Is(err, errors.NotFound) || x.unsure {
		return err
	}
	if !x.begun {
		return nil
	}
	err = x.unchanged(ctx)
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Unknown // the object may have the backup under another name
	}
	return err
}

// end deletes the backup, or ends its making. Saved says for an error what became of its content; failure is the error of the
// export, or nil. End returns failure, or an error that tells that the backup may be left.
func (x *backupExport) end(ctx context.Context, saved string, failure error) error {
	x.stopCheck()
	if ctx.Err() != nil {
		return failure // the end of the script does it
	}
	if x.output != nil {
		return x.endDirect(ctx, failure)
	}
	left := x.delete(ctx)
	if left == nil {
		failure = nothingKept(failure)
	}
	if b := builtin.In(ctx); left == nil && failure != nil && b == builtin.Of(x.thread) {
		b.Sent, b.Done = min(b.Sent, x.sent), min(b.Done, x.done) // nothing is left of the backup
	}
	if ctx.Err() != nil {
		return cause(ctx, left)
	}
	x.release()
	if left != nil {
		return x.leftBackup(saved, left, failure)
	}
	return failure
}

// endDirect ends a backup that isn't kept. After a failure, the server notices at its next write that nobody reads it.
func (x *backupExport) endDirect(ctx context.Context, failure error) error {
	if failure == nil {
		x.release()
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, lateBackup)
	defer cancel()
	over := false
	builtin.In(ctx).Block(func() { over = x.output.Ended(bounded) })
	if ctx.Err() != nil {
		return failure
	}
	x.release()
	if failed := (*errors.Error)(nil); !over && errors.As(failure, &failed) {
		failed.Message += "; the server may still be making the backup, which it won't keep"
	}
	return nothingKept(failure)
}

// leftBackup returns the error of a backup that couldn't be deleted.
func (x *backupExport) leftBackup(saved string, left, failure error) error {
	var e *errors.Error
	if !errors.As(left, &e) {
		return left
	}
	keeps, can := "keeps", "can't be deleted"
	if e.Outcome == errors.Unknown || x.unsure {
		keeps, can = "may keep", "may not be deleted"
	}
	if failed := (*errors.Error)(nil); errors.As(failure, &failed) {
		failed.Message += "; the server " + keeps + " the backup " + x.name
		failed.Outcome = errors.Unknown
		return failure
	}
	if failure != nil {
		saved, left = "wasn't exported", failure
	}
	return &errors.Error{Class: e.Class, Status: e.Status, Method: e.Method, Path: e.Path, Cause: left, Outcome: errors.Unknown,
		Message: x.subject() + " " + saved + ", but its backup " + x.name + " " + can + " on the server"}
}
