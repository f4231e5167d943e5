package starlarkincus

import (
	"context"
	"net/http"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

func waitOperation(c *invocation) (starlark.Value, error) {
	state, err := wait(c.ctx, c.obj.operation(), c.patience())
	return c.obj, c.obj.ended(state, err)
}

// cancelOperation cancels the operation, and waits for its end, because the server answers before that.
func cancelOperation(c *invocation) (starlark.Value, error) {
	op, b := c.obj.operation(), builtin.Of(c.thread)
	var err error
	b.Block(func() { err = op.Cancel(c.ctx) })
	took(b, rest.Request{Method: http.MethodDelete}, &rest.Reply{Operation: op}, err)
	if err != nil {
		return nil, err
	}
	state, err := wait(c.ctx, op, patience{})
	err = c.obj.ended(state, err)
	if failed := (*errors.Error)(nil); errors.As(err, &failed) && failed.Class == errors.OperationCancelled {
		err = nil
	}
	if err == nil {
		b.Done++
	}
	return c.obj, err
}

// ended updates the object with the last state of the operation, if that is known, even after a failure.
func (o *Object) ended(state *rest.State, err error) error {
	if state == nil {
		return err
	}
	if bad := o.setJSON(state.Raw); bad != nil && err == nil {
		return o.unreadableState(bad)
	}
	return err
}

// operation returns the operation behind the object.
func (o *Object) operation() *rest.Operation {
	if o.op == nil {
		client, _, _ := o.ref.client.conn.client(context.Background()) // connected already, because the operation was read through it
		o.op = client.Operation(o.key())
	}
	return o.op
}
