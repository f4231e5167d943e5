package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The scripts of testdata/fake, and those that send nothing, run on a fake server with one object of each kind. They
// contain their own checks. Calls of server.set make the fake behave as no real server can be made to.
func TestScriptsOnTheFake(t *testing.T) {
	files, err := filepath.Glob("testdata/fake/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, file := range append(files, "testdata/arguments.star") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			a := newAnswers()
			client := starlarkincus.New(starlarkincus.Options{Environment: a.serve(t)})
			defer client.Close()
			names := client.Names()
			names["testbed"] = testbed(t)
			names["server"] = starlarkstruct.FromStringDict(starlark.String("server"), starlark.StringDict{
				"set": starlark.NewBuiltin("server.set", a.set), "sent": starlark.NewBuiltin("server.sent", a.sent), "listeners": starlark.NewBuiltin("server.listeners", a.listeners)})
			var out bytes.Buffer
			h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: names})
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := h.RunFile(ctx, file); err != nil {
				h.Report(&out, err)
				t.Errorf("%s", out.Bytes())
			}
		})
	}
}

// set sets the server's behavior until the next call.
func (a *answers) set(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a.reset()
	fields := new(starlark.Dict)
	for _, kwarg := range kwargs {
		fields.SetKey(kwarg[0], kwarg[1])
	}
	v, err := value.ToGo(fields)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var how struct {
		Empty, Sync    bool
		Busy           int
		Fields, Result map[string]any
		Failing, Texts map[string]string
		Failed         string
		Made           map[string]map[string]any
	}
	if err := json.Unmarshal(data, &how); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.empty, a.sync, a.busy, a.override, a.failing, a.failed, a.result, a.texts = how.Empty, how.Sync, how.Busy, how.Fields, how.Failing, how.Failed, how.Result, how.Texts
	maps.Copy(a.made, how.Made)
	return starlark.None, nil
}

// sent returns the requests since the last call, each as "METHOD /path".
func (a *answers) sent(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	var out []starlark.Value
	for _, r := range a.take() {
		out = append(out, starlark.String(r.method+" "+r.path))
	}
	return starlark.NewList(out), nil
}
