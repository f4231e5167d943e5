package rest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// control is the name of the websocket for signals. The server kills the command when it closes.
const control = "control"

// The time that a command has to end after each way of ending it.
var (
	termGrace = 2 * time.Second
	killGrace = time.Second
	// newsGrace is the time for the news of the end after that, and lostGrace if a connection broke: a cluster takes half a
	// minute to miss a member, and says then that the command is lost.
	newsGrace = 5 * time.Second
	lostGrace = 45 * time.Second
	// idleOutput is the longest pause of the server in the remaining output of a command that has ended.
	idleOutput = 10 * time.Second
)

// ExecOptions are the options of a command that aren't in its request.
type ExecOptions struct {
	// Stdin is read to its end, in a goroutine, and closed at the command's end if it is an io.Closer; nil for no input.
	Stdin io.Reader
	// Stdout, if set, takes the standard output, which Next and Output then don't return. After an error the command is
	// ended.
	Stdout io.Writer
	// Terminal reports whether the request asks for a terminal, which merges both outputs.
	Terminal bool
	// Typed reports whether a person types the input. Its end isn't sent.
	Typed bool
	// Console reports whether the request is for the console of an instance. The end of the input leaves the console. There
	// is no exit status.
	Console bool
	// Timeout is the time after its begin after which the command is ended; 0 for none. With it, a server has 10 seconds more
	// than that to answer the request.
	Timeout time.Duration
	// MaxOutput is the limit of the output that isn't taken with Next, in bytes. A command that writes more is ended,
	// with an error that ends with Advice.
	MaxOutput int
	Advice    string
}

// An Exec is a command in an instance, attached by websockets: one for each of its streams, and one for signals. Its
// goroutines belong to the client. Its methods may be called from several goroutines at once.
type Exec struct {
	client    *Client
	operation *Operation
	options   ExecOptions
	secrets   map[string]string // of the websockets
	output    *execOutput

	hangUp    context.CancelFunc  // closes the websockets
	attached  chan struct{}       // closed when the websockets are connected, or why not is known
	kept      atomic.Bool         // whether it is decided if this is the command's last request
	again     bool                // whether the server didn't begin the command, which is to be requested again, once attached is closed
	control   *websocket.Conn     // the connection for signals, from then on; nil for none
	carriers  map[string]net.Conn // the connections below the websockets, from then on
	unreached bool                // whether the server can't have begun the command, from then on
	dead      chan struct{}       // closed when the connection for signals has ended, as after the process's end
	ended     chan struct{}       // closed when the operation's end is known, or can't be
	done      chan struct{}       // closed when all has ended
	overdue   atomic.Bool         // whether the time is over
	ending    atomic.Bool         // whether End was called
	gaveUp    chan struct{}       // closed when the first End returns
	killed    atomic.Bool         // whether SIGKILL was sent
	signal    atomic.Int64        // the last one that End sent

	running sync.WaitGroup

	mu     sync.Mutex
	failed error // the first failure on this side
	broken error // the first failure of a connection
	lost   error // the failure of the connection for signals, once dead is closed; nil for an orderly end

	code int   // the exit status, once done is closed; -1 if unknown
	err  error // the error, once done is closed
}

