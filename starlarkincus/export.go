package starlarkincus

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/archive"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// backupLife is the time after which the server deletes the backup of an export by itself.
const backupLife = 24 * time.Hour

// A backupExport is a backup that the server makes for one export. Newer servers send it while they make it, and others keep
// it until it is deleted.
type backupExport struct {
	*invocation
	output     *rest.Output // the making of a backup that isn't kept; nil for one that is
	check      *archive.Check
	was        Object       // the object before the backup
	snapshots  []snapshotOf // its snapshots then that the backup has
	size       int64        // of the content that came
	backup     ref          // of one that is kept, like all below
	name       string
	part       *rest.Part      // makes and deletes the backup
	begun      bool            // its making was accepted, or may have been
	unsure     bool            // the answer to it was lost
	made       bool            // its making has succeeded
	deletion   *rest.Operation // nil unless it has begun
	sent, done int             // the counts of the binding before it
	release    func()
}

// beginExport makes a backup and begins to download it. After an error too, end must be called unless the export is nil.
func (c *invocation) beginExport() (*backupExport, *download, error) {
	direct, err := c.ref.client.hasExtension(c.ctx, c.decl.Prefers)
	if err != nil {
		return nil, nil, err
	}
	x := &backupExport{invocation: c, was: *newObject(c.obj.ref)}
	if err := x.was.read(c.ctx); err != nil {
		return nil, nil, err
	}
	if x.snapshots, err = x.readSnapshots(c.ctx); err != nil {
		return nil, nil, err
	}
	if direct {
		down, err := x.receive()
		if err != nil {
			return nil, nil, nothingKept(err)
		}
		return x, down, nil
	}
	if err := x.make(); err != nil {
		return x, nil, err
	}
	if err := x.unchanged(c.ctx); err != nil {
		return x, nil, err
	}
	if err := x.snapshotsUnchanged(c.ctx); err != nil {
		return x, nil, err
	}
	var down *download
	err = rest.Persist(c.ctx, pause, func() (err error) {
		down, err = c.ref.client.open(c.ctx, rest.Request{Path: x.backup.join("export").path, Query: x.backup.query(spec.Get)})
		return err
	})
	if err == nil {
		x.beginDeletion()
	}
	return x, down, err
}

// beginDeletion requests the deletion of a backup while it is downloaded. That takes nothing from the download, because the
// server opens the file before it answers. End does what couldn't be requested.
func (x *backupExport) beginDeletion() {
	b := builtin.In(x.ctx)
	sent, done := b.Sent, b.Done
	reply, err := x.ref.client.send(x.part.Track(x.ctx), rest.Request{Method: "DELETE", Path: x.backup.path, Query: x.backup.query(spec.Delete)})
	if err == nil {
		if x.deletion = reply.Operation; x.deletion != nil {
			x.deletion.Watch() // the download may outlast the server's memory of it; and after it, its connection waits for the file's removal
		}
	}
	b.Sent, b.Done = sent, done // it is no change by the script
}

// receive begins to download a backup that the server doesn't keep.
func (x *backupExport) receive() (*download, error) {
	backups := x.ref.sub(kindOf(x.ref.res).children["backups"])
	q := rest.Request{Method: "POST", Path: backups.path, Query: backups.query(spec.New), Body: x.body(), Header: map[string][]string{"Accept": {"application/octet-stream"}}}
	begun := time.Now()
	var down *download
	x.release = builtin.Of(x.thread).Keep(func(ctx context.Context) {
		if down != nil {
			down.close()
		}
		x.stopCheck()
		x.settle(ctx, q, begun)
	})
	down, err := x.ref.client.openWith(x.ctx, func(ctx context.Context, client *rest.Client) (body io.ReadCloser, reply *rest.Reply, err error) {
		body, reply, x.output, err = client.OpenOutput(ctx, q, x.owns)
		return body, reply, err
	})
	if kind := ""; err == nil {
		if kind = mediaType(down.reply); kind != "application/octet-stream" {
			down.close()
			err = unreadable(q.Method, q.Path, down.reply, errors.Plain("the content isn't that of a backup: it has the type "+kind))
		}
	}
	switch {
	case err == nil:
		x.startCheck()
		return down, nil
	case x.ctx.Err() == nil:
		x.release()
	}
	return nil, err
}

// settle waits for the end of the making of a backup whose download was stopped, of which the server learns at its next write.
func (x *backupExport) settle(ctx context.Context, q rest.Request, begun time.Time) {
	output := x.output
	client, _, err := x.ref.client.conn.client(ctx)
	if output == nil && err == nil {
		output, err = client.FindOutput(ctx, q, x.owns, begun)
	}
	if err != nil || !output.Ended(ctx) {
		x.ref.leave(ctx, "the server may still be making a backup of "+x.subject()+", which it won't keep")
	}
}

