package starlarkincus

import (
	"context"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// Limits of wait_ready: the default timeout, and the pause between requests. Incus sends no events for new addresses or
// agents, so polling is the only way.
const (
	readyTimeout      = 5 * time.Minute
	readyFirstDelay   = 50 * time.Millisecond
	readyLongestDelay = time.Second
)

// A liveState is the part of an instance's state that decides whether it is ready.
type liveState struct {
	Status    string `json:"status"`
	Processes int    `json:"processes"`
	Network   map[string]struct {
		Type      string `json:"type"`
		State     string `json:"state"`
		Addresses []struct {
			Family  string `json:"family"`
			Address string `json:"address"`
			Scope   string `json:"scope"`
		} `json:"addresses"`
	} `json:"network"`
}

// addresses returns the addresses that other machines can reach, IPv4 first, by interface and in the server's order.
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

// onlyUp returns the state without the interfaces that are down.
func (s *liveState) onlyUp() *liveState {
	up := *s
	up.Network = maps.Clone(s.Network)
	for name, i := range s.Network {
		if i.State == "down" {
			delete(up.Network, name)
		}
	}
	return &up
}

// liveState reads the state of an instance.
func (r ref) liveState(ctx context.Context) (*liveState, error) {
	state := new(liveState)
	return state, r.join("state").readInto(ctx, r.query(0), state)
}

func addresses(c *invocation) (starlark.Value, error) {
	family := c.args.string("family")
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

// waitReady waits until an instance is ready.
func waitReady(c *invocation) (starlark.Value, error) {
	limit := readyTimeout
	if c.args.has("timeout") {
		limit = c.args.duration("timeout")
	}
	begin := time.Now()
	for delay := readyFirstDelay; ; delay = min(delay*3/2, readyLongestDelay) {
		state, err := c.ref.liveState(c.ctx)
		var lacks string
		var failed *errors.Error
		switch {
		case err == nil:
			lacks = c.lacks(state)
		case errors.As(err, &failed) && failed.Class.IsA(errors.State):
			lacks = "is starting or stopping"
		default:
			return nil, err
		}
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

// lacks describes the first unmet condition; empty for none.
func (c *invocation) lacks(state *liveState) string {
	virtual := c.obj.string("type") == "virtual-machine"
	switch {
	case !slices.Contains([]string{"running", "ready"}, strings.ToLower(state.Status)):
		return "is not running but " + strings.ToLower(state.Status)
	case c.args.flag("agent", virtual && c.args.flag("cloud_init", false)) && state.Processes < 0:
		return "has no agent that answers"
	case !c.args.flag("network", false):
	case len(state.addresses("")) == 0:
		return "has no address"
	case len(state.onlyUp().addresses("")) == 0:
		return "has an address, but its interface is down"
	}
	return ""
}

// cloudInit waits for the end of cloud-init.
func (o *Object) cloudInit(ctx context.Context, limit time.Duration) error {
	body := maps.Clone(o.kind.object["exec"].Send)
	body["command"] = []string{"cloud-init", "status", "--wait"}
	cmd, result, err := o.ref.execute(ctx, body, limit)
	if err != nil {
		return err
	}
	if result.exitCode != 0 && result.exitCode != recoverable {
		return cmd.failure(result)
	}
	return nil
}

// recoverable is the exit status of cloud-init after warnings.
const recoverable = 2
