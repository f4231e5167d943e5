package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	json_ "go.starlark.net/lib/json"
	"go.starlark.net/starlark"
)

// A tester calls methods of the table on a fake server.
type tester struct {
	*testing.T
	answers *answers
	options starlarkincus.Options
	pem     string
	file    string // a local file
	tried   int    // calls
	instead prober // does what run does for each attempt; nil for run
}

// A prober tests an attempt. Prepare resets the server, and returns the method and its arguments.
type prober func(name string, m *spec.Method, sends []spec.Request, prepare func() (starlark.Value, []starlark.Tuple))

// An attempt is a call of a method under given circumstances.
type attempt struct {
	args   map[string]starlark.Value
	when   []string                            // circumstances of the table's requests that it causes
	set    map[string]any                      // fields of all objects on the server
	before func(*answers)                      // called with the object at hand
	client starlark.HasAttrs                   // nil for the default
	lacks  string                              // an API extension that the server doesn't have
	want   func([]spec.Request) []spec.Request // changes the expected requests
}

func (w *tester) attr(v starlark.Value, name string) starlark.Value {
	w.Helper()
	member, err := v.(starlark.HasAttrs).Attr(name)
	if err != nil || member == nil {
		w.Fatalf("%s of %v: %v", name, v, err)
	}
	return member
}

func (w *tester) call(fn starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) starlark.Value {
	w.Helper()
	v, err := starlark.Call(new(starlark.Thread), fn, args, kwargs)
	if err != nil {
		w.Fatalf("%v%v: %v", fn, args, err)
	}
	return v
}

// collection returns the collection of a site.
func (w *tester) collection(client starlark.Value, p *spec.Site) starlark.Value {
	switch {
	case p.Parent == nil:
		return w.attr(client, p.Name)
	case p.Stands == spec.OnCollection:
		return w.attr(w.collection(client, p.Parent), p.Name)
	}
	return w.attr(w.object(client, p.Parent), p.Name)
}

// object returns an object of a site.
func (w *tester) object(client starlark.Value, p *spec.Site) starlark.Value {
	on := func(owner starlark.Value, methods []spec.Method) starlark.Value {
		if i := slices.IndexFunc(methods, func(m spec.Method) bool { return m.Handle == p.Resource }); i >= 0 {
			args := w.required("", &methods[i])
			args["wait"] = starlark.False
			return w.call(w.attr(owner, methods[i].Name), nil, kwargs(args))
		}
		i := slices.IndexFunc(methods, func(m spec.Method) bool { return m.Returns.Of == p.Resource })
		return w.call(w.attr(owner, methods[i].Name), nil, kwargs(w.required("", &methods[i])))
	}
	switch {
	case p.Name == "" && p.Parent == nil:
		return on(client, spec.ClientMethods)
	case p.Name == "":
		return on(w.object(client, p.Parent), p.Parent.ObjectMethods())
	case p.Lists == spec.Single:
		return w.call(w.collection(client, p), nil, nil)
	}
	return w.call(w.attr(w.collection(client, p), "get"), starlark.Tuple{starlark.String("abc123")}, nil)
}

func kwargs(args map[string]starlark.Value) []starlark.Tuple {
	var out []starlark.Tuple
	for _, name := range slices.Sorted(maps.Keys(args)) {
		out = append(out, starlark.Tuple{starlark.String(name), args[name]})
	}
	return out
}

func dictOf(pairs ...any) *starlark.Dict {
	d := new(starlark.Dict)
	for i := 0; i < len(pairs); i += 2 {
		d.SetKey(starlark.String(pairs[i].(string)), pairs[i+1].(starlark.Value))
	}
	return d
}

// ofClient returns the requests of a client's method.
func ofClient(m *spec.Method) []spec.Request {
	out := m.Sends(nil)
	for i := range out {
		if out[i].Path == "" {
			out[i].Path = m.Path
		}
	}
	return out
}

// wayTo returns a script's words for the collection: instance.backups, cluster.members.
func wayTo(p *spec.Site) string {
	switch {
	case p.Parent == nil:
		return p.Name
	case p.Stands == spec.OnCollection:
		return wayTo(p.Parent) + "." + p.Name
	}
	return p.Parent.Singular() + "." + p.Name
}