// owns reports whether an operation may be the one that makes the backup.
func (x *backupExport) owns(s *rest.State) bool {
	return s.Class == "task" && s.Resources["backups"] == nil && strings.Contains(strings.ToLower(s.Description), "back") && s.About(x.ref.path)
}

// startCheck starts the check of the content, which is an archive except for an ISO image, if no operation tells whether it
// is whole.
func (x *backupExport) startCheck() {
	if !x.output.Known() && x.obj.string("content_type") != "iso" {
		x.check = archive.New()
	}
}

// Write counts the next part of the content, and gives it to the check.
func (x *backupExport) Write(p []byte) (int, error) {
	x.size += int64(len(p))
	if x.check != nil {
		x.check.Write(p)
	}
	return len(p), nil
}

func (x *backupExport) stopCheck() {
	if x.check != nil {
		x.check.Stop()
	}
}

// whole returns an error unless the content is whole. Failure is the error of its transfer, or nil; that of the server's work
// is more useful.
func (x *backupExport) whole(ctx context.Context, failure error) error {
	if x.output != nil && x.output.Known() && (failure == nil || errors.Is(failure, errors.Connection)) {
		bounded, cancel := ctx, context.CancelFunc(func() {})
		if failure != nil {
			bounded, cancel = context.WithTimeout(ctx, lateBackup)
		}
		err := x.output.Wait(bounded)
		cancel()
		if failure == nil || errors.Is(err, errors.Operation) && !errors.Is(err, errors.OperationTimeout) {
			failure = err
		}
	}
	var err error
	switch {
	case failure != nil:
		return failure
	case x.size == 0:
		err = errors.Plain("it is empty")
	case x.check != nil:
		var known bool
		if known, err = x.check.End(); err == nil && !known {
			err = errors.Plain("the server doesn't show the operation that made it")
		}
	}
	if err != nil {
		return &errors.Error{Class: errors.Connection, Message: "the backup of " + x.subject() + " that came may not be whole: " + err.Error(), Method: "POST", Path: x.ref.join("backups").path}
	}
	return nil
}

// make makes a backup that the server keeps. The end of the script deletes it, until end is called.
func (x *backupExport) make() error {
	b := builtin.Of(x.thread)
	x.name, x.part, x.sent, x.done = "export-"+strings.ToLower(rand.Text()[:16]), new(rest.Part), b.Sent, b.Done
	body := x.body()
	body["name"], body["expires_at"] = x.name, time.Now().Add(backupLife).UTC().Format(time.RFC3339)
	backups := x.ref.sub(kindOf(x.ref.res).children["backups"])
	x.backup = backups.item(x.name)
	what := "the backup " + x.name + " of " + x.subject()
	x.release = b.Keep(func(ctx context.Context) {
		x.stopCheck()
		x.backup.discard(ctx, what, x.part)
	})
	_, err := backups.create(x.part.Track(x.ctx), body, patience{})
	e := (*errors.Error)(nil)
	x.unsure = x.part.Unsure()
	x.made = err == nil
	x.begun = !errors.As(err, &e) || e.OperationID != "" || e.Outcome == errors.Unknown
	return err
}

// exportBackup implements export: it saves a new backup in a local file.
func exportBackup(c *invocation) (starlark.Value, error) {
	file, err := c.newSink(c.args.string("path"))
	if err != nil {
		return nil, err
	}
	defer file.Discard()
	x, down, err := c.beginExport()
	if x == nil {
		return nil, err
	}
	hash := newHash()
	summed := c.args.flag("sha256", true)
	if err == nil {
		err = down.save(c.ctx, "Exporting "+x.subject(), func(body io.Reader, _ *rest.Reply) error {
			if summed {
				return x.whole(c.ctx, file.fill(io.MultiWriter(hash, x), body))
			}
			_, err := io.Copy(io.MultiWriter(file, x), body)
			return x.whole(c.ctx, err)
		})
	}
	if err == nil {
		err = x.sentUnchanged(c.ctx)
	}
	if err == nil {
		err = file.commit()
	}
	if err := x.end(c.ctx, "was saved in "+file.path, err); err != nil {
		return nil, err
	}
	if c.ctx.Err() != nil {
		return nil, context.Cause(c.ctx)
	}
	saved := starlark.StringDict{"path": starlark.String(file.path), "size": starlark.MakeInt64(file.size), "sha256": starlark.None}
	if summed {
		saved["sha256"] = starlark.String(sum(hash))
	}
	return starlarkstruct.FromStringDict(starlark.String(c.decl.Returns.Of.Kind), saved), nil
}

// subject returns a description of the object, such as "instance web1".
func (c *invocation) subject() string { return c.ref.res.One() + " " + c.obj.key() }
