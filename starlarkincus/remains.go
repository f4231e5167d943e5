package starlarkincus

import (
	"context"
	"encoding/json"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// The time in which a cluster member that died may come back, that in which an instance that is complete may be without its networks,
// which the server tries to start once a minute, that in which an operation of which the server doesn't know any more must have begun
// to make its instance, the pause between two requests meanwhile, and the longest between two starts.
const (
	returnTime  = 30 * time.Second
	networkTime = 90 * time.Second
	beginTime   = 3 * time.Second
	returnPause = 250 * time.Millisecond
	startPause  = 4 * time.Second
)

// removeRemains removes what is left of an instance whose creation by ensure, or inside of retry, failed because the cluster
// member died that ran it, and then sets the outcome of the failure to refused. Else a later ensure would take an instance without
// all of its files for a whole one, because the server keeps it, and retry couldn't go on. The member must come back for that. If
// it had lost its connection only, and has finished the instance, removeRemains leaves it as it is and reports true, unless the
// server said that it lacks something for the start. Another's instance stays, too, and a later ensure goes on with it.
func (c *invocation) removeRemains(r ref, out outcome, failure error) (whole bool) {
	var e *errors.Error
	switch {
	case c.decl.Does != spec.DoEnsure && !builtin.Of(c.thread).Retries, r.res != spec.Instances || c.key() == "" || out.reply.Operation == nil:
		return false
	case !errors.As(failure, &e), !away(e), e.Outcome != errors.Unknown && e.Outcome != "":
		return false
	}
	c.halfMade = true
	begun := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, returnTime)
	defer cancel()
	for {
		remains, err := c.remains(ctx, r, out.reply.Operation)
		switch {
		case err == nil && remains == finished:
			c.halfMade = false
			return !errors.Lacks(failure)
		case err == nil && remains == foreign:
			c.halfMade = false
			return false
		case err == nil && remains == unfinished:
			var reply *rest.Reply
			reply, err = r.client.sendAside(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)})
			if err == nil && reply.Operation != nil {
				_, err = wait(ctx, reply.Operation, patience{})
			}
		case err == nil:
			return false
		}
		switch {
		case errors.Is(err, errors.NotFound) && time.Since(begun) < beginTime && pause(ctx, returnPause) == nil:
		case err == nil, errors.Is(err, errors.NotFound):
			c.halfMade, e.Class, e.Outcome = false, errors.Unavailable, errors.Refused // also if the operation is forgotten
			return false
		case !away(err) && !errors.Is(err, errors.Busy) || pause(ctx, returnPause) != nil:
			return false
		}
	}
}

// lostAnswer sets the outcome of a failed creation inside of retry to refused if its request was lost between the members of the
// cluster, and no instance came of it. One that is there may be another's, and stays. A proxy may still deliver the request.
func (c *invocation) lostAnswer(r ref, failure error) {
	var e *errors.Error
	if !builtin.Of(c.thread).Retries || c.decl.Does == spec.DoEnsure || r.res != spec.Instances || c.key() == "" ||
		!errors.As(failure, &e) || !e.Class.IsA(errors.Unavailable) || e.Outcome != errors.Unknown || e.Proxied {
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, returnTime)
	defer cancel()
	for {
		err := newObject(r).read(ctx)
		switch none := errors.Is(err, errors.NotFound); {
		case none && time.Since(begun) > beginTime:
			e.Outcome = errors.Refused
			builtin.Of(c.thread).Refused()
			return
		case !none && !away(err) || pause(ctx, returnPause) != nil:
			return
		}
	}
}

