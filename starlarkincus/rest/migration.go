package rest

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
)

// The time for an operation of a failed migration to end by itself, and then after its connections are closed.
var (
	endsAlone = 2 * time.Second
	endsAfter = 10 * time.Second
)

// A Migration is a copy of an instance or a volume from one server to another. Each server has an operation for it, and
// they exchange the data over websockets. If both operations wait for connections, Wait carries the data between them.
type Migration struct {
	// Source and Target are the operations; nil for one that wasn't started.
	Source, Target *Operation
	// SourceSecrets and TargetSecrets are the secrets of the websockets; nil for an operation that connects to the other.
	SourceSecrets, TargetSecrets map[string]string
	// Copy is the object that the target's operation makes.
	Copy Copy

	creation *pending // the request that starts the target's operation; nil if there is none
	settled  bool     // Settle has seen it
	awaited  bool     // awaitRemoval has waited
}

// Websockets returns the secrets of the operation's websockets, by name; empty if it has none.
func (r *Reply) Websockets() map[string]string {
	var state struct {
		Metadata map[string]any `json:"metadata"`
	}
	out := make(map[string]string)
	if json.Unmarshal(r.Metadata, &state) == nil {
		for name, v := range state.Metadata {
			if secret, ok := v.(string); ok {
				out[name] = secret
			}
		}
	}
	return out
}

// Wait waits for the end of both operations, or for the failure of one, and returns the state of the target's. A limit of
// 0 is none. After a failure End must follow.
func (m *Migration) Wait(ctx context.Context, limit time.Duration) (*State, error) {
	bounded, cancel := context.WithCancel(ctx)
	if limit > 0 {
		bounded, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	type result struct {
		state *State
		err   error
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	results := make(chan result, 3)
	var target *State
	running.Go(func() {
		state, err := m.Target.waitUnder(bounded, ctx)
		target = state
		results <- result{state, err}
	})
	running.Go(func() {
		state, err := m.Source.waitUnder(bounded, ctx)
		results <- result{state, err}
	})
	if m.SourceSecrets != nil && m.TargetSecrets != nil {
		running.Go(func() {
			if err := m.relay(bounded); err != nil {
				results <- result{nil, err}
			}
		})
	}
	for range 2 {
		if r := <-results; r.err != nil {
			return nil, r.err
		}
	}
	return target, nil
}

// End ends the operations of a migration that failed, and returns its error: that of the target's operation, with that of
// the source's as its cause, or err. If ctx has ended, the operations are left to its [Work], and [Migration.Leave] must follow.
func (m *Migration) End(ctx context.Context, err error) error {
	var sourceErr, targetErr error
	alone := m.Source != nil && m.Target != nil // else an operation waits for the other
	if alone {
		sourceErr, targetErr = m.ends(ctx, endsAlone)
	}
	if ctx.Err() == nil && (!alone || isRunning(sourceErr) || isRunning(targetErr)) {
		m.hangUp(ctx)
		sourceErr, targetErr = m.ends(ctx, endsAfter)
	}
	if ctx.Err() != nil {
		return err
	}
	var failed, source *errors.Error
	if !errors.As(err, &failed) || !m.failed(failed) {
		return err // the operations failed because of it
	}
	if targetErr == nil || isRunning(targetErr) || !errors.As(targetErr, &failed) {
		return err
	}
	if errors.As(sourceErr, &source) && source.OperationID != failed.OperationID && source.Class != errors.OperationCancelled && !isRunning(sourceErr) && !ofTarget(source.Message) {
		failed = withCause(failed, source)
	}
	return failed
}

// failed reports whether an error is the failure of one of the operations.
func (m *Migration) failed(e *errors.Error) bool {
	for _, o := range []*Operation{m.Source, m.Target} {
		if o != nil && o.id == e.OperationID {
			return !e.Class.IsA(errors.OperationTimeout)
		}
	}
	return false
}

// Sent reports whether the source's operation is known to have succeeded.
func (m *Migration) Sent() bool {
	if m.Source == nil {
		return false
	}
	end := m.Source.known()
	return end != nil && end.err == nil
}

// Unended returns the operations whose end is unknown.
func (m *Migration) Unended() (source, target *Operation) {
	if m.Source != nil && m.Source.known() == nil {
		source = m.Source
	}
	if m.Target != nil && m.Target.known() == nil {
		target = m.Target
	}
	return source, target
}

// Taken reports whether the target's operation is known to have failed because its name was taken, by another object.
func (m *Migration) Taken() bool {
	if m.Target == nil {
		return false
	}
	end := m.Target.known()
	return end != nil && errors.Is(end.err, errors.AlreadyExists)
}

// ofTarget reports whether the source's failure only repeats the target's.
func ofTarget(message string) bool { return strings.Contains(message, "control target: ") }

// withCause returns the error with another cause after its own.
func withCause(e, cause *errors.Error) *errors.Error {
	out := *e
	if inner, ok := e.Cause.(*errors.Error); ok {
		out.Cause = withCause(inner, cause)
	} else {
		out.Cause = cause
	}
	return &out
}

func isRunning(err error) bool { return errors.Is(err, errors.OperationTimeout) }

// ends waits for the ends of both operations, for at most limit each.
func (m *Migration) ends(ctx context.Context, limit time.Duration) (source, target error) {
	if m.Source != nil {
		_, source = m.Source.WaitTimeout(ctx, limit)
	}
	if m.Target != nil {
		_, target = m.Target.WaitTimeout(ctx, limit)
	}
	return source, target
}

// hangUp cancels the operations. One that can't be cancelled, and still waits for connections, ends when it has all of
// them and they are closed.
func (m *Migration) hangUp(ctx context.Context) {
	for o, secrets := range map[*Operation]map[string]string{m.Source: m.SourceSecrets, m.Target: m.TargetSecrets} {
		if o == nil || o.known() != nil {
			continue
		}
		if o.Cancel(ctx) == nil {
			continue
		}
		for _, secret := range secrets {
			if conn, err := o.client.Websocket(ctx, o.Path()+"/websocket", url.Values{"secret": {secret}}); err == nil {
				defer conn.CloseNow()
			}
		}
	}
}
