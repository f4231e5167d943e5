package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// The signals that end a command, by their numbers on Linux, the system of all instances.
const (
	sigHup  = 1
	sigKill = 9
	sigTerm = 15
)

// discard reads and ignores messages until the connection ends, and returns the error that ended it.
func discard(ctx context.Context, conn *websocket.Conn) error {
	for {
		_, r, err := conn.Reader(ctx)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
	}
}

// cutOff handles the end of the connection for input. The server closes it only after the process has ended and the
// connection for signals is closed. Otherwise it broke, and cutOff ends the command, which could take a part of its
// input for the whole. TLS says whether it was closed; without it, the news of the process's end must come soon.
func (e *Exec) cutOff(ctx context.Context, ended error) {
	if carrier := e.carriers[Stdin]; isTLS(carrier) && errors.Is(ended, io.EOF) && !endedEarly(carrier) {
		return
	}
	timer := time.NewTimer(2 * firstPause)
	defer timer.Stop()
	select {
	case <-e.dead:
	case <-e.ended:
	case <-ctx.Done():
	case <-timer.C:
		e.breaks(io.ErrUnexpectedEOF)
		e.End(ctx)
	}
}

// read takes the output of one connection to its end, which the server marks with a text message.
func (e *Exec) read(ctx context.Context, name string, conn *websocket.Conn) {
	stream := name
	if e.options.Terminal {
		stream = Stdout
	}
	err := e.copy(ctx, stream, conn)
	switch {
	case err == nil && e.options.Terminal:
		_ = conn.Write(ctx, websocket.MessageText, nil) // the server waits for it
		return
	case err == nil, ctx.Err() != nil:
		return
	}
	e.breaks(trimClose(err))
	timer := time.NewTimer(termGrace)
	defer timer.Stop()
	select {
	case <-e.ended: // the server closes all connections then
	case <-ctx.Done():
	case <-timer.C:
		e.End(ctx)
	}
}

// trimClose returns the reason for the failure of a websocket, without the wording of the library.
func trimClose(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return reason(err)
}

// put stores output.
func (e *Exec) put(ctx context.Context, stream string, data []byte) error {
	if stream != Stdout || e.options.Stdout == nil {
		return e.output.put(ctx, stream, data)
	}
	if e.output.passes(len(data)) {
		return nil
	}
	_, err := e.options.Stdout.Write(data)
	return err
}

// copy takes the output of one connection until its end.
func (e *Exec) copy(ctx context.Context, stream string, conn *websocket.Conn) error {
	buffer := make([]byte, maxPiece)
	for {
		kind, r, err := conn.Reader(ctx)
		switch {
		case err != nil:
			return err
		case kind == websocket.MessageText:
			return nil
		}
		for err == nil {
			var n int
			n, err = r.Read(buffer)
			if n == 0 {
				continue
			}
			if bad := e.put(ctx, stream, buffer[:n]); bad != nil {
				if ctx.Err() != nil {
					return bad
				}
				e.fail(bad)
				e.output.drop()
				e.running.Go(func() { e.End(ctx) })
			}
		}
		if err != io.EOF {
			return err
		}
	}
}

// End ends the command by SIGTERM, or SIGHUP if its input is typed, then by SIGKILL, and then by closing its connections, on
// which the server kills it. It returns when the command has ended, or when all ways have failed.
func (e *Exec) End(ctx context.Context) {
	e.output.drop()
	if !e.ending.CompareAndSwap(false, true) {
		select {
		case <-e.ended:
		case <-e.gaveUp:
		case <-ctx.Done():
		}
		return
	}
	defer close(e.gaveUp)
	if e.options.Console {
		e.hangUp()
		e.ends(ctx, killGrace)
		return
	}
	first := sigTerm
	if e.options.Typed {
		first = sigHup // a shell that somebody types to ignores SIGTERM
	}
	for _, way := range []struct {
		signal int
		grace  time.Duration
	}{{first, termGrace}, {sigKill, killGrace}} {
		before := e.signal.Swap(int64(way.signal))
		if e.Signal(ctx, way.signal) != nil {
			e.signal.Store(before)
			break
		}
		if e.ends(ctx, way.grace) {
			return
		}
	}
	e.hangUp()
	e.ends(context.WithoutCancel(ctx), killGrace)
}

// errUnended is the failure to wait for a command that could not be ended, as in a frozen instance.
var errUnended = errors.Plain("the command could not be ended")

// news returns the end from the operation, or errUnended if it doesn't come after all ways of ending the command.
func (e *Exec) news(ctx context.Context) (*end, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.running.Go(func() {
		select {
		case <-e.gaveUp:
		case <-bounded.Done():
			return
		}
		grace := newsGrace
		e.mu.Lock()
		if e.broken != nil && !e.overdue.Load() {
			grace = lostGrace
		}
		e.mu.Unlock()
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(errUnended)
		case <-bounded.Done():
		}
	})
	end, err := e.operation.watched(bounded)
	if err != nil && ctx.Err() == nil && context.Cause(bounded) == errUnended {
		if end = e.operation.known(); end == nil {
			return nil, errUnended
		}
		err = nil
	}
	return end, err
}

