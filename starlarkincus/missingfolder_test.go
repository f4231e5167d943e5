package starlarkincus_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestMissingLocalFolder calls each method that writes a local file with a path in a folder that doesn't exist. The error names the
// folder, and advises what makes it; and nothing is sent before.
func TestMissingLocalFolder(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	folder := filepath.Join(t.TempDir(), "none")
	tried := 0
	for _, p := range spec.Sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			for _, f := range m.Args {
				if f.Type != spec.LocalPath || f.Name == "within" || !m.WritesFiles && f.Name != "stdout_file" {
					continue
				}
				tried++
				a.reset()
				owner := starlark.Value(nil)
				if m.Collection {
					owner = w.collection(client, p)
				} else {
					owner = w.object(client, p)
				}
				who := p.Kind + "." + m.Name
				args := w.required(who, &m)
				args[f.Name] = starlark.String(filepath.Join(folder, "x"))
				if m.Does == spec.DoPull {
					args["remote"] = starlark.String("/x")
				}
				before := len(a.log)
				_, err := starlark.Call(new(starlark.Thread), w.attr(owner, m.Name), nil, kwargs(args))
				var e *errors.Error
				if !errors.As(err, &e) || !strings.HasSuffix(e.Message, "/x: the folder "+folder+" doesn't exist") ||
					!strings.Contains(e.Hint, "parents=True") || e.Outcome != errors.NotSent && m.Effect != spec.Reads {
					t.Errorf("%s: %v, hint %q, outcome %q", who, err, e.Hint, e.Outcome)
				}
				for _, sent := range a.log[before:] {
					if sent.path != "/1.0" { // which is read once, to check for the method's API extension
						t.Errorf("%s: sent %v", who, sent)
					}
				}
			}
		}
	}
	if t.Log(tried); tried < 6 {
		t.Error("too few")
	}
}
