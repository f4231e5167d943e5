package rest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// A noted is a Progress that records its calls.
type noted struct {
	mu    sync.Mutex
	calls []string
}

func (n *noted) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, fmt.Sprintf(format, args...))
}

// all returns the calls so far.
func (n *noted) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.calls)
}

func (n *noted) Begin(label string, total int64) Meter {
	n.note("begin %s %d", label, total)
	return n
}
func (n *noted) Add(bytes int64)  { n.note("add %d", bytes) }
func (n *noted) Report(step Step) { n.note("report %s %d", step.Stage, step.Percent) }
func (n *noted) End()             { n.note("end") }

// await waits for a call.
func (n *noted) await(t *testing.T, call string) {
	for limit := time.Now().Add(30 * time.Second); !slices.Contains(n.all(), call); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Errorf("no %q in %q", call, n.all())
			return
		}
	}
}

// TestShow checks that the stream is connected only for an operation that takes long, and that its state then and its updates are
// shown.
func TestShow(t *testing.T) {
	shown := new(noted)
	events := make(chan string, 10)
	started, end := make(chan struct{}, 2), make(chan struct{})
	f := newFake(t,
		began("POST /1.0/instances"), step{want: waitRequest, body: syncBody(operation(200, "", "null"))},
		began("POST /1.0/instances"), held(started, end, syncBody(operation(200, "", "null"))), eventsOf(t, events),
		step{want: "GET " + opPath, body: syncBody(operation(103, "", `{"x_progress":"stopping"}`))})
	c := f.client(func(c *Config) { c.Progress = shown })
	if _, err := begin(t, c).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	op := begin(t, c)
	go func() {
		defer close(end)
		<-started
		shown.await(t, "report stopping -1")
		for i := range 3 {
			events <- event(progressOf(i))
		}
		shown.await(t, "report download 2")
	}()
	if _, err := op.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	label := "begin " + op.label() + " -1"
	if want := []string{label, "end", label, "report stopping -1", "report download 0", "report download 1", "report download 2", "end"}; !slices.Equal(shown.calls, want) {
		t.Errorf("got %q, want %q", shown.calls, want)
	}
	if _, err := op.Wait(t.Context()); err != nil || len(shown.calls) != 8 {
		t.Errorf("%v, %q", err, shown.calls)
	}
}

// TestStep checks the forms in which servers send the progress.
func TestStep(t *testing.T) {
	for metadata, want := range map[string]Step{
		`null`:           {Percent: -1},
		`[]`:             {Percent: -1},
		`{}`:             {Percent: -1},
		`{"progress":5}`: {Percent: -1},
		`{"download_progress":"rootfs: 45% (10.51MB/s)"}`: {Stage: "rootfs", Percent: 45, Speed: 10_510_000},
		`{"create_backup_progress":"10.06MB (9.22MB/s)"}`: {Percent: -1, Bytes: 10_060_000, Speed: 9_220_000},
		`{"fs_progress":"c1: 3.20GB (1MB/s)"}`:            {Stage: "c1", Percent: -1, Bytes: 3_200_000_000, Speed: 1_000_000},
		`{"fs_progress":"c1: 5B/s"}`:                      {Stage: "c1", Percent: -1, Speed: 5},
		`{"fs_progress":"a: b: 5.5kB"}`:                   {Stage: "a: b", Percent: -1, Bytes: 5500},
		`{"x_progress":"Unpacking image"}`:                {Stage: "Unpacking image", Percent: -1},
		`{"live_migrate_instance_progress":"Live migration: 1.2GB remaining (1MB/s) (30% CPU throttle)"}`: {Stage: "Live migration: 1.2GB remaining (1MB/s) (30% CPU throttle)", Percent: -1},
		`{"x_progress":"Unpacking: 450%"}`:                                                                          {Stage: "Unpacking", Percent: 100},
		`{"progress":{"stage":"a_b","percent":"7","speed":"1000"}}`:                                                 {Stage: "a b", Percent: 7, Speed: 1000},
		`{"progress":{"stage":"a","processed":"70","speed":"1000"}}`:                                                {Stage: "a", Percent: -1, Bytes: 70, Speed: 1000},
		`{"progress":{"stage":"b","percent":"7","speed":"0"},"a_progress":"first: 100%","b_progress":"second: 7%"}`: {Stage: "second", Percent: 7},
		`{"x_progress":"https://user:pass@h: 1%"}`:                                                                  {Stage: "https://[redacted]@h", Percent: 1},
	} {
		state := &State{Metadata: json.RawMessage(metadata)}
		if got := state.Step(); got != want {
			t.Errorf("%s: got %+v, want %+v", metadata, got, want)
		}
	}
}

// TestLabel checks the names of operations.
func TestLabel(t *testing.T) {
	for _, test := range []struct {
		state *State
		want  string
	}{
		{nil, "Waiting for operation x"},
		{&State{}, "Waiting for operation x"},
		{&State{Description: "Doing"}, "Doing"},
		{&State{Description: "Doing", Resources: map[string][]string{"images": {"/1.0/images/abc?project=p"}}}, "Doing abc"},
		{&State{Description: "Doing", Resources: map[string][]string{"images": {"/1.0/images/a", "/1.0/images/b"}}}, "Doing"},
		{&State{Description: "Doing", Resources: map[string][]string{"backups": {"/1.0/instances/c1/backups/b"}, "instances": {"/1.0/instances/c1"}}}, "Doing c1"},
		{&State{Description: "Doing", Resources: map[string][]string{"x": {"%zz"}}}, "Doing"},
		{&State{Description: "Downloading image", Metadata: json.RawMessage(`{"fingerprint": "abc", "size": 1}`)}, "Downloading image abc"},
		{&State{Description: "Downloading image", Metadata: json.RawMessage(`{"fingerprint": 1}`)}, "Downloading image"},
		{&State{Description: "Downloading image"}, "Downloading image"},
		{&State{Description: "Doing", Metadata: json.RawMessage(`{"fingerprint": "abc"}`)}, "Doing"},
		{&State{Description: "Evacuating cluster member"}, "Evacuating cluster member node2"},
		{&State{Description: "Evacuating cluster member", Resources: map[string][]string{"x": {}}}, "Evacuating cluster member"},
	} {
		request := &errors.Request{Method: "POST", Path: "/1.0/cluster/members/node2/state"}
		o := &Operation{id: "x", method: "POST", path: request.Path, request: request, state: test.state}
		if got := o.label(); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.state, got, test.want)
		}
		if got := o.Description(); strings.HasSuffix(test.want, "node2") && got != "evacuating cluster member node2" {
			t.Errorf("%+v: got %q", test.state, got)
		}
	}
}