// request requests a command, and attaches to it in the background.
func (c *Client) request(ctx context.Context, request Request, options ExecOptions, last bool) (*Exec, *Reply, error) {
	k, err := c.prepare(request)
	if err != nil {
		return nil, nil, err
	}
	k.attaches = true
	if options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, Longer(options.Timeout, connectTimeout))
		defer cancel()
	}
	var reply *Reply
	if w := workOf(ctx); w != nil {
		reply, err = w.outlive(ctx, c, k)
	} else {
		reply, err = c.exchange(ctx, k)
	}
	if err != nil {
		return nil, nil, err
	}
	e := &Exec{client: c, operation: reply.Operation, options: options, output: newExecOutput(options.MaxOutput, options.Advice),
		attached: make(chan struct{}), dead: make(chan struct{}), ended: make(chan struct{}), done: make(chan struct{}), gaveUp: make(chan struct{})}
	e.kept.Store(last)
	if e.secrets = e.secretsIn(reply); e.secrets == nil {
		err := k.notIncus(errors.Plain("it has no websockets for the command"))
		if err.Outcome = errors.Unknown; reply.Operation == nil {
			err.Outcome = errors.Done // it was accepted, whatever was done
		}
		return nil, reply, err
	}
	e.operation.Watch() // the server forgets the end after 5 seconds
	o := e.operation
	o.mu.Lock()
	o.exec = e
	o.mu.Unlock()
	session, cancel := context.WithCancel(c.ctx)
	e.hangUp = cancel
	if !c.spawn(func(ctx context.Context) { e.run(ctx, session) }) {
		cancel()
		return nil, reply, errClosed()
	}
	return e, reply, nil
}

// secretsIn returns the secrets of the websockets in a reply, by name; nil if one is missing.
func (e *Exec) secretsIn(reply *Reply) map[string]string {
	var state struct {
		Metadata struct {
			Fds map[string]string `json:"fds"`
		} `json:"metadata"`
	}
	if reply.Operation == nil || json.Unmarshal(reply.Metadata, &state) != nil {
		return nil
	}
	for _, name := range e.websockets() {
		if state.Metadata.Fds[name] == "" {
			return nil
		}
	}
	return state.Metadata.Fds
}

// websockets returns the names of the websockets. The server begins the command when all but control are connected.
func (e *Exec) websockets() []string {
	if e.options.Terminal {
		return []string{control, Stdin}
	}
	return []string{control, Stdin, Stdout, Stderr}
}

// Operation returns the operation of the command.
func (e *Exec) Operation() *Operation { return e.operation }

// Done is closed when the command has ended and all its output has come.
func (e *Exec) Done() <-chan struct{} { return e.done }

// Next returns the next piece of output, in order of arrival, and io.EOF after the last one. From the first call on, the
// command waits while its output isn't taken.
func (e *Exec) Next(ctx context.Context) (Piece, error) { return e.output.next(ctx) }

// Collect makes the command write without waiting for calls of Next. Output returns the rest.
func (e *Exec) Collect() { e.output.collect() }

// Output returns the output that Next has not returned, once.
func (e *Exec) Output() (stdout, stderr []byte) { return e.output.take() }

// Wait waits for the end of the command and of its output, and returns the exit status, -1 if unknown. The error is that of
// the operation, or the reason for which the command was ended or the output is incomplete. If the context's deadline passes
// first, the class is errors.OperationTimeout, and the command is still running.
func (e *Exec) Wait(ctx context.Context) (code int, err error) { return e.waitUnder(ctx, ctx) }

// WaitTimeout is Wait for at most limit.
func (e *Exec) WaitTimeout(ctx context.Context, limit time.Duration) (code int, err error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return e.waitUnder(bounded, ctx)
}

func (e *Exec) waitUnder(ctx, caller context.Context) (int, error) {
	start := time.Now()
	select {
	case <-e.done:
		e.operation.awaited()
		return e.code, e.err
	default:
	}
	select {
	case <-e.done:
		e.operation.awaited()
		return e.code, e.err
	case <-ctx.Done():
	}
	if caller.Err() != nil {
		e.Abandon(caller)
	}
	if err := cancelled(ctx); err != nil {
		return -1, err
	}
	return -1, e.operation.timeout(time.Since(start))
}

// Abandon adds the command to the abandoned work of a context that has ended. Settle ends the command.
func (e *Exec) Abandon(ctx context.Context) {
	w := workOf(ctx)
	if w == nil {
		return
	}
	select {
	case <-e.done:
	default:
		w.leave(e.operation)
	}
}

// fail records the reason for which the command has to be ended. The first one counts.
func (e *Exec) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil {
		e.failed = err
	}
}

