package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// The status codes of an operation; they are not HTTP's. From firstFinal on nothing changes any more.
const (
	firstFinal         = 200
	operationSuccess   = 200
	operationCancelled = 401
	// operationFailure is what stands for a failure that an older server reports with the cause's code.
	operationFailure = 400
)

// A State is an operation at one time.
type State struct {
	// ID is the UUID.
	ID string `json:"id"`
	// Class is "task", "websocket" or "token".
	Class       string `json:"class"`
	Description string `json:"description"`
	// Status is the text for StatusCode.
	Status     string `json:"status"`
	StatusCode int    `json:"status_code"`
	// Resources are the URLs of what the operation works on, by kind.
	Resources map[string][]string `json:"resources"`
	// Metadata is what the operation adds: progress, results, and secrets, which must not be printed.
	Metadata json.RawMessage `json:"metadata"`
	// Err says why it failed.
	Err       string `json:"err"`
	MayCancel bool   `json:"may_cancel"`
	// Location is the cluster member that runs it.
	Location string `json:"location"`
	// Raw is all of the operation as the server rendered it, secrets included.
	Raw json.RawMessage `json:"-"`
}

// Final says whether the operation has ended.
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

// An Operation is what the server does in the background. Its methods may be called from several goroutines at once.
type Operation struct {
	client       *Client
	id           string
	method, path string          // of the request that began it
	request      *errors.Request // the same; nil where it isn't known
	secrets      []string        // that the request held

	mu    sync.Mutex
	state *State // the last one known; nil for none
	end   *end   // how it ended; nil until that is known
	watch *watch // the wait in the background; nil for none
	work  *Work  // that it belongs to; nil for none
}

// An end is what every Wait gives once it is known. The state is nil where only the error is known.
type end struct {
	state *State
	err   error
}

// Operation gives the operation with a UUID, or with a path like "/1.0/operations/UUID". It sends nothing.
func (c *Client) Operation(id string) *Operation {
	id, _, _ = strings.Cut(id, "?")
	id = strings.TrimSuffix(id, "/")
	id = id[strings.LastIndexByte(id, '/')+1:]
	o := &Operation{client: c, id: id, method: http.MethodGet}
	o.path = o.Path()
	return o
}

// newOperation makes the operation of an async answer.
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
	if state.Final() {
		o.recordState(state)
	} else {
		workOf(ctx).began(o)
	}
	return o, nil
}

// ID is the operation's UUID.
func (o *Operation) ID() string { return o.id }

// Path is the operation's path, "/1.0/operations/UUID".
func (o *Operation) Path() string { return "/1.0/operations/" + url.PathEscape(o.id) }

// State is the last state known, without asking the server; nil for none.
func (o *Operation) State() *State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

// Refresh asks the server for the state. An operation that failed is no error here. One that ended over 5 seconds ago
// is of class errors.NotFound, unless its end is known already.
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

// Cancel asks the server to end the operation. It returns before that has happened: wait on. What can't be cancelled is
// an error of class errors.BadRequest.
func (o *Operation) Cancel(ctx context.Context) error {
	_, err := o.client.Do(ctx, Request{Method: http.MethodDelete, Path: o.Path()})
	return o.identify(err)
}

// identify adds the operation's UUID to an error of a request about it.
func (o *Operation) identify(err error) error {
	var e *errors.Error
	if errors.As(err, &e) {
		e.OperationID = o.id
		if e.Outcome == "" && Changes(o.method) {
			e.Outcome = errors.Unknown
		}
		clean(e, o.secrets)
	}
	return err
}

// Clean returns a text without the secrets that the request held, which a program may have printed.
func (o *Operation) Clean(text string) string { return secret.Remove(text, o.secrets) }

// known is the end where it is known.
func (o *Operation) known() *end {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end
}

// update remembers a state. A final one stays: older servers' events come out of order.
func (o *Operation) update(state *State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.state = state
	}
}

// recordState remembers the end that a final state tells.
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

// failure is the error of an operation that ended badly; it names the request that began it.
func (o *Operation) failure(code int, message, location string, response any) error {
	if location == "none" {
		location = "" // a server that stands alone
	}
	e := errors.NewOperation(o.id, errors.Failure{Status: code, Message: message, Request: o.request, Member: location}, response)
	e.Method, e.Path, e.Outcome = o.method, o.path, errors.OutcomeOfOperation(e)
	if inner, ok := e.Cause.(*errors.Error); ok && inner.OperationID != "" {
		inner.Method, inner.Path, inner.Outcome = o.method, o.path, e.Outcome
	}
	return clean(e, o.secrets)
}

// location returns the cluster member that runs it, or "".
func (o *Operation) location() string {
	if s := o.State(); s != nil {
		return s.Location
	}
	return ""
}

// timeout is the error of a wait whose time is over.
func (o *Operation) timeout(waited time.Duration) error {
	what := o.id
	if s := o.State(); s != nil && s.Description != "" {
		what += " (" + s.Description + ")"
	}
	return &errors.Error{Class: errors.OperationTimeout, OperationID: o.id, Method: o.method, Path: o.path, Outcome: errors.Unknown, Object: errors.About(o.request),
		Message: fmt.Sprintf("the operation %s was still running after %s", what, round(waited))}
}
