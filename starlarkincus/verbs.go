package starlarkincus

import (
	stderrors "errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// implementations run the methods of the table; each serves all resources.
var implementations map[string]func(*call) (starlark.Value, error)

func init() {
	implementations = map[string]func(*call) (starlark.Value, error){
		"list": list, "names": listNames, "get": get, "exists": exists, "create": create, "ensure": ensure,
		"refresh": refresh, "update": update, "replace": replace, "rename": rename, "delete": remove,
		"action": action, "read": readBelow, "exec": exec, "wait_ready": waitReady, "addresses": addresses,
		"wait": waitOperation, "cancel": cancelOperation,
		"connect": connect, "use": use, "request": request, "has_extension": hasExtension,
	}
	clientMethods = methods("incus", spec.ClientMethods)
	for _, r := range spec.Collections {
		define(r)
	}
}

// maxList bounds the answer to a list, in bytes; other answers have the smaller bound of rest.
const maxList = 1 << 30

func list(c *call) (starlark.Value, error) {
	depth := 1
	if n, ok := c.args.local["recursion"].(int64); ok {
		if most := max(1, c.on.res.ListDepth); n < 1 || n > int64(most) {
			return nil, fmt.Errorf("%s: recursion: got %d, want 1 to %d; names() lists just the names", c.name, n, most)
		}
		depth = int(n)
	}
	query := c.on.query()
	query.Set("recursion", strconv.Itoa(depth))
	if filter := c.args.query.Get("filter"); filter != "" {
		query.Set("filter", filter)
	}
	if c.args.flag("all_projects", false) {
		if c.args.has("project") {
			return nil, fmt.Errorf("%s: project= and all_projects= exclude each other", c.name)
		}
		query.Del("project")
		query.Set("all-projects", "true")
	}
	v, reply, err := c.get(c.on, query, maxList)
	if err != nil {
		return nil, err
	}
	elems, ok := elements(c.on.res, v)
	if !ok {
		return nil, unreadable("GET", c.on.path, reply, fmt.Errorf("got a %s instead of a list", v.Type()))
	}
	out := make([]starlark.Value, 0, len(elems))
	for _, elem := range elems {
		o := newObject(c.on, strings.ToLower(c.on.res.Kind))
		if err := o.set(elem, ""); err != nil {
			return nil, err
		}
		o.on = o.on.below(o.key())
		out = append(out, o)
	}
	return starlark.NewList(out), nil
}

// elements are the values of a list, and of a dict of lists where the resource's list is one.
func elements(r *spec.Resource, v starlark.Value) ([]starlark.Value, bool) {
	var out []starlark.Value
	switch v := v.(type) {
	case *starlark.List:
		for e := range v.Elements() {
			out = append(out, e)
		}
		return out, true
	case *starlark.Dict:
		if !r.Grouped {
			return nil, false
		}
		for _, group := range v.Entries() {
			if group, ok := group.(*starlark.List); ok {
				for e := range group.Elements() {
					out = append(out, e)
				}
			}
		}
		return out, true
	}
	return nil, v == starlark.None
}

func listNames(c *call) (starlark.Value, error) {
	v, reply, err := c.get(c.on, c.on.query(), maxList)
	if err != nil {
		return nil, err
	}
	elems, ok := elements(c.on.res, v)
	out := make([]starlark.Value, 0, len(elems))
	for _, elem := range elems {
		path, isString := starlark.AsString(elem)
		path, _, _ = strings.Cut(path, "?")
		name, err := url.PathUnescape(path[strings.LastIndex(path, "/")+1:])
		ok = ok && isString && err == nil
		out = append(out, starlark.String(name))
	}
	if !ok {
		return nil, unreadable("GET", c.on.path, reply, fmt.Errorf("got a %s instead of a list of URLs", v.Type()))
	}
	return starlark.NewList(out), nil
}

// hex is what may be a fingerprint or the start of one.
var hex = regexp.MustCompile(`^[0-9a-f]{2,64}$`)

// one is the place of the object that the call names.
func (c *call) one() (place, error) {
	if c.on.res.Singleton {
		return c.on, nil
	}
	name := c.args.string("name")
	if name == "" {
		return c.on, fmt.Errorf("%s: name: the name is empty", c.name)
	}
	if c.on.res.Aliases == "" {
		return c.on.below(name), nil
	}
	alias := place{client: c.on.client, res: c.on.res, path: c.on.res.Aliases, project: c.on.project, target: c.on.target}.below(name)
	v, _, err := c.get(alias, alias.query(), 0)
	switch {
	case err == nil:
		if entry, ok := v.(*starlark.Dict); ok {
			if target, _, _ := entry.Get(starlark.String("target")); target != nil {
				name, _ = starlark.AsString(target)
			}
		}
	case !stderrors.Is(err, errors.NotFound), !hex.MatchString(name):
		return c.on, err
	}
	return c.on.below(name), nil
}

func get(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	o := newObject(p, strings.ToLower(c.on.res.Kind))
	if err := o.read(c); err != nil {
		return nil, err
	}
	if key := o.key(); key != "" && !c.on.res.Singleton { // the start of a fingerprint has found it
		o.on.path = c.on.below(key).path
	}
	return o, nil
}

func exists(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err == nil {
		_, _, err = c.get(p, p.query(), 0)
	}
	if stderrors.Is(err, errors.NotFound) {
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}

func create(c *call) (starlark.Value, error) {
	name := c.args.string("name")
	c.args.body[c.on.res.Key] = name
	dropNulls(c.on.res, c.args.body)
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
	reply, err := c.do(c.request(c.on, "POST"))
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	o := newObject(c.on.below(name), strings.ToLower(c.on.res.Kind))
	return o, o.read(c)
}

func refresh(c *call) (starlark.Value, error) { return c.obj, c.obj.read(c) }

func update(c *call) (starlark.Value, error) {
	if len(c.args.body) == 0 {
		return nil, fmt.Errorf("%s: nothing to change: name at least one field", c.name)
	}
	if !patchable(c.on.res, c.args.body) {
		return c.merge()
	}
	reply, err := c.do(c.request(c.on, "PATCH"))
	if err != nil {
		return nil, err
	}
	return c.obj.changed(c, reply)
}

// merge is an update that PATCH can't say: it reads the object, and sets it whole unless somebody else changed it in
// between; then it begins anew.
func (c *call) merge() (starlark.Value, error) {
	o, given := c.obj, c.args.body
	for range maxMerges {
		if err := o.read(c); err != nil {
			return nil, err
		}
		reply, err := o.put(c, o.changeable(), given, o.etag, merged)
		switch {
		case err == nil:
			return o.changed(c, reply)
		case !stderrors.Is(err, errors.PreconditionFailed):
			return nil, err
		}
	}
	return nil, errors.New(errors.PreconditionFailed, "%s was changed by somebody else each of the %d times that it was about to be updated", o, maxMerges)
}

// maxMerges bounds how often merge begins anew.
const maxMerges = 10

// replace sends all fields that can be changed, as they were read, with the given ones in their place.
func replace(c *call) (starlark.Value, error) {
	o := c.obj
	if len(c.args.body) == 0 {
		return nil, fmt.Errorf("%s: nothing to change: name at least one field", c.name)
	}
	before, etag := o.changeable(), o.etag
	if etag == "" { // it comes from a list, which tells no ETag
		if err := o.read(c); err != nil {
			return nil, err
		}
		if equal, err := starlark.Equal(before, o.changeable()); err != nil || !equal {
			return nil, &errors.Error{Class: errors.PreconditionFailed, Method: "PUT", Path: o.on.path,
				Message: fmt.Sprintf("%s was changed since it was listed", o)}
		}
		etag = o.etag
	}
	reply, err := o.put(c, before, c.args.body, etag, func(_ spec.Type, _, given any) any { return given })
	if err != nil {
		return nil, err
	}
	return o.changed(c, reply)
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
		if err := c.stop(p); err != nil {
			return nil, err
		}
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

// stop ends an instance at once; one that isn't running is fine.
func (c *call) stop(p place) error {
	reply, err := c.do(rest.Request{Method: "PUT", Path: p.path + "/state", Query: p.query(),
		Body: map[string]any{"action": "stop", "force": true, "timeout": -1}})
	if err == nil && reply.Operation != nil {
		_, err = c.wait(reply.Operation)
	}
	if stderrors.Is(err, errors.State) {
		return nil
	}
	return err
}

func action(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	return c.obj.changed(c, reply)
}

// readBelow reads what stands below an object.
func readBelow(c *call) (starlark.Value, error) {
	p := c.on
	p.res, p.path = c.decl.Result, p.path+"/"+c.decl.Path
	o := newObject(p, strings.ToLower(p.res.Kind))
	return o, o.read(c)
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
	r := rest.Request{Method: method, Path: path, Query: c.on.query(), Body: c.args.local["body"], MaxBytes: maxList, Header: make(map[string][]string)}
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
	return response(reply, state, op)
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
	if bad := o.setJSON(state.Raw); bad != nil {
		return bad
	}
	return err
}

// handle is what waits for the operation.
func (o *Object) handle() *rest.Operation {
	if o.op == nil {
		client, _, _ := o.on.client.conn.client() // there is one: the operation was read through it
		o.op = client.Operation(o.key())
	}
	return o.op
}
