package starlarkincus

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// maxList bounds the answer to a list, in bytes. Other answers have the smaller bound of package rest.
const maxList = 1 << 30

func list(c *invocation) (starlark.Value, error) {
	res := c.ref.res
	p := c.within(c.segmentName(""))
	query := p.query(spec.List)
	switch depth, err := c.recursion(1); {
	case err != nil:
		return nil, err
	case res.Lists != spec.Elements:
		query.Set("recursion", strconv.Itoa(depth))
	}
	where, _ := c.args.local["filter"].(*filter)
	if where != nil {
		if err := where.wild(c.name, res); err != nil {
			return nil, err
		}
		if expression := where.query(); expression != "" {
			query.Set("filter", expression)
		}
	}
	if c.args.flag("all_projects", false) {
		query.Del("project")
		query.Set("all-projects", "true")
	}
	v, reply, err := p.read(c.ctx, query, maxList)
	if err != nil {
		return nil, err
	}
	elems, ok := elements(res, v, c.segmentName(""))
	if !ok {
		return nil, unreadable("GET", p.path, reply, fmt.Errorf("got a %s instead of a list", v.Type()))
	}
	if err := c.foundNone(len(elems), query); err != nil {
		return nil, err
	}
	if where != nil {
		if elems, err = where.only(elems); err != nil {
			return nil, err
		}
	}
	each := c.ref
	if query.Get("all-projects") != "" {
		each.project = "" // set from the fields of each
	}
	return objects(each, elems)
}

// objects returns the elements of a list as objects, each with its own path.
func objects(p ref, elems []starlark.Value) (starlark.Value, error) {
	out := make([]starlark.Value, 0, len(elems))
	for _, elem := range elems {
		o := newObject(p)
		if err := o.set(elem, ""); err != nil {
			return nil, err
		}
		key := o.key()
		if segment := p.res.Segment; segment != nil {
			if strings.Contains(key, "/") {
				continue // older servers list the snapshots of volumes, too
			}
			o.ref = o.ref.item(o.string(segment.Name))
		}
		o.ref = o.ref.item(key)
		out = append(out, o)
	}
	return starlark.NewList(out), nil
}

// recursion returns the recursion for the call, which is at least that of the verb.
func (c *invocation) recursion(least int) (int, error) {
	n, given := c.args.local["recursion"].(int64)
	if c.args.flag("state", false) {
		return least + 1, nil
	}
	if !given {
		if c.ref.res.Lists == spec.ByName && c.decl.Verb == spec.List && c.segmentName("") == "" {
			least++ // for a dict of dicts
		}
		return least, nil
	}
	most := max(1, c.ref.res.MaxRecursion) - 1 + least
	if n < int64(least) || n > int64(most) {
		if c.decl.Verb == spec.List {
			return 0, fmt.Errorf("%s: recursion: got %d, want %d to %d; names() lists just the names", c.name, n, least, most)
		}
		return 0, fmt.Errorf("%s: recursion: got %d, want %d to %d", c.name, n, least, most)
	}
	if n > int64(least) {
		return int(n), c.require(need{fmt.Sprintf("recursion=%d", n), c.ref.res.RecursionExtension})
	}
	return int(n), nil
}

// elements returns the elements of a list, or the values in the dicts of a resource that is listed as such.
func elements(r *spec.Resource, v starlark.Value, segment string) ([]starlark.Value, bool) {
	switch v := v.(type) {
	case *starlark.List:
		return slices.Collect(v.Elements()), true
	case *starlark.Dict:
		var out []starlark.Value
		for key, group := range v.Entries() {
			switch group := group.(type) {
			case *starlark.List:
				out = slices.AppendSeq(out, group.Elements())
			case *starlark.Dict:
				name, _ := starlark.AsString(key)
				if segment == "" {
					nested, ok := elements(r, group, name)
					if !ok {
						return nil, false
					}
					out = append(out, nested...)
					continue
				}
				// These objects don't hold their name, only the keys do.
				group.SetKey(starlark.String(r.Key), key)
				group.SetKey(starlark.String(r.Segment.Name), starlark.String(segment))
				out = append(out, group)
			}
		}
		return out, r.Lists == spec.ByStatus || r.Lists == spec.ByName
	}
	return nil, v == starlark.None
}

func listNames(c *invocation) (starlark.Value, error) {
	p := c.within(c.segmentName(c.defaultSegment()))
	query := p.query(spec.List)
	if c.ref.res.Lists == spec.ByName && p.path == c.ref.path {
		query.Set("recursion", "1")
	}
	v, reply, err := p.read(c.ctx, query, maxList)
	if c.ref.res.LazyFolder && isMissingFolder(err) {
		return starlark.NewList(nil), nil
	}
	if err != nil {
		return nil, err
	}
	elems, ok := elements(c.ref.res, v, "")
	names, named := namesIn(c.ref, elems)
	out := make([]starlark.Value, len(names))
	for i, name := range names {
		out[i] = starlark.String(name)
	}
	if !ok || !named {
		return nil, unreadable("GET", p.path, reply, fmt.Errorf("got a %s instead of a list of URLs", v.Type()))
	}
	return starlark.NewList(out), c.foundNone(len(elems), query)
}

// isMissingFolder reports whether the server couldn't open a folder because it doesn't exist. A missing object above the
// folder has another message.
func isMissingFolder(err error) bool {
	var e *errors.Error
	return errors.As(err, &e) && errors.Is(err, errors.NotFound) && strings.HasPrefix(e.Message, "open /") && strings.HasSuffix(e.Message, ": no such file or directory")
}

