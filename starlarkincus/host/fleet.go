package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// defaultFleetTimeout is the default time of a call for one server, enough for the transfer of an image. A server that
// doesn't answer fails sooner, because connecting has a limit of its own.
const defaultFleetTimeout = 600

var fleetDecl = builtin.Decl{
	Name: "fleet",
	Params: []builtin.Param{builtin.Need("servers", builtin.String|builtin.List|builtin.Tuple|builtin.Set|builtin.Other).As(builtin.Remote), builtin.Opt("limit", builtin.Int, "8"),
		builtin.Opt("timeout", builtin.Seconds|builtin.None, "600")},
	Returns: builtin.Fleet, Help: `Returns several servers, to call a function for each of them.

    prod = fleet("prod-*", timeout=20)
    for r in prod.map(lambda server: len(server.instances.names())):
        print(r.remote, r.value if r else r.error.message)

servers  the remotes of the incus command whose names match a pattern with *, ? or [a-z]; or a name, a client, or a list of
         patterns, names and clients. A pattern leaves out remotes that only have images
limit    how many servers are called at a time; 8 by default
timeout  seconds, or a duration, that one call may take, connecting and all its requests included; 600 by default, None
         for no limit

Nothing is sent before the first call, so a server that is a remote by its socket and another one by its address counts as
two. A pattern without a match, an unknown name and a server that is given twice are IncusConfigErrors. len(fleet) is the number of servers, and a loop yields their clients.

remotes  the names of the servers, in order
clients  their clients, in order

Clients of several projects or members of one remote have names such as prod/web and prod/db, or prod@member1.

When the time is over, the call ends with an IncusTimeoutError, which no try_ in it catches: its operations on the server are
cancelled, and its finally_ has as long as after Ctrl-C. After three requests of the fleet's calls in a row that a server
didn't answer, further ones to this server fail at once with an IncusConnectionError, for as long as these three took, but
at least a second and at most a minute; then the next one is tried. So a server that is away doesn't take its time again
and again.`,
	Call: onTask(newFleet),
}

var fleetTypeDecl = builtin.Decl{
	Name: "Fleet", Methods: true,
	Help: `Several servers, the result of fleet.

remotes  the names of the servers, in order
clients  their clients, in order`,
	Members: []builtin.Decl{
		{
			Name:    "Fleet.map",
			Params:  []builtin.Param{builtin.Need("fn", builtin.Callable)},
			Returns: builtin.List.Of(builtin.Result), Help: `Calls fn(client) for each server, at most limit at a time, and returns a list of Results in the order of the servers.

    for r in fleet("prod-*").map(lambda server: server.instances.list()):
        if r:
            table(r.value)
        else:
            log.error("can't list", remote=r.remote, error=r.error.message)

Each Result has remote, the name of its server. The calls are tasks as those of parallel: an error of one server doesn't
stop the others, and a ScriptError cancels all calls.`,
			Call: onTask(fleetMap),
		},
		{
			Name:    "Fleet.client",
			Params:  []builtin.Param{builtin.Need("name", builtin.String).As(builtin.Remote)},
			Returns: builtin.Any, Help: `Returns the client of the server with a name, as remotes, Results and rollouts have it.

    prod = fleet(["prod-a", incus.use(project="web")])
    for r in prod.map(lambda server: server.instances.names()):
        if not r:
            prod.client(r.remote).profiles.delete("draft")

A name such as prod/web or prod@member1, which tells clients of one remote apart, is one only in its fleet. An unknown name is an
IncusConfigError.`,
			Call: fleetClient,
		},
		{
			Name: "Fleet.rollout",
			Params: []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Opt("waves", builtin.List|builtin.Tuple, `[1, 4, "rest"]`), builtin.Opt("check", builtin.Callable|builtin.None, "None"),
				builtin.Opt("stop", builtin.Classes, "Error"), builtin.Opt("pause", builtin.Seconds, "0")},
			Returns: builtin.Struct, Help: `Calls fn(client) for the servers in waves, one wave after another, and stops at the first wave that fails.

    def healthy(results):
        return all([r.value == "healthy" for r in results])

    fleet("prod-*").rollout(upgrade, waves=[1, "25%", "rest"], check=healthy, pause=60)

waves  the number of servers in each wave: an int, a percentage of all servers, rounded up, or "rest" for all others; by
       default one, four, and the rest. All servers must be in a wave
check  is called after each wave with the list of its Results; a false value, or an error, stops the rollout
stop   the error classes of fn that stop the rollout: the running calls are awaited, and no other begins. By default any error
       does; stop=() goes on whatever fails, if check permits
pause  seconds, or a duration, between two waves; 0 by default

It returns a struct of done, failed and not_begun, lists of the servers' names, and results, the Results of the calls
that were made. Done are the servers on which fn returned, also those of a wave whose check failed; failed those on which
it raised an error, and not_begun those on which it wasn't called. A rollout that stops raises an Error with these
attributes, with wave, the number of the wave, counted from 1, servers, the names in that wave, and not_finished, and with
the first error as its cause: try_(prod.rollout, upgrade).error.not_begun. Its outcome is "unknown" if a change
may have been made on a server that failed, such as one whose time was over, else that of its cause. A ScriptError of fn or
check ends the rollout, and has these attributes as well; not_finished are the servers whose calls were then ended`,
			Call: onTask(fleetRollout),
		},
	},
}