// ends reports whether the command ends within a time.
func (e *Exec) ends(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-e.ended:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// fate describes the end of a command for which End was called.
func (e *Exec) fate(code int) string {
	if e.options.Console {
		return "was left"
	}
	names := map[int]string{sigHup: "SIGHUP", sigTerm: "SIGTERM", sigKill: "SIGKILL"}
	name := names[int(e.signal.Load())]
	switch {
	case name != "" && names[code-128] != "": // not always the last signal
		return "was ended by " + names[code-128]
	case code >= 0 && name != "":
		return fmt.Sprintf("ended with status %d after %s", code, name)
	case code >= 0:
		return fmt.Sprintf("ended with status %d", code)
	case name != "":
		return "was sent " + name + ", and may be running still"
	}
	return "could not be ended, and may be running still"
}

// error returns an error about the command.
func (e *Exec) error(class *errors.Class, format string, args ...any) *errors.Error {
	o := e.operation
	failed := errors.New(class, format, args...)
	failed.OperationID, failed.Method, failed.Path, failed.Object = o.id, o.method, o.path, errors.About(o.request)
	return failed
}

// result returns the results of Wait, from the end of the operation or the failure of waiting for it.
func (e *Exec) result(end *end, waited error) (code int, err error) {
	code = e.status()
	ours := func(class *errors.Class, format string, args ...any) (int, error) {
		failed := e.error(class, format, args...)
		if failed.Outcome = errors.Unknown; code >= 0 {
			failed.Fields = map[string]any{"exit_code": code}
		}
		_ = clean(failed, e.operation.secrets)
		return code, failed
	}
	lost := e.cutKilled(code)
	e.mu.Lock()
	failed, broken := e.failed, cmp.Or(e.broken, lost)
	e.mu.Unlock()
	switch {
	case failed != nil:
		code, err = ours(errors.Exec, "the command %s: %s", e.fate(code), failed)
		err.(*errors.Error).Cause = failed
		return code, err
	case e.overdue.Load():
		return ours(errors.OperationTimeout, "the command was still running after %s, and %s", round(e.options.Timeout), e.fate(code))
	case waited == errUnended && broken == nil:
		return ours(errors.Exec, "the command %s", e.fate(code))
	case waited != nil && waited != errUnended:
		return code, waited
	case waited == nil && end.err != nil && (code < 0 || broken == nil): // without a status, the command was not begun
		return code, end.err
	case broken != nil:
		code, err = ours(errors.Connection, "a connection with the command broke: %s", broken)
		err.(*errors.Error).Cause = broken
		return code, err
	case e.options.Console:
		return 0, nil
	case code < 0:
		code, err = ours(errors.Operation, "the server doesn't say how the command ended")
		err.(*errors.Error).Outcome = errors.Done
		return code, err
	}
	return code, nil
}

// notAttached returns the results of Wait after the failure to connect a websocket. The server doesn't begin the command
// before the last one is connected, but the answer to that may have been lost.
func (e *Exec) notAttached(ctx context.Context, failed error) (int, error) {
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if _, err := e.operation.Refresh(bounded); err == nil {
		if end := e.operation.known(); end != nil && end.err != nil {
			return -1, end.err
		}
	}
	e.operation.work.ended(e.operation)
	var ours *errors.Error
	if errors.As(failed, &ours) {
		ours.OperationID, ours.Object, ours.Outcome = e.operation.id, errors.About(e.operation.request), errors.Unknown
		if e.unreached {
			ours.Outcome = errors.NotSent
		}
	}
	return -1, failed
}

// status returns the exit status of the command; -1 if unknown.
func (e *Exec) status() int {
	end := e.operation.known()
	if end == nil || end.state == nil {
		return -1
	}
	var metadata struct {
		Return *int `json:"return"`
	}
	if json.Unmarshal(end.state.Metadata, &metadata) != nil || metadata.Return == nil {
		return -1
	}
	return *metadata.Return
}

// String returns a name such as "the command sleep in instance web".
func (e *Exec) String() string {
	text := "the command"
	if e.options.Console {
		text = "the console"
	}
	var state struct {
		Command []string `json:"command"`
	}
	if now := e.operation.State(); now != nil && json.Unmarshal(now.Metadata, &state) == nil && len(state.Command) > 0 {
		text += " " + e.operation.Clean(state.Command[0])
	}
	if o := errors.About(e.operation.request); o != nil {
		text += " in " + o.String()
	}
	return text
}
