package rest

import (
	"testing"
	"time"
)

// TestWatchedStateIsFresh checks that the state of an operation that is watched in the background follows the stream of
// events, without a request for each.
func TestWatchedStateIsFresh(t *testing.T) {
	events := make(chan string, 10)
	started, end := make(chan struct{}, 2), make(chan struct{})
	f := newFake(t, began("POST /1.0/instances"), held(started, end, syncBody(operation(200, "", "null"))), eventsOf(t, events),
		step{want: "GET " + opPath, body: syncBody(operation(103, "", `{"x_progress":"stopping"}`))})
	op := begin(t, f.client(nil))
	op.Watch()
	<-started
	until := func(percent int, stage string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			s := op.State().Step()
			if s.Percent == percent && s.Stage == stage {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the state has %+v", s)
			}
		}
	}
	until(-1, "stopping")
	for i := range 3 {
		events <- event(progressOf(i))
		until(i, "download")
	}
	close(end)
	if state, err := op.Wait(t.Context()); err != nil || op.State() != state {
		t.Errorf("%v", err)
	}
}
