package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/report"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// restWave is the wave of all remaining servers.
const restWave = "rest"

// A rollout is one call of the method rollout.
type rollout struct {
	*invocation
	fleet   *fleet
	fn      starlark.Callable
	waves   []int // the number of servers of each
	check   starlark.Callable
	stop    []*errors.Class
	results []starlark.Value // of the calls that were made, in the servers' order; nil for one that was stopped
	changed []bool           // the calls that may have made a change
	wave    int              // the number of the current one, from 1
	current []string         // the names of its servers
}

func fleetRollout(c *invocation) (starlark.Value, error) {
	r := &rollout{invocation: c, fleet: c.Receiver.(*fleet), stop: []*errors.Class{errors.Base}}
	var fn, stop, check starlark.Value = nil, nil, starlark.None
	var pauseArg starlark.Value = starlark.MakeInt(0)
	var waves starlark.Value = starlark.NewList([]starlark.Value{starlark.MakeInt(1), starlark.MakeInt(4), starlark.String(restWave)})
	if err := c.Unpack(&fn, &waves, &check, &stop, &pauseArg); err != nil {
		return nil, err
	}
	var ok bool
	if r.fn, ok = fn.(starlark.Callable); !ok {
		return nil, c.Errorf("fn is %s, want a function: write rollout(fn), not rollout(fn(client))", builtin.Described(fn))
	}
	if r.check, ok = check.(starlark.Callable); !ok && check != starlark.None {
		return nil, c.Errorf("check is %s, want a function of the Results of a wave", builtin.Described(check))
	}
	pause, err := value.Duration("pause", pauseArg)
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	if err = r.setStop(stop); err != nil {
		err = fmt.Errorf("stop: %w", err)
	} else {
		r.waves, err = wavesOf(waves, len(r.fleet.servers))
	}
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	for i, size := range r.waves {
		if i > 0 {
			if err := wait(c.Thread, pause); err != nil {
				return nil, r.ended(err)
			}
		}
		r.wave = i + 1
		if err := r.one(size); err != nil {
			return nil, err
		}
	}
	return starlarkstruct.FromStringDict(starlark.String("Rollout"), r.state()), nil
}

// rolloutDecl declares the result of Fleet.rollout.
var rolloutDecl = builtin.Decl{
	Name: "Rollout",
	Help: `A rollout that didn't stop: a struct, the result of rollout of a fleet.

done       the names of the servers on which fn returned
failed     those on which it raised an error
not_begun  those on which it wasn't called
results    the Results of the calls that were made`,
}

// setStop sets the classes of the argument stop; nil for the default.
func (r *rollout) setStop(v starlark.Value) (err error) {
	switch v := v.(type) {
	case nil:
		return nil
	case starlark.Tuple, *starlark.List:
		if starlark.Len(v) == 0 {
			r.stop = nil
			return nil
		}
	}
	r.stop, err = classesOf(v)
	return err
}

// one makes the calls of a wave, and checks them.
func (r *rollout) one(size int) error {
	begun := len(r.results)
	servers := r.fleet.servers[begun : begun+size]
	r.current = nil
	for _, server := range servers {
		r.current = append(r.current, server.Name)
	}
	g := r.group(r.fleet, servers, r.fn, r.stop)
	_, err := g.call(&fleet{servers: servers})
	r.results = append(r.results, g.results...)
	r.changed = append(r.changed, g.fleet.changed[:len(g.results)]...)
	if err != nil {
		return r.ended(err)
	}
	for _, v := range g.results {
		if one := v.(*result); one.err != nil && isOneOf(one.err.err, r.stop) {
			return r.stopped(fmt.Sprintf("%s failed: %s", one.remote, one.err.err.Message), one.err)
		}
	}
	if r.check == nil {
		return nil
	}
	v, err := r.callFunction(r.Thread, r.check, starlark.Tuple{starlark.NewList(g.results)}, nil)
	failure := failureOf(err)
	switch {
	case err != nil && (r.uncatchable(err) || failure == nil || failure.Class.IsA(errors.Script)):
		return r.ended(err)
	case err != nil:
		return r.stopped("its check of "+firstNames(r.current)+" failed: "+failure.Message, r.host().errorValueOf(err))
	case !bool(v.Truth()):
		return r.stopped("its check of "+firstNames(r.current)+" returned "+v.String(), nil)
	}
	return nil
}

// A sorting has the names of the servers of a rollout.
type sorting struct{ done, failed, unfinished, notBegun []string }

// sorted returns the names of the servers. Unfinished are those whose calls were stopped.
func (r *rollout) sorted() (s sorting) {
	for i, server := range r.fleet.servers {
		to := &s.notBegun
		if i < len(r.results) {
			switch one, _ := r.results[i].(*result); {
			case one == nil:
				to = &s.unfinished
			case one.err != nil:
				to = &s.failed
			default:
				to = &s.done
			}
		}
		*to = append(*to, server.Name)
	}
	return s
}

// String returns the names for a message.
func (s sorting) String() string {
	var parts []string
	for _, part := range []struct {
		title string
		names []string
	}{{"done", s.done}, {"failed", s.failed}, {"not finished", s.unfinished}, {"not begun", s.notBegun}} {
		names := part.names
		if len(names) == 0 {
			continue
		}
		parts = append(parts, part.title+": "+firstNames(names))
	}
	return strings.Join(parts, "; ")
}

