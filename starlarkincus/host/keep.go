package host

import (
	"context"
	"sync"
)

// The leftovers are what a script, or a prompt's session, leaves to its end.
type leftovers struct {
	deferred []deferredCall
	kept     keeper
}

// A keeper holds what is to be ended if the script doesn't do it, such as a command that runs in an instance.
type keeper struct {
	mu   sync.Mutex
	last int
	ends map[int]func(context.Context)
}

// add adds what end ends, until release is called.
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

// endAll ends all of it at once, and returns when all has ended.
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
