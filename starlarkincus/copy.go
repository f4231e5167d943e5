package starlarkincus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// copyObject copies an instance, a snapshot to an instance, or a volume, on the same server or to another one. Fields
// that aren't given are those of the original.
func copyObject(c *invocation) (starlark.Value, error) {
	if err := c.obj.read(c.ctx); err != nil {
		return nil, err
	}
	other, err := c.otherServer()
	if err != nil {
		return nil, err
	}
	name := c.args.string("name")
	switch {
	case name != "":
	case other == nil:
		return nil, fmt.Errorf("%s: missing argument name: the name of the copy", c.name)
	default:
		name, _, _ = strings.Cut(c.obj.sourceName(), "/")
	}
	p, err := c.destination(name)
	if err != nil {
		return nil, err
	}
	given, err := c.obj.withInherited(c.ctx, p, c.args.body)
	if err != nil {
		return nil, err
	}
	body, err := c.obj.likeOriginal(p.res, given, func(key string) bool { return key == "volatile.base_image" })
	if err != nil {
		return nil, err
	}
	if other != nil {
		return c.copyTo(p, name, body)
	}
	if project := cmp.Or(p.project, "default"); project != cmp.Or(c.obj.ref.project, "default") && !c.args.flag("refresh", false) {
		devices := mapOf(body["devices"])
		lacks, err := p.lacksDevices(c.ctx, c.obj, devices, devices, "the project "+project)
		if err = cmp.Or(err, inOne(lacks)); err != nil {
			return nil, err
		}
	}
	c.due.fields = len(given) > 0 || c.args.flag("refresh", false)
	if going, err := c.obj.duplicate(c.ctx, p, name, body, c.args.local, c.patience()); going != nil || err != nil {
		return going, err
	}
	o := newObject(p.item(name))
	c.made = o
	if err := o.read(c.ctx); err != nil {
		return nil, err
	}
	return o, o.complete(c, given, body)
}

// destination returns the collection for a copy: that of the original, or that of the given pool and project. The
// member is the one given by the script or the client; otherwise a volume stays on its member, and the server chooses
// for an instance.
func (c *invocation) destination(name string) (ref, error) {
	p, client := c.obj.ref, c.ref.client
	p = p.parent()
	if made := c.decl.Returns.Of; made != p.res { // a snapshot's copy is an instance
		p.res, p.path = made, made.Path
	}
	if pool := c.args.string("to_pool"); pool != "" {
		p.path = withPool(p.path, pool)
	}
	at := ""
	if p.res.Source == spec.PoolAndName {
		at = p.target
	}
	if to := c.args.client("to"); to != nil {
		_, project, err := to.conn.client(c.ctx)
		if err != nil {
			return p, err
		}
		if to.conn != client.conn {
			at = ""
		}
		client, p.client, p.project = to, to, cmp.Or(to.project, project)
	}
	if project := c.args.string("to_project"); project != "" {
		p.project = project
	}
	p.target = cmp.Or(c.args.query.Get("target"), client.target, at)
	if p.target == "" && c.obj.member() != "" && client.conn == c.ref.client.conn && c.args.flag("refresh", false) {
		there := newObject(p.item(name)) // without target=, the server would look for it on any member
		if err := there.read(c.ctx); err != nil && !errors.Is(err, errors.NotFound) {
			return p, err
		}
		p.target = there.member()
	}
	return p, nil
}

// duplicate creates a copy with a name and fields. Options are further fields of its source. The returned operation is
// that of the copy.
func (o *Object) duplicate(ctx context.Context, p ref, name string, fields, options map[string]any, w patience) (*Object, error) {
	source, offer, err := o.source(ctx, p, options)
	if err != nil {
		return nil, err
	}
	for _, f := range spec.Find(p.res.Fields, "source").Fields {
		if v := options[f.Name]; v != nil && source[f.Name] == nil {
			source[f.Name] = v
		}
	}
	body := maps.Clone(fields)
	body[p.res.Key], body["source"] = name, source
	out, err := p.create(ctx, body, w)
	if err == nil {
		return out.going, nil
	}
	if offer != nil {
		builtin.In(ctx).Block(func() { offer.Cancel(ctx) }) // nobody uses it
	}
	return nil, p.madeAnything(ctx, name, body, err)
}