// foundNone returns the error for a missing project if nothing was found. Some servers list nothing in a missing
// project, and their answer about one object doesn't tell a missing project from a missing object.
func (c *invocation) foundNone(count int, query url.Values) error {
	name := query.Get("project")
	if count > 0 && c.ref.res.Scope != spec.InProjectOrServer || name == "" || name == defaultProject {
		return nil
	}
	_, err := c.ref.client.send(c.ctx, rest.Request{Method: "GET", Path: c.ref.client.collection(spec.Projects).item(name).path})
	if errors.Is(err, errors.NotFound) {
		return err
	}
	return nil // it exists, or isn't visible to this client
}

// defaultProject always exists.
const defaultProject = "default"

// nameIn returns the name in an object's URL, and whether the object belongs to the collection itself: older servers
// list the snapshots of volumes, too. A text other than a path is returned as it is.
func nameIn(p ref, url_ string) (name string, own bool, err error) {
	path, _, _ := strings.Cut(url_, "?")
	if !strings.HasPrefix(path, "/") {
		return path, true, nil
	}
	depth := strings.Count(p.path, "/") + 1
	if p.res.Segment != nil {
		depth++
	}
	parts := strings.SplitN(path, "/", depth+1)
	name, err = url.PathUnescape(parts[len(parts)-1])
	return name, p.res.Segment == nil || !strings.Contains(parts[len(parts)-1], "/"), err
}

// namesIn returns the names in the elements of a list of URLs, and whether all elements are such.
func namesIn(p ref, elems []starlark.Value) (names []string, ok bool) {
	ok = true
	for _, elem := range elems {
		text, isString := starlark.AsString(elem)
		name, own, err := nameIn(p, text)
		ok = ok && isString && err == nil
		if own {
			names = append(names, name)
		}
	}
	return names, ok
}

// isHex reports whether a name may be a fingerprint or a prefix of one.
func isHex(name string) bool {
	return len(name) >= 2 && len(name) <= 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// segmentName returns the segment given by the call, or fallback; empty for all, or if the resource has none.
func (c *invocation) segmentName(fallback string) string {
	s := c.ref.res.Segment
	if s == nil {
		return ""
	}
	name := c.args.string(s.Name)
	if name == "" {
		name = fallback
	}
	if name == spec.AllSegments && c.decl.Verb == spec.List {
		return ""
	}
	return name
}

// within returns the ref of the collection, or of a segment of it.
func (c *invocation) within(segment string) ref {
	if segment == "" {
		return c.ref
	}
	return c.ref.item(segment)
}

// defaultSegment returns the segment for a call that names none.
func (c *invocation) defaultSegment() string {
	if s := c.ref.res.Segment; s != nil {
		return s.Default
	}
	return ""
}

// key returns the key given by the call.
func (c *invocation) key() string { return c.args.string("name") }

// one returns the ref of the object given by the call.
func (c *invocation) one() (ref, error) {
	res := c.ref.res
	if res.Lists == spec.Single {
		return c.ref, nil
	}
	name := c.key()
	if name == "" {
		return c.ref, fmt.Errorf("%s: name: the name is empty", c.name)
	}
	if res.KeyQuery != "" {
		p := c.ref
		p.key = name
		return p, nil
	}
	if res.Segment != nil {
		return c.within(c.segmentName(c.defaultSegment())).item(name), nil
	}
	if res.Aliases == "" {
		return c.ref.item(name), nil
	}
	alias := ref{client: c.ref.client, res: res, path: res.Aliases, project: c.ref.project}.item(name)
	v, _, err := alias.read(c.ctx, alias.query(0), 0)
	switch {
	case err == nil:
		if entry, ok := v.(*starlark.Dict); ok {
			if target, _, _ := entry.Get(starlark.String("target")); target != nil {
				name, _ = starlark.AsString(target)
			}
		}
	case !errors.Is(err, errors.NotFound), !isHex(name):
		return c.ref, err
	}
	return c.ref.item(name), nil
}

func get(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	o := newObject(p)
	query := p.query(spec.Get)
	switch depth, err := c.recursion(0); {
	case err != nil:
		return nil, err
	case depth > 0:
		query.Set("recursion", strconv.Itoa(depth))
	}
	if err := o.readWith(c.ctx, query); err != nil {
		return nil, err
	}
	if key := o.key(); key != "" && c.ref.res.Named == spec.ByServer { // it was found by a prefix of its fingerprint
		o.ref.path = c.ref.item(key).path
	}
	return o, nil
}

func exists(c *invocation) (starlark.Value, error) {
	if c.ref.res.Content == spec.PlainText {
		names, err := listNames(c)
		if err != nil {
			return nil, err
		}
		for name := range names.(*starlark.List).Elements() {
			if name == starlark.String(c.key()) {
				return starlark.True, nil
			}
		}
		return starlark.False, nil
	}
	p, err := c.one()
	if err == nil {
		_, _, err = p.read(c.ctx, p.query(spec.Get), 0)
	}
	if errors.Is(err, errors.NotFound) {
		if err := c.foundNone(0, c.ref.query(spec.Get)); err != nil {
			return nil, err
		}
		return starlark.False, nil
	}
	return starlark.Bool(err == nil), err
}
