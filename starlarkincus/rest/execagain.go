package rest

import (
	"context"

	"incus-star/errors"
)

// maxRequests is the number of times that a command is requested that the server doesn't begin.
const maxRequests = 3

// Exec sends a request that starts a command with websockets, and attaches to it. The context applies to that only. Close of the
// client ends the command. A command that the server has not begun, because its websockets came too late or one of them broke, is
// requested again.
func (c *Client) Exec(ctx context.Context, request Request, options ExecOptions) (*Exec, *Reply, error) {
	for n := 1; ; n++ {
		e, reply, err := c.request(ctx, request, options, n == maxRequests)
		if err != nil || !e.tooLate(ctx) {
			return e, reply, err
		}
	}
}

// tooLate waits until the command is attached, and reports whether it is to be requested again.
func (e *Exec) tooLate(ctx context.Context) bool {
	select {
	case <-e.attached:
	case <-ctx.Done():
		if e.kept.CompareAndSwap(false, true) {
			return false
		}
		<-e.attached
	}
	return e.again
}

// notBegun reports whether the server has not begun the command because its websockets came too late, or because one of them broke.
func (e *Exec) notBegun() bool {
	var failed *errors.Error
	return errors.As(e.err, &failed) && (failed.Outcome == errors.Refused && errors.Is(failed, errors.Unavailable) ||
		failed.Outcome == errors.NotSent && failed.Class == errors.Connection)
}
