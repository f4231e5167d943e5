package starlarkincus_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A failedCreation is a failure of the first request to create an instance, or of its operation.
type failedCreation struct {
	answer  http.HandlerFunc // nil for an operation
	ends    dict             // of the operation; nil for one that the server forgets
	class   *errors.Class    // of the error, or of its cause
	outcome errors.Outcome
	proxied bool // a proxy may still deliver the request
}

// refusing answers with an error of Incus.
func refusing(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type": "error", "error_code": %d, "error": %q}`, status, text)
	}
}

var failedCreations = map[string]failedCreation{
	"busy":                  {refusing(400, `Instance is busy running a "stop" operation`), nil, errors.Busy, errors.Refused, false},
	"starting":              {refusing(503, "Daemon is starting up"), nil, errors.Unavailable, errors.Refused, false},
	"lost between members":  {refusing(503, "unexpected EOF"), nil, errors.Unavailable, errors.Unknown, false},
	"forbidden":             {refusing(403, "not authorized"), nil, errors.Permission, errors.Refused, false},
	"no image":              {refusing(404, "Image not found"), nil, errors.NotFound, errors.Refused, false},
	"broken":                {refusing(500, "oh"), nil, errors.Server, errors.Unknown, false},
	"page":                  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); io.WriteString(w, "<html>") }, nil, errors.Unavailable, errors.Unknown, true},
	"cut":                   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, errors.Connection, errors.Unknown, false},
	"operation busy":        {nil, dict{"err": `Instance is busy running a "stop" operation`}, errors.Busy, errors.Refused, false},
	"operation unavailable": {nil, dict{"err": "Daemon is shutting down"}, errors.Unavailable, errors.Refused, false},
	"operation without":     {nil, dict{"err": "Storage pool is unavailable on this server"}, errors.Unavailable, errors.Refused, false},
	"operation lost":        {nil, dict{"err": "EOF"}, errors.Unavailable, errors.Unknown, false},
	"operation forgotten":   {nil, nil, errors.Unavailable, errors.Unknown, false},
	"operation failed":      {nil, dict{"err": "disk full"}, errors.Operation, errors.Unknown, false},
	"operation cancelled":   {nil, dict{"err": "cancelled", "status_code": 401, "status": "Cancelled"}, errors.OperationCancelled, errors.Unknown, false},
}

// A promise is what docs/tasks.md says of a call by retry after a failure.
type promise int

const (
	raises promise = iota // the first error
	repeats
	returns // the first call returns the instance, or ensure goes on with what is there
)

// promised returns the promise for a way after a failure, with the instance that is then there.
func promised(way string, failed failedCreation, there string) promise {
	nothing, started := there == "nothing", way != "create" && failed.answer == nil // a start that fails leaves the instance
	lost := failed.outcome == errors.Unknown || started && !nothing
	switch {
	case way == "ensure" && (failed.class == errors.Busy || failed.class == errors.NotFound && !nothing):
		return returns // works by others on the same instance, for which ensure waits
	case !slices.Contains([]*errors.Class{errors.Busy, errors.Unavailable, errors.Connection}, failed.class):
		return raises
	case !lost, failed.answer != nil && way == "ensure":
		return repeats
	case failed.answer != nil && nothing && failed.class == errors.Unavailable && !failed.proxied:
		return repeats // the request was lost, and made nothing
	case failed.answer != nil, failed.class == errors.Busy:
		return raises
	}
	if failed.ends["err"] == "Storage pool is unavailable on this server" && (there == "its own, whole" || there == "its own, vanishing") {
		return map[string]promise{"ensure": repeats}[way] // the server is there, and has said that it can't start the instance
	}
	switch there { // after the death of a member
	case "nothing", "its own, unfinished":
		return repeats
	case "its own, whole":
		return returns
	case "its own, vanishing": // another deletes it before its start
		return map[string]promise{"create": returns, "ensure": repeats}[way]
	case "another's elsewhere", "another's":
		return map[string]promise{"ensure": repeats}[way]
	}
	return raises // one that may lack files
}

