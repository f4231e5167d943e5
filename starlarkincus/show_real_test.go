package starlarkincus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/show"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestRealTables draws the tables of all kinds of objects that the server has, and checks their columns.
func TestRealTables(t *testing.T) {
	needsIncus(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	names := client.Names()
	names["testbed"] = testbed(t)
	session := host.New(host.Options{Predeclared: names}).NewSession()
	eval := func(code string) starlark.Value {
		t.Helper()
		v, err := session.Eval(ctx, code)
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		return v
	}
	defer eval("[i.delete(force=True) for i in incus.instances.list() if i.name in ('shown', 'still')]\nincus.networks.delete('shown0')")
	eval(`
shown = incus.instances.launch("shown", image=testbed.image, config={"user.password": "hunter2"})
incus.instances.create("still", image=testbed.image)
shown.snapshots.create("s0")
shown.wait_ready(network=True, timeout=60)
incus.networks.create("shown0", config={"ipv4.address": "10.99.7.1/24", "ipv6.address": "none"}).forwards.create("10.99.7.1")
`)
	drawn := 0
	draw := func(what string, v starlark.Value) string {
		for _, width := range []int{20, 40, 80, 200} {
			text := show.Text(v, show.Style{Width: width, Height: 24})
			for line := range strings.SplitSeq(text, "\n") {
				if n := printable.Width(line); n > width {
					t.Errorf("%s: a line of %d on a terminal of %d: %q", what, n, width, line)
				}
			}
			if strings.Contains(text, "hunter2") {
				t.Errorf("%s: the secret is in\n%s", what, text)
			}
		}
		drawn++
		return show.Text(v, show.Style{Width: 1000})
	}
	lists := []string{"shown.snapshots.list()", "shown.metadata()", "incus.images.aliases.list()", `incus.networks.get("shown0").forwards.list()`, `incus.networks.get("incusbr0").leases.list()`,
		"incus.storage_pools.list()[0].volumes.list()", "[shown.state()]", "shown", "incus.server()"}
	for _, r := range spec.Collections {
		if r.Verbs&spec.List != 0 && r.Name != "network_integrations" && (r.Name != "network_address_sets" || eval("incus.has_extension('network_address_set')") == starlark.True) {
			lists = append(lists, "incus."+r.Name+".list()")
		}
	}
	for _, code := range lists {
		v := eval(code)
		text := draw(code, v)
		list, ok := v.(*starlark.List)
		if !ok || list.Len() == 0 {
			continue
		}
		draw(code+"[0]", list.Index(0))
		head, _, _ := strings.Cut(text, "\n")
		for _, c := range list.Index(0).(interface{ Resource() *spec.Resource }).Resource().Columns {
			if name := strings.ToUpper(strings.ReplaceAll(c.Name(), "_", " ")); c.When == spec.Always && !strings.Contains(head, name) {
				t.Errorf("%s: no column %s in %q", code, name, head)
			}
		}
	}
	if drawn < 25 {
		t.Errorf("only %d values", drawn)
	}

	before := eval("incus.instances.list()")
	for _, code := range []string{"incus.instances.list()", "incus.instances.list(all_projects=True)", "tuple(incus.instances.list())", `[incus.instances.get("shown")]`} {
		text := draw(code, starlarkincus.WithStates(ctx, eval(code)))
		if !strings.Contains(text, "IPV4") || !strings.Contains(text, "SNAPSHOTS") {
			t.Errorf("%s: no states in\n%s", code, text)
		}
	}
	text := draw("one", starlarkincus.WithStates(ctx, eval(`incus.instances.get("shown")`)))
	if addresses := eval("shown.addresses()").(*starlark.List); !strings.Contains(text, string(addresses.Index(0).(starlark.String))) || !strings.Contains(text, "s0") {
		t.Errorf("no %v in\n%s", addresses, text)
	}
	if fields := fmt.Sprint(eval("[sorted(i.fields().keys()) for i in incus.instances.list()]")); strings.Contains(fields, `"state"`) || !strings.Contains(fields, `"expanded_config"`) {
		t.Errorf("fields() returns %s", fields)
	}
	if v := starlarkincus.WithStates(ctx, before); v == before || fmt.Sprint(before.(*starlark.List).Index(0).(starlark.HasAttrs).Attr("last_addresses")) != "None <nil>" {
		t.Errorf("WithStates returns %v", v)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if v := starlarkincus.WithStates(ended, before); v != before {
		t.Errorf("without an answer, WithStates returns %v", v)
	}
}
