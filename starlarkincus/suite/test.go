package suite

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
)

// An outcome is the outcome of a test.
type outcome int

const (
	passed  outcome = iota
	failure         // an assertion, or fail()
	broken          // another error
	skips
	notRun // the run was interrupted before
	outcomes
)

// A result is the result of a test.
type result struct {
	name    string
	outcome outcome
	took    time.Duration
	output  string // from print
	report  string // the error, with its backtrace
	reason  string // the error, or the reason for skipping it, in one line
}

// names returns the predeclared names of tests.
func (r *Runner) names(client *starlarkincus.Client) starlark.StringDict {
	return (&asserts{}).with(client)
}

func (t *asserts) with(client *starlarkincus.Client) starlark.StringDict {
	names := t.predeclared()
	names["incus"], names["lock"] = starlark.None, starlark.None
	if client != nil {
		maps.Copy(names, client.Names())
	}
	return names
}

// runTest runs one test, with a host, an incus module and a project of its own.
func (r *Runner) runTest(ctx context.Context, path, name string) (done result) {
	if ctx.Err() != nil {
		return result{name: name, outcome: notRun}
	}
	start := time.Now()
	out := new(output)
	p := newProject(fmt.Sprintf("incus-star test: %s of %s", name, path))
	p.note = func(text string) { fmt.Fprintln(out, printable.Text(text)) }
	p.status = r.noteProject
	module := r.options.Module(out)
	p.base, module.Project, module.Prepare = module.Project, p.name, p.create
	client := starlarkincus.New(module)
	defer client.Close()
	var own asserts
	h := host.New(host.Options{
		Stdout: out, Stderr: out, Predeclared: own.with(client), Track: starlarkincus.Track, Servers: client.Servers, LibraryPath: r.options.LibraryPath, Warn: r.options.Warn,
		Color: r.options.Color, MaxSteps: r.options.MaxSteps, Grace: r.options.Cleanup,
	})
	own.attach(h)

	done = r.resultOf(h, r.runScript(ctx, h, path, name))
	done.name = name
	done.report += r.clash(p, done.report)
	if err := r.remove(p); err != nil {
		done.outcome = broken
		done.reason = err.Error()
		done.report += printable.Text(done.reason) + "\n"
	}
	done.took, done.output = time.Since(start), out.String()
	return done
}

// runScript runs the file's top level, setup, the test, and then deferred calls, with teardown last.
func (r *Runner) runScript(ctx context.Context, h *host.Host, path, name string) error {
	if limit := r.options.Timeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w after %v", host.ErrTimeout, limit))
		defer cancel()
	}
	r.started(h)
	defer r.ended(h)
	var skip error // returned only if deferred calls succeed
	err := h.RunWith(ctx, path, func(s *host.Script) error {
		setup, err := function(s, "setup")
		if err != nil {
			return err
		}
		teardown, err := function(s, "teardown")
		if err != nil {
			return err
		}
		test, err := function(s, name)
		if err != nil {
			return err
		}
		if test == nil {
			return errors.New(skipped, "the file's top level didn't define it")
		}
		if setup != nil {
			if err := s.Call(setup); err != nil {
				return err
			}
		}
		if teardown != nil {
			s.Defer(teardown)
		}
		err = s.Call(test)
		if class := (*errors.Error)(nil); errors.As(err, &class) && class.Class == skipped {
			skip, err = err, nil
		}
		return err
	})
	if err == nil {
		err = skip
	}
	return err
}

// function returns a global function of the script; nil if the name is not defined.
func function(s *host.Script, name string) (starlark.Callable, error) {
	v := s.Globals[name]
	fn, ok := v.(starlark.Callable)
	if v != nil && !ok {
		return nil, fmt.Errorf("%s is %s, want a function", name, article(v))
	}
	return fn, nil
}

func (r *Runner) started(h *host.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts[h] = true
	if r.ending {
		h.EndCleanup()
	}
}

func (r *Runner) ended(h *host.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.hosts, h)
}

// resultOf returns the result of a test that ended with err.
func (r *Runner) resultOf(h *host.Host, err error) result {
	if err == nil {
		return result{outcome: passed}
	}
	done := result{outcome: broken, report: reported(h, err), reason: firstLine(err.Error())}
	var exit *host.ExitError
	var class *errors.Error
	var mistake *host.RuntimeError
	switch {
	case errors.As(err, &exit):
		done.reason = fmt.Sprintf("the test called exit(%d)", exit.Status)
		if exit.Message != "" {
			done.reason = fmt.Sprintf("the test called die(), status %d: %s", exit.Status, exit.Message)
		}
		done.report = printable.Text(done.reason) + "\n"
	case errors.Is(err, host.ErrTimeout), errors.Is(err, host.ErrInterrupted), errors.Is(err, host.ErrSteps):
	case errors.As(err, &class) && class.Class == skipped:
		done = result{outcome: skips, reason: class.Message}
	case errors.As(err, &mistake):
	case errors.As(err, &class) && (class.Class.IsA(assertion) || class.Class == errors.Script):
		done.outcome = failure
		done.reason = firstLine(class.Message)
	}
	return done
}

func reported(h *host.Host, err error) string {
	var b strings.Builder
	h.Report(&b, err)
	return b.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// maxOutput limits the recorded output of a test.
const maxOutput = 1 << 20

// An output records the output of a test.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	cut int
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := max(0, maxOutput-o.buf.Len())
	o.buf.Write(p[:min(room, len(p))])
	o.cut += len(p) - min(room, len(p))
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buf.String()
	if o.cut > 0 {
		text = strings.TrimSuffix(text, "\n") + fmt.Sprintf("\n… %d more bytes\n", o.cut)
	}
	return text
}
