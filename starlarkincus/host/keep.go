package host

import (
	"context"
	"sync"
)

// leftovers are the deferred calls and the running commands at the end of a script, or of a prompt's session.
type leftovers struct {
	deferred []deferredCall
	kept     keeper
}

// A keeper holds functions that end running work, such as a command in an instance, at the end of the script or of the
// task that began it.
type keeper struct {
	mu   sync.Mutex
	last int
	ends map[int]kept
}

// A kept is a function of a keeper.
type kept struct {
	owner *task // which began the work
	end   func(context.Context)
}

// add adds a function, until release is called.
func (k *keeper) add(owner *task, end func(context.Context)) (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ends == nil {
		k.ends = make(map[int]kept)
	}
	k.last++
	id := k.last
	k.ends[id] = kept{owner, end}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.ends, id)
	}
}

// endAll calls all functions concurrently, and returns when all have returned.
func (k *keeper) endAll(ctx context.Context) {
	k.endOf(ctx, func(*task) bool { return true })
}

// endOf is endAll for the functions of some owners.
func (k *keeper) endOf(ctx context.Context, owned func(owner *task) bool) {
	var all sync.WaitGroup
	k.mu.Lock()
	for id, one := range k.ends {
		if owned(one.owner) {
			delete(k.ends, id)
			all.Go(func() { one.end(ctx) })
		}
	}
	k.mu.Unlock()
	all.Wait()
}
