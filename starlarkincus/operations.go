package starlarkincus

import (
	"context"

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
	op := c.obj.operation()
	var err error
	var state *rest.State
	builtin.Of(c.thread).Block(func() {
		if err = op.Cancel(c.ctx); err == nil {
			state, err = op.Wait(c.ctx)
		}
	})
	err = c.obj.ended(state, err)
	if failed := (*errors.Error)(nil); errors.As(err, &failed) && failed.Class == errors.OperationCancelled {
		return c.obj, nil
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
