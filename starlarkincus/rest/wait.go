package rest

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"incus-star/errors"
)

// The pause before another wait, if the server ended a wait before the end of the operation.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// forgotten is the time that the server keeps an operation after its end. A wait with a broken connection is repeated
// for that time. A wait that lasted longer than lived must have reached the server, which then had the operation.
var forgotten, lived = 5 * time.Second, time.Second

// absent is the time for which a wait is repeated if the cluster member that runs the operation is unavailable to the one that
// answers, which may be so for seconds after it has come back.
var absent = 10 * time.Second

// Wait waits for the end of the operation, with one request, or none if the end is known. Many waits at a time share the
// stream of events instead. If the operation failed or was cancelled, Wait returns an error of class errors.Operation or
// errors.AlreadyExists, with the state if it is known. If the server has forgotten the operation, the class is errors.Unavailable, or
// errors.NotFound for an operation of [Client.Operation]. It is errors.OperationTimeout if the context's deadline passes; then the
// operation continues.
func (o *Operation) Wait(ctx context.Context) (*State, error) { return o.waitUnder(ctx, ctx) }

// waitUnder is like Wait, with a context that may end before that of the caller.
func (o *Operation) waitUnder(ctx, caller context.Context) (*State, error) {
	start := time.Now()
	hide := o.show(ctx)
	e, err := o.wait(ctx)
	hide()
	if err != nil && caller.Err() != nil {
		o.work.abandon(o)
	}
	switch {
	case err == nil:
		o.awaited()
		if e.err == nil {
			callOf(ctx).end(o)
		}
		return e.state, e.err
	case cancelled(ctx) != nil:
		return nil, cancelled(ctx)
	case ctx.Err() != nil:
		return nil, o.timeout(time.Since(start))
	}
	return nil, err
}

// WaitTimeout is like Wait, but waits for at most limit.
func (o *Operation) WaitTimeout(ctx context.Context, limit time.Duration) (*State, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return o.waitUnder(bounded, ctx)
}

// A watch is a background wait.
type watch struct {
	done chan struct{} // closed at its end
	err  error         // the error, if the end of the operation is unknown
}

// Watch waits in the background for the end of the operation, or until the client is closed. So a later Wait knows the
// end, although the server forgets an operation after 5 seconds. The wait is a request, or shares the stream of events
// with others. A second call has no effect.
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
		if s := o.State(); s != nil && s.Class == "task" { // the others have no progress
			defer o.track(ctx, func(State) {})()
		}
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

// wait returns the end, from the watch if there is one, otherwise from the server.
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
	if w == nil && o.client.shared.reserve() {
		defer o.client.shared.release()
		return o.ask(ctx)
	}
	if w == nil && o.client.events.mayListen() {
		o.Watch()
		o.mu.Lock()
		known, w = o.end, o.watch
		o.mu.Unlock()
		if known != nil {
			return known, nil
		}
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
	// Only the watch failed. If the server has forgotten the operation, the error of the watch is more useful.
	e, err := o.ask(ctx)
	if gone(err) {
		return nil, w.err
	}
	return e, err
}

// watched returns the end from the watch, which there must be.
func (o *Operation) watched(ctx context.Context) (*end, error) {
	o.mu.Lock()
	known, w := o.end, o.watch
	o.mu.Unlock()
	switch {
	case known != nil:
		return known, nil
	case w == nil:
		return nil, o.identify(errClosed())
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.done:
	}
	if known = o.known(); known != nil {
		return known, nil
	}
	return nil, w.err
}