// A fleet is a value of several servers.
type fleet struct {
	servers []builtin.Server
	limit   int
	timeout time.Duration // of a call; 0 for no limit
}

var (
	_ starlark.HasAttrs = (*fleet)(nil)
	_ starlark.Sequence = (*fleet)(nil)
)

func newFleet(c *invocation) (starlark.Value, error) {
	var which starlark.Value
	var timeout starlark.Value = starlark.MakeInt(defaultFleetTimeout)
	f := &fleet{limit: 8}
	if err := c.Unpack(&which, &f.limit, &timeout); err != nil {
		return nil, err
	}
	if f.limit < 1 || f.limit > maxTasks {
		return nil, c.Errorf("limit is %d, want 1 to %d", f.limit, maxTasks)
	}
	if timeout != starlark.None {
		var err error
		if f.timeout, err = value.Duration("timeout", timeout); err != nil {
			return nil, c.Errorf("%w", err)
		}
		if f.timeout <= 0 {
			return nil, c.Errorf("timeout is %s, want more than 0, or None for no limit", builtin.Described(timeout))
		}
	}
	var all []starlark.Value
	switch v := which.(type) {
	case *starlark.List, starlark.Tuple, *starlark.Set:
		all = slices.Collect(starlark.Elements(v.(starlark.Iterable)))
	default:
		_, iterable := v.(starlark.Iterable)
		_, callable := v.(starlark.Callable)
		_, object := v.(starlark.HasAttrs)
		if _, name := v.(starlark.String); !name && (iterable || callable || !object) {
			return nil, c.Errorf("servers is %s, want a name, a pattern, or a list of names and clients", builtin.Described(v))
		}
		all = []starlark.Value{v}
	}
	if len(all) == 0 {
		return nil, c.Errorf("servers is empty")
	}
	servers := c.host().options.Servers
	if servers == nil {
		return nil, c.Errorf("there are no servers here")
	}
	var err error
	if f.servers, err = servers(c.ctx, all); err != nil {
		if failureOf(err) == nil {
			err = c.Errorf("%w", err)
		}
		return nil, err
	}
	return f, nil
}

func (f *fleet) String() string        { return fmt.Sprintf("<fleet of %d servers>", len(f.servers)) }
func (f *fleet) Type() string          { return "Fleet" }
func (f *fleet) Freeze()               {}
func (f *fleet) Truth() starlark.Bool  { return true }
func (f *fleet) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: Fleet") }
func (f *fleet) Len() int              { return len(f.servers) }
func (f *fleet) AttrNames() []string {
	return []string{"client", "clients", "map", "remotes", "rollout"}
}

func (f *fleet) Iterate() starlark.Iterator { return f.clients().Iterate() }

func (f *fleet) Attr(name string) (starlark.Value, error) {
	switch name {
	case "clients":
		return f.clients(), nil
	case "remotes":
		return nameList(f.servers), nil
	}
	if d := fleetTypeDecl.Member(name); d != nil {
		return d.Function().BindReceiver(f), nil
	}
	return nil, nil
}

func (f *fleet) clients() *starlark.List {
	var all []starlark.Value
	for _, s := range f.servers {
		all = append(all, s.Client)
	}
	return starlark.NewList(all)
}

