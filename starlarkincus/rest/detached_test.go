package rest

import (
	"testing"
)

// TestUnwatched checks that a work knows the operations and commands that no caller waits for, also after their end, and not
// those that one has waited for, as their operations say.
func TestUnwatched(t *testing.T) {
	ended := step{want: waitRequest, body: syncBody(operation(200, "", "null"))}
	for _, test := range []struct {
		name          string
		detach, waits bool
		want          int
	}{{"called", false, true, 0}, {"detached", true, false, 1}, {"detached and waited for", true, true, 0}} {
		t.Run(test.name, func(t *testing.T) {
			client := newFake(t, began("POST /1.0/instances"), ended).client(nil)
			ctx, w := Track(t.Context())
			defer w.Close()
			reply, err := client.Do(ctx, Request{Method: "POST", Path: "/1.0/instances"})
			if err != nil {
				t.Fatal(err)
			}
			op := reply.Operation
			if test.detach {
				op.Detach()
			}
			if test.waits {
				_, err = op.Wait(ctx)
			} else {
				err = op.Ended(ctx)
			}
			if all := w.Unwatched(); err != nil || !op.Over() || op.Awaited() != test.waits || len(all) != test.want {
				t.Errorf("%d operations, %v; awaited: %v", len(all), err, op.Awaited())
			}
		})
		t.Run("command, "+test.name, func(t *testing.T) {
			f := newExecFake(t, func(*fakeCommand) int { return 3 })
			ctx, w := Track(t.Context())
			defer w.Close()
			e := f.begin(ctx, f.client(), ExecOptions{})
			op := e.Operation()
			if test.detach {
				op.Detach()
			}
			if test.waits {
				_, _ = e.Wait(ctx)
			} else if err := op.Ended(ctx); err != nil {
				t.Error(err)
			}
			name, status := op.Command()
			if all := w.Unwatched(); name == "" || status != 3 || !op.Over() || op.Awaited() != test.waits || len(all) != test.want {
				t.Errorf("%d operations; %s: %d", len(all), name, status)
			}
			<-e.Done()
		})
	}
}