// ask sends wait requests until the end is known.
func (o *Operation) ask(ctx context.Context) (*end, error) {
	var broken error // the first error that caused another request
	var since time.Time
	var ends bool // broken is what the server reported as the end of the operation
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := time.Now()
		state, failed, broke, err := o.askOnce(ctx)
		lasted := time.Since(begun)
		if failed != nil {
			var e *end
			if e, err = o.resolve(ctx, failed); e != nil {
				return e, nil
			}
		}
		unavailable := errors.Is(err, errors.Unavailable)
		if lasted > lived && broke != notReached && !unavailable {
			broken, ends = nil, false
		}
		switch {
		case unavailable && ctx.Err() == nil:
			if broken == nil {
				broken, ends, since, pause = err, failed != nil && err != error(failed), time.Now(), firstPause
			}
			if time.Since(since) > absent {
				return o.lost(broken, ends)
			}
			if err := sleep(ctx, min(pause, longestAgain)); err != nil {
				return nil, err
			}
			continue
		case err != nil && ctx.Err() == nil && (broke != unbroken || broken != nil && isConnection(err)):
			if broken == nil {
				broken, since, pause = err, time.Now(), firstPause
			}
			if time.Since(since) > forgotten {
				return o.lost(broken, ends)
			}
			if err := sleep(ctx, min(pause, longestAgain)); err != nil {
				return nil, err
			}
			continue
		case broken != nil && errors.Is(err, errors.NotFound):
			return o.lost(broken, ends)
		case err != nil:
			return nil, o.identify(o.forgot(err))
		case state.Final():
			return o.recordState(state), nil
		}
		o.update(state)
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		broken, ends = nil, false
	}
}

// lost returns the error of an operation whose end can't be known any more. Ends tells that the server reported it as the end.
func (o *Operation) lost(broken error, ends bool) (*end, error) {
	if ends {
		return o.recordEnd(&end{err: broken}), nil
	}
	return nil, o.identify(broken)
}

// forgot returns the error of a request for the operation. If the server doesn't know an operation that it had accepted, it isn't of
// class errors.NotFound, which would be about the object of the request.
func (o *Operation) forgot(err error) error {
	var e *errors.Error
	if errors.As(err, &e) && e.Class == errors.NotFound && Changes(o.method) {
		e.Class, e.Message = errors.Unavailable, "the server lost the operation, as when it restarts, so that its end is unknown: "+e.Message
	}
	return err
}

// gone reports whether an error of a wait is that the server doesn't know the operation.
func gone(err error) bool {
	var e *errors.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// longestAgain is the longest pause before a failed wait is repeated.
const longestAgain = 500 * time.Millisecond

// Persist calls read again while the server is away, for as long as a wait for an operation is repeated. Pause sleeps.
func Persist(ctx context.Context, pause func(context.Context, time.Duration) error, read func() error) error {
	begun := time.Now()
	for wait := firstPause; ; wait = min(2*wait, longestAgain) {
		err := read()
		passed := time.Since(begun)
		if passed > absent || !errors.Is(err, errors.Unavailable) && (passed > forgotten || !isConnection(err)) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isConnection reports whether an error is a failure of the connection, so that another request may succeed.
func isConnection(err error) bool {
	return errors.Is(err, errors.Connection) && !errors.Is(err, errors.TLS)
}

// askOnce sends one wait request. The server sends the status 200 before it waits, so an error in the body, which is
// returned as failed, may be that of the operation. Broke is the fate of the connection.
func (o *Operation) askOnce(ctx context.Context) (state *State, failed *errors.Error, broke breakage, err error) {
	k, err := o.client.prepare(Request{Path: o.Path() + "/wait", Query: url.Values{"timeout": {"-1"}}})
	if err != nil {
		return nil, nil, unbroken, err
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

// resolve returns the end for an error with status 200, or an error if it isn't the end. Older servers thus report a failed
// operation, with the code of the cause; newer ones return the operation. For the same error from both, resolve reads the
// operation, which exists for another 5 seconds.
func (o *Operation) resolve(ctx context.Context, failed *errors.Error) (*end, error) {
	state, err := o.Refresh(ctx)
	if err == nil {
		if state.Final() {
			return o.known(), nil
		}
		// The operation is still running; only the wait request failed.
		return nil, failed
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var missing *errors.Error
	if failed.Status == http.StatusNotFound && errors.As(err, &missing) && missing.Class == errors.NotFound && missing.Message == failed.Message {
		return nil, missing
	}
	failure := o.failure(operationFailure, failed.Message, o.location(), failed.Response)
	if errors.Is(failure, errors.Unavailable) && !errors.Lacks(failure) && (errors.Is(err, errors.Unavailable) || isConnection(err)) {
		return nil, failure // the member that runs the operation may be back soon
	}
	return o.recordEnd(&end{err: failure}), nil
}
