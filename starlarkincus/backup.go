package starlarkincus

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// backupLife is the time after which the server deletes the backup of an export by itself.
const backupLife = 24 * time.Hour

// lateBackup is the time in which a server starts to make a requested backup.
const lateBackup = 2 * time.Second

// exportBackup implements export: it saves a new backup in a local file, and deletes the backup.
func exportBackup(c *invocation) (starlark.Value, error) {
	file, err := c.newSink(c.args.string("path"))
	if err != nil {
		return nil, err
	}
	defer file.Discard()
	body := c.body()
	name := "export-" + strings.ToLower(rand.Text()[:16])
	body["name"], body["expires_at"] = name, time.Now().Add(backupLife).UTC().Format(time.RFC3339)
	backups := c.ref.sub(kindOf(c.ref.res).children["backups"])
	backup := backups.item(name)
	made := false
	release := builtin.Of(c.thread).Keep(func(ctx context.Context) { backup.discard(ctx, made) })
	_, err = backups.create(c.ctx, body, patience{})
	made = err == nil
	hash := newHash()
	if err == nil {
		query := backup.query(spec.Get)
		err = c.ref.client.fetch(c.ctx, rest.Request{Path: backup.join("export").path, Query: query}, "Exporting "+c.subject(), func(body io.Reader, reply *rest.Reply) error {
			if err := file.fill(hash, body); err != nil {
				return err
			}
			return file.commit()
		})
	}
	if c.ctx.Err() != nil {
		return nil, err // Keep deletes the backup
	}
	left := backup.clear(c.ctx)
	if c.ctx.Err() != nil {
		return nil, cause(c.ctx, left)
	}
	release()
	if left != nil {
		return nil, c.leftBackup(name, file.path, left, err)
	}
	if err != nil {
		return nil, err
	}
	return starlarkstruct.FromStringDict(starlark.String(c.decl.Returns.Of.Kind), starlark.StringDict{
		"path": starlark.String(file.path), "size": starlark.MakeInt64(file.size), "sha256": starlark.String(sum(hash))}), nil
}

// clear deletes a temporary object of a call. That isn't a change by the script.
func (r ref) clear(ctx context.Context) error {
	b := builtin.In(ctx)
	sent, done := b.Sent, b.Done
	_, err := r.remove(ctx, patience{})
	if err == nil || errors.Is(err, errors.NotFound) {
		b.Sent, b.Done = sent, done
		return nil
	}
	return err
}

// subject returns a description of the object, such as "instance web1".
func (c *invocation) subject() string { return c.ref.res.One() + " " + c.obj.key() }

// leftBackup returns the error of a backup that couldn't be deleted. Failure is the error of the export, or nil.
func (c *invocation) leftBackup(name, path string, left, failure error) error {
	if e := (*errors.Error)(nil); failure != nil && errors.As(failure, &e) {
		e.Message += "; the server keeps the backup " + name
		return failure
	}
	e := (*errors.Error)(nil)
	if !errors.As(left, &e) {
		return left
	}
	return &errors.Error{Class: e.Class, Status: e.Status, Method: e.Method, Path: e.Path, Cause: left, Outcome: errors.Unknown,
		Message: c.subject() + " was saved in " + path + ", but its backup " + name + " can't be deleted on the server"}
}

// discard deletes a backup after the script was stopped. If it isn't known to be made, discard tries again for
// lateBackup, because the server may be about to make it.
func (r ref) discard(ctx context.Context, made bool) {
	ctx, cancel := context.WithTimeout(ctx, lateBackup)
	defer cancel()
	for {
		reply, err := r.client.Do(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)})
		if err == nil && reply.Operation != nil {
			_, err = reply.Operation.Wait(ctx)
		}
		if made || !errors.Is(err, errors.NotFound) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lateBackup / 20):
		}
	}
}

// importFile implements import_backup and import_iso.
func importFile(c *invocation) (starlark.Value, error) {
	file, err := c.newSource(c.args.string("path"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	in := c.within(c.segmentName(c.defaultSegment()))
	q := c.request(in, c.decl.HTTP, nil)
	q.Size = file.size
	q.Header.Set("Content-Type", "application/octet-stream")
	for name, v := range texts(c.decl.Send) {
		q.Header.Set("X-Incus-"+name, v)
	}
	out, err := in.sendFile(c.ctx, q, file, "Uploading "+file.path, c.patience())
	name := q.Header.Get("X-Incus-name")
	if out.reply == nil || out.going != nil {
		return out.going, err
	}
	if err != nil {
		if name == "" {
			return nil, err
		}
		return nil, in.madeAnything(c.ctx, name, nil, err)
	}
	if name == "" {
		name = madeName(out.state)
	}
	if name == "" {
		return nil, unreadable(q.Method, q.Path, out.reply, errors.Plain("the operation doesn't name what was made"))
	}
	o := newObject(in.item(name))
	return o, o.read(c.ctx)
}

// madeName returns the name of the object that an operation created; empty if unknown.
func madeName(state *rest.State) string {
	if state == nil {
		return ""
	}
	for _, urls := range maps.All(state.Resources) {
		for _, address := range urls {
			path, _, _ := strings.Cut(address, "?")
			if name, err := url.PathUnescape(path[strings.LastIndex(path, "/")+1:]); err == nil {
				return name
			}
		}
	}
	return ""
}
