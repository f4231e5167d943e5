package starlarkincus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// A script that is stopped while it publishes a running instance leaves the instance running, and without the snapshot, in
// each of its steps.
func TestRealStoppedPublishing(t *testing.T) {
	needsIncus(t)
	name := fmt.Sprintf("published-%x", time.Now().UnixNano())
	run := func(ctx context.Context, trace func(rest.Trace), script string) error {
		client := starlarkincus.New(starlarkincus.Options{Trace: trace})
		defer client.Close()
		names := client.Names()
		names["testbed"], names["name"] = testbed(t), starlark.String(name)
		h := host.New(host.Options{Predeclared: names, Stderr: new(strings.Builder), Track: starlarkincus.Track})
		return h.RunSource(ctx, "script", []byte(script))
	}
	if err := run(t.Context(), count, `incus.instances.launch(name, image = testbed.image)`); err != nil {
		t.Fatal(err)
	}
	defer run(context.WithoutCancel(t.Context()), count, "wait_until(lambda: incus.operations.list() == [], timeout = 30, interval = 0.2)\nincus.instances.delete(name, force = True)\n[i.delete() for i in incus.images.list() if i.properties.get('user') == name]")
	for _, step := range []string{"force /state", "force /images", "snapshot /snapshots", "snapshot /images"} {
		how, at, _ := strings.Cut(step, " ")
		ctx, stop := context.WithCancelCause(t.Context())
		err := run(ctx, func(r rest.Trace) {
			if r.Method != "GET" && strings.HasSuffix(r.Path, at) {
				stop(host.ErrInterrupted)
			}
		}, fmt.Sprintf("incus.instances.get(name).publish(properties = {'user': name, 'step': %q}, compression_algorithm = 'none', %s = True)", step, how))
		stop(nil)
		if !errors.Is(err, host.ErrInterrupted) {
			t.Errorf("stopped at %s: %v", step, err)
		}
		if err := run(t.Context(), count, `
i = incus.instances.get(name)
wait_until(lambda: i.refresh().status == "Running" and i.snapshots.names() == [], timeout = 20, interval = 0.2)
`); err != nil {
			t.Errorf("stopped at %s: %v", step, err)
		}
	}
}
