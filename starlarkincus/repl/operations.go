package repl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/rest"
	values "incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// Operations are the operations that the entries of a prompt start without waiting for them.
type Operations struct {
	track func(context.Context) (context.Context, builtin.Work)

	mu      sync.Mutex
	ctx     context.Context // nil before a prompt asks for the ends
	aside   *sync.WaitGroup
	said    func(line string, known func() bool)
	running []*rest.Operation
}

// NewOperations returns the operations of the runs of a host, whose [host.Options.Track] it sets.
func NewOperations(o *host.Options) *Operations {
	all := &Operations{track: o.Track}
	o.Track = all.start
	return all
}

func (o *Operations) start(ctx context.Context) (context.Context, builtin.Work) {
	ctx, work := o.track(ctx)
	return ctx, &followed{work, o}
}

// followed is the work of an entry, whose operations are followed after its end.
type followed struct {
	builtin.Work
	operations *Operations
}

// Close follows the operations that go on, and those that nobody waited for.
func (f *followed) Close() {
	for _, op := range starlarkincus.Unwatched(f.Work) {
		f.operations.follow(op)
	}
	f.Work.Close()
}

// notify calls say with a line at the end of each operation, and with a function that reports whether an entry has waited for it,
// until ctx ends.
func (o *Operations) notify(ctx context.Context, aside *sync.WaitGroup, say func(line string, known func() bool)) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ctx, o.aside, o.said = ctx, aside, say
}

// follow says the end of an operation when it comes, or at once if it has come.
func (o *Operations) follow(op *rest.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ctx != nil && op.Over() {
		o.said(endText(op, op.Ended(o.ctx)), op.Awaited)
		return
	}
	if o.ctx == nil || slices.ContainsFunc(o.running, func(other *rest.Operation) bool { return other.ID() == op.ID() }) {
		return
	}
	o.running = append(o.running, op)
	o.aside.Go(func() {
		err := op.Ended(o.ctx)
		o.mu.Lock()
		o.running = slices.DeleteFunc(o.running, func(other *rest.Operation) bool { return other == op })
		o.mu.Unlock()
		if o.ctx.Err() == nil {
			o.said(endText(op, err), op.Awaited)
		}
	})
}

// endText returns the line about the end of an operation.
func endText(op *rest.Operation, err error) string {
	text := "operation " + op.ID() + ", " + op.Description()
	name, status := op.Command()
	if name != "" {
		text = name
	}
	var failed *errors.Error
	switch {
	case err == nil && status > 0:
		return fmt.Sprintf("%s: exit status %d", text, status)
	case err == nil:
		return text + ": done"
	case errors.Is(err, errors.OperationCancelled):
		return text + ": cancelled"
	case errors.As(err, &failed):
		return text + ": " + failed.Class.Name() + ": " + failed.Message
	}
	return text + ": " + err.Error()
}

// here returns the operations that this prompt started and that run.
func (o *Operations) here() []*rest.Operation {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.running)
}

// operationIDs returns the arguments of :ops, for Tab: the operations that this prompt started, and those that run on the
// server.
func (p *prompt) operationIDs() []candidate {
	var out []candidate
	for _, op := range p.Operations.here() {
		out = append(out, candidate{"cancel " + op.ID(), op.Description()})
	}
	for _, k := range p.known((*starlarkincus.Client).RunningOperations) {
		out = append(out, candidate{"cancel " + k.text, k.kind})
	}
	if len(out) == 0 {
		out = append(out, candidate{"cancel ", ""})
	}
	return out
}

// showOperations lists the running operations, or cancels one, whose id may be shortened.
func (p *prompt) showOperations(ctx context.Context, arg string) error {
	action, id, _ := strings.Cut(arg, " ")
	if id = strings.TrimSpace(id); action != "" && (action != "cancel" || id == "") {
		return usage("write :ops, or :ops cancel ID")
	}
	if action == "" {
		return p.listOperations(ctx)
	}
	return p.cancelOperation(ctx, id)
}

// cancelOperation cancels the operation whose id starts with a text, of this prompt or of the server at hand.
func (p *prompt) cancelOperation(ctx context.Context, id string) error {
	here := make(map[string]*rest.Operation) // which may be on another server
	ids := make(map[string]bool)
	for _, op := range p.Operations.here() {
		if strings.HasPrefix(op.ID(), id) {
			here[op.ID()], ids[op.ID()] = op, true
		}
	}
	v, err := p.evalOwn(ctx, fmt.Sprintf("[o.id for o in %s if o.id.startswith(%s)]", runningCode, starlark.String(id)))
	if err != nil && len(here) == 0 {
		return err
	}
	if list, ok := v.(*starlark.List); ok {
		for elem := range list.Elements() {
			if id, ok := starlark.AsString(elem); ok {
				ids[id] = true
			}
		}
	}
	switch len(ids) {
	case 0:
		return usage("there is no operation %s: :ops lists them", printable.Line(id))
	case 1:
	default:
		return usage("%d operations start with %s", len(ids), printable.Line(id))
	}
	for id := range ids {
		if op := here[id]; op != nil {
			err = p.withinEntry(ctx, op.Cancel)
		} else {
			_, err = p.evalOwn(ctx, fmt.Sprintf("incus.operations.get(%s).cancel()", starlark.String(id)))
		}
	}
	if err != nil {
		return err
	}
	return p.say("cancelled")
}

// runningCode lists the operations that haven't ended.
const runningCode = `[o for o in incus.operations.list() if o.status in ("Pending", "Running", "Cancelling")]`

func (p *prompt) listOperations(ctx context.Context) error {
	v, err := p.evalOwn(ctx, runningCode)
	if err != nil {
		return err
	}
	for _, op := range p.Operations.here() {
		if err := p.say("started here: %s %s", op.ID(), printable.Line(op.Description())); err != nil {
			return err
		}
	}
	if list, ok := v.(*starlark.List); ok && list.Len() == 0 {
		return p.say("nothing runs on the server")
	}
	return p.print(ctx, ctx, v, values.Style{})
}