// try calls a method with its required arguments, with each optional one, and under all circumstances in the table.
func (w *tester) try(p *spec.Site, m *spec.Method) {
	who, sends := "incus."+m.Name, []spec.Request(nil)
	if p == nil {
		sends = ofClient(m)
	} else if sends = p.Sends(m); m.Collection {
		who = wayTo(p) + "." + m.Name
	} else {
		who = p.Singular() + "." + m.Name
	}
	base := w.required(who, m)
	with := func(name string, v starlark.Value) map[string]starlark.Value {
		args := maps.Clone(base)
		args[name] = v
		all := m.Arguments()
		if f := spec.Find(all, name); f != nil && f.Beside != "" {
			args[f.Beside] = w.sample(spec.Find(all, f.Beside))
		}
		return args
	}
	w.run(who, p, m, sends, attempt{args: base})
	if m.Offline {
		return
	}
	for _, f := range m.Arguments() {
		short := p != nil && p.Parent != nil && excluded[p.Name+"."+m.Name+"."+f.Script()] != ""
		if excluded[who+"."+f.Script()] != "" || short || base[f.Script()] != nil {
			continue
		}
		v := w.sample(&f)
		if m.Does == spec.DoEnsure && f.Use&spec.Read != 0 { // no difference, so that nothing is changed
			v = w.decoded(w.answers.item(p, p.Object+"/abc123").(map[string]any)[f.Name])
		}
		switch {
		case m.Does == spec.DoToken && f.Name == "projects": // that of the fake
			v = starlark.NewList([]starlark.Value{starlark.String("abc123")})
		case f.Name == "wait":
			v = starlark.False
		case f.Name == "project":
			v = starlark.String("p")
		}
		c := attempt{args: with(f.Script(), v)}
		if f.Type == spec.OtherServer { // moves only what is stopped
			c.set = map[string]any{"status": "Stopped"}
		}
		w.run(who, p, m, sends, c)
	}
	if m.Background && !slices.Contains([]spec.Behavior{spec.DoExec, spec.DoToken, spec.DoImport}, m.Does) {
		w.run(who, p, m, sends, attempt{args: base, before: func(a *answers) { a.sync = true }})
	}
	done := make(map[string]bool)
	for _, s := range sends {
		if s.When == "" || s.With != nil || s.Unless != nil || done[s.When] {
			continue
		}
		done[s.When] = true
		c, ok := w.circumstances(m, s.When, with)
		if !ok {
			w.Errorf("%s: no attempt of %q", who, s.When)
			continue
		}
		c.when = append(c.when, s.When)
		if c.args == nil {
			c.args = base
		}
		w.run(who, p, m, sends, c)
	}
}

func (w *tester) client() *starlarkincus.Client {
	client := starlarkincus.New(w.options)
	w.Cleanup(client.Close)
	return client
}

func (w *tester) decoded(v any) starlark.Value {
	data, _ := json.Marshal(v)
	text, err := starlark.Call(new(starlark.Thread), starlarkJSON, starlark.Tuple{starlark.String(data)}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return text
}

// due returns the expected requests of an attempt.
func due(sends []spec.Request, c attempt, instant bool) []spec.Request {
	var out []spec.Request
	given := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return c.args[name] != nil })
	}
	for _, s := range sends {
		first, _, _ := strings.Cut(s.When, ", ")
		preferred, with := strings.CutPrefix(first, "with the API extension ")
		lacking, without := strings.CutPrefix(first, "without the API extension ")
		switch {
		case with && preferred == c.lacks, without && lacking != c.lacks, s.With != nil && !given(s.With), s.Unless != nil && given(s.Unless):
		case with, without:
			out = append(out, s)
		case s.Waits && instant:
		case s.When != "" && s.With == nil && s.Unless == nil && !slices.Contains(c.when, s.When):
		default:
			out = append(out, s)
		}
	}
	return out
}

// prepare resets the server for an attempt, and returns the method's owner and the attempt with the arguments it takes.
func (w *tester) prepare(who string, p *spec.Site, m *spec.Method, c attempt) (starlark.Value, attempt) {
	if w.answers.serves() { // a change closes the client's connection to the files before the server does
		w.call(w.attr(sharedClient, "request"), starlark.Tuple{starlark.String("PUT"), starlark.String("/1.0")}, nil)
	}
	w.answers.reset()
	w.set(func(a *answers) { a.override, a.lacks = c.set, c.lacks })
	var client starlark.Value = sharedClient
	if c.client != nil {
		client = c.client
	}
	owner := client
	switch {
	case p != nil && m.Collection:
		owner = w.collection(client, p)
	case p != nil:
		owner = w.object(client, p)
	}
	if c.before != nil {
		w.set(c.before)
	}
	w.answers.forget()
	if c.args["image"] != nil && strings.HasPrefix(who, "instances.") {
		c.args = maps.Clone(c.args)
		delete(c.args, "source")
	}
	copies := c.args["to"] != nil && c.args["refresh"] == nil && m.Does != spec.DoCopyImage
	if copies || m.Does == spec.DoImport && c.args["name"] != nil {
		w.set(func(a *answers) { a.free = true })
		c.args = maps.Clone(c.args)
		c.args["name"] = starlark.String("other")
	}
	return owner, c
}

