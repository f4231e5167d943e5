package starlarkincus_test

import (
	"context"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

// TestLongTimes gives each argument that is a time values that are as long as, or longer than, this machine can count. They are no
// limit in effect, or an error of the argument; a call never ends early because of them.
func TestLongTimes(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	tried := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		for _, f := range m.Arguments() {
			if f.Type != spec.Seconds && f.Type != spec.WholeSeconds {
				continue
			}
			call := func(v starlark.Value) error {
				a.reset()
				args := maps.Clone(w.required(who, m))
				delete(args, f.Script())
				if v != nil {
					args[f.Script()] = v
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // some wait for what doesn't come
				defer cancel()
				thread := new(starlark.Thread)
				builtin.Bind(thread, builtin.Binding{Context: ctx})
				out, err := starlark.Call(thread, w.attr(owner, m.Name), nil, kwargs(args))
				if stream, ok := out.(builtin.Stream); ok {
					stream.Close(context.Background(), err)
				}
				if ctx.Err() != nil || err != nil && strings.Contains(err.Error(), "the connection to the files of ") { // closed by reset
					return nil
				}
				return err
			}
			without := call(nil)
			for _, v := range []starlark.Value{starlark.MakeInt64(9223372026), starlark.MakeInt64(9300000000), starlark.MakeInt64(1 << 62), starlark.Float(9.3e9), starlark.Float(1e11), starlark.Float(1e300), startime.Duration(math.MaxInt64)} {
				tried++
				err := call(v)
				var e *errors.Error
				refused := err != nil && !errors.As(err, &e) && (strings.Contains(err.Error(), f.Script()+": ") || strings.Contains(err.Error(), "nothing to change"))
				if err != nil && !refused && (without == nil || errors.Is(err, errors.Timeout) || errors.Is(err, errors.OperationTimeout)) {
					t.Errorf("%s(%s=%v): %v", who, f.Script(), v, err)
				}
			}
		}
	})
	t.Logf("%d calls", tried)
	if tried < 300 {
		t.Error("too few")
	}
}
