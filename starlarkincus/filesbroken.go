package starlarkincus

import (
	"context"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/files"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// lookTimeout is the time for the look at the instance or the volume after a connection to its files broke.
const lookTimeout = 3 * time.Second

// brokenFiles returns the error of a connection to files that broke, with the name of the instance or the volume, and the class of
// the reason if the server knows it.
func (c *invocation) brokenFiles(e *errors.Error) *errors.Error {
	if e.Object = errors.About(&errors.Request{Path: c.ref.path}); e.Object == nil || c.ctx.Err() != nil {
		return e
	}
	why, left := e.Cause.Error(), strings.TrimPrefix(e.Message, files.Broke+e.Cause.Error())
	ctx, cancel := context.WithTimeout(c.ctx, lookTimeout)
	defer cancel()
	if reason := c.brokeFiles(ctx, e.Object.Kind); reason != nil && c.ctx.Err() == nil {
		if why = reason.Message; reason.Class == errors.State { // the files may be reached again
			e.Cause = &errors.Error{Class: errors.Connection, Message: e.Cause.Error(), Cause: e.Cause}
		} else {
			e.Cause = reason
		}
		e.Class, e.Status, e.Response = reason.Class, reason.Status, reason.Response
	}
	e.Message = "the connection to the files of " + e.Object.String() + " broke: " + why + left
	return e
}

// brokeFiles returns the reason for which the connections to the files of the instance or the volume broke; nil for none or an unknown
// one. A deletion ends the connections first, and removes the object last: so the operations are read before the object.
func (c *invocation) brokeFiles(ctx context.Context, kind string) *errors.Error {
	client, _, err := c.ref.client.conn.client(ctx)
	if err != nil {
		return nil
	}
	of := c.ref.parent()
	var all []*rest.State
	builtin.In(ctx).Block(func() { all, _ = client.Operations(ctx, of.project) })
	var now struct{ Status string }
	var gone *errors.Error
	switch err := of.readInto(ctx, c.ref.query(spec.Get), &now); {
	case errors.As(err, &gone) && gone.Class.IsA(errors.NotFound):
		return gone
	case err != nil:
		return nil
	}
	going := func(action string) bool {
		return slices.ContainsFunc(all, func(s *rest.State) bool {
			return s.Description == action+" "+kind && !s.Final() && s.About(of.path)
		})
	}
	switch {
	case going("Deleting"):
		return errors.New(errors.NotFound, "the %s is being deleted", kind)
	case now.Status == "Stopped":
		return errors.New(errors.State, "the %s is stopped", kind)
	case going("Stopping"), going("Restarting"):
		return errors.New(errors.State, "the %s is being stopped", kind)
	}
	return nil
}
