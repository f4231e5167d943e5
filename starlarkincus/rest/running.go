package rest

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
)

// maxAsked limits the operations that are read at a time.
const maxAsked = 8

// Running returns the work that the server may still be doing, as far as it can be found before ctx ends: the
// operations, including those without a waiting caller, and the requests without an answer, whose outcome is unknown. It also returns the
// operations that succeeded after their caller was stopped, unless their objects have been deleted, because the caller
// doesn't know of them, and the copies of stopped migrations, because a server may remove an unfinished one late or not
// at all.
func (w *Work) Running(ctx context.Context) []Running {
	_, unanswered := w.left(true)
	w.mu.Lock()
	var operations []*Operation
	var out []Running
	for o := range w.running {
		if !o.attaches || o.command() != nil { // else it is never begun
			operations = append(operations, o)
		}
	}
	for _, e := range w.stopped {
		select {
		case <-e.ended:
			out = append(out, e.operation.client.on(Running{OperationID: e.operation.id, Description: e.String() + " " + e.fate(e.status()), Stopped: true}))
		default:
		}
	}
	w.mu.Unlock()
	var mu sync.Mutex
	goOn := make(map[*Operation]bool)
	each(operations, func(o *Operation) {
		if goesOn, err := o.goesOn(ctx); goesOn || err != nil {
			mu.Lock()
			defer mu.Unlock()
			goOn[o] = true
			out = append(out, o.client.on(Running{OperationID: o.id, Description: o.Description(), Unknown: err != nil}))
		}
	})
	w.mu.Lock()
	migrations := slices.Clone(w.migrations)
	w.mu.Unlock()
	copying := make(map[*Operation]bool)
	each(migrations, func(m *Migration) {
		o, _ := m.created()
		copied, found := m.remains(ctx)
		mu.Lock()
		defer mu.Unlock()
		if copying[o] = true; found && (!goOn[o] || m.Copy.Refresh && copied.Left) {
			out = append(out, copied)
		}
	})
	w.mu.Lock()
	for _, o := range w.finished {
		if !copying[o] && !w.removedAll(o) {
			out = append(out, o.client.on(Running{OperationID: o.id, Description: o.Description(), Ended: true}))
		}
	}
	for _, p := range w.answered {
		out = append(out, p.client.on(Running{Description: p.request.method + " " + p.request.url.Path, Ended: true}))
		if o := errors.About(p.request.described()); o != nil && !strings.HasSuffix(p.request.url.Path, "/"+o.Name) {
			out[len(out)-1].Description += " of " + o.String()
		}
	}
	w.mu.Unlock()
	w.mu.Lock()
	out = append(out, w.leavings...)
	w.mu.Unlock()
	for _, p := range unanswered {
		out = append(out, p.client.on(Running{Description: "a request that was not answered: " + p.request.method + " " + p.request.url.Path, Unknown: true}))
	}
	slices.SortFunc(out, func(a, b Running) int {
		return cmp.Or(cmp.Compare(a.Description, b.Description), cmp.Compare(a.Remote, b.Remote), cmp.Compare(a.OperationID, b.OperationID))
	})
	return out
}

// each calls fn for all items, a few at a time.
func each[T any](items []T, fn func(T)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, maxAsked)
	for _, item := range items {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			fn(item)
		})
	}
	all.Wait()
}

// removedAll reports whether all objects of an operation have been deleted.
func (w *Work) removedAll(o *Operation) bool {
	state := o.State()
	if state == nil {
		return false
	}
	none := true
	for _, addresses := range state.Resources {
		for _, address := range addresses {
			path, _, _ := strings.Cut(address, "?")
			if !w.removed[o.client.location(path)] {
				return false
			}
			none = false
		}
	}
	return !none
}

// goesOn asks the server whether the operation is running, which is false if the server has forgotten it.
func (o *Operation) goesOn(ctx context.Context) (bool, error) {
	state, err := o.Refresh(ctx)
	switch {
	case errors.Is(err, errors.NotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return !state.Final(), nil
}

// A Running is work that the server is still doing, or completed after its caller was stopped.
type Running struct {
	Description string // such as "creating instance web"
	OperationID string // empty if unknown
	Ended       bool   // it succeeded, after its caller was stopped
	Stopped     bool   // it is a command that was ended, or a copy that was removed, because its caller was stopped
	Left        bool   // it is an unfinished copy, or was to be undone
	Unknown     bool   // the server can't be asked whether it is running, or has succeeded
	Remote      string // the server's name, as in errors
	Default     bool   // messages don't name the server
}

// on returns the work with its server.
func (c *Client) on(r Running) Running {
	r.Remote, r.Default = c.config.Name(), c.config.isDefault()
	return r
}

// Ended waits for the end of an operation, as Wait, or [Exec.Wait] for a command that this client has begun, but not as a caller of
// the script: it shows no progress, and Awaited doesn't report it.
func (o *Operation) Ended(ctx context.Context) error {
	if e := o.command(); e != nil {
		select {
		case <-e.done:
			return e.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	e, err := o.wait(ctx)
	if err != nil {
		return err
	}
	return e.err
}

// maxDetached limits the ended operations that a work keeps for Unwatched.
const maxDetached = 1000

// Detach records that no caller waits for the operation, and waits in the background, as Watch does.
func (o *Operation) Detach() {
	if w := o.work; w != nil {
		w.mu.Lock()
		w.detached[o] = true
		w.mu.Unlock()
	}
	o.Watch()
}

// awaited records that a caller has waited for the end of the operation.
func (o *Operation) awaited() {
	o.waited.Store(true)
	if w := o.work; w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.detached, o)
	}
}

// Awaited reports whether a caller has waited for the end of the operation, and so knows it.
func (o *Operation) Awaited() bool { return o.waited.Load() }

// Unwatched returns the operations without a waiting caller: those that may still be running, and detached ones that have
// ended since. A command in an instance is included only if it was detached.
func (w *Work) Unwatched() []*Operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := maps.Clone(w.detached)
	for o := range w.running {
		if !o.isCommand() {
			all[o] = true
		}
	}
	for o := range w.abandoned {
		delete(all, o)
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b *Operation) int { return a.seen.Compare(b.seen) })
}

// Over reports whether the end of the operation is known, so that Ended returns at once.
func (o *Operation) Over() bool {
	if e := o.command(); e != nil {
		select {
		case <-e.done:
			return true
		default:
			return false
		}
	}
	return o.known() != nil
}

// Command returns a name such as "the command sleep in instance web", and the exit status, -1 if unknown. The name is empty if
// the operation isn't a command that this client has begun.
func (o *Operation) Command() (name string, status int) {
	if e := o.command(); e != nil {
		return e.String(), e.status()
	}
	return "", -1
}

// Description returns a description of the operation with its object, such as "creating instance web".
func (o *Operation) Description() string {
	state := o.State()
	if state == nil || state.Description == "" {
		return o.method + " " + o.path
	}
	text := strings.ToLower(state.Description[:1]) + state.Description[1:]
	for _, kind := range slices.Sorted(maps.Keys(state.Resources)) {
		for _, address := range state.Resources[kind] {
			address, _, _ = strings.Cut(address, "?")
			name, _ := url.PathUnescape(address[strings.LastIndexByte(address, '/')+1:])
			one := strings.ReplaceAll(strings.TrimSuffix(kind, "s"), "_", " ")
			switch {
			case name == "":
			case strings.HasSuffix(text, one):
				return text + " " + name
			default:
				return text + ": " + one + " " + name
			}
		}
	}
	return text + o.named(state)
}
