package starlarkincus_test

import (
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A script's values without any bytes are refused as a backup or an image, before the server has got one.
func TestUploadsOfNoContent(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	calls := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Does != spec.DoImport && m.Does != spec.DoUploadImage {
			return
		}
		none := starlark.NewBuiltin("none", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.None, nil
		})
		for _, source := range []starlark.Value{starlark.NewList(nil), starlark.NewList([]starlark.Value{starlark.Bytes(""), starlark.String("")}), none} {
			a.reset()
			w.set(func(a *answers) { a.free = true })
			args := w.required(who, m)
			args["path"] = source
			thread := new(starlark.Thread)
			builtin.Bind(thread, builtin.Binding{Context: t.Context()})
			_, err := starlark.Call(thread, w.attr(owner, m.Name), nil, kwargs(args))
			var e *errors.Error
			if !errors.As(err, &e) || !strings.HasSuffix(e.Message, ": path: it has no content") || e.Outcome != errors.NotSent {
				t.Errorf("%s with %v: %v", who, source, err)
			}
			calls++
		}
	})
	if calls < 12 {
		t.Errorf("%d calls", calls)
	}
}
