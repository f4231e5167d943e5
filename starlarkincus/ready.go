package starlarkincus

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"

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

func (c *call) liveState() (*liveState, error) {
	reply, err := c.do(rest.Request{Method: "GET", Path: c.on.path + "/state", Query: c.on.query(0)})
	if err != nil {
		return nil, err
	}
	state := new(liveState)
	if err := json.Unmarshal(reply.Metadata, state); err != nil {
		return nil, unreadable("GET", c.on.path+"/state", reply, err)
	}
	return state, nil
}

func addresses(c *call) (starlark.Value, error) {
	family := c.args.string("family")
	if !slices.Contains([]string{"", "inet", "inet6"}, family) {
		return nil, fmt.Errorf("%s: family: %q is neither inet nor inet6", c.name, family)
	}
	state, err := c.liveState()
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
func waitReady(c *call) (starlark.Value, error) {
	limit := readyTimeout
	if c.args.has("timeout") {
		limit = c.args.duration("timeout")
	}
	begin := time.Now()
	for delay := readyFirstDelay; ; delay = min(delay*3/2, readyLongestDelay) {
		state, err := c.liveState()
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
		if err := c.pause(min(delay, left)); err != nil {
			return nil, err
		}
	}
	if c.args.flag("cloud_init", false) {
		if err := c.cloudInit(limit - time.Since(begin)); err != nil {
			return nil, err
		}
	}
	return c.obj, c.obj.read(c)
}

// lacks is what the instance hasn't yet of what the script asks for.
func (c *call) lacks(state *liveState) string {
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

func (c *call) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var err error
	Block(c.thread, func() {
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			err = c.ctx.Err()
		}
	})
	return err
}

// cloudInit waits for the end of the instance's own set-up.
func (c *call) cloudInit(limit time.Duration) error {
	run := *c.Method
	run.decl = c.obj.kind.object["exec"]
	on := &call{Method: &run, thread: c.thread, ctx: c.ctx, args: &arguments{
		body:  map[string]any{"command": []string{"cloud-init", "status", "--wait"}},
		local: map[string]any{"check": false, "timeout": max(0, limit)},
	}}
	result, _, err := on.execute()
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
