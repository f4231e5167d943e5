package starlarkincus

import (
	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// took counts a request that may have changed something.
func took(b *builtin.Binding, r rest.Request, reply *rest.Reply, err error) {
	if !rest.Changes(r.Method) {
		return
	}
	var e *errors.Error
	switch {
	case err == nil && reply.Operation == nil:
		b.Sent++
		b.Done++
	case err == nil, errors.As(err, &e) && e.Outcome == errors.Unknown:
		b.Sent++
	}
}

// judge gives a failure its outcome where the request that failed changes nothing. Before is the binding at the call's
// begin.
func (c *call) judge(before builtin.Binding, err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || e.Outcome != "" || e.Class.IsA(errors.Script) {
		return err
	}
	switch now := builtin.Of(c.thread); {
	case now.Done > before.Done && now.Done-before.Done == now.Sent-before.Sent:
		e.Outcome = errors.Done
	case now.Sent > before.Sent:
		e.Outcome = errors.Unknown
	case c.decl.Effect != spec.Reads && c.decl.Effect != spec.AsAsked:
		e.Outcome = errors.NotSent
	}
	return err
}