func fleetClient(c *builtin.Call) (starlark.Value, error) {
	var name string
	if err := c.Unpack(&name); err != nil {
		return nil, err
	}
	var names []string
	for _, s := range c.Receiver.(*fleet).servers {
		if s.Name == name {
			return s.Client, nil
		}
		names = append(names, s.Name)
	}
	e := errors.New(errors.Config, "no server of the fleet is named %q", name)
	if near := errors.Nearest(name, names); near != "" {
		e.Message += fmt.Sprintf("; did you mean %q?", near)
	}
	e.Message += " (known: " + strings.Join(names, ", ") + ")"
	return nil, e
}

// nameList returns the names of servers.
func nameList(servers []builtin.Server) *starlark.List {
	var all []starlark.Value
	for _, s := range servers {
		all = append(all, starlark.String(s.Name))
	}
	return starlark.NewList(all)
}

// A fleetCalls is what the calls of a fleet have beyond those of parallel.
type fleetCalls struct {
	servers []builtin.Server
	timeout time.Duration
	stop    []*errors.Class // classes of errors after which no other call begins
	changed []bool          // the calls that may have made a change, by server
}

// A limit is the end of the time of a call. It is the cause of the end of the call's context.
type limit struct {
	timeout time.Duration
	due     time.Time
}

func (l *limit) Error() string { return fmt.Sprintf("the call took longer than %v", l.timeout) }

// Is makes the limit a deadline for those who report its end in words of their own.
func (l *limit) Is(target error) bool { return target == context.DeadlineExceeded }

// before returns the earlier one of the end and another time, of which either may be missing.
func (l *limit) before(other time.Time) time.Time {
	if l == nil || !other.IsZero() && other.Before(l.due) {
		return other
	}
	return l.due
}

// context returns the context of call i, and its limit; nil for none.
func (f *fleetCalls) context(ctx context.Context, i int) (_ context.Context, _ *limit, release func()) {
	if f == nil || i >= len(f.servers) {
		return ctx, nil, func() {}
	}
	if guard := f.servers[i].Guard; guard != nil {
		ctx = guard(ctx)
	}
	if f.timeout == 0 {
		return ctx, nil, func() {}
	}
	l := &limit{f.timeout, time.Now().Add(f.timeout)}
	ctx, release = context.WithDeadlineCause(ctx, l.due, l)
	return ctx, l, release
}

// late returns the error of a call that its limit ended, while it failed with failure; nil for an error of no class.
func (f *fleetCalls) late(i int, failure *errors.Error, changes *builtin.Changes) error {
	e := errors.New(errors.Timeout, "the call took longer than the fleet's timeout of %v", f.timeout)
	e.Remote = f.servers[i].Name
	if failure != nil && failure.Class.IsA(errors.Incus) {
		e.Cause, e.Method, e.Path, e.OperationID, e.Outcome = failure, failure.Method, failure.Path, failure.OperationID, failure.Outcome
	}
	switch {
	case changes.Sent > changes.Done:
		e.Outcome = errors.Unknown
	case changes.Sent > 0:
		e.Outcome = errors.Done
	default:
		e.Reads = true
	}
	return e
}

// name gives the error of a call the name that its server has in the fleet.
func (f *fleetCalls) name(i int, failure *errors.Error) {
	if f == nil || failure == nil || failure.Remote == "" {
		return
	}
	if s := f.servers[i]; s.Name != s.Remote && failure.Remote == s.Remote {
		failure.Remote, failure.Default = s.Name, false
	}
}

// halts reports whether no other call may begin after a result.
func (f *fleetCalls) halts(r *result) bool { return r.err != nil && isOneOf(r.err.err, f.stop) }

// group returns the calls of fn for some of the servers, in order. After an error of one of the classes in stop no other call
// begins.
func (c *invocation) group(f *fleet, servers []builtin.Server, fn starlark.Callable, stop []*errors.Class) *group {
	return &group{invocation: c, fn: fn, count: len(servers), limit: f.limit, fleet: &fleetCalls{servers, f.timeout, stop, make([]bool, len(servers))}}
}

func fleetMap(c *invocation) (starlark.Value, error) {
	var arg starlark.Value
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	fn, ok := arg.(starlark.Callable)
	if !ok {
		return nil, c.Errorf("fn is %s, want a function: write map(fn), not map(fn(client))", builtin.Described(arg))
	}
	f := c.Receiver.(*fleet)
	return c.group(f, f.servers, fn, nil).call(f)
}
