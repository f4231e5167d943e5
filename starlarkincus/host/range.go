package host

import (
	"context"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A span is a range with an iteration that ends with its task. Builtins such as max and set can't be cancelled, and a range
// may be too long to wait for.
type span struct {
	rangeValue
	ctx    context.Context
	thread *starlark.Thread
}

// rangeValue is Starlark's own range: its type is not exported.
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

// uncheckedElements is the number of elements before an iteration checks whether the task was stopped. It lets clean-up
// iterate over a range that the stopped task made.
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

// Slice returns a part of the range as a span.
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

// Next returns false once the task is stopped. It cancels the thread, so that no value made from a part of the range is
// used.
func (i *spanIterator) Next(p *starlark.Value) bool {
	if i.n++; i.n > uncheckedElements && i.n%4096 == 0 && i.span.ctx.Err() != nil {
		i.span.thread.Cancel(context.Cause(i.span.ctx).Error())
		return false
	}
	return i.Iterator.Next(p)
}