// set changes the server's behavior. A late request of the call before may be at it.
func (w *tester) set(change func(*answers)) {
	w.answers.mu.Lock()
	defer w.answers.mu.Unlock()
	change(w.answers)
}

// run makes a call, and compares the requests and the result with the table.
func (w *tester) run(who string, p *spec.Site, m *spec.Method, sends []spec.Request, c attempt) {
	w.tried++
	if w.instead != nil {
		w.instead(fmt.Sprintf("%s(%v) %v", who, kwargs(c.args), c.when), m, sends, func() (starlark.Value, []starlark.Tuple) {
			owner, c := w.prepare(who, p, m, c)
			return w.attr(owner, m.Name), kwargs(c.args)
		})
		return
	}
	owner, c := w.prepare(who, p, m, c)
	name := fmt.Sprintf("%s(%v) %v", who, kwargs(c.args), c.when)
	got, err := starlark.Call(new(starlark.Thread), w.attr(owner, m.Name), nil, kwargs(c.args))
	switch {
	case (m.Does == spec.DoSignal || m.Does == spec.DoWriteInput) && errors.Is(err, errors.State):
		return // the fake's command has ended
	case (m.Does == spec.DoShell || m.Does == spec.DoConsole) && err != nil && strings.Contains(err.Error(), "needs a terminal"):
		return
	}
	if err != nil {
		w.Errorf("%s: %v, after %v", name, err, w.answers.take())
		return
	}
	if stream, ok := got.(builtin.Stream); ok {
		for range starlark.Elements(stream) {
		}
	}
	want := due(sends, c, w.answers.sync)
	if c.want != nil {
		want = c.want(want)
	}
	watched := c.args["wait"] == starlark.False || m.Does == spec.DoOffer
	if i := slices.IndexFunc(want, func(s spec.Request) bool { return s.Waits }); c.args["wait"] == starlark.False && i >= 0 {
		want = want[:i]
	}
	var arrived []arrival
	if watched {
		attaches := slices.ContainsFunc(want, func(s spec.Request) bool { return strings.HasSuffix(s.Path, "/websocket") })
		arrived = w.answers.await(func(arrived []arrival) bool {
			return slices.ContainsFunc(arrived, isWait) && (!attaches || slices.ContainsFunc(arrived, isWebsocket))
		})
		arrived = slices.DeleteFunc(oneWebsocket(arrived), isWait) // from the background wait for a later wait()
	} else {
		arrived = oneWebsocket(w.answers.take())
	}
	if m.Offline {
		arrived = slices.DeleteFunc(arrived, func(r arrival) bool { return isWait(r) || isWebsocket(r) }) // of the object
	}
	for i := range max(len(arrived), len(want)) {
		switch {
		case i >= len(arrived):
			w.Errorf("%s: the table says %v, which isn't sent", name, want[i])
		case i >= len(want):
			w.Errorf("%s: the table doesn't say %s %s", name, arrived[i].method, arrived[i].path)
		default:
			if err := matches(want[i], arrived[i], c, m); err != nil {
				w.Errorf("%s: %s %s?%s %v is sent where the table says %v: %v", name, arrived[i].method, arrived[i].path, arrived[i].query, arrived[i].body, want[i], err)
				return
			}
		}
	}
	if c.args["wait"] == starlark.False {
		if kind := m.ReturnsNow().Of; m.Does != spec.DoRequest && got.Type() != kind.Kind {
			w.Errorf("%s: returned %s, not a %s", name, got, kind.Kind)
		}
		return
	}
	if err := declared(m, owner, got); err != nil {
		w.Errorf("%s: %v", name, err)
	}
}

var (
	sharedClient *starlarkincus.Client
	starlarkJSON = json_.Module.Members["decode"]
)

// Each method sends exactly the requests in the table, in that order, and returns the declared result: with its
// required arguments, with each optional one, and under all circumstances in the table.
func TestMethodsSendAndReturnWhatTheTableSays(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	sharedClient = w.client()
	w.call(w.attr(sharedClient, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	methods := 0
	for _, p := range spec.Sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			if m.Collection && p.Name == "" || p.Local {
				continue // results of methods have no collection, and remotes aren't on the server
			}
			methods++
			w.try(p, &m)
		}
	}
	for i := range spec.ClientMethods {
		methods++
		w.try(nil, &spec.ClientMethods[i])
	}
	if methods < 250 || w.tried < 1000 {
		t.Errorf("only %d methods in %d calls", methods, w.tried)
	}
	t.Logf("%d methods in %d calls", methods, w.tried)
}
