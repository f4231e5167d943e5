package rest

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"incus-star/errors"
)

// The pause before asking again, where the server ended a wait before the operation ended.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// forgotten is how long the server knows an operation after its end. While it may know it, a wait whose connection broke
// is sent again; one that lasted longer than lived had reached the server, which knew the operation then.
var forgotten, lived = 5 * time.Second, time.Second

// Wait waits until the operation has ended, with one request, or none where the end is known. An operation that failed
// or was cancelled is an error of class errors.Operation, or errors.AlreadyExists; the state comes with it where it is
// known. One that the server doesn't know any more is of class errors.NotFound. Where the context's deadline passes
// first, the class is errors.OperationTimeout; the operation goes on.
func (o *Operation) Wait(ctx context.Context) (*State, error) { return o.waitUnder(ctx, ctx) }

// waitUnder is Wait under a context that may end before the caller's.
func (o *Operation) waitUnder(ctx, caller context.Context) (*State, error) {
	start := time.Now()
	e, err := o.wait(ctx)
	if err != nil && caller.Err() != nil {
		o.work.abandon(o)
	}
	switch {
	case err == nil:
		return e.state, e.err
	case cancelled(ctx) != nil:
		return nil, cancelled(ctx)
	case ctx.Err() != nil:
		return nil, o.timeout(time.Since(start))
	}
	return nil, err
}

// WaitTimeout is Wait for at most limit.
func (o *Operation) WaitTimeout(ctx context.Context, limit time.Duration) (*State, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return o.waitUnder(bounded, ctx)
}

// A watch is a wait in the background.
type watch struct {
	done chan struct{} // closed at its end
	err  error         // why it ended without knowing the operation's end; nil otherwise
}

// Watch waits in the background, with a request of its own or with others over the stream of events, until the end or until the client is closed, so that the end is known to a later
// Wait: the server forgets an operation 5 seconds after it. A second call changes nothing.
func (o *Operation) Watch() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end != nil || o.watch != nil {
		return
	}
	w := &watch{done: make(chan struct{})}
	if !o.client.shared.reserve() {
		if o.client.shared.add(o, w) {
			o.watch = w
		}
		return
	}
	started := o.client.spawn(func(ctx context.Context) {
		defer close(w.done)
		defer o.client.shared.release()
		if _, err := o.ask(ctx); err != nil {
			if w.err = err; cancelled(ctx) != nil {
				w.err = o.identify(errClosed())
			}
		}
	})
	if !started {
		o.client.shared.release()
		return
	}
	o.watch = w
}

// wait gives the end from the watch where there is one, else from the server.
func (o *Operation) wait(ctx context.Context) (*end, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	o.mu.Lock()
	known, w := o.end, o.watch
	o.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if w == nil {
		return o.ask(ctx)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.done:
	}
	if known = o.known(); known != nil {
		return known, nil
	}
	// The watch broke, not the operation. If the server doesn't know it any more, the watch's failure tells more.
	e, err := o.ask(ctx)
	if errors.Is(err, errors.NotFound) {
		return nil, w.err
	}
	return e, err
}

// ask sends waiting requests until the end is known.
func (o *Operation) ask(ctx context.Context) (*end, error) {
	var broken error // the first of the failures that made it ask again
	var since time.Time
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := time.Now()
		state, failed, broke, err := o.askOnce(ctx)
		if time.Since(begun) > lived {
			broken = nil
		}
		switch {
		case err != nil && ctx.Err() == nil && (broke || broken != nil && isConnection(err)):
			if broken == nil {
				broken, since, pause = err, time.Now(), firstPause
			}
			if time.Since(since) > forgotten {
				return nil, o.identify(broken)
			}
			if err := o.pause(ctx, min(pause, longestAgain)); err != nil {
				return nil, err
			}
			continue
		case broken != nil && (errors.Is(err, errors.NotFound) || failed != nil && failed.Class == errors.NotFound && o.unknown(ctx)):
			return nil, o.identify(broken)
		case err != nil:
			return nil, o.identify(err)
		case failed != nil:
			return o.resolve(ctx, failed)
		case state.Final():
			return o.recordState(state), nil
		}
		o.update(state)
		if err := o.pause(ctx, pause); err != nil {
			return nil, err
		}
		broken = nil
	}
}

// longestAgain is the longest pause before a wait that broke is sent again.
const longestAgain = 500 * time.Millisecond

func (o *Operation) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isConnection reports whether a request got no answer, and another may.
func isConnection(err error) bool {
	return errors.Is(err, errors.Connection) && !errors.Is(err, errors.TLS)
}

// unknown asks whether the server has forgotten the operation.
func (o *Operation) unknown(ctx context.Context) bool {
	_, err := o.Refresh(ctx)
	return errors.Is(err, errors.NotFound)
}

// askOnce sends one waiting request. The server says 200 first and waits then, so the status tells nothing of the
// operation: an error under it, which is returned as failed, may be the operation's.
// Broke reports that the connection broke.
func (o *Operation) askOnce(ctx context.Context) (state *State, failed *errors.Error, broke bool, err error) {
	k, err := o.client.prepare(Request{Path: o.Path() + "/wait", Query: url.Values{"timeout": {"-1"}}})
	if err != nil {
		return nil, nil, false, err
	}
	k.unbounded = true
	err = o.client.perform(ctx, k, func(response *http.Response, body []byte) error {
		reply, err := o.client.readReply(ctx, k, response, body)
		if err != nil {
			if response.StatusCode == http.StatusOK && errors.As(err, &failed) && failed.Status != 0 {
				return nil
			}
			failed = nil
			return err
		}
		if state, err = readState(reply.Metadata); err != nil {
			return k.notIncus(err)
		}
		return nil
	})
	return state, failed, k.broke, err
}

// resolve finds the end behind an error under status 200. Older servers report so that the operation failed, with the
// cause's code, where newer ones give the operation. The operation is still there for 5 seconds, and makes the error
// the same on both.
func (o *Operation) resolve(ctx context.Context, failed *errors.Error) (*end, error) {
	state, err := o.Refresh(ctx)
	if err == nil {
		if state.Final() {
			return o.known(), nil
		}
		// It goes on: what failed is the wait.
		return nil, o.identify(failed)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var gone *errors.Error
	if failed.Status == http.StatusNotFound && errors.As(err, &gone) && gone.Class == errors.NotFound && gone.Message == failed.Message {
		return nil, gone
	}
	return o.recordEnd(&end{err: o.failure(operationFailure, failed.Message, o.location(), failed.Response)}), nil
}