// firstNames returns the first names for a message.
func firstNames(names []string) string {
	text := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %s more", printable.Count(more))
	}
	return text
}

// unsure returns the names of the servers on which a call that failed, or was stopped, may have made a change.
func (r *rollout) unsure() []string {
	var names []string
	for i, v := range r.results {
		one, _ := v.(*result)
		failed := one == nil || one.err != nil
		if failed && r.changed[i] || one != nil && failed && (one.err.err.Outcome == errors.Unknown || one.err.err.Outcome == errors.Done) {
			names = append(names, r.fleet.servers[i].Name)
		}
	}
	return names
}

// judge sets the outcome of the rollout's error: unknown if a change may be made on a server that failed, else that of cause,
// which may be nil.
func (r *rollout) judge(e, cause *errors.Error) {
	unsure := r.unsure()
	switch {
	case unsure != nil:
		e.Outcome = errors.Unknown
		e.Message += "; the outcome is unknown on " + firstNames(unsure) + ": a change may be made there, or go on"
	case cause != nil:
		e.Outcome = cause.Outcome
	}
}

// maxNamed is the number of servers that a message names.
const maxNamed = 8

// stopped returns the error of a rollout that stops at a wave. Cause is nil for none.
func (r *rollout) stopped(why string, cause *errorValue) error {
	e := &errorValue{host: r.host(), err: &errors.Error{Class: errors.Base}}
	e.err.Message = fmt.Sprintf("the rollout stopped at wave %d of %d, because %s (%s)", r.wave, len(r.waves), why, r.sorted())
	if cause != nil {
		e.cause, e.err.Cause, e.err.Remote = cause, cause.err, cause.err.Remote
		r.judge(e.err, cause.err)
	} else {
		r.judge(e.err, nil)
	}
	e.err.Fields = r.fields()
	for name, v := range r.state() {
		e.err.Fields[name] = v
	}
	return e.raise()
}

// ended returns an error after which the rollout doesn't go on, with its state: attributes and a note, or a report aside if no script
// can catch the error.
func (r *rollout) ended(err error) error {
	if len(r.results) == 0 {
		return err
	}
	state := errors.New(errors.Base, "the rollout ended in wave %d of %d (%s)", r.wave, len(r.waves), r.sorted())
	state.Fields = r.fields()
	r.judge(state, nil)
	if r.uncatchable(err) {
		r.reportAside("a rollout, before the script was stopped", state)
		return err
	}
	failure := failureOf(err)
	if failure == nil {
		failure = &errors.Error{Class: errors.Script, Message: report.Message(err)}
	}
	annotated := annotate(err, failure, state.Fields)
	annotated.failure.Outcome, annotated.notes = state.Outcome, []string{state.Message}
	return annotated
}

// fields returns the attributes of an error that tell the state of the rollout in names.
func (r *rollout) fields() map[string]any {
	s := r.sorted()
	return map[string]any{"wave": starlark.MakeInt(r.wave), "servers": stringList(r.current), "done": stringList(s.done), "failed": stringList(s.failed),
		"not_finished": stringList(s.unfinished), "not_begun": stringList(s.notBegun)}
}

// state returns the attributes that tell the state of the rollout.
func (r *rollout) state() starlark.StringDict {
	s := r.sorted()
	return starlark.StringDict{"done": stringList(s.done), "failed": stringList(s.failed), "not_begun": stringList(s.notBegun), "results": starlark.NewList(slices.Clone(r.results))}
}

// wavesOf returns the sizes of the waves for a number of servers. Empty waves are left out.
func wavesOf(v starlark.Value, servers int) ([]int, error) {
	var all []starlark.Value
	switch v.(type) {
	case *starlark.List, starlark.Tuple:
		all = slices.Collect(starlark.Elements(v.(starlark.Iterable)))
	default:
		return nil, fmt.Errorf("waves is %s, want a list", builtin.Described(v))
	}
	var sizes []int
	left := servers
	for i, one := range all {
		size, err := waveOf(one, servers)
		if err != nil {
			return nil, fmt.Errorf("waves[%d] is %w", i, err)
		}
		if size < 0 {
			if i < len(all)-1 {
				return nil, fmt.Errorf(`waves[%d] is "rest", which must be the last one`, i)
			}
			size = left
		}
		if size = min(size, left); size > 0 {
			sizes = append(sizes, size)
			left -= size
		}
	}
	if left > 0 {
		return nil, fmt.Errorf(`the waves have %d of %d servers: end them with "rest"`, servers-left, servers)
	}
	return sizes, nil
}

// waveOf returns the size of a wave; negative for the rest.
func waveOf(v starlark.Value, servers int) (int, error) {
	wrong := fmt.Errorf(`%s, want a number of at least 1, a percentage such as "25%%", or "rest"`, builtin.Described(v))
	text, isText := starlark.AsString(v)
	if !isText {
		n, err := starlark.AsInt32(v)
		if err != nil || n < 1 {
			return 0, wrong
		}
		return n, nil
	}
	if text == restWave {
		return -1, nil
	}
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || percent < 1 || percent > 100 {
		return 0, wrong
	}
	return (servers*int(percent) + 99) / 100, nil
}
