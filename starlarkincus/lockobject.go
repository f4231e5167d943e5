package starlarkincus

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// object returns the Lock object of scripts.
func (l *locker) object(h *holding) (*Object, error) {
	on := l.at(h.generation)
	on.res = spec.Locks
	o := newObject(on)
	return o, o.setLock(l, h)
}

func (o *Object) setLock(l *locker, h *holding) error {
	v, err := value.FromGo(map[string]any{"name": l.lock, "host": h.host, "user": h.user, "pid": h.pid,
		"since": h.since.Format(time.RFC3339), "expires_at": h.until.Format(time.RFC3339)})
	if err != nil {
		return err
	}
	on := l.at(h.generation)
	o.ref.path, o.lock = on.path, h
	return o.set(v, "")
}

// lost returns the error for a lock that may have another holder.
func (o *Object) lost(l *locker, by *holding, now time.Time) error {
	text := fmt.Sprintf("the lock %s was lost: its time was over at %s", l.lock, o.string("expires_at"))
	if !o.lock.over(now) {
		text = fmt.Sprintf("the lock %s is gone, though its time is over at %s only: it was released or deleted elsewhere", l.lock, o.string("expires_at"))
	}
	if by != nil {
		text += ", and it is held by " + by.String()
	}
	return errors.New(errors.Conflict, "%s", text)
}

func renewLock(c *invocation) (starlark.Value, error) {
	c.ref.path = c.obj.ref.path // of a method that was read before another renewal
	l, old := newLocker(c, c.obj.key()), c.obj.lock
	ttl, err := c.ttl(old.ttl)
	if err != nil {
		return nil, err
	}
	if old.released {
		return nil, l.released()
	}
	me := *old
	me.deleting = false
	for range lockAttempts {
		held, now, err := l.look(l.ctx)
		if err != nil {
			return nil, err
		}
		if by := other(held, now, me.id); !has(held, me.id) || by != nil && old.over(now) {
			return nil, c.obj.lost(l, by, now)
		}
		me.generation, me.until, me.ttl = next(held), now.Add(ttl), ttl
		made, err := l.create(&me)
		if err != nil {
			return nil, err
		}
		if !made {
			continue
		}
		if held, now, err = l.look(l.ctx); err != nil {
			return nil, l.undo(&me, unsure(err))
		}
		if by := other(held, now, me.id); by != nil && old.over(now) || me.over(now) {
			return nil, l.undo(&me, c.obj.lost(l, by, now))
		}
		l.clear(held, me.generation)
		return c.obj, c.obj.setLock(l, &me)
	}
	return nil, l.busy(nil)
}

// released returns the error for a lock that this script has released.
func (l *locker) released() error {
	return errors.New(errors.Conflict, "the lock %s was released already", l.lock)
}

// releaseLock deletes all generations of this client, even while the script is being stopped.
func releaseLock(c *invocation) (starlark.Value, error) {
	c.ref.path = c.obj.ref.path // of a method that was read before a renewal
	l, me := newLocker(c, c.obj.key()), c.obj.lock
	if me.released {
		return nil, l.released()
	}
	ctx, cancel := l.lasting()
	defer cancel()
	var held []*holding
	var now time.Time
	err := rest.Persist(ctx, pause, func() (err error) {
		held, now, err = l.look(ctx)
		return err
	})
	if err != nil {
		return nil, l.left(ctx, err, me)
	}
	own := slices.DeleteFunc(slices.Clone(held), func(h *holding) bool { return h.id != me.id })
	if len(own) == 0 && !me.deleting {
		return nil, c.obj.lost(l, other(held, now, me.id), now)
	}
	me.deleting = true
	var kept []*holding
	for _, h := range own {
		if failed := l.at(h.generation).erase(ctx, false); failed != nil && !errors.Is(failed, errors.NotFound) {
			kept, err = append(kept, h), cmp.Or(err, failed)
		}
	}
	if err != nil {
		return nil, l.left(ctx, err, kept...)
	}
	me.released = true
	return starlark.None, nil
}
