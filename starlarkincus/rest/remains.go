package rest

import (
	"context"
	"net/url"
	"slices"
	"time"

	"incus-star/errors"
)

// A Copy is an object that a migration makes.
type Copy struct {
	Client  *Client // of its server
	Read    Request // reads it
	Name    string
	Refresh bool // it may have existed before, and is then changed
}

// Leave makes [Work.Running] include the copy of a migration whose caller was stopped before it knew that the copy is
// complete. It has no effect if the copy can't have been begun.
func (m *Migration) Leave(ctx context.Context) {
	w := workOf(ctx)
	if w == nil || m.creation == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.migrations, m) {
		w.migrations = append(w.migrations, m)
	}
}

// created returns the operation that makes the copy; nil if unknown. It reports whether there may be a copy.
func (m *Migration) created() (o *Operation, maybe bool) {
	select {
	case <-m.creation.done:
	default:
		return nil, true
	}
	if err := m.creation.err; err != nil {
		var e *errors.Error
		if errors.As(err, &e) {
			return nil, e.Outcome == errors.Unknown
		}
		return nil, m.creation.request.handed.Load()
	}
	return m.creation.reply.Operation, true
}

// deleted reports whether the copy was deleted.
func (w *Work) deleted(made Copy) bool {
	path, err := url.PathUnescape(made.Read.Path)
	w.mu.Lock()
	defer w.mu.Unlock()
	return err == nil && w.removed[made.Client.location(path)]
}

// removesAlone is the time that a server has to remove an unfinished copy after the end of its operation.
const removesAlone = 2 * time.Second

// awaitRemoval waits for the server to remove an unfinished copy, which it does after the end of its operation. It waits again
// if it had no time.
func (m *Migration) awaitRemoval(ctx context.Context) {
	o, maybe := m.created()
	if m.awaited || !maybe || o == nil || m.Copy.Refresh {
		return
	}
	if o.known() == nil {
		_, _ = o.goesOn(ctx)
	}
	if known := o.known(); known == nil || known.err == nil {
		return
	}
	limit := removesAlone
	if deadline, bounded := ctx.Deadline(); bounded {
		limit = min(limit, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for looks := 1; ; looks++ {
		if _, err := m.Copy.Client.Do(ctx, m.Copy.Read); err != nil {
			return
		}
		m.awaited = looks > 1
		select {
		case <-ctx.Done():
			return
		case <-time.After(removesAlone / 20):
		}
	}
}

// remains reads the copy. It returns its fate, and false if there is nothing to say.
func (m *Migration) remains(ctx context.Context) (Running, bool) {
	o, maybe := m.created()
	if !maybe {
		return Running{}, false
	}
	if w := workOf(ctx); w != nil && w.deleted(m.Copy) {
		return Running{}, false
	}
	m.awaitRemoval(ctx)
	out := m.Copy.Client.on(Running{Description: "the copy " + m.Copy.Name, Left: true})
	var known *end
	if o != nil {
		out.OperationID, known = o.id, o.known()
	}
	_, err := m.Copy.Client.Do(ctx, m.Copy.Read)
	switch {
	case errors.Is(err, errors.NotFound):
		out.Description, out.Left, out.Stopped = out.Description+" was removed again", false, true
		return out, o != nil && (known == nil || known.err != nil)
	case err != nil:
		out.Description += " may be on the other server, whole or in part"
	case m.Copy.Refresh:
		out.Description += " may be refreshed in part: refresh it again"
	case known == nil:
		out.Description += " is on the other server, whole or in part"
	case known.err == nil:
		out.Description, out.Left, out.Ended = o.Description(), false, true
	default:
		out.Description += " is unfinished on the other server"
	}
	return out, true
}
