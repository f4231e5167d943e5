package rest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var waits = flag.Int("waits", 40, "the number of operations that TestRealWaitsCut waits for at a time")

// TestRealWaitsCut waits for many operations at a time, over connections that are cut at random times. Each end must be known,
// also of an operation that ended while no connection was there.
func TestRealWaitsCut(t *testing.T) {
	direct := realClient(t, nil)
	seed := *cutSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-cutseed %d -waits %d", seed, *waits)
	random := rand.New(rand.NewPCG(seed, 3))
	name := unique("waits")
	path := "/1.0/instances/" + name
	do(t, direct, "POST", "/1.0/instances", instance(name))
	remove(t, direct, path)
	do(t, direct, "PUT", path+"/state", map[string]any{"action": "start"})
	t.Cleanup(func() {
		reply, err := direct.Do(context.Background(), Request{Method: "PUT", Path: path + "/state", Body: map[string]any{"action": "stop", "force": true}})
		if err == nil {
			_, err = reply.Operation.Wait(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})

	proxy := newCutter(t, direct.config.Socket)
	cut := realClient(t, func(c *Config) { c.Socket = proxy.socket })
	var waiting sync.WaitGroup
	for i := range *waits {
		line := fmt.Sprintf("sleep %.2f; exit %d", 2*random.Float64(), i%100)
		body := map[string]any{"command": []string{"sh", "-c", line}, "record-output": true}
		reply, err := direct.Do(t.Context(), Request{Method: "POST", Path: path + "/exec", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		operation := cut.Operation(reply.Operation.ID())
		if i%3 == 0 {
			operation.Watch()
		}
		waiting.Go(func() {
			state, err := operation.WaitTimeout(t.Context(), time.Minute)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				return
			}
			var metadata struct{ Return int }
			if err := json.Unmarshal(state.Metadata, &metadata); err != nil || metadata.Return != i%100 {
				t.Errorf("%s: %s, %v", line, state.Metadata, err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		waiting.Wait()
	}()
	cuts := 0
	for {
		select {
		case <-done:
			t.Logf("%d cuts", cuts)
			return
		case <-time.After(time.Duration(random.IntN(500)) * time.Millisecond):
			if proxy.cut() > 0 {
				cuts++
			}
		}
	}
}