// run attaches to the command, and returns when everything has ended. Close of the client cancels ctx, hangUp cancels session.
func (e *Exec) run(ctx, session context.Context) {
	defer close(e.done)
	defer e.output.end()
	defer e.running.Wait()
	defer e.hangUp()
	conns, err := e.attach(session)
	defer func() {
		for _, conn := range conns {
			conn.CloseNow()
		}
		if closer, ok := e.options.Stdin.(io.Closer); ok && !e.again {
			_ = closer.Close()
		}
	}()
	if err != nil {
		e.code, e.err = e.notAttached(ctx, err)
		e.again = e.notBegun() && e.kept.CompareAndSwap(false, true)
		close(e.ended)
		close(e.attached)
		return
	}
	e.control = conns[control]
	close(e.attached)
	var outputs sync.WaitGroup
	e.running.Go(func() { e.feed(session, conns[Stdin]) })
	for name, conn := range conns {
		switch {
		case name == control:
			e.running.Go(func() { e.listen(session, conn); close(e.dead); e.output.finish() })
		case name == Stdin && !e.options.Terminal:
			e.running.Go(func() { e.cutOff(session, discard(session, conn)) })
		default:
			outputs.Go(func() { e.read(session, name, conn) })
		}
	}
	if e.options.Timeout > 0 {
		e.running.Go(func() { e.limit(session) })
	}
	end, err := e.news(ctx)
	close(e.ended)
	if err != nil {
		e.hangUp() // what comes next isn't known to be all
	}
	e.output.finish()
	drained := make(chan struct{})
	e.running.Go(func() { outputs.Wait(); close(drained) })
	e.drain(drained)
	e.code, e.err = e.result(end, err)
}

// drain waits for the rest of the output while it keeps coming.
func (e *Exec) drain(drained <-chan struct{}) {
	tick := time.NewTicker(idleOutput)
	defer tick.Stop()
	for before := e.output.total(); ; {
		select {
		case <-drained:
			return
		case <-tick.C:
		}
		now := e.output.total()
		if now == before {
			e.breaks(&stalled{idleOutput})
			e.hangUp()
			<-drained
			return
		}
		before = now
	}
}

// breaks records the failure of a connection. The first one counts.
func (e *Exec) breaks(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken == nil {
		e.broken = err
	}
}

// attach connects the websockets, for which the server waits only seconds. The last one starts the command. It is
// connected alone, after the others, because Incus crashes if a websocket is connected at the moment at which the
// operation ends.
func (e *Exec) attach(ctx context.Context) (map[string]*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var mu sync.Mutex
	var connecting sync.WaitGroup
	conns := make(map[string]*websocket.Conn)
	e.carriers = make(map[string]net.Conn)
	var failed error
	connect := func(name string) {
		ctx := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			mu.Lock()
			defer mu.Unlock()
			e.carriers[name] = got.Conn
		}})
		conn, reached, err := e.client.websocket(ctx, e.operation.Path()+"/websocket", url.Values{"secret": {e.secrets[name]}}, unanswered)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			conn.SetReadLimit(-1) // a message is read in pieces
			conns[name] = conn
		case failed == nil:
			failed, e.unreached = err, !reached
			cancel()
		}
	}
	names := e.websockets()
	last := len(names) - 1
	for _, name := range names[:last] {
		connecting.Go(func() { connect(name) })
	}
	connecting.Wait()
	if failed != nil {
		e.unreached = true // the server has not begun the command, and won't
		return conns, failed
	}
	connect(names[last])
	return conns, failed
}

// limit ends the command after the timeout.
func (e *Exec) limit(ctx context.Context) {
	timer := time.NewTimer(e.options.Timeout)
	defer timer.Stop()
	select {
	case <-e.ended:
	case <-ctx.Done():
	case <-timer.C:
		e.overdue.Store(true)
		e.End(ctx)
	}
}

// unanswered ignores pings. The server doesn't wait for answers. It may have closed the connection, and then a failure to
// answer would lose the output that it sent before.
func unanswered(context.Context, []byte) bool { return false }
