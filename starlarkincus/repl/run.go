package repl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// longEntry is the time of an entry from which on the prompt says how long it took.
var longEntry = 2 * time.Second

// keptValues is the number of values of earlier entries that have names: _1 is the value before _.
const keptValues = 10

// enter runs a typed entry: a command, a question such as x?, or Starlark code.
func (p *prompt) enter(ctx context.Context, text string) error {
	switch line := strings.TrimSpace(text); {
	case isCommand(line):
		for i, next := range strings.Split(line, "\n:") { // several that were pasted
			if i > 0 {
				next = ":" + next
			}
			if err := p.command(ctx, strings.TrimSpace(next)); err != nil {
				return err
			}
		}
		return nil
	case isQuestion(line):
		return p.ask(ctx, strings.TrimSpace(strings.TrimSuffix(line, "?")))
	}
	return p.run(ctx, text, false)
}

// run runs an entry, prints its value, in full if all is set, and stores it as _.
func (p *prompt) run(ctx context.Context, text string, all bool) error {
	paging, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, expire := p.limited(paging)
	defer expire()
	stop := p.interruptible(cancel, false)
	defer stop()
	begin := time.Now()
	v, err := p.session.Eval(ctx, text)
	took := time.Since(begin)
	p.hintHelp(text, err)
	if failed := p.Host.ErrorValue(err); failed != nil {
		p.session.Set("err_", failed)
	}
	if err == nil {
		p.keep(text, v)
	}
	if err == nil && v != starlark.None {
		if b, ok := v.(*starlark.Builtin); ok && b.Name() == "exit" && strings.TrimSpace(text) == "exit" {
			err = write(ctx, p.Stdout, "exit() or Ctrl-D ends the prompt\n")
		} else {
			err = p.print(ctx, paging, v, all)
		}
	}
	if p.typed && took >= longEntry && err == nil {
		fmt.Fprintf(p.Stderr, "done in %s\n", tookText(took))
	}
	if stop(); err == nil && ctx.Err() != nil {
		return causeOf(ctx) // the interrupt came after the last statement
	}
	return err
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

// keep records an entry that worked, and names its value.
func (p *prompt) keep(text string, v starlark.Value) {
	p.worked = append(p.worked, worked{text, v != starlark.None})
	if v == starlark.None {
		return
	}
	p.values = append([]starlark.Value{v}, p.values[:min(len(p.values), keptValues-1)]...)
	for i, value := range p.values {
		p.session.Set(valueName(i), value)
	}
}

// valueName returns the name of the value that is n values before the last one.
func valueName(n int) string {
	if n == 0 {
		return "_"
	}
	return fmt.Sprintf("_%d", n)
}

// eval runs code of the prompt itself, which may be interrupted.
func (p *prompt) eval(ctx context.Context, code string) (starlark.Value, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, expire := p.limited(ctx)
	defer expire()
	defer p.interruptible(cancel, false)()
	return p.session.Eval(ctx, code)
}

// watch returns the declaration of the prompt's watch(fn, interval). Scripts have wait_until, which ends.
func (p *prompt) watch() *builtin.Decl {
	return &builtin.Decl{
		Name: "watch", Params: []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Opt("interval", builtin.Seconds, "2")}, Returns: builtin.None,
		Help: "Calls fn() every interval seconds, and prints its value when it has changed. Ctrl-C ends it.",
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
			b.Block(func() {
				_, _ = fmt.Fprintln(p.Stdout, time.Now().Format(time.TimeOnly))
				err = p.print(b.Context, b.Context, v, false)
			})
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