// source returns the source of a copy at p. Operation is the one that offers it, or nil.
func (o *Object) source(ctx context.Context, p ref, options map[string]any) (map[string]any, *rest.Operation, error) {
	source := map[string]any{"type": "copy"}
	if o.ref.res.Source != spec.PoolAndName {
		source["source"] = o.sourceName()
	} else {
		member := o.member()
		if member != "" && p.target != member && (o.string("project") != "default" || cmp.Or(p.project, "default") != "default") {
			return o.offer(ctx, member, options["volume_only"] == true)
		}
		source["name"], source["pool"] = o.key(), poolOf(o.ref.path)
		if member != "" {
			source["location"] = member
		}
	}
	if from := cmp.Or(o.ref.project, "default"); from != cmp.Or(p.project, "default") {
		source["project"] = from // some servers reject a source with the project of the request
	}
	return source, nil, nil
}

// offer starts a migration that lets another member fetch a volume, and returns the source for it. A source that only
// names the member doesn't work on servers that look for the volume in the default project.
func (o *Object) offer(ctx context.Context, from string, volumeOnly bool) (map[string]any, *rest.Operation, error) {
	client := o.ref.client
	var about struct {
		URL         string `json:"url"`
		Environment struct {
			Certificate string `json:"certificate"`
		} `json:"environment"`
	}
	for _, p := range []ref{client.collection(spec.ClusterOf).join("members").item(from), client.collection(spec.Server)} {
		if err := p.readInto(ctx, nil, &about); err != nil {
			return nil, nil, err
		}
	}
	reply, err := client.send(ctx, rest.Request{Method: "POST", Path: o.ref.path, Query: o.ref.query(spec.Rename),
		Body: map[string]any{"migration": true, "name": o.key(), "pool": poolOf(o.ref.path), "volume_only": volumeOnly}})
	if err != nil {
		return nil, nil, err
	}
	var offered struct {
		Secrets map[string]any `json:"metadata"`
	}
	if err := json.Unmarshal(reply.Metadata, &offered); err != nil || reply.Operation == nil {
		return nil, nil, unreadable("POST", o.ref.path, reply, err)
	}
	return map[string]any{"type": "migration", "mode": "pull", "operation": about.URL + "/1.0/operations/" + reply.Operation.ID(),
		"certificate": about.Environment.Certificate, "secrets": offered.Secrets}, reply.Operation, nil
}

// likeOriginal returns the fields to create a copy with: those of the original, replaced by the given ones. Servers
// take over only some of them, and none for a copy on another member. Keep selects the volatile keys of an instance.
func (o *Object) likeOriginal(res *spec.Resource, given map[string]any, keep func(volatile string) bool) (map[string]any, error) {
	now, err := value.ToGo(o.fields)
	if err != nil {
		return nil, err
	}
	body, original := make(map[string]any), now.(map[string]any)
	maps.Copy(body, given)
	for _, f := range spec.With(res.Fields, spec.Create) {
		v, has := original[f.Name]
		_, said := given[f.Name]
		switch own, _ := v.(map[string]any); {
		case !has || v == nil || f.Name == res.Key || f.Name == "stateful":
		case f.Type == spec.Config || f.Type == spec.Devices:
			if res.Source != spec.PoolAndName { // fields that only the original has
				maps.DeleteFunc(own, func(key string, _ any) bool { return isVolatile(key) && !keep(key) })
			}
			body[f.Name] = overridden(f.Type, own, mapOf(given[f.Name]))
		case !said:
			body[f.Name] = v
		}
	}
	return body, nil
}

// overridden returns configuration or devices, with the given ones merged.
func overridden(t spec.Type, own, given map[string]any) map[string]any {
	out := make(map[string]any, len(own)+len(given))
	maps.Copy(out, own)
	maps.Copy(out, override(t, own, given))
	return out
}

