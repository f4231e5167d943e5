package repl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/terminal"
	values "incus-star/starlarkincus/show"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// longEntry is the time of an entry from which on the prompt says how long it took.
var longEntry = 2 * time.Second

// keptValues is the number of values of earlier entries that have names: _1 is the value before _.
const keptValues = 10

// enter runs a typed entry: a command, a question such as x?, or Starlark code. Pasted lines may start with commands and
// questions.
func (p *prompt) enter(ctx context.Context, text string) error {
	first, rest, several := strings.Cut(strings.TrimSpace(text), "\n")
	about, asks := questioned(first)
	switch {
	case isCommand(first):
		if err := p.command(ctx, strings.TrimSpace(first)); err != nil || !several {
			return err
		}
		return p.enter(ctx, rest)
	case asks:
		if err := p.ask(ctx, about); err != nil || !several {
			return err
		}
		return p.enter(ctx, rest)
	case strings.TrimSpace(text) == "":
		return nil
	}
	return p.run(ctx, text, false)
}

// run runs an entry, prints its value, in full if all is set, in one line if it is an object that the entry changed, and stores it as _.
func (p *prompt) run(ctx context.Context, text string, all bool) error {
	paging, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, expire := p.limited(paging)
	defer expire()
	stop := p.interruptible(cancel, false)
	defer stop()
	took := stopwatch()
	v, err := p.session.Eval(ctx, text)
	spent := took()
	p.hintHelp(text, err)
	if p.note = p.keyNote(text, err); p.note == "" {
		p.note = outputNote(err)
	}
	if failed := p.Host.ErrorValue(err); failed != nil {
		p.session.Set("err_", failed)
	}
	how := values.Style{All: all}
	if err == nil {
		how.OneLine = p.changes(text)
		p.keep(text, v)
	} else {
		p.keepFailed(text, err)
	}
	if err == nil && v != starlark.None {
		if b, ok := v.(*starlark.Builtin); ok && b.Name() == "exit" && strings.TrimSpace(text) == "exit" {
			err = write(ctx, p.Stdout, "exit() or Ctrl-D ends the prompt\n")
		} else if does := functionText(v); does != "" && p.typed {
			err = write(ctx, p.Stdout, wrapped(p.Stdout, does))
		} else {
			err = p.print(ctx, paging, v, how)
		}
	}
	if p.typed && spent >= longEntry && err == nil {
		fmt.Fprintf(p.Stderr, "done in %s\n", tookText(spent))
	}
	if stop(); err == nil && ctx.Err() != nil {
		return causeOf(ctx) // the interrupt came after the last statement
	}
	return err
}

// stopwatch returns a function that returns the time since, without that in a shell or a pager.
func stopwatch() func() time.Duration {
	begin, before := time.Now(), terminal.Elsewhere()
	return func() time.Duration { return time.Since(begin) - (terminal.Elsewhere() - before) }
}

// tookText returns a time for people.
func tookText(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.0f µs", d.Seconds()*1e6)
}

// keep records an entry that worked, and names its value. An entry that only shows a value which has such a name leaves the names as
// they are.
func (p *prompt) keep(text string, v starlark.Value) {
	valued := v != starlark.None
	for i := range p.values {
		valued = valued && strings.TrimSpace(text) != valueName(i)
	}
	p.worked = append(p.worked, worked{text: text, valued: valued, deeds: typed(p.deeds(text), p.session.Typed())})
	if !valued {
		return
	}
	p.values = append([]starlark.Value{v}, p.values[:min(len(p.values), keptValues-1)]...)
	for i, value := range p.values {
		p.session.Set(valueName(i), value)
	}
}

// keepFailed records the statements of an entry that worked before its error, and the one that failed if it may have done something.
func (p *prompt) keepFailed(text string, err error) {
	completed := p.session.Completed()
	if begun := begunPart(text, completed); begun != "" {
		p.worked = append(p.worked, worked{text: begun, deeds: typed(p.deeds(begun), p.session.Typed())})
	}
	if failed := p.halfway(text, completed); failed != "" && !errors.As(err, new(syntax.Error)) && !errors.As(err, new(resolve.ErrorList)) {
		p.failed = append(p.failed, failed)
	}
}

// valueName returns the name of the value that is n values before the last one.
func valueName(n int) string {
	if n == 0 {
		return "_"
	}
	return fmt.Sprintf("_%d", n)
}

// evalOwn is eval of code that nobody has typed, whose error has no backtrace.
func (p *prompt) evalOwn(ctx context.Context, code string) (starlark.Value, error) {
	v, err := p.eval(ctx, code)
	var failed *errors.Error
	if errors.As(err, &failed) && ctx.Err() == nil && !errors.Is(err, host.ErrInterrupted) && !errors.Is(err, host.ErrTimeout) {
		err = failed
	}
	return v, err
}

// eval runs code of a command, which may be interrupted.
func (p *prompt) eval(ctx context.Context, code string) (v starlark.Value, err error) {
	err = p.withinEntry(ctx, func(ctx context.Context) error {
		v, err = p.session.Eval(ctx, code)
		return err
	})
	return v, err
}

// withinEntry calls a function with a context that ends at Ctrl-C and at the time limit of an entry.
func (p *prompt) withinEntry(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, expire := p.limited(ctx)
	defer expire()
	defer p.interruptible(cancel, false)()
	return call(ctx)
}

// watch returns the declaration of the prompt's watch(fn, interval). Scripts have wait_until, which ends.
func (p *prompt) watch() *builtin.Decl {
	return &builtin.Decl{
		Name: "watch", Params: []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Opt("interval", builtin.Seconds, "2")}, Returns: builtin.None,
		Help: "Calls fn() every interval seconds, and prints its value when it has changed. Ctrl-C ends it. Only prompts have it.",
		Call: p.callWatch,
	}
}

func (p *prompt) callWatch(c *builtin.Call) (starlark.Value, error) {
	var fn starlark.Callable
	var interval starlark.Value = starlark.MakeInt(2)
	if err := starlark.UnpackArgs(c.Name, c.Args, c.Kwargs, "fn", &fn, "interval?", &interval); err != nil {
		return nil, err
	}
	seconds, ok := starlark.AsFloat(interval)
	if !ok || !(seconds > 0 && seconds < 1e9) {
		return nil, c.Errorf("interval: got %s, want seconds", interval)
	}
	b := builtin.Of(c.Thread)
	last := ""
	for {
		v, err := starlark.Call(c.Thread, fn, nil, nil)
		if err != nil {
			return nil, err
		}
		if text := v.String(); text != last {
			last = text
			shown, err := p.text(b.Context, v, values.Style{})
			if err == nil {
				b.Block(func() { err = p.page(b.Context, b.Context, time.Now().Format(time.TimeOnly)+"\n"+shown) })
			}
			if err != nil {
				return nil, err
			}
		}
		b.Block(func() {
			select {
			case <-b.Context.Done():
			case <-time.After(time.Duration(seconds * float64(time.Second))):
			}
		})
		if b.Context.Err() != nil {
			return nil, causeOf(b.Context)
		}
	}
}

// quiet reports whether the end of an entry by Ctrl-C is its normal one.
func quiet(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "watch(") }
