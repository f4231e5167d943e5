package rest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An Output is the work of a server whose result is the body of an answer, such as that of a backup which isn't kept. The
// body alone doesn't show whether it is whole: if the work fails, some servers just end the body.
type Output struct {
	operations []*Operation // the one that does the work, and others on the same object that began at the same time
}

// OpenOutput is like [Client.Open] for a request whose answer is the output of an operation, which the answer doesn't
// name. Owns reports whether the description and the resources of an operation may be those of this one. The body may pause
// for as long as the operation runs.
func (c *Client) OpenOutput(ctx context.Context, request Request, owns func(*State) bool) (body io.ReadCloser, reply *Reply, output *Output, err error) {
	// One at a time, so that the next one doesn't take the operation of this one for its own.
	if err := c.takeOutputs(ctx); err != nil {
		return nil, nil, nil, err
	}
	defer c.leaveOutputs()
	begun := time.Now()
	opened, reply, err := c.Open(ctx, request)
	if err != nil {
		return nil, nil, nil, err
	}
	err = Persist(ctx, sleep, func() (err error) {
		output, err = c.findOutput(ctx, request, owns, begun)
		return err
	})
	if err != nil {
		opened.Close()
		return nil, nil, nil, err
	}
	if output.Known() {
		if c.claimed == nil {
			c.claimed = make(map[string]bool)
		}
		c.claimed[output.operations[0].id] = true
	}
	if s, ok := opened.(*stream); ok {
		if steady, ok := s.response.Body.(*steadyBody); ok {
			steady.mayPause = output.running
		}
	}
	return opened, reply, output, nil
}

// FindOutput finds the operation of a request of [Client.OpenOutput] that was sent after begun, also one without an answer.
// The operation is older than the newest one by no more than the time since begun. The clocks of client and server aren't
// compared.
func (c *Client) FindOutput(ctx context.Context, request Request, owns func(*State) bool, begun time.Time) (*Output, error) {
	if err := c.takeOutputs(ctx); err != nil {
		return nil, err
	}
	defer c.leaveOutputs()
	return c.findOutput(ctx, request, owns, begun)
}

// takeOutputs waits for the turn to look for the operation of an Output.
func (c *Client) takeOutputs(ctx context.Context) error {
	select {
	case c.outputs <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) leaveOutputs() { <-c.outputs }

// findOutput is FindOutput in its turn.
func (c *Client) findOutput(ctx context.Context, request Request, owns func(*State) bool, begun time.Time) (*Output, error) {
	all, err := c.Operations(ctx, request.Query.Get("project"))
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(begun)
	source, err := c.prepare(request)
	if err != nil {
		return nil, err
	}
	type candidate struct {
		state   *State
		created time.Time
	}
	var found []candidate
	var newest time.Time
	for _, state := range all {
		if state.ID == "" || c.claimed[state.ID] || !owns(state) {
			continue
		}
		var made struct {
			Created time.Time `json:"created_at"`
		}
		if err := json.Unmarshal(state.Raw, &made); err != nil {
			return nil, listing().notIncus(err)
		}
		found = append(found, candidate{state, made.Created})
		if made.Created.After(newest) {
			newest = made.Created
		}
	}
	output := new(Output)
	for _, one := range found {
		if newest.Sub(one.created) > elapsed {
			continue
		}
		o := c.Operation(one.state.ID)
		o.method, o.path, o.request, o.secrets, o.state = source.method, source.url.Path, source.described(), source.secrets(), one.state
		if one.state.Final() {
			o.recordState(one.state)
		} else {
			o.Watch()
		}
		output.operations = append(output.operations, o)
	}
	return output, nil
}

// Operations reads the operations of a project, or of the default one if it is empty. An operation is among them for 5 seconds
// after its end.
func (c *Client) Operations(ctx context.Context, project string) ([]*State, error) {
	query := url.Values{"recursion": {"1"}}
	if project != "" {
		query.Set("project", project)
	}
	reply, err := c.Do(ctx, Request{Path: operationsPath, Query: query})
	if err != nil {
		return nil, err
	}
	var lists map[string][]json.RawMessage // by status
	if err := json.Unmarshal(reply.Metadata, &lists); err != nil {
		return nil, listing().notIncus(err)
	}
	var all []*State
	for _, list := range lists {
		for _, raw := range list {
			state, err := readState(raw)
			if err != nil {
				return nil, listing().notIncus(err)
			}
			all = append(all, state)
		}
	}
	return all, nil
}

const operationsPath = "/1.0/operations"

// listing returns the request for the list of operations, for the errors of its answer.
func listing() *outgoing {
	return &outgoing{method: http.MethodGet, url: url.URL{Path: operationsPath}}
}

// Known reports whether exactly one operation was found.
func (o *Output) Known() bool { return len(o.operations) == 1 }

// running reports whether the end of the operation is unknown.
func (o *Output) running() bool {
	return slices.ContainsFunc(o.operations, func(one *Operation) bool { return one.known() == nil })
}

// Wait waits for the end of the operation and returns its error. If it isn't sure which of several it is, Wait waits for
// all and returns the first error.
func (o *Output) Wait(ctx context.Context) error {
	var first error
	for _, one := range o.operations {
		end, err := one.wait(ctx)
		if err == nil {
			err = end.err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Ended waits for the end of the operation, and reports whether it has ended before ctx.
func (o *Output) Ended(ctx context.Context) bool {
	err := o.Wait(ctx)
	return !o.running() || gone(err)
}

// About reports whether an operation works on the object at a path, which is escaped.
func (s *State) About(path string) bool {
	want, err := url.PathUnescape(path)
	for _, addresses := range s.Resources {
		for _, address := range addresses {
			at, _, _ := strings.Cut(address, "?")
			if at, bad := url.PathUnescape(at); err == nil && bad == nil && at == want {
				return true
			}
		}
	}
	return false
}
