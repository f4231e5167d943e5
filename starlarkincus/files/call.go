package files

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

// A Call is one use of a connection. Its methods take absolute paths.
type Call struct {
	// Watch, if not nil, starts a meter for a push or a pull; a negative total is unknown.
	Watch func(total int64) Meter
	// Within, if not empty, is a local folder of which no link leads a pull out; the local path is then relative to it.
	Within string
	// Parents lets a pull create missing local folders above the path.
	Parents bool

	meter   Meter // nil for none
	ctx     context.Context
	session *session
	records *[]*record   // of the transfers of all attempts, in their order
	begun   int          // transfers of this attempt
	sent    atomic.Bool  // something that may change the files was sent
	made    atomic.Int64 // changes that the server has made
	unsure  bool         // something that was sent may be made

	mu   sync.Mutex
	left []string // temporary files that couldn't be removed
}

// Do calls fn with a connection to the files at a place. If the connection was opened by an earlier call, and proves
// broken before fn has changed anything there, Do calls fn again with a new one; the result of a pull then has what both wrote.
// Changes reports whether fn may change something, so that its error has an outcome.
func (p *Pool) Do(ctx context.Context, place string, changes bool, fn func(*Call) error) error {
	var records []*record
	for {
		s, fresh, err := p.take(ctx, place)
		if err != nil {
			if len(records) > 0 {
				_, err = records[len(records)-1].done(err)
			}
			return withOutcome(err, changes, errors.NotSent)
		}
		c := &Call{ctx: ctx, session: s, records: &records}
		err = c.run(fn)
		lost := errors.As(err, new(*BrokenError))
		if lost {
			p.forget(s)
		}
		p.release(s)
		if !lost || fresh || c.sent.Load() || ctx.Err() != nil {
			return c.failure(err, changes)
		}
	}
}

// transfer returns the record of the next push or pull: that of an earlier attempt, if it began the same.
func (c *Call) transfer() *record {
	if c.begun == len(*c.records) {
		*c.records = append(*c.records, new(record))
	}
	c.begun++
	return (*c.records)[c.begun-1]
}

// run calls fn. When the context ends, fn gets the grace to remove its temporary files; then the connection is closed.
func (c *Call) run(fn func(*Call) error) error {
	ended := make(chan struct{})
	killed := make(chan struct{})
	stop := context.AfterFunc(c.ctx, func() {
		defer close(killed)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			c.session.wire.Close() // the client's own Close waits for the write of another goroutine, which may be stuck
		case <-ended:
		}
	})
	err := fn(c)
	close(ended)
	if !stop() {
		<-killed
	}
	return err
}

// failure returns the error for the caller.
func (c *Call) failure(err error, changes bool) error {
	if err == nil {
		return nil
	}
	outcome := errors.NotSent
	c.unsure = c.sent.Load() && (errors.As(err, new(*BrokenError)) || c.ctx.Err() != nil)
	switch {
	case c.made.Load() > 0, c.sent.Load() && errors.As(err, new(*BrokenError)):
		outcome = errors.Unknown
	case c.sent.Load(), errors.Is(err, errors.API):
		outcome = errors.Refused
	}
	left := "left behind"
	var lost *BrokenError
	broken := errors.As(err, &lost)
	if broken || c.session.wire.cause() != nil {
		left = "may have left behind"
	}
	if broken {
		err = lost
		if ended := stopped(c.ctx); ended != nil { // run closed the connection
			err = ended
		}
	}
	var e *errors.Error
	if errors.As(err, &e) && len(c.left) > 0 {
		e.Message += fmt.Sprintf("; it %s %s", left, some(c.left))
	}
	return withOutcome(err, changes, outcome)
}

// Changed reports whether the call has changed files, or may have. It must not be called before the end of [Pool.Do].
func (c *Call) Changed() bool { return c.made.Load() > 0 || c.unsure }

// some returns the first of the paths and the number of the others.
func some(paths []string) string {
	const most = 3
	if len(paths) <= most {
		return strings.Join(paths, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(paths[:most], ", "), len(paths)-most)
}

func withOutcome(err error, changes bool, outcome errors.Outcome) error {
	var e *errors.Error
	var local *LocalError
	switch {
	case !changes:
	case errors.As(err, &e) && e.Outcome == "":
		e.Outcome = outcome
	case errors.As(err, &local):
		local.Outcome = outcome
	}
	return err
}

// Broke begins the message of a BrokenError. Its cause follows.
const Broke = "the connection to the files broke: "

// A BrokenError is the error of a connection that ended before the answer to a request.
type BrokenError struct{ Err *errors.Error }

func (e *BrokenError) Error() string { return e.Err.Error() }
func (e *BrokenError) Unwrap() error { return e.Err }

// broke returns the error of a connection that ended.
func (s *session) broke(err error) *BrokenError {
	cause := err
	if s.wire.cause() != nil {
		cause = s.wire.cause()
	}
	return &BrokenError{&errors.Error{Class: errors.Connection, Message: Broke + cause.Error(), Cause: cause}}
}

// stopped returns the error of an ended context; nil if it hasn't ended.
func stopped(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// ask runs a request that changes nothing.
func (c *Call) ask(path string, do func(*sftp.Client) error) error {
	if err := stopped(c.ctx); err != nil {
		return err
	}
	return c.judge(path, do(c.session.client))
}

// change runs a request that may change a file.
func (c *Call) change(path string, do func(*sftp.Client) error) error {
	if err := stopped(c.ctx); err != nil {
		return err
	}
	return c.tidy(path, do)
}

// tidy is like change, but works after the end of the context too.
func (c *Call) tidy(path string, do func(*sftp.Client) error) error {
	err := do(c.session.client)
	if !errors.Is(err, errReadOnly) {
		c.sent.Store(true)
	}
	return c.judge(path, err)
}

// judge returns the error for the failure of a request about a file.
func (c *Call) judge(path string, err error) error {
	var status *sftp.StatusError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errReadOnly):
		return &errors.Error{Class: errors.Permission, Message: path + ": nothing was sent, because this client only reads", Outcome: errors.NotSent}
	case errors.Is(err, errNoSpecialBits):
		return &errors.Error{Class: errors.NotImplemented, Message: path + ": " + err.Error(), Object: &errors.Object{Kind: "file", Name: path}}
	case errors.Is(err, fs.ErrNotExist):
		return errors.NewFile(path, codeMissing, "")
	case errors.Is(err, fs.ErrPermission):
		return errors.NewFile(path, codeDenied, "")
	case errors.As(err, &status) && c.session.wire.cause() == nil:
		return errors.NewFile(path, uint32(status.FxCode()), statusMessage(status))
	}
	return c.session.broke(err)
}

// The status codes that the library replaces by errors of package fs.
const (
	codeMissing = 2
	codeDenied  = 3
)

// statusMessage returns the server's message, which the library quotes in its error text.
func statusMessage(err *sftp.StatusError) string {
	quoted, _ := strconv.QuotedPrefix(strings.TrimPrefix(err.Error(), "sftp: "))
	text, _ := strconv.Unquote(quoted)
	return text
}
