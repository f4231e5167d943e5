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

// A keeper holds functions that end running work, such as a command in an instance, at the end of the script.
type keeper struct {
	mu   sync.Mutex
	last int
	ends map[int]func(context.Context)
}

// add adds a function, until release is called.
func (k *keeper) add(end func(context.Context)) (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ends == nil {
		k.ends = make(map[int]func(context.Context))
	}
	k.last++
	id := k.last
	k.ends[id] = end
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.ends, id)
	}
}

// endAll calls all functions concurrently, and returns when all have returned.
func (k *keeper) endAll(ctx context.Context) {
	k.mu.Lock()
	ends := k.ends
	k.ends = nil
	k.mu.Unlock()
	var all sync.WaitGroup
	for _, end := range ends {
		all.Go(func() { end(ctx) })
	}
	all.Wait()
}
