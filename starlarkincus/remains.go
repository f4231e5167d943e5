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
// whole one, because the server keeps it. The member must come back for that. If it had lost its connection only, and has
// finished the instance, removeRemains leaves it as it is and reports true.
func (r ref) removeRemains(ctx context.Context, failure error) (whole bool) {
	var e *errors.Error
	if !errors.As(failure, &e) || !halfMade(e) || r.res != spec.Instances {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, returnTime)
	defer cancel()
	for {
		remains, err := r.remains(ctx, e.OperationID)
		switch {
		case err == nil && remains == finished:
			return true
		case err == nil && remains == unfinished:
			var reply *rest.Reply
			reply, err = r.client.sendAside(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)})
			if err == nil && reply.Operation != nil {
				_, err = wait(ctx, reply.Operation, patience{})
			}
		case err == nil:
			return false
		}
		switch {
		case err == nil, errors.Is(err, errors.NotFound):
			e.Outcome = errors.Refused
			return false
		case !away(err) && !errors.Is(err, errors.Busy) || pause(ctx, returnPause) != nil:
			return false
		}
	}
}

// A remainder is the condition of an instance of whose creation the end is unknown.
type remainder int

const (
	unclear remainder = iota
	unfinished
	finished
)

// remains returns the condition of an instance after the end of the operation that creates it. The member that runs it forgets
// the operation when it restarts, and soon after its end. The server notes in an instance made from an image that its templates
// are to be applied, once it has all of its files, and in its first start that it was used.
func (r ref) remains(ctx context.Context, operation string) (remainder, error) {
	op, err := r.client.Operation(ctx, operation)
	if err == nil {
		_, err = wait(ctx, op, patience{})
	}
	switch {
	case err == nil:
		return finished, nil
	case away(err), ctx.Err() != nil:
		return unclear, err
	}
	var now struct {
		Status   string            `json:"status"`
		Config   map[string]string `json:"config"`
		LastUsed time.Time         `json:"last_used_at"`
	}
	if err := r.readInto(ctx, r.query(spec.Get), &now); err != nil {
		return unclear, err
	}
	switch {
	case now.Config["volatile.apply_template"] != "", now.LastUsed.Unix() > 0:
		return finished, nil
	case now.Status == "Stopped" && now.Config["volatile.base_image"] != "":
		return unfinished, nil
	}
	return unclear, nil
}

// away reports whether a failure tells that the server, or the cluster member, can't be reached.
func away(err error) bool {
	return errors.Is(err, errors.Unavailable) || errors.Is(err, errors.Connection)
}
