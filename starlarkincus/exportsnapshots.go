package starlarkincus

import (
	"context"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// A snapshotOf tells a snapshot of an object from another one that got its name.
type snapshotOf struct {
	Name      string `json:"name"`
	CreatedAt string `json:"created_at"`
}

// readSnapshots reads the object's snapshots; it returns none, and sends nothing, if the backup has none in any case.
func (x *backupExport) readSnapshots(ctx context.Context) ([]snapshotOf, error) {
	res := kindOf(x.ref.res).children["snapshots"]
	if res == nil || x.args.body["instance_only"] == true || x.args.body["volume_only"] == true {
		return nil, nil
	}
	all := x.ref.sub(res)
	query := all.query(spec.List)
	query.Set("recursion", "1")
	var found []snapshotOf
	err := all.readInto(ctx, query, &found)
	for i := range found {
		found[i].Name = found[i].Name[strings.LastIndex(found[i].Name, "/")+1:] // a volume's begins with that of the volume
	}
	return found, err
}

// snapshotsUnchanged returns an error if one of the object's snapshots was renamed, deleted or replaced while its backup was
// made: the backup lists it, but may have none of its files, although the server's operation succeeds.
func (x *backupExport) snapshotsUnchanged(ctx context.Context) error {
	if len(x.snapshots) == 0 {
		return nil
	}
	var now []snapshotOf
	err := rest.Persist(ctx, pause, func() (err error) { now, err = x.readSnapshots(ctx); return err })
	switch {
	case errors.Is(err, errors.NotFound):
		return x.replaced(err)
	case err != nil:
		return err
	}
	for _, s := range x.snapshots {
		if !slices.Contains(now, s) {
			return x.snapshotLost(s.Name)
		}
	}
	return nil
}

// snapshotLost returns the error of a backup that may lack the files of a snapshot.
func (x *backupExport) snapshotLost(name string) error {
	without := "instance_only"
	if x.ref.res != spec.Instances {
		without = "volume_only"
	}
	return &errors.Error{Class: errors.PreconditionFailed, Method: "POST", Path: x.ref.join("backups").path, Outcome: errors.NotSent,
		Message: "the snapshot " + name + " of " + x.subject() + " was renamed, deleted or replaced during the export: the backup may lack its files",
		Hint:    "export it again when nobody changes its snapshots, or without them, by " + without + "=True"}
}
