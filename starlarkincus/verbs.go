package starlarkincus

import (
	"cmp"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// behaviors carry out the methods of the table; each serves all resources.
var behaviors = [spec.Behaviors]func(*call) (starlark.Value, error){
	spec.DoList:         list,
	spec.DoNames:        listNames,
	spec.DoGet:          get,
	spec.DoExists:       exists,
	spec.DoCreate:       create,
	spec.DoEnsure:       ensure,
	spec.DoRefresh:      refresh,
	spec.DoUpdate:       update,
	spec.DoReplace:      replace,
	spec.DoRename:       rename,
	spec.DoDelete:       remove,
	spec.DoAct:          action,
	spec.DoRead:         readBelow,
	spec.DoGetText:      getText,
	spec.DoCreateText:   createText,
	spec.DoReadText:     readText,
	spec.DoOffer:        startOperation,
	spec.DoToken:        token,
	spec.DoCopy:         copyObject,
	spec.DoMove:         move,
	spec.DoRebuild:      rebuild,
	spec.DoPublish:      publish,
	spec.DoJoin:         join,
	spec.DoExec:         exec,
	spec.DoWaitReady:    waitReady,
	spec.DoAddresses:    addresses,
	spec.DoWait:         waitOperation,
	spec.DoCancel:       cancelOperation,
	spec.DoLock:         lock,
	spec.DoRenewLock:    renewLock,
	spec.DoReleaseLock:  releaseLock,
	spec.DoConnect:      connect,
	spec.DoUse:          use,
	spec.DoRequest:      request,
	spec.DoHasExtension: hasExtension,
}

func create(c *call) (starlark.Value, error) {
	res := c.on.res
	dropNulls(res, c.args.body)
	bareCertificates(res, c.args.body)
	if c.args.has("image") {
		if c.args.body["source"] != nil {
			return nil, fmt.Errorf("%s: image= and source= exclude each other", c.name)
		}
		source, err := c.imageSource(c.args.string("image"))
		if err != nil {
			return nil, err
		}
		c.args.body["source"] = source
	}
	at, name := c.within(c.segmentName(c.defaultSegment())), c.args.string("name")
	for _, f := range res.Fields {
		if f.Missing != "" && c.args.body[f.Name] == nil {
			return nil, fmt.Errorf("%s: %s", c.name, f.Missing)
		}
	}
	p, method := at, "POST"
	switch {
	case res.Named == spec.AtItsPath:
		p, method = at.below(name), "PUT"
	case res.Named != spec.ByServer:
		c.args.body[res.Key] = name
	}
	r := c.request(p, method)
	reply, err := c.do(r)
	if err != nil {
		return nil, err
	}
	state, op, err := c.finish(reply)
	if op != nil || err != nil {
		return op, c.madeAnything(r, newObject(at.below(name)), err)
	}
	if chosen := chosenKey(res, at, reply, state); chosen != "" {
		name = chosen
	}
	o := newObject(at.below(name))
	return o, o.read(c)
}

// madeAnything is the failure of an operation that creates an object. Where it was to start what it made, that may have
// been what failed; where the reason isn't known, the server may have undone all. Whether the object is there tells.
func (c *call) madeAnything(r rest.Request, o *Object, err error) error {
	body, _ := r.Body.(map[string]any)
	var e *errors.Error
	if !stderrors.As(err, &e) || e.Class.IsA(errors.AlreadyExists) {
		return err
	}
	if body["start"] == true {
		e.Outcome = errors.Unknown
	}
	if e.Outcome == errors.Unknown && e.Class.IsA(errors.Operation) && !e.Class.IsA(errors.OperationTimeout) && o.on.res.Named != spec.ByServer &&
		stderrors.Is(o.read(c), errors.NotFound) {
		e.Outcome = errors.Refused
	}
	return err
}

// chosenKey is the key that the server chose: for what has no name, or an address that is to be any free one. The
// answer says it, or what the operation found.
func chosenKey(res *spec.Resource, at place, reply *rest.Reply, state *rest.State) string {
	if state != nil {
		var metadata map[string]any
		if json.Unmarshal(state.Metadata, &metadata) == nil && res.Named == spec.ByServer {
			key, _ := metadata[res.Key].(string)
			return key
		}
		return ""
	}
	location, _, _ := strings.Cut(reply.Header.Get("Location"), "?")
	rest, below := strings.CutPrefix(location, at.path+"/")
	name, err := url.PathUnescape(rest)
	if !below || err != nil || strings.Contains(rest, "/") {
		return ""
	}
	return name
}

func refresh(c *call) (starlark.Value, error) { return c.obj, c.obj.read(c) }

func update(c *call) (starlark.Value, error) {
	if err := c.checkChange(c.args.body); err != nil {
		return nil, err
	}
	return c.merge(false)
}

// checkChange refuses a change of nothing, and of what servers take in silence and ignore.
func (c *call) checkChange(body map[string]any) error {
	if len(body) == 0 {
		return fmt.Errorf("%s: nothing to change: name at least one field", c.name)
	}
	for _, f := range c.on.res.Fields {
		if v, given := body[f.Name]; given && f.Stays && (empty(v) || v == zeroTime) {
			return fmt.Errorf("%s: %s can't be emptied: servers ignore an empty one", c.name, f.Script())
		}
	}
	return nil
}

// zeroTime is how servers write that no time is set.
const zeroTime = "0001-01-01T00:00:00Z"

// merge reads the object, unless it was just read, and sets it whole unless somebody else changed it in between; then it
// begins anew.
func (c *call) merge(justRead bool) (starlark.Value, error) {
	o := c.obj
	for n := range maxMerges {
		if n > 0 || !justRead {
			if err := o.read(c); err != nil {
				return nil, err
			}
		}
		reply, err := o.put(c, o.writable(), o.etag, merged)
		switch {
		case err == nil:
			o.rekey(c.args.body)
			return o.changed(c, reply)
		case !stderrors.Is(err, errors.PreconditionFailed):
			return nil, err
		}
		if err := c.pause(rand.N(time.Duration(n+1) * mergeDelay)); err != nil {
			return nil, err
		}
	}
	return nil, errors.New(errors.PreconditionFailed, "%s was changed by somebody else each of the %d times that it was about to be updated", o, maxMerges)
}

// maxMerges bounds how often merge begins anew, and mergeDelay is how much longer it may wait each time, so that many
// who change the same object get through.
const (
	maxMerges  = 30
	mergeDelay = 2 * time.Millisecond
)

// replace sends all fields that can be changed, as they were read, with the given ones in their place. The server's ETag
// doesn't count some fields, such as an instance's description, so the object is read again and compared; the ETag is for
// what happens after that.
func replace(c *call) (starlark.Value, error) {
	o := c.obj
	if err := c.checkChange(c.args.body); err != nil {
		return nil, err
	}
	now := newObject(o.on)
	if err := now.read(c); err != nil {
		return nil, err
	}
	if same, err := o.sameAs(now); err != nil || !same {
		return nil, cmp.Or(err, error(&errors.Error{Class: errors.PreconditionFailed, Method: "PUT", Path: o.on.path,
			Message: fmt.Sprintf("%s was changed since it was read", o)}))
	}
	reply, err := o.put(c, now.writable(), now.etag, func(t spec.Type, before, given any) any {
		m, isConfig := given.(map[string]any)
		if !isConfig || t != spec.Config {
			return given
		}
		for key, old := range mapOf(before) {
			switch _, said := m[key]; {
			case said && m[key] != nil:
			case isVolatile(key) && !said: // the server's own
				m[key] = old
			default:
				m[key] = nil
			}
		}
		return given
	})
	if err != nil {
		return nil, err
	}
	o.rekey(c.args.body)
	return o.changed(c, reply)
}

// sameAs reports whether the object's fields that can be changed are those of another reading of it. What the server
// itself keeps in the configuration doesn't count.
func (o *Object) sameAs(now *Object) (bool, error) {
	var sides [2]any
	for i, one := range []*Object{o, now} {
		v, err := value.ToGo(one.writable())
		if err != nil {
			return false, err
		}
		fields := v.(map[string]any)
		for _, f := range o.on.res.Fields {
			if f.Type == spec.Config {
				maps.DeleteFunc(mapOf(fields[f.Name]), func(key string, _ any) bool { return isVolatile(key) })
			}
		}
		sides[i] = fields
	}
	return text(sides[0]) == text(sides[1]), nil
}

func rename(c *call) (starlark.Value, error) {
	r := c.request(c.on, "POST")
	r.Body = map[string]any{c.on.res.Key: c.args.string("name")}
	reply, err := c.do(r)
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	parent := c.on
	parent.path = parent.path[:strings.LastIndex(parent.path, "/")]
	c.obj.on = parent.below(c.args.string("name"))
	return c.obj, c.obj.read(c)
}

// remove deletes an object, on itself or by its name on the collection.
func remove(c *call) (starlark.Value, error) {
	p := c.on
	if c.obj == nil {
		var err error
		if p, err = c.one(); err != nil {
			return nil, err
		}
	}
	if c.args.flag("force", false) {
		return c.removeByForce(p)
	}
	reply, err := c.do(c.request(p, "DELETE"))
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	return starlark.None, nil
}

func action(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	if c.obj != nil {
		return c.obj.changed(c, reply)
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	return starlark.None, nil
}

// readBelow reads what stands below an object: an object of its own, a list of them, or any other value.
func readBelow(c *call) (starlark.Value, error) {
	r := c.request(c.on, "GET")
	p := c.on.at(c.decl.Path)
	v, reply, err := c.get(p, r.Query, maxList)
	if err != nil {
		return nil, err
	}
	if p.res = c.decl.Returns.Of; p.res == nil {
		v.Freeze()
		return v, nil
	}
	if c.decl.Returns.Shape != spec.ListOf {
		o := newObject(p)
		return o, o.set(v, "")
	}
	elems, ok := elements(p.res, v, "")
	if !ok {
		return nil, unreadable("GET", p.path, reply, fmt.Errorf("got a %s instead of a list", v.Type()))
	}
	return objects(p, elems)
}

// request sends whatever the script wants to.
func request(c *call) (starlark.Value, error) {
	method, path := strings.ToUpper(c.args.string("method")), c.args.string("path")
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE":
	default:
		return nil, fmt.Errorf("%s: method: %q is not one of GET, HEAD, POST, PUT, PATCH, DELETE", c.name, c.args.string("method"))
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%s: path: %q does not begin with a slash, as /1.0/instances does", c.name, path)
	}
	if strings.ContainsAny(path, "?#") {
		return nil, fmt.Errorf("%s: path: %q has a query: give it as query={…}", c.name, path)
	}
	query := c.on.query(0)
	if c.on.target != "" {
		query.Set("target", c.on.target)
	}
	r := rest.Request{Method: method, Path: path, Query: query, Body: c.args.local["body"], MaxBytes: maxList, Header: make(map[string][]string)}
	for name, v := range texts(c.args.local["query"]) {
		r.Query.Set(name, v)
	}
	for name, v := range texts(c.args.local["headers"]) {
		r.Header.Set(name, v)
	}
	reply, err := c.do(r)
	if err != nil {
		return nil, err
	}
	state, op, err := c.finish(reply)
	if err != nil {
		return nil, err
	}
	return response(r, reply, state, op)
}

// texts are the string values of encoded configuration.
func texts(config any) map[string]string {
	out := make(map[string]string)
	m, _ := config.(map[string]any)
	for name, v := range m {
		if s, ok := v.(string); ok {
			out[name] = s
		}
	}
	return out
}

func waitOperation(c *call) (starlark.Value, error) {
	state, err := c.wait(c.obj.handle())
	return c.obj, c.obj.ended(state, err)
}

// cancelOperation asks for the end, then waits for it: the server answers before the work has ended.
func cancelOperation(c *call) (starlark.Value, error) {
	op := c.obj.handle()
	var err error
	var state *rest.State
	Block(c.thread, func() {
		if err = op.Cancel(c.ctx); err == nil {
			state, err = op.Wait(c.ctx)
		}
	})
	err = c.obj.ended(state, err)
	if failed := (*errors.Error)(nil); stderrors.As(err, &failed) && failed.Class == errors.OperationCancelled {
		return c.obj, nil
	}
	return c.obj, err
}

// ended takes the operation's last state where it is known, also that of one that failed.
func (o *Object) ended(state *rest.State, err error) error {
	if state == nil {
		return err
	}
	if bad := o.setJSON(state.Raw); bad != nil && err == nil {
		return o.unreadableState(bad)
	}
	return err
}

// handle is what waits for the operation.
func (o *Object) handle() *rest.Operation {
	if o.op == nil {
		client, _, _ := o.on.client.conn.client(context.Background()) // there is one: the operation was read through it
		o.op = client.Operation(o.key())
	}
	return o.op
}
