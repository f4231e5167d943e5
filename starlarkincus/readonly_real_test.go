package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A readOnlyWalk calls all methods of all objects on a server through a client that only reads.
type readOnlyWalk struct {
	*tester
	refused, read int
}

// of calls the methods of a collection, and those of its first object.
func (w *readOnlyWalk) of(r *spec.Resource, collection starlark.Value) {
	object := starlark.Value(nil)
	if r.Lists == spec.Single {
		v, err := starlark.Call(new(starlark.Thread), collection, nil, nil)
		if err != nil {
			w.fail(r.Name, err)
			return
		}
		object = v
	}
	args := make(map[string]starlark.Value)
	methods := r.CollectionMethods()
	if i := slices.IndexFunc(methods, func(m spec.Method) bool { return m.Does == spec.DoList }); i >= 0 {
		if list, ok := w.one(r.Name, collection, &methods[i], nil).(*starlark.List); ok && list.Len() > 0 && r.Lists != spec.Elements {
			object = list.Index(0)
			args["name"] = w.attr(object, r.Key)
			if r.Segment != nil {
				args[r.Segment.Script()] = w.attr(object, r.Segment.Name)
			}
		}
	}
	for i := range methods {
		if m := &methods[i]; m.Does != spec.DoList && (m.Effect != spec.Reads || args["name"] != nil || m.Does == spec.DoNames) {
			w.one(r.Name, collection, m, args)
		}
	}
	for _, child := range r.Children {
		if child.Stands == spec.OnCollection {
			w.of(child, w.attr(collection, child.Name))
		}
	}
	if object == nil || r.Content == spec.PlainText {
		return
	}
	methods = r.ObjectMethods()
	for i := range methods {
		if methods[i].Does != spec.DoWaitReady {
			w.one(r.Singular(), object, &methods[i], nil)
		}
	}
	for _, child := range r.Children {
		if child.Stands == spec.OnObject {
			w.of(child, w.attr(object, child.Name))
		}
	}
}

// one calls a method, and returns the result if the method reads.
func (w *readOnlyWalk) one(who string, owner starlark.Value, m *spec.Method, own map[string]starlark.Value) starlark.Value {
	args := w.required(who+"."+m.Name, m)
	for name, v := range own {
		if args[name] != nil || spec.Find(m.Args, name) != nil {
			args[name] = v
		}
	}
	v, err := called(w.attr(owner, m.Name), kwargs(args))
	var e *errors.Error
	absent := m.Does == spec.DoEnsure && errors.As(err, &e) && strings.Contains(e.Message, "there is no ")
	switch {
	case m.Effect != spec.Reads && (m.Does != spec.DoEnsure || absent):
		if w.refused++; !errors.As(err, &e) || e.Class != errors.Permission || e.Outcome != errors.NotSent {
			w.Errorf("%s.%s, which %s: %v, %v", who, m.Name, m.Effect, v, err)
		}
	case m.WritesFiles:
		if w.refused++; err == nil || !strings.Contains(err.Error(), "this run only reads") {
			w.Errorf("%s.%s, which writes a file: %v, %v", who, m.Name, v, err)
		}
	case err != nil:
		w.fail(who+"."+m.Name, err)
	default:
		w.read++
	}
	return v
}

// fail reports a failure, unless the server lacks the feature or the object is in the wrong state.
func (w *readOnlyWalk) fail(who string, err error) {
	var e *errors.Error
	if !errors.As(err, &e) || !(e.Class.IsA(errors.Unsupported) || e.Class.IsA(errors.API)) || e.Class.IsA(errors.Permission) {
		w.Errorf("%s: %v", who, err)
		return
	}
	w.Logf("%s: %v", who, err)
}

// On a real server, a client that only reads sends only GET, and all reading methods work.
func TestRealReadOnly(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	all := starlarkincus.New(starlarkincus.Options{})
	defer all.Close()
	run := func(script string) {
		var errs bytes.Buffer
		h := host.New(host.Options{Stderr: &errs, Predeclared: starlark.StringDict{"incus": all, "testbed": testbed(t)}})
		if err := h.RunSource(context.Background(), "setup", []byte(script)); err != nil {
			h.Report(&errs, err)
			t.Errorf("%s", errs.Bytes())
		}
	}
	name := fmt.Sprintf("ro-%x", time.Now().UnixNano())
	defer run(fmt.Sprintf("incus.instances.delete(%[1]q, force = True)\nincus.storage_pools.list()[0].volumes.delete(%[1]q)", name))
	run(fmt.Sprintf(`
inst = incus.instances.launch(%[1]q, image = testbed.image)
inst.snapshots.create("s")
inst.backups.create("b")
incus.storage_pools.list()[0].volumes.create(%[1]q).snapshots.create("s")
`, name))
	var sent []string
	w := &readOnlyWalk{tester: &tester{T: t, pem: testPEM(t), file: testFile(t)}}
	client := starlarkincus.New(starlarkincus.Options{ReadOnly: true, Trace: func(r rest.Trace) {
		count(r)
		if r.Method != "GET" {
			sent = append(sent, r.Method+" "+r.Path)
		}
	}})
	defer client.Close()
	for _, r := range spec.Collections {
		w.of(r, w.attr(client, r.Name))
	}
	if len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
	if w.refused < 120 || w.read < 70 {
		t.Errorf("only %d methods were refused, and %d read", w.refused, w.read)
	}
	t.Logf("%d methods were refused, %d read", w.refused, w.read)
}
