package starlarkincus

import (
	"context"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// The time in which a cluster member that died may come back, and the pause between two requests meanwhile.
const (
	returnTime  = 30 * time.Second
	returnPause = 250 * time.Millisecond
)

// removeRemains removes what is left of an instance whose creation failed because the cluster member died that ran it, and
// then sets the outcome of the failure to refused. Else a later ensure would take an instance without all of its files for a
// whole one: the server keeps it, and nothing in it tells. The member must come back for that.
func (r ref) removeRemains(ctx context.Context, failure error) {
	var e *errors.Error
	if !errors.As(failure, &e) || !halfMade(e) || r.res != spec.Instances {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, returnTime)
	defer cancel()
	for {
		reply, err := r.client.sendAside(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)})
		if err == nil && reply.Operation != nil {
			_, err = wait(ctx, reply.Operation, patience{})
		}
		switch {
		case err == nil, errors.Is(err, errors.NotFound):
			e.Outcome = errors.Refused
			return
		case !errors.Is(err, errors.Unavailable) && !errors.Is(err, errors.Busy) && !errors.Is(err, errors.Connection) || pause(ctx, returnPause) != nil:
			return
		}
	}
}
