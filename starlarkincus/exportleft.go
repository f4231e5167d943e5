package starlarkincus

import (
	"context"
	"reflect"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"
)

// unchanged returns an error if the object was renamed, deleted or replaced while its backup was made. Its content may be in
// the backup only in part then, although the server's operation succeeds.
func (x *backupExport) unchanged(ctx context.Context) error {
	err := rest.Persist(ctx, pause, func() error {
		_, err := x.lookAgain(ctx, x.was, x.sameExported)
		return err
	})
	if err == nil || !errors.Is(err, errors.NotFound) && !errors.Is(err, errors.PreconditionFailed) {
		return err
	}
	return x.replaced(err)
}

func (x *backupExport) replaced(cause error) error {
	return x.notWhole("was renamed, deleted or replaced", cause)
}

func (x *backupExport) notWhole(happened string, cause error) error {
	return &errors.Error{Class: errors.PreconditionFailed, Method: "POST", Path: x.ref.join("backups").path, Cause: cause, Outcome: errors.NotSent,
		Message: x.subject() + " " + happened + " during its export: its backup may not be whole"}
}

// sameExported is sameOne for an export. An ephemeral instance is deleted when it stops.
func (x *backupExport) sameExported(fields map[string]any) map[string]any {
	out := sameOne(fields)
	if x.was.string("status") != "Stopped" {
		out["stopped"] = fields["ephemeral"] == true && fields["status"] == "Stopped"
	}
	return out
}

// sentUnchanged is unchanged for a backup that was sent while it was made. One that is kept was whole before. A deletion removes the
// files first and the object last: so the operations are read before the object, which is gone after one that has succeeded.
func (x *backupExport) sentUnchanged(ctx context.Context) error {
	if x.output == nil {
		return nil
	}
	if x.ref.res == spec.Instances { // the deletion of the others is no operation
		if err := rest.Persist(ctx, pause, func() error { return x.changing(ctx) }); err != nil {
			return err
		}
	}
	if err := x.unchanged(ctx); err != nil {
		return err
	}
	return x.snapshotsUnchanged(ctx)
}

// changing returns an error if a deletion of the object is going on, or has failed after its begin, or if a deletion or renaming
// of one of its snapshots is going on.
func (x *backupExport) changing(ctx context.Context) error {
	client, _, err := x.ref.client.conn.client(ctx)
	if err != nil {
		return err
	}
	var all []*rest.State
	builtin.In(ctx).Block(func() { all, err = client.Operations(ctx, x.ref.project) })
	for _, s := range all {
		switch about := s.About(x.ref.path); {
		case about && s.Description == "Deleting "+x.ref.res.One():
			failure := errors.NewOperation(s.ID, errors.Failure{Status: s.StatusCode, Message: s.Err}, nil)
			if !s.Final() || s.Err != "" && errors.OutcomeOfOperation(failure, false) != errors.Refused {
				return x.notWhole("was being deleted", nil)
			}
		case about && !s.Final() && (s.Description == "Deleting snapshot" || s.Description == "Renaming snapshot"):
			snapshots := x.ref.sub(kindOf(x.ref.res).children["snapshots"])
			if i := slices.IndexFunc(x.snapshots, func(one snapshotOf) bool { return s.About(snapshots.item(one.Name).path) }); i >= 0 {
				return x.snapshotLost(x.snapshots[i].Name)
			}
		}
	}
	return err
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
	if errors.Is(err, errors.PreconditionFailed) && x.deleteRenamed(ctx) {
		return nil
	}
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Unknown // the object may have the backup under another name
	}
	return err
}

// deleteRenamed deletes the backup of an object that was renamed, and reports whether it did. No other object has a backup of
// that name.
func (x *backupExport) deleteRenamed(ctx context.Context) bool {
	was, err := value.ToGo(x.was.fields)
	if err != nil {
		return false
	}
	all := x.ref.parent()
	query := x.ref.query(spec.List)
	query.Set("recursion", "1")
	var found []map[string]any
	if err := all.readInto(ctx, query, &found); err != nil {
		return false
	}
	for _, one := range found {
		name, _ := one[x.ref.res.Key].(string)
		if !reflect.DeepEqual(sameOne(one), sameOne(mapOf(was))) {
			continue
		}
		if err := all.item(name).sub(x.backup.res).item(x.name).clear(x.part.Track(ctx), false); err == nil {
			return true
		}
	}
	return false
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
	if e.Outcome == errors.Unknown || !x.made || x.deletion != nil || x.part.Unsure() {
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
