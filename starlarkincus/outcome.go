package starlarkincus

import (
	stderrors "errors"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// took counts a request that may have changed something.
func (b *binding) took(r rest.Request, reply *rest.Reply, err error) {
	if r.Method == "GET" || r.Method == "HEAD" || r.Method == "" {
		return
	}
	var e *errors.Error
	switch {
	case err == nil && reply.Operation == nil:
		b.sent++
		b.done++
	case err == nil, stderrors.As(err, &e) && e.Outcome == errors.Unknown:
		b.sent++
	}
}

// judge gives a failure its outcome where the request that failed changes nothing. Before is the binding at the call's
// begin.
func (c *call) judge(before binding, err error) error {
	var e *errors.Error
	if !stderrors.As(err, &e) || e.Outcome != "" || e.Class.IsA(errors.Script) {
		return err
	}
	switch now := bindingOf(c.thread); {
	case now.done > before.done && now.done-before.done == now.sent-before.sent:
		e.Outcome = errors.Done
	case now.sent > before.sent:
		e.Outcome = errors.Unknown
	case c.decl.Effect != spec.Reads && c.decl.Effect != spec.AsAsked:
		e.Outcome = errors.NotSent
	}
	return err
}