// finish starts an instance that removeRemains left, if that was asked for, and reads it. The server may still be starting it, or be
// without what the instance needs for a while, such as its networks. If the instance was deleted, or another's has taken its place,
// finish leaves that as it is, and returns the failure of the creation. The failure of the start says that the instance is there.
func (c *invocation) finish(o *Object, body map[string]any, creation *rest.Operation, failure error) error {
	ctx, cancel := context.WithTimeout(c.ctx, networkTime)
	defer cancel()
	for wait := returnPause; ; wait = min(2*wait, startPause) {
		err := c.readMade(o)
		owns := true
		for started := false; err == nil; started = true {
			if owns, err = c.owns(ctx, o, creation); err != nil || !owns || started {
				break
			}
			_, err = o.ensureStarted(c.ctx, body, c.patience())
		}
		if err == nil && !owns || errors.Is(err, errors.NotFound) && errors.Is(newObject(o.ref).read(ctx), errors.NotFound) {
			if e := (*errors.Error)(nil); errors.As(failure, &e) {
				e.Outcome = errors.Unknown
			}
			return failure
		}
		if !errors.Is(err, errors.Busy) && !away(err) || pause(ctx, wait) != nil {
			if e := (*errors.Error)(nil); errors.As(err, &e) {
				e.Outcome = errors.Unknown
				o.there(e)
			}
			return err
		}
	}
}

// readMade reads an object that the call has made. Inside of retry, which doesn't make it again, it waits for the return of a
// cluster member that died meanwhile.
func (c *invocation) readMade(o *Object) error {
	err := o.read(c.ctx)
	if !builtin.Of(c.thread).Retries || !away(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, returnTime)
	defer cancel()
	for away(err) && pause(ctx, returnPause) == nil {
		err = o.read(ctx)
	}
	return err
}

// A remainder is the condition of an instance of whose creation the end is unknown.
type remainder int

const (
	unclear remainder = iota
	unfinished
	finished
	foreign // another's
)

// remains returns the condition of an instance after the end of the operation that creates it. The member that runs it forgets
// the operation when it restarts, and soon after its end. The server notes in an instance made from an image that its templates
// are to be applied, once it has all of its files, and in its first start that it was used.
func (c *invocation) remains(ctx context.Context, r ref, creation *rest.Operation) (remainder, error) {
	op, err := r.client.Operation(ctx, creation.ID())
	if err == nil {
		_, err = wait(ctx, op, patience{})
	}
	switch {
	case err == nil:
		return finished, nil
	case away(err) && !errors.Lacks(err), ctx.Err() != nil:
		return unclear, err
	}
	o := newObject(r)
	if err := o.read(ctx); err != nil {
		return unclear, err
	}
	owns, err := c.owns(ctx, o, creation)
	if err != nil {
		return unclear, err
	}
	content, err := o.content()
	switch {
	case owns, err != nil:
		return content, err
	case content == unfinished && o.begunBy(creation): // another may have changed the call's own
		return unclear, nil
	}
	return foreign, nil
}

// content returns the condition of an instance whose creation has ended.
func (o *Object) content() (remainder, error) {
	config, _, err := o.Get(starlark.String("config"))
	if err != nil {
		return unclear, err
	}
	plain, err := value.ToGo(config)
	switch now := mapOf(plain); {
	case err != nil:
		return unclear, err
	case now["volatile.apply_template"] != nil, o.time("last_used_at").Unix() > 0:
		return finished, nil
	case o.string("status") == "Stopped" && now["volatile.base_image"] != nil:
		return unfinished, nil
	}
	return unclear, nil
}

// owns reports whether an instance may be the one that an operation of the call creates. One that the operation can't have begun, or
// that differs from the given fields, is another's.
func (c *invocation) owns(ctx context.Context, o *Object, creation *rest.Operation) (bool, error) {
	if !o.begunBy(creation) {
		return false, nil
	}
	differing, err := o.differing(ctx, c.name, c.args.body)
	if len(differing) > 0 || errors.Is(err, errors.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// begunBy reports whether an operation may have begun to make an instance, which isn't one that was there before, or that is on
// another member.
func (o *Object) begunBy(creation *rest.Operation) bool {
	var begun struct {
		Created time.Time `json:"created_at"`
	}
	state := creation.State()
	if state == nil || json.Unmarshal(state.Raw, &begun) != nil || o.time("created_at").Before(begun.Created.Truncate(time.Second)) {
		return false // the clock of both times is that of the member that runs them
	}
	at := state.Location
	return at == "" || at == "none" || o.string("location") == at
}

// time returns a field that is a time; the zero time for others.
func (o *Object) time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, o.string(name))
	return t
}

// away reports whether a failure tells that the server, or the cluster member, can't be reached.
func away(err error) bool {
	return errors.Is(err, errors.Unavailable) || errors.Is(err, errors.Connection)
}
