package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// lateBackup is the time in which a server starts to make a requested backup.
const lateBackup = 2 * time.Second

// restartTime is the time in which a server that is away may have been started again.
var restartTime = 5 * time.Second

// clear erases a temporary object of a call, which isn't a change by the script.
func (r ref) clear(ctx context.Context, unsure bool) error {
	b := builtin.In(ctx)
	sent, done := b.Sent, b.Done
	defer func() { b.Sent, b.Done = sent, done }()
	return r.erase(ctx, unsure)
}

// erase deletes an object. If the answer is lost, or the server is away, it tries again, and at last looks whether the object is
// there. Unsure tells that the answer to the creation was lost: then the server may be about to make an object that isn't found,
// for which erase waits as long as it takes to begin.
func (r ref) erase(ctx context.Context, unsure bool) error {
	for begun := time.Now(); ; {
		_, err := r.remove(ctx, patience{})
		limit := lateBackup
		if away(err) {
			limit = restartTime
		}
		late := time.Since(begun) > limit
		e := (*errors.Error)(nil)
		lost := errors.As(err, &e) && e.Outcome == errors.Unknown // the answer
		switch {
		case errors.Is(err, errors.NotFound) && unsure && !late:
		case errors.Is(err, errors.NotFound) && unsure:
			return &errors.Error{Class: errors.NotFound, Outcome: errors.Unknown, Message: "it may be made yet", Cause: err}
		case (lost || away(err)) && !late:
		case lost && !unsure:
			if _, _, gone := r.read(ctx, r.query(spec.Get), 0); errors.Is(gone, errors.NotFound) {
				return gone
			}
			return err
		default:
			return err
		}
		if err := pause(ctx, lateBackup/20); err != nil {
			return err
		}
	}
}

// discard deletes a temporary object after the script was stopped. Before, it waits for the end of its creation and of the
// parts that use it. If the answer to the creation was lost, discard tries for lateBackup, because the server
// may be about to make the object. What it can't delete is reported.
func (r ref) discard(ctx context.Context, what string, creation *rest.Part, users ...*rest.Part) {
	if !creation.Begun() {
		return
	}
	creation.Settle(ctx)
	for _, part := range users {
		part.Settle(ctx)
	}
	gone := undo(ctx, func() (over bool, err error) {
		reply, err := r.client.Do(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)})
		if err == nil && reply.Operation != nil {
			_, err = reply.Operation.Wait(ctx)
		}
		if errors.Is(err, errors.NotFound) {
			return !creation.Unsure(), nil
		}
		return err == nil, err
	})
	if gone {
		creation.Undone(ctx)
	} else {
		r.leave(ctx, what)
	}
}

// leave makes the report of a stopped script name something that was left on the server.
func (r ref) leave(ctx context.Context, what string) {
	if client, _, err := r.client.conn.client(ctx); err == nil { // else nothing was begun
		client.Leave(ctx, what)
	}
}

// undo calls try until it is over, or ctx ends: for as long as the object is busy, and for lateBackup after other results.
// It reports whether there was no error at last.
func undo(ctx context.Context, try func() (over bool, err error)) bool {
	for begun := time.Now(); ctx.Err() == nil; {
		over, err := try()
		if over || !errors.Is(err, errors.Busy) && time.Since(begun) > lateBackup {
			return err == nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(lateBackup / 20):
		}
	}
	return false
}

// supply returns the supplier for an argument that isn't the path of a file; nil for a path.
func (c *invocation) supply(argument string) (*feed.Supplier, error) {
	v, ok := c.args.local[argument].(starlark.Value)
	if !ok {
		return nil, nil
	}
	if first, listed := textsOnly(v); listed {
		return nil, fmt.Errorf("%s: %s: got a list of strings, want bytes: for the output of a command, run_stream([%s, …])", c.name, argument, first)
	}
	return feed.New(c.name, argument, v)
}

