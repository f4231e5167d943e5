package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// The status codes of an operation, which are not those of HTTP. Those from firstFinal on are final.
const (
	firstFinal         = 200
	operationSuccess   = 200
	operationCancelled = 401
	// operationFailure is the code of a failure. Older servers report the code of the cause instead.
	operationFailure = 400
)

// A State is the state of an operation at one time.
type State struct {
	// ID is the UUID.
	ID string `json:"id"`
	// Class is "task", "websocket" or "token".
	Class       string `json:"class"`
	Description string `json:"description"`
	// Status is the text for StatusCode.
	Status     string `json:"status"`
	StatusCode int    `json:"status_code"`
	// Resources are the URLs of the objects that the operation works on, by kind.
	Resources map[string][]string `json:"resources"`
	// Metadata is the operation's progress, results and secrets. It must not be printed.
	Metadata json.RawMessage `json:"metadata"`
	// Err is the error message of a failed operation.
	Err       string `json:"err"`
	MayCancel bool   `json:"may_cancel"`
	// Location is the cluster member that runs it.
	Location string `json:"location"`
	// Raw is the server's JSON of the operation, including secrets.
	Raw json.RawMessage `json:"-"`
}

// Final reports whether the operation has ended.
func (s *State) Final() bool { return s.StatusCode >= firstFinal }

// readState decodes an operation.
func readState(raw json.RawMessage) (*State, error) {
	s := &State{Raw: raw}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, errors.Plain("the operation is missing")
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("the operation can't be read: %w", err)
	}
	if s.StatusCode == 0 {
		return nil, errors.Plain("the operation has no status_code")
	}
	return s, nil
}

// An Operation is a background operation of the server. Its methods are safe for concurrent use.
type Operation struct {
	client       *Client
	id           string
	method, path string          // of the request that started it
	request      *errors.Request // the same; nil if unknown
	secrets      []string        // secrets in the request
	seen         time.Time       // when this client learned of it, after its start

	mu    sync.Mutex
	state *State // the last known state; nil for none
	end   *end   // the result; nil if unknown
	watch *watch // the background wait; nil for none
	work  *Work  // the work that it belongs to; nil for none

	steps    bool  // Request.Steps
	attaches bool  // a command that the server doesn't begin before its websockets are connected
	exec     *Exec // the command; nil where nobody attaches to it

	waited atomic.Bool // a caller has waited for the end
}

// An end is the cached final result, returned by every later Wait. The state is nil if only the error is known.
type end struct {
	state *State
	err   error
}

// Operation returns the operation with a UUID, or with a path like "/1.0/operations/UUID". It sends no request.
func (c *Client) Operation(id string) *Operation {
	id, _, _ = strings.Cut(id, "?")
	id = strings.TrimSuffix(id, "/")
	id = id[strings.LastIndexByte(id, '/')+1:]
	o := &Operation{client: c, id: id, method: http.MethodGet, seen: time.Now()}
	o.path = o.Path()
	return o
}

// newOperation returns the operation of an async answer.
func (c *Client) newOperation(ctx context.Context, k *outgoing, e envelope) (*Operation, error) {
	state, err := readState(e.metadata)
	if err != nil {
		return nil, err
	}
	id := e.operation
	if id == "" {
		id = state.ID
	}
	o := c.Operation(id)
	if o.id == "" {
		return nil, errors.Plain("the operation has no id")
	}
	o.method, o.path, o.request, o.secrets, o.state = k.method, k.url.Path, k.described(), k.secrets(), state
	o.steps, o.attaches = k.steps, k.attaches
	if state.Final() {
		o.recordState(state)
	} else {
		workOf(ctx).began(o)
	}
	return o, nil
}

// ID returns the operation's UUID.
func (o *Operation) ID() string { return o.id }

// Path returns the operation's path, "/1.0/operations/UUID".
func (o *Operation) Path() string { return "/1.0/operations/" + url.PathEscape(o.id) }

