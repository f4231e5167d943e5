package starlarkincus

import (
	"encoding/json"
	stderrors "errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// maxEnsures bounds how often ensure begins anew, and settleDelay is the least time that it gives others.
const (
	maxEnsures  = 10
	settleDelay = 20 * time.Millisecond
)

// ensure creates an object that isn't there, and else changes what differs from the given fields. Where somebody else
// is at the same object, it lets them finish and begins anew.
func ensure(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	for range maxEnsures {
		o := newObject(p)
		err = o.read(c)
		switch {
		case err == nil:
			var changed bool
			if changed, err = o.conform(c); err == nil {
				o.did = starlark.Bool(changed)
				return o, nil
			}
		case stderrors.Is(err, errors.NotFound):
			var created starlark.Value
			if created, err = create(c.fresh()); err == nil {
				o = created.(*Object)
				if _, err = o.conform(c); err == nil { // what create can't set
					o.did = starlark.True
					return o, nil
				}
			}
		default:
			return nil, err
		}
		if !contended(err) && !(o.string(p.res.Key) != "" && stderrors.Is(err, errors.NotFound)) { // deleted after it was read
			return nil, err
		}
		if err := c.settle(p); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// contended says whether a failure may come of somebody else's work on the same object.
func contended(err error) bool {
	return slices.ContainsFunc([]*errors.Class{errors.AlreadyExists, errors.Busy, errors.PreconditionFailed}, func(class *errors.Class) bool {
		return stderrors.Is(err, class)
	})
}

// conform changes the fields that differ from the given ones, and says whether there were any.
func (o *Object) conform(c *call) (bool, error) {
	differing := make(map[string]any)
	for name, given := range c.args.body {
		f := spec.Find(o.on.res.Fields, name)
		if f == nil || name == o.on.res.Key {
			continue
		}
		current, _, err := o.Get(starlark.String(name))
		if err != nil {
			return false, err
		}
		var now any
		if current != nil {
			if now, err = value.ToGo(current); err != nil {
				return false, err
			}
		}
		part, differs := difference(f.Type, given, now)
		switch {
		case !differs:
		case f.Use&spec.Change != 0:
			differing[name] = part
		case f.Use&spec.Read != 0 && current != nil:
			return false, errors.New(errors.Conflict, "%s: %s is there with %s=%s, and that can't be changed to %s", c.name, o, f.Script(), current, text(given))
		}
	}
	if len(differing) == 0 {
		return false, nil
	}
	on := &call{Method: &Method{name: c.name, decl: &spec.Method{Verb: spec.Update, Refresh: true}, on: o.on, obj: o}, thread: c.thread, ctx: c.ctx,
		args: &arguments{body: differing, query: nil, local: map[string]any{"timeout": c.args.local["timeout"]}}}
	_, err := on.write(true)
	return err == nil, err
}

// difference is what must be sent so that a field holds what is given, and whether anything must. What isn't given
// stays as it is: keys of a config, and what the server adds to the elements of a list.
func difference(t spec.Type, given, now any) (any, bool) {
	switch t {
	case spec.Config, spec.Devices:
		wanted, _ := given.(map[string]any)
		have, _ := now.(map[string]any)
		part := make(map[string]any)
		for key, v := range wanted {
			if old, found := have[key]; v == nil && found && old != "" || v != nil && !same(v, old) {
				part[key] = v
			}
		}
		return part, len(part) > 0
	case spec.Objects:
		return given, !covers(given, now)
	}
	return given, !same(given, now)
}

// same compares encoded values as JSON does, a missing one being as good as an empty one.
func same(a, b any) bool {
	return text(a) == text(b) || empty(a) && empty(b)
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func empty(v any) bool {
	return slices.Contains([]string{"null", `""`, "[]", "{}", "false", "0"}, text(v))
}

// covers says whether each element of a list has all that is given for it.
func covers(given, now any) bool {
	wanted, _ := given.([]any)
	have, _ := now.([]any)
	if len(wanted) != len(have) {
		return false
	}
	for i := range wanted {
		w, ok := wanted[i].(map[string]any)
		h, _ := have[i].(map[string]any)
		if !ok && !same(wanted[i], have[i]) {
			return false
		}
		for key, v := range w {
			if !same(v, h[key]) {
				return false
			}
		}
	}
	return true
}

// fresh is the call with a body of its own, because create adds to it, and with what create takes.
func (c *call) fresh() *call {
	args := *c.args
	args.body = make(map[string]any, len(c.args.body))
	for name, v := range c.args.body {
		if f := spec.Find(c.on.res.Fields, name); f != nil && f.Use&spec.Create == 0 {
			continue
		}
		if m, ok := v.(map[string]any); ok {
			v = maps.Clone(m)
		}
		args.body[name] = v
	}
	copied := *c
	copied.args = &args
	return &copied
}

// settle waits until no operation that this client may see works on the object any more.
func (c *call) settle(p place) error {
	if err := c.pause(settleDelay); err != nil {
		return err
	}
	operations := c.on.client.at(spec.Operations)
	query := operations.query(spec.List)
	query.Set("recursion", "1")
	reply, err := c.do(rest.Request{Method: "GET", Path: operations.path, Query: query, MaxBytes: maxList})
	if err != nil {
		return err
	}
	var groups map[string][]struct {
		ID         string              `json:"id"`
		StatusCode int                 `json:"status_code"`
		Resources  map[string][]string `json:"resources"`
	}
	if err := json.Unmarshal(reply.Metadata, &groups); err != nil {
		return unreadable("GET", operations.path, reply, err)
	}
	client, _, err := c.on.client.conn.client()
	if err != nil {
		return err
	}
	for _, group := range groups {
		for _, op := range group {
			for _, urls := range op.Resources {
				if op.StatusCode < 200 && slices.ContainsFunc(urls, func(u string) bool { u, _, _ = strings.Cut(u, "?"); return u == p.path }) {
					_, err := c.wait(client.Operation(op.ID))
					var failed *errors.Error
					if err != nil && !(stderrors.As(err, &failed) && failed.Class != errors.OperationTimeout) {
						return err // only how it ended doesn't matter
					}
				}
			}
		}
	}
	return nil
}