// textsOnly returns the first element of a list of strings. That isn't the content of a file, but the command of a missing
// run_stream.
func textsOnly(v starlark.Value) (first starlark.Value, ok bool) {
	switch v.(type) {
	case *starlark.List, starlark.Tuple:
		for part := range starlark.Elements(v.(starlark.Iterable)) {
			if _, ok := part.(starlark.String); !ok {
				return nil, false
			}
			if first == nil {
				first = part
			}
		}
	}
	return first, first != nil
}

// importFile implements import_backup and import_iso.
func importFile(c *invocation) (starlark.Value, error) {
	supply, err := c.supply("path")
	if err != nil {
		return nil, err
	}
	v, err := c.importFrom(supply)
	if err = supply.Close(c.ctx, c.name, err); err != nil {
		return nil, err
	}
	return v, nil
}

// importFrom creates an object from what a script yields, or from a local file if supply is nil.
func (c *invocation) importFrom(supply *feed.Supplier) (starlark.Value, error) {
	in := c.within(c.segmentName(c.defaultSegment()))
	q := c.request(in, c.decl.HTTP, nil)
	q.Header.Set("Content-Type", "application/octet-stream")
	for name, v := range texts(c.decl.Send) {
		q.Header.Set("X-Incus-"+name, v)
	}
	name := q.Header.Get("X-Incus-name")
	if err := c.checkTaken(in, name); err != nil {
		return nil, err
	}
	var out outcome
	var err error
	if supply != nil {
		out, err = in.sendFed(c.ctx, q, supply, "Uploading a backup", c.patience())
	} else {
		var file *source
		if file, err = c.newSource(c.args.string("path")); err != nil {
			return nil, err
		}
		defer file.Close()
		q.Size = file.size
		out, err = in.sendFile(c.ctx, q, file, "Uploading "+filepath.Base(file.path), c.patience())
	}
	if out.reply == nil || out.going != nil {
		return out.going, err
	}
	if err != nil {
		if name == "" && out.reply.Operation != nil {
			name = madeName(out.reply.Operation.State())
		}
		if name == "" {
			return nil, err
		}
		return nil, in.about(name, in.madeAnything(c.ctx, name, nil, err))
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

// checkTaken returns an error if another object has the name for an import, before the file is sent; an empty name is that in
// the backup, which only the server knows.
func (c *invocation) checkTaken(in ref, name string) error {
	if name == "" {
		return nil
	}
	o := newObject(in.item(name))
	err := o.read(c.ctx)
	if errors.Is(err, errors.API) { // it is free, or not for this client to see
		return nil
	}
	if member := o.member(); err == nil && in.res.Source == spec.PoolAndName && member != "" && member != in.target {
		return nil // members have volumes of the same name
	}
	if err == nil {
		what := errors.About(&errors.Request{Path: o.ref.path})
		e := errors.New(errors.AlreadyExists, "%s exists already: name= gives what is imported another name", what)
		e.Method, e.Path, e.Object = "POST", in.path, what
		return e
	}
	return err
}

// about makes the failure of a creation one about the object of a name, unless it is about another one than the place of the
// object.
func (r ref) about(name string, err error) error {
	var e *errors.Error
	if errors.As(err, &e) && (e.Object == nil || *e.Object == *cmp.Or(errors.About(&errors.Request{Path: r.path}), new(errors.Object))) {
		e.Object = errors.About(&errors.Request{Path: r.item(name).path})
	}
	return err
}

// importAdvice returns advice on a failed import; empty for none.
func (c *invocation) importAdvice(e *errors.Error) string {
	if errors.Is(e, errors.AlreadyExists) && spec.Find(c.decl.Args, "name") != nil && e.Outcome != errors.NotSent {
		return "name= gives what is imported another name than that in the backup"
	}
	if device := volumeOfDevice().FindStringSubmatch(e.Message); device != nil {
		return fmt.Sprintf("the disk %q of the instance in the backup has a custom volume, which isn't in its pool here: create it, or import it, first", device[1])
	}
	return ""
}

// volumeOfDevice matches the message about a device whose custom volume is missing, and its name.
var volumeOfDevice = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`device "([^"]*)": Failed loading custom volume: .*not found`)
})

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
