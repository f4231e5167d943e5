package starlarkincus_test

import (
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Each method with timeout= ends after it although the server doesn't answer its first change, and although it doesn't answer
// its first read. The change may have been made.
func TestTimeoutsEndUnansweredCalls(t *testing.T) {
	defer starlarkincus.SetAnswerTimeout(100 * time.Millisecond)()
	a := newAnswers()
	h := &holder{answers: a}
	w, client := testerOn(t, a, h)
	ended := map[bool]int{}
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		timeout := spec.Find(m.Arguments(), "timeout")
		if m.Offline || timeout == nil || timeout.Type != spec.Seconds || timeout.In != spec.Local {
			return
		}
		args := w.required(who, m)
		args["timeout"] = starlark.Float(0.05)
		fn := w.attr(owner, m.Name)
		for _, changes := range []bool{true, false} {
			a.reset()
			h.mu.Lock()
			h.changes, h.stop, h.before = changes, func() {}, false
			h.mu.Unlock()
			thread := new(starlark.Thread)
			builtin.Bind(thread, builtin.Binding{Context: t.Context()})
			start := time.Now()
			v, err := starlark.Call(thread, fn, nil, kwargs(args))
			took := time.Since(start)
			if stream, ok := v.(builtin.Stream); ok {
				stream.Close(t.Context(), err)
			}
			h.mu.Lock()
			held := h.stop == nil
			h.stop = nil
			h.mu.Unlock()
			if !held {
				continue
			}
			if took > 20*time.Second {
				t.Errorf("%s, no answer to its first change: %v: took %v", who, changes, took)
			}
			if err == nil { // of a request that it can do without
				t.Logf("%s, no answer to its first change: %v: no error", who, changes)
				continue
			}
			ended[changes]++
			var e *errors.Error
			switch {
			case !errors.As(err, &e) || !e.Class.IsA(errors.Timeout) && !e.Class.IsA(errors.OperationTimeout):
				t.Errorf("%s, no answer to its first change: %v: %v", who, changes, err)
			case changes && e.Outcome != errors.Unknown:
				t.Errorf("%s, no answer to its first change: the outcome is %s: %v", who, e.Outcome, err)
			}
		}
	})
	t.Logf("ended without the answer to a change and to a read: %v", ended)
	if ended[true] < 60 || ended[false] < 10 {
		t.Error("too few")
	}
}