// TestRetryAfterEachFailure makes an instance in each way by retry, on a server that answers with each kind of failure, and has
// nothing, or the instance in some condition, or another's. It compares the number of calls with the rule in docs/tasks.md.
func TestRetryAfterEachFailure(t *testing.T) {
	begun := time.Now().UTC()
	instance := func(change func(o, config dict)) dict {
		config := dict{"user.k": "v", "volatile.base_image": "abc"}
		o := dict{"name": "o", "location": "node3", "status": "Stopped", "type": "container", "project": "default", "config": config,
			"created_at": begun.Add(time.Second).Format(time.RFC3339), "last_used_at": "1970-01-01T00:00:00Z"}
		change(o, config)
		return o
	}
	whole := func(_, config dict) { config["volatile.apply_template"] = "create" }
	conditions := map[string]*dyingMember{
		"nothing":                 {},
		"its own, unfinished":     {found: instance(func(_, _ dict) {})},
		"its own, whole":          {found: instance(whole)},
		"its own, vanishing":      {found: instance(whole), vanishes: true},
		"its own, undeletable":    {found: instance(func(_, _ dict) {}), stays: true},
		"another's elsewhere":     {found: instance(func(o, _ dict) { o["location"] = "node1" })},
		"another's":               {found: instance(func(o, config dict) { whole(o, config); config["user.k"] = "w" })},
		"unfinished, and changed": {found: instance(func(_, config dict) { config["user.k"] = "w" })},
	}
	ways := map[string]string{"create": `create("o", %s)`, "launch": `launch("o", %s)`, "ensure": `ensure("o", start = True, %s)`}
	var all sync.WaitGroup
	for failure, failed := range failedCreations {
		for there, condition := range conditions {
			for way, call := range ways {
				all.Go(func() {
					fake := &dyingMember{found: copied(condition.found), vanishes: condition.vanishes, stays: condition.stays, begun: begun,
						answer: failed.answer, reported: failed.ends != nil, ends: failed.ends}
					socket, end := onSocket(t, fake)
					defer end()
					client := starlarkincus.New(starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
						return map[string]string{"INCUS_SOCKET": socket}[name]
					}}})
					defer client.Close()
					var out bytes.Buffer
					h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{"incus": client}})
					script := "calls = []\ndef call():\n    calls.append(1)\n    return incus.instances." +
						fmt.Sprintf(call, `image = "i", target = "node3", config = {"user.k": "v"}`) + "\nr = try_(retry, call, times = 2, delay = 0)\nprint(len(calls))\nr.value\n"
					err := h.RunSource(t.Context(), "script", []byte(script))
					var e *errors.Error
					errors.As(err, &e)
					want, outcome := promised(way, failed, there), failed.outcome
					switch {
					case failed.ends != nil && there == "nothing":
						outcome = errors.Refused
					case failed.answer == nil && way != "create":
						outcome = errors.Unknown
					}
					who, calls := failure+", "+there+", "+way, strings.TrimSpace(out.String())
					switch {
					case (calls == "2") != (want == repeats):
						t.Errorf("%s: %s calls: %q: %v", who, calls, fake.changes, err)
					case want == raises && (e == nil || !errors.Is(err, failed.class) || e.Outcome != outcome):
						t.Errorf("%s: %q, want outcome %q: %v", who, fake.changes, outcome, err)
					case want == returns && there != "another's elsewhere" && err != nil:
						t.Errorf("%s: %q: %v", who, fake.changes, err)
					}
				})
			}
		}
	}
	all.Wait()
}

// TestLostOperations calls each method that waits for an operation, or begins one that is then waited for, on a server that doesn't know
// it any more. The error says so, and isn't about a missing object.
func TestLostOperations(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	lost, later := 0, 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Effect == spec.Reads || m.Does == spec.DoLock || p != nil && p.Name == "operations" {
			return
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		outcome := errors.Unknown
		if m.Name == "export" {
			outcome = errors.NotSent // it has deleted its backup
		}
		check := func(who string, v starlark.Value, err error, count *int) {
			if op, ok := v.(*starlarkincus.Object); ok && err == nil && op.Type() == "Operation" {
				_, err = called(w.attr(op, "wait"), nil)
			}
			var e *errors.Error
			if !errors.As(err, &e) || e.OperationID == "" {
				return
			}
			*count++
			if !e.Class.IsA(errors.Unavailable) || errors.Is(e, errors.NotFound) || e.Outcome != outcome || !strings.Contains(e.Message, "the server lost the operation, as when it restarts, so that its end is unknown: Operation not found") {
				t.Errorf("%s: outcome %q: %v", who, e.Outcome, err)
			}
		}
		a.reset()
		a.mu.Lock()
		a.failing = map[string]string{"wait": "404 Operation not found"}
		a.mu.Unlock()
		v, err := called(fn, args)
		check(who, v, err, &lost)
		if m.Background {
			v, err = called(fn, append(slices.Clone(args), starlark.Tuple{starlark.String("wait"), starlark.False}))
			check(who+", wait=False and then wait()", v, err, &later)
		}
	})
	a.reset()
	t.Logf("lost: %d, %d waited for later", lost, later)
	if lost < 60 || later < 60 {
		t.Error("too few")
	}
}

// copied returns a copy of an instance with its config.
func copied(o dict) dict {
	o = maps.Clone(o)
	if o != nil {
		o["config"] = maps.Clone(mapAt(o, "config"))
	}
	return o
}