// override returns the given configuration or devices for a request in which the server merges them: unset keys become
// empty.
func override(t spec.Type, own, given map[string]any) map[string]any {
	out := make(map[string]any, len(given))
	for key, v := range given {
		_, has := own[key]
		switch {
		case v != nil && t == spec.Devices:
			out[key] = mergedDevice(own[key], v)
			if device, ok := out[key].(map[string]any); ok {
				out[key] = withoutNulls(device)
			}
		case v != nil:
			out[key] = v
		case has && t == spec.Devices:
			out[key] = map[string]any{"type": "none"}
		case has:
			out[key] = ""
		}
	}
	return out
}

// complete sets the fields that the creation of a copy left out: empty values, and for an existing copy all given
// fields and those of the original instance.
func (o *Object) complete(c *invocation, given, body map[string]any) error {
	due := make(map[string]any)
	refreshed := c.args.flag("refresh", false)
	anew := refreshed && o.ref.res.Source == spec.ByItsName
	for _, f := range spec.With(o.ref.res.Fields, spec.Change) {
		v, has := given[f.Name]
		if anew {
			v, has = body[f.Name]
		}
		switch {
		case !has:
		case f.Type == spec.Config || f.Type == spec.Devices:
			entries, err := o.entries(f, mapOf(v), mapOf(given[f.Name]), refreshed, anew)
			if err != nil {
				return err
			}
			due[f.Name] = entries
		case refreshed || v == "":
			due[f.Name] = v
		}
	}
	if len(due) == 0 {
		return nil
	}
	_, err := o.conform(c, due, c.patience().staying())
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Unknown // other fields may have been set
	}
	return err
}

// entries returns the configuration or devices to set or unset after the creation of a copy.
func (o *Object) entries(f spec.Field, wanted, given map[string]any, refreshed, anew bool) (map[string]any, error) {
	v, _, _ := o.fields.Get(starlark.String(f.Name))
	if v == nil {
		v = starlark.None
	}
	now, err := value.ToGo(v)
	if err != nil {
		return nil, err
	}
	due, have := make(map[string]any), mapOf(now)
	for key := range have {
		if anew && wanted[key] == nil && !isVolatile(key) && !isRoot(have[key]) {
			due[key] = nil
		}
	}
	for key, v := range wanted {
		if refreshed && !isVolatile(key) {
			due[key] = inPlace(v, have[key])
		}
	}
	for key, v := range given {
		if v == nil {
			due[key] = nil
		}
	}
	return due, nil
}

// inPlace returns a wanted device or key as a change that removes all other keys of the device. A root disk keeps its
// pool.
func inPlace(wanted, have any) any {
	device, ok := wanted.(map[string]any)
	if !ok {
		return wanted
	}
	old := mapOf(have)
	device = maps.Clone(device)
	if isRoot(device) && isRoot(old) && old["pool"] != nil {
		device["pool"] = old["pool"]
	}
	for key := range old {
		if _, said := device[key]; !said {
			device[key] = nil
		}
	}
	return device
}

// isRoot reports whether a device is a root disk, which an instance in another pool than its profiles' must keep.
func isRoot(device any) bool { return mapOf(device)["type"] == "disk" && mapOf(device)["path"] == "/" }

func isVolatile(key string) bool { return strings.HasPrefix(key, "volatile.") }

// mapOf returns v as a map; an empty one if it isn't a map.
func mapOf(given any) map[string]any {
	m, _ := given.(map[string]any)
	return m
}

// sourceName returns the name of an instance, or instance/snapshot.
func (o *Object) sourceName() string {
	if o.ref.res.Source != spec.WithParent {
		return o.key()
	}
	collection, _ := splitLast(o.ref.path)
	instance, _ := splitLast(collection)
	_, name := splitLast(instance)
	return unescape(name) + "/" + o.key()
}

// splitLast splits off the last segment of a path.
func splitLast(path string) (parent, last string) {
	i := strings.LastIndex(path, "/")
	return path[:i], path[i+1:]
}

func unescape(segment string) string {
	name, err := url.PathUnescape(segment)
	if err != nil {
		return segment
	}
	return name
}

// poolIndex is the index of a pool's name in the path of a volume.
const poolIndex = 3

func poolOf(path string) string { return unescape(strings.Split(path, "/")[poolIndex]) }

func withPool(path, pool string) string {
	parts := strings.Split(path, "/")
	parts[poolIndex] = url.PathEscape(pool)
	return strings.Join(parts, "/")
}