// State returns the last known state, without a request; nil for none.
func (o *Operation) State() *State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// Refresh reads the state from the server. A failed operation is not an error. An operation that ended more than 5
// seconds ago is an error of class errors.NotFound, unless its end is known already.
func (o *Operation) Refresh(ctx context.Context) (*State, error) {
	if end := o.known(); end != nil && end.state != nil {
		return end.state, nil
	}
	reply, err := o.client.Do(ctx, Request{Path: o.Path()})
	if err != nil {
		return nil, o.identify(err)
	}
	state, err := readState(reply.Metadata)
	if err != nil {
		return nil, o.identify((&outgoing{method: http.MethodGet, url: url.URL{Path: o.Path()}}).notIncus(err))
	}
	if state.Final() {
		o.recordState(state)
	} else {
		o.update(state)
	}
	return state, nil
}

// settling is the time that a new operation has before it is cancelled. Incus 6.0 and 7.0 start an operation's work in
// the background, and crash if it is cancelled before this work has begun.
const settling = 250 * time.Millisecond

// Cancel asks the server to cancel the operation, without waiting for its end. It returns an error of class
// errors.BadRequest if the operation can't be cancelled.
func (o *Operation) Cancel(ctx context.Context) error {
	select {
	case <-time.After(time.Until(o.seen.Add(settling))):
	case <-ctx.Done(): // reported by the request
	}
	_, err := o.client.Do(ctx, Request{Method: http.MethodDelete, Path: o.Path()})
	return o.identify(err)
}

// identify adds the operation's UUID to the error of a request for it.
func (o *Operation) identify(err error) error {
	var e *errors.Error
	if errors.As(err, &e) {
		e.OperationID = o.id
		o.client.Identify(e)
		if e.Outcome == "" && Changes(o.method) {
			e.Outcome = errors.Unknown
		}
		clean(e, o.secrets)
	}
	return err
}

// Clean returns a text, such as the output of a program, without the secrets in the request.
func (o *Operation) Clean(text string) string { return secret.Remove(text, o.secrets) }

// known returns the end; nil if unknown.
func (o *Operation) known() *end {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end
}

// update stores a state. It doesn't replace a final state, because events of older servers may be out of order.
func (o *Operation) update(state *State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.state = state
	}
}

// recordState stores the end from a final state.
func (o *Operation) recordState(state *State) *end {
	e := &end{state: state}
	if state.StatusCode != operationSuccess {
		e.err = o.failure(state.StatusCode, state.Err, state.Location, decodeObject(state.Raw))
	}
	return o.recordEnd(e)
}

func (o *Operation) recordEnd(e *end) *end {
	o.work.ended(o)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.end = e
		if e.state != nil {
			o.state = e.state
		}
	}
	return o.end
}

// failure returns the error of a failed operation, which names the request that started it.
func (o *Operation) failure(code int, message, location string, response any) error {
	if location == "none" {
		location = "" // a server without a cluster
	}
	e := errors.NewOperation(o.id, errors.Failure{Status: code, Message: message, Request: o.request, Member: location}, response)
	e.Method, e.Path, e.Outcome = o.method, o.path, errors.OutcomeOfOperation(e, o.steps)
	o.client.Identify(e)
	if inner, ok := e.Cause.(*errors.Error); ok && inner.OperationID != "" {
		inner.Method, inner.Path, inner.Outcome = o.method, o.path, e.Outcome
	}
	return clean(e, o.secrets)
}

// location returns the cluster member of the operation, or "".
func (o *Operation) location() string {
	if s := o.State(); s != nil {
		return s.Location
	}
	return ""
}

// timeout returns the error of a wait that timed out.
func (o *Operation) timeout(waited time.Duration) error {
	what := o.id
	if s := o.State(); s != nil && s.Description != "" {
		what += " (" + s.Description + ")"
	}
	return &errors.Error{Class: errors.OperationTimeout, OperationID: o.id, Method: o.method, Path: o.path, Outcome: errors.Unknown, Object: errors.About(o.request),
		Message: fmt.Sprintf("the operation %s was still running after %s", what, round(waited))}
}
