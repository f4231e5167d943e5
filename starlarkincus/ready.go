package starlarkincus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// How long wait_ready waits at most without timeout=, and how often it asks. Incus sends no event when an instance gets
// an address or its agent begins to answer, so asking is the only way.
const (
	readyTimeout      = 5 * time.Minute
	readyFirstDelay   = 50 * time.Millisecond
	readyLongestDelay = time.Second
)

// A liveState is what says whether an instance is ready.
type liveState struct {
	Status    string `json:"status"`
	Processes int    `json:"processes"`
	Network   map[string]struct {
		Type      string `json:"type"`
		Addresses []struct {
			Family  string `json:"family"`
			Address string `json:"address"`
			Scope   string `json:"scope"`
		} `json:"addresses"`
	} `json:"network"`
}

// addresses are those that other machines can reach, by interface and in the server's order; IPv4 first.
func (s *liveState) addresses(family string) []string {
	var interfaces []string
	for name, i := range s.Network {
		if i.Type != "loopback" {
			interfaces = append(interfaces, name)
		}
	}
	sort.Strings(interfaces)
	var v4, v6 []string
	for _, name := range interfaces {
		for _, a := range s.Network[name].Addresses {
			switch {
			case a.Scope != "global":
			case a.Family == "inet" && family != "inet6":
				v4 = append(v4, a.Address)
			case a.Family == "inet6" && family != "inet":
				v6 = append(v6, a.Address)
			}
		}
	}
	return append(v4, v6...)
}

// liveState reads the state of an instance.
func (r ref) liveState(ctx context.Context) (*liveState, error) {
	state := new(liveState)
	return state, r.join("state").readInto(ctx, r.query(0), state)
}

func addresses(c *invocation) (starlark.Value, error) {
	family := c.args.string("family")
	if !slices.Contains([]string{"", "inet", "inet6"}, family) {
		return nil, fmt.Errorf("%s: family: %q is neither inet nor inet6", c.name, family)
	}
	state, err := c.ref.liveState(c.ctx)
	if err != nil {
		return nil, err
	}
	var out []starlark.Value
	for _, a := range state.addresses(family) {
		out = append(out, starlark.String(a))
	}
	return starlark.NewList(out), nil
}

// waitReady waits until an instance runs and has what the script asks for.
func waitReady(c *invocation) (starlark.Value, error) {
	limit := readyTimeout
	if c.args.has("timeout") {
		limit = c.args.duration("timeout")
	}
	begin := time.Now()
	for delay := readyFirstDelay; ; delay = min(delay*3/2, readyLongestDelay) {
		state, err := c.ref.liveState(c.ctx)
		if err != nil {
			return nil, err
		}
		lacks := c.lacks(state)
		if lacks == "" {
			break
		}
		left := limit - time.Since(begin)
		if left <= 0 {
			return nil, errors.New(errors.OperationTimeout, "%s %s after %v", c.obj.key(), lacks, limit)
		}
		if err := pause(c.ctx, min(delay, left)); err != nil {
			return nil, err
		}
	}
	if c.args.flag("cloud_init", false) {
		if err := c.obj.cloudInit(c.ctx, limit-time.Since(begin)); err != nil {
			return nil, err
		}
	}
	return c.obj, c.obj.read(c.ctx)
}

// lacks is what the instance hasn't yet of what the script asks for.
func (c *invocation) lacks(state *liveState) string {
	virtual := c.obj.string("type") == "virtual-machine"
	switch {
	case !slices.Contains([]string{"running", "ready"}, strings.ToLower(state.Status)):
		return "is not running but " + strings.ToLower(state.Status)
	case c.args.flag("agent", virtual && c.args.flag("cloud_init", false)) && state.Processes < 0:
		return "has no agent that answers"
	case c.args.flag("network", false) && len(state.addresses("")) == 0:
		return "has no address"
	}
	return ""
}

// cloudInit waits for the end of the instance's own set-up.
func (o *Object) cloudInit(ctx context.Context, limit time.Duration) error {
	body := maps.Clone(o.kind.object["exec"].Send)
	body["command"] = []string{"cloud-init", "status", "--wait"}
	result, _, err := o.ref.execute(ctx, body, within(limit))
	if err != nil {
		return err
	}
	if result.exitCode != 0 && result.exitCode != recoverable {
		return result.failure("cloud-init")
	}
	return nil
}

// recoverable is the status of cloud-init when it ended with warnings only.
const recoverable = 2
