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

// cancelOperation asks for the end, then waits for it: the server answers before the work has ended.
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

// ended takes the operation's last state where it is known, also that of one that failed.
func (o *Object) ended(state *rest.State, err error) error {
	if state == nil {
		return err
	}
	if bad := o.setJSON(state.Raw); bad != nil && err == nil {
		return o.unreadableState(bad)
	}
	return err
}

// operation returns the operation that the object is.
func (o *Object) operation() *rest.Operation {
	if o.op == nil {
		client, _, _ := o.ref.client.conn.client(context.Background()) // there is one: the operation was read through it
		o.op = client.Operation(o.key())
	}
	return o.op
}
