package files

import (
	"context"
	"sync"

	"incus-star/errors"
)

const (
	// workers is the number of concurrent transfers of files, which hides the latency of answers.
	workers = 32
	// chunks is the number of concurrent transfers of parts of a large file.
	chunks = 32
	// largeFiles is the number of concurrent transfers of large files.
	largeFiles = 2
	// localWrites is the number of concurrent writes of local files. More would only wait for the lock of a folder.
	localWrites = 2
)

// A group runs functions concurrently, and stops at the first error.
type group struct {
	parent context.Context
	slots  chan struct{}
	ctx    context.Context // ends at the first error
	cancel context.CancelCauseFunc
	all    sync.WaitGroup
}

func newGroup(ctx context.Context, limit int) *group {
	g := &group{parent: ctx, slots: make(chan struct{}, limit)}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// start runs f when there is a slot, with a context that ends at the first error. After an error it returns false
// without running f.
func (g *group) start(f func(context.Context) error) bool {
	select {
	case g.slots <- struct{}{}:
	case <-g.ctx.Done():
		return false
	}
	if g.ctx.Err() != nil {
		<-g.slots
		return false
	}
	g.all.Go(func() {
		defer func() { <-g.slots }()
		if err := f(g.ctx); err != nil {
			g.cancel(err)
		}
	})
	return true
}

// fail records an error of the caller.
func (g *group) fail(err error) {
	if err != nil {
		g.cancel(err)
	}
}

// wait waits for all functions, and returns the first error.
func (g *group) wait() error {
	g.all.Wait()
	defer g.cancel(nil)
	if err := context.Cause(g.ctx); g.parent.Err() == nil || !errors.Is(err, context.Cause(g.parent)) {
		return err
	}
	return stopped(g.parent)
}
