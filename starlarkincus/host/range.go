package host

import (
	"context"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A span is a range whose iteration ends with the task that made it: a builtin that goes over a range, such as max or
// set, knows nothing of cancellation, and the range may be longer than anybody waits.
type span struct {
	rangeValue
	ctx    context.Context
	thread *starlark.Thread
}

// rangeValue is Starlark's own range, whose type is not exported.
type rangeValue interface {
	starlark.Sliceable
	starlark.Comparable
	starlark.Container
	Iterate() starlark.Iterator
}

var (
	_ starlark.Sliceable  = (*span)(nil)
	_ starlark.Sequence   = (*span)(nil)
	_ starlark.Comparable = (*span)(nil)
	_ starlark.Container  = (*span)(nil)
)

// uncheckedElements is how many elements an iteration gives before it looks whether the task was stopped. Loops of
// clean-up over a range that was made before it are shorter.
const uncheckedElements = 1 << 18

var ownRange = starlark.Universe["range"].(*starlark.Builtin)

func makeRange(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := ownRange.CallInternal(thread, args, kwargs)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if t := taskOf(thread); t != nil {
		ctx = t.ctx
	}
	return &span{v.(rangeValue), ctx, thread}, nil
}

// Iterate returns Starlark's own iterator unless the range is long.
func (s *span) Iterate() starlark.Iterator {
	if s.Len() <= uncheckedElements {
		return s.rangeValue.Iterate()
	}
	return &spanIterator{s.rangeValue.Iterate(), s, 0}
}

// Slice returns a part of the range, which is a range too.
func (s *span) Slice(start, end, step int) starlark.Value {
	return &span{s.rangeValue.Slice(start, end, step).(rangeValue), s.ctx, s.thread}
}

// CompareSameType compares as Starlark's own ranges do.
func (s *span) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	return s.rangeValue.CompareSameType(op, other.(*span).rangeValue, depth)
}

type spanIterator struct {
	starlark.Iterator
	span *span
	n    int
}

// Next reports false once the task was stopped. The thread is cancelled then, so that nothing sees a value that was made
// of a part of the range.
func (i *spanIterator) Next(p *starlark.Value) bool {
	if i.n++; i.n > uncheckedElements && i.n%4096 == 0 && i.span.ctx.Err() != nil {
		i.span.thread.Cancel(context.Cause(i.span.ctx).Error())
		return false
	}
	return i.Iterator.Next(p)
}
