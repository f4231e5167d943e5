package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
)

// Work is the unfinished work of the requests under a context. When their caller is stopped, the server continues. So a
// request that changes something still gets time for its answer, and [Work.Settle] can end the operations that it
// started, before any clean-up.
type Work struct {
	mu        sync.Mutex
	pending   map[*pending]bool
	running   map[*Operation]bool // operations with an unknown end
	abandoned map[*Operation]bool // those in running whose caller was stopped
	detached  map[*Operation]bool // those that no caller waits for, also after their end
	finished  []*Operation        // operations that succeeded after their caller was stopped
	answered  []*pending          // changes without an operation, answered after their caller was stopped
	removed   map[location]bool   // objects that were deleted
	stopped   []*Exec             // commands that Settle or Release ended

	migrations []*Migration // those whose caller was stopped
	leavings   []Running    // objects that a stopped call has left
}

type workKey struct{}

// Track returns a context for requests whose work is tracked, and the work, which must be closed with [Work.Close].
func Track(ctx context.Context) (context.Context, *Work) {
	w := &Work{pending: make(map[*pending]bool), removed: make(map[location]bool),
		running: make(map[*Operation]bool), abandoned: make(map[*Operation]bool), detached: make(map[*Operation]bool)}
	return context.WithValue(ctx, workKey{}, w), w
}

func workOf(ctx context.Context) *Work {
	w, _ := ctx.Value(workKey{}).(*Work)
	return w
}

// A pending is a request whose caller was stopped.
type pending struct {
	client  *Client
	request *outgoing
	cancel  context.CancelFunc
	given   bool          // Settle has waited for it
	done    chan struct{} // closed after the answer or the failure
	reply   *Reply
	err     error
}

// A location is the path of an object on one server. A copy on another server has the path of its original.
type location struct {
	server endpoint
	path   string
}

func (c *Client) location(path string) location { return location{c.endpoints[0], path} }

// outlive sends a request that continues after the end of its caller's context if it may have been sent.
func (w *Work) outlive(ctx context.Context, c *Client, k *outgoing) (*Reply, error) {
	start := time.Now()
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &pending{client: c, request: k, cancel: cancel, done: make(chan struct{})}
	if k.migration != nil {
		k.migration.creation = p
	}
	if part, ok := ctx.Value(partKey{}).(*Part); ok {
		part.add(p)
	}
	go func() {
		defer close(p.done)
		defer cancel()
		p.reply, p.err = c.exchange(own, k)
	}()
	select {
	case <-p.done:
		if p.err == nil && k.method == http.MethodDelete {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.removed[c.location(k.url.Path)] = true
		}
		callOf(ctx).answer(p)
		return p.reply, p.err
	case <-ctx.Done():
	}
	c.missed(ctx, start)
	if !k.handed.Load() || k.stream.partial() {
		cancel()
		<-p.done
	}
	w.mu.Lock()
	w.pending[p] = true
	w.mu.Unlock()
	return nil, k.judge(c.transportError(ctx, k, ctx.Err(), time.Since(start)), false)
}

// began adds an operation.
func (w *Work) began(o *Operation) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	o.work = w
	w.running[o] = true
}

// ended removes an operation.
func (w *Work) ended(o *Operation) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, o)
	delete(w.abandoned, o)
	if len(w.detached) > maxDetached {
		delete(w.detached, o)
	}
}

// abandon records that the caller of an operation was stopped.
func (w *Work) abandon(o *Operation) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running[o] {
		w.abandoned[o] = true
	}
}

// Release ends a command without a waiting caller, so that [Work.Running] includes it.
func (e *Exec) Release(ctx context.Context) {
	if w := e.operation.work; w != nil {
		w.end(ctx, e)
	} else {
		e.End(ctx)
	}
}

// leave records that a caller who waited for a command was stopped. It need not be the caller who started the command.
func (w *Work) leave(o *Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.abandoned[o] = true
}

var errCallerStopped = errors.Plain("the call that began it or waited for it was stopped")

// end ends a command, and records its fate.
func (w *Work) end(ctx context.Context, e *Exec) {
	select {
	case <-e.ended:
		return
	default:
	}
	e.fail(errCallerStopped) // for another caller, because output may be missing
	e.End(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.stopped, e) {
		w.stopped = append(w.stopped, e)
	}
}

// left removes the answered requests, and returns the operations of stopped callers and the requests without an answer:
// all of them, or those that Settle hasn't waited for.
func (w *Work) left(all bool) (operations []*Operation, unanswered []*pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pending {
		select {
		case <-p.done:
			delete(w.pending, p)
			switch {
			case p.reply == nil:
			case p.reply.Operation == nil:
				w.answered = append(w.answered, p)
			case w.running[p.reply.Operation]:
				w.abandoned[p.reply.Operation] = true
			}
		default:
			if !p.given || all {
				unanswered = append(unanswered, p)
			}
		}
	}
	for o := range w.abandoned {
		operations = append(operations, o)
	}
	return operations, unanswered
}

// Abandoned reports whether there is work of a stopped caller that Settle hasn't handled.
func (w *Work) Abandoned() bool {
	operations, unanswered := w.left(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(operations)+len(unanswered) > 0 || slices.ContainsFunc(w.migrations, func(m *Migration) bool { return !m.settled })
}

// Settle ends the work of stopped callers: it waits for the answers, cancels operations if possible, and waits for the
// others, within limit; then also for servers that remove an unfinished copy. Commands in instances are ended, see [Exec.End], within a limit of their own; one whose output the
// server records is ignored, because it can't be ended. Settle returns when all work, or ctx, has ended. It handles each piece
// of work only once.
func (w *Work) Settle(ctx context.Context, limit time.Duration) {
	whole := ctx
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	_, unanswered := w.left(false)
	for _, p := range unanswered {
		select {
		case <-p.done:
		case <-ctx.Done():
		}
	}
	operations, unanswered := w.left(false)
	w.mu.Lock()
	for _, p := range unanswered {
		p.given = true
	}
	for _, o := range operations {
		delete(w.abandoned, o)
	}
	for _, m := range w.migrations {
		m.settled = true
	}
	w.mu.Unlock()
	var all sync.WaitGroup
	for _, o := range operations {
		switch e := o.command(); {
		case e != nil:
			all.Go(func() { w.end(whole, e) })
		case !o.isCommand():
			all.Go(func() { o.cancelOrWait(ctx) })
		}
	}
	all.Wait()
	w.mu.Lock()
	migrations := slices.Clone(w.migrations)
	w.mu.Unlock()
	each(migrations, func(m *Migration) { m.awaitRemoval(ctx) })
}

// isCommand reports whether the operation is a command in an instance.
func (o *Operation) isCommand() bool { return strings.HasSuffix(o.path, "/exec") }

// command returns the attached command of the operation; nil if there is none.
func (o *Operation) command() *Exec {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.exec
}

func (o *Operation) cancelOrWait(ctx context.Context) {
	if state := o.State(); state == nil || state.MayCancel {
		_ = o.Cancel(ctx) // if it can't be cancelled, the wait follows
	}
	if end, err := o.wait(ctx); err == nil && end.err == nil && o.work != nil {
		o.work.mu.Lock()
		defer o.work.mu.Unlock()
		o.work.finished = append(o.work.finished, o)
	}
}

// Close cancels the requests that have no answer yet.
func (w *Work) Close() {
	w.mu.Lock()
	all := w.pending
	w.pending = make(map[*pending]bool)
	w.mu.Unlock()
	for p := range all {
		p.cancel()
		<-p.done
	}
}
