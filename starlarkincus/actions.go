package starlarkincus

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// getText reads an object that is a text.
func getText(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	return c.text(rest.Request{Method: "GET", Path: p.path, Query: p.query(spec.Get)})
}

// createText writes an object that is a text.
func createText(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	_, err = c.do(c.request(p, "POST"))
	return starlark.None, err
}

// readText reads a text that stands below an object or a client.
func readText(c *call) (starlark.Value, error) { return c.text(c.request(c.on, "GET")) }

func (c *call) text(r rest.Request) (starlark.Value, error) {
	r.MaxBytes = maxList
	client, _, err := c.on.client.conn.client()
	if err != nil {
		return nil, err
	}
	var data []byte
	Block(c.thread, func() { data, _, err = client.Raw(c.ctx, r) })
	if err != nil {
		return nil, err
	}
	return starlark.String(data), nil
}

// startOperation starts what only somebody else can bring to its end, and returns the operation.
func startOperation(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	if reply.Operation == nil {
		return nil, unreadable(c.decl.HTTP, c.on.path, reply, fmt.Errorf("got no operation"))
	}
	reply.Operation.Watch()
	return c.on.client.operation(c.thread, reply)
}

// token makes the text that the incus command takes as a token of what the operation of that class tells: who it is
// for, where the server is, and the secret.
func token(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	if !c.args.flag("wait", true) {
		_, op, err := c.finish(reply)
		return op, err
	}
	var started struct {
		Metadata struct {
			Secret      string   `json:"secret"`
			Fingerprint string   `json:"fingerprint"`
			Addresses   []string `json:"addresses"`
			ServerName  string   `json:"serverName"`
			ExpiresAt   string   `json:"expiresAt"`
			Request     struct {
				Name string `json:"name"`
			} `json:"request"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(reply.Metadata, &started); err != nil || started.Metadata.Secret == "" {
		return nil, unreadable(c.decl.HTTP, c.on.path, reply, fmt.Errorf("the operation has no token"))
	}
	m := started.Metadata
	if m.ExpiresAt == "" {
		m.ExpiresAt = "0001-01-01T00:00:00Z"
	}
	text := map[string]any{"fingerprint": m.Fingerprint, "addresses": m.Addresses, "secret": m.Secret, "expires_at": m.ExpiresAt}
	if m.ServerName != "" {
		text["server_name"] = m.ServerName
	} else {
		text["client_name"] = m.Request.Name
	}
	data, err := json.Marshal(text)
	return starlark.String(base64.StdEncoding.EncodeToString(data)), err
}

// copyObject makes another object of this one on the same server: an instance, or a volume, whose pool stands in its
// path.
func copyObject(c *call) (starlark.Value, error) {
	source := map[string]any{"type": "copy"}
	p := c.on
	p.path, _ = splitLast(p.path)
	switch {
	case p.res.Segment != nil:
		source["name"], source["pool"] = c.obj.key(), poolOf(p.path)
		if location := c.obj.string("location"); location != "" && location != "none" {
			source["location"] = location
		}
		if pool := c.args.string("to_pool"); pool != "" {
			p.path = withPool(p.path, pool)
		}
	case p.res == spec.Snapshots:
		source["source"] = c.snapshotName()
		p.res, p.path = spec.Instances, spec.Instances.Path
	default:
		source["source"] = c.obj.key()
	}
	if project := c.args.string("to_project"); project != "" && project != p.project {
		source["project"] = cmp.Or(p.project, "default") // some servers refuse to be told of one project twice
		p.project = project
	}
	for _, f := range spec.Find(p.res.Fields, "source").Fields {
		if v := c.args.local[f.Name]; v != nil && source[f.Name] == nil {
			source[f.Name] = v
		}
	}
	if p.res == spec.Instances && c.obj.string("location") != "none" {
		if err := c.likeOriginal(); err != nil {
			return nil, err
		}
	}
	name := c.args.string("name")
	c.args.body[p.res.Key], c.args.body["source"] = name, source
	dropNulls(p.res, c.args.body)
	r := c.request(p, "POST")
	r.Path = p.path
	reply, err := c.do(r)
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	if target := c.args.query.Get("target"); target != "" {
		p.target = target
	}
	o := newObject(p.below(name))
	return o, o.read(c)
}

// likeOriginal gives a copy what its original has and the script doesn't say. A single server does that itself; a member
// of a cluster doesn't for a copy that another one gets.
func (c *call) likeOriginal() error {
	if err := c.obj.read(c); err != nil {
		return err
	}
	now, err := value.ToGo(c.obj.fields)
	if err != nil {
		return err
	}
	body, original := c.args.body, now.(map[string]any)
	for _, f := range spec.With(spec.Instances.Fields, spec.Create) {
		v, has := original[f.Name]
		_, given := body[f.Name]
		switch config, _ := v.(map[string]any); {
		case !has || v == nil || f.Name == spec.Instances.Key || f.Name == "stateful":
		case f.Type == spec.Config:
			maps.DeleteFunc(config, func(key string, _ any) bool {
				return strings.HasPrefix(key, "volatile.") && key != "volatile.base_image"
			})
			body[f.Name] = merged(f.Type, config, mapOf(body[f.Name]))
		case f.Type == spec.Devices:
			body[f.Name] = merged(f.Type, config, mapOf(body[f.Name]))
		case !given:
			body[f.Name] = v
		}
	}
	return nil
}

// mapOf is the dict that was given, and an empty one where none was.
func mapOf(given any) map[string]any {
	m, _ := given.(map[string]any)
	return m
}

// snapshotName is a snapshot's name with its instance's.
func (c *call) snapshotName() string {
	collection, _ := splitLast(c.on.path)
	instance, _ := splitLast(collection)
	_, name := splitLast(instance)
	return unescape(name) + "/" + c.obj.key()
}

// splitLast is a path without its last segment, and that segment.
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

// move gives an object another place: another name, project, pool or cluster member. The object is then the moved one.
func move(c *call) (starlark.Value, error) {
	res, body, target := c.on.res, c.args.body, c.args.query.Get("target")
	name := c.args.string("name")
	if name == "" {
		name = c.obj.key()
	}
	if len(body) == 0 && target == "" && name == c.obj.key() {
		return nil, fmt.Errorf("%s: nothing to change: say where it is to go", c.name)
	}
	dropNulls(res, body)
	if res.Segment != nil {
		c.moveVolume(name, target)
	} else {
		if len(body) > 0 || target != "" { // with a new name alone, the server would wait for another one to come
			body["migration"] = true
		}
		if name != c.obj.key() {
			body[res.Key] = name
		}
	}
	reply, err := c.do(c.request(c.on, "POST"))
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	p := c.on
	p.path, _ = splitLast(p.path)
	if pool, _ := body["pool"].(string); pool != "" && res.Segment != nil {
		p.path = withPool(p.path, pool)
	}
	if project, _ := body["project"].(string); project != "" {
		p.project = project
	}
	if target != "" {
		p.target = target
	}
	c.obj.on = p.below(name)
	if res.Segment != nil && target != "" {
		return c.obj, c.arrival(c.obj.string("location"))
	}
	return c.obj, c.obj.read(c)
}

// arrival reads a volume that goes to another member, when it has left its old one: the server says that the operation
// has ended while the volume is still on its way.
func (c *call) arrival(from string) error {
	limit := arrivalTimeout
	if c.args.has("timeout") {
		limit = time.Duration(c.args.seconds("timeout") * float64(time.Second))
	}
	old := c.on
	old.target = from
	for begin := time.Now(); ; {
		_, _, err := c.get(old, old.query(spec.Get), 0)
		if stderrors.Is(err, errors.NotFound) {
			err = c.obj.read(c)
		} else if err == nil {
			err = errors.New(errors.OperationTimeout, "%s had not left %s after %v", c.obj, from, limit)
		}
		class := (*errors.Error)(nil)
		if !stderrors.As(err, &class) || class.Class != errors.NotFound && class.Class != errors.OperationTimeout || time.Since(begin) > limit {
			return err
		}
		if err := c.settle(c.on); err != nil {
			return err
		}
	}
}

// arrivalTimeout is how long a volume may take that no operation is seen to work on.
const arrivalTimeout = 5 * time.Minute

// moveVolume is what moving a volume needs besides what the script says: servers want its name and pool even where
// they stay, and where it is, to move it to another member.
func (c *call) moveVolume(name, target string) {
	body := c.args.body
	body["name"] = name
	if body["project"] != nil && body["pool"] == nil {
		body["pool"] = poolOf(c.on.path)
	}
	if target != "" {
		body["migration"], body["source"] = true, map[string]any{"location": c.obj.string("location")}
		if body["pool"] == nil {
			body["pool"] = poolOf(c.on.path)
		}
	}
}

// A volume's pool is the segment of its path with this index.
const poolIndex = 3

func poolOf(path string) string { return unescape(strings.Split(path, "/")[poolIndex]) }

func withPool(path, pool string) string {
	parts := strings.Split(path, "/")
	parts[poolIndex] = url.PathEscape(pool)
	return strings.Join(parts, "/")
}

// rebuild empties an instance, or fills it with an image.
func rebuild(c *call) (starlark.Value, error) {
	switch {
	case c.args.has("image") && c.args.body["source"] != nil:
		return nil, fmt.Errorf("%s: image= and source= exclude each other", c.name)
	case c.args.has("image"):
		source, err := c.imageSource(c.args.string("image"))
		if err != nil {
			return nil, err
		}
		c.args.body["source"] = source
	case c.args.body["source"] == nil:
		c.args.body["source"] = map[string]any{"type": "none"}
	}
	return action(c)
}

// publish makes an image of an instance or of a snapshot, and returns the image.
func publish(c *call) (starlark.Value, error) {
	source := map[string]any{"type": "instance", "name": c.obj.key()}
	if c.on.res == spec.Snapshots {
		source = map[string]any{"type": "snapshot", "name": c.snapshotName()}
	}
	images := c.on
	images.res, images.path = spec.Images, spec.Images.Path
	c.args.body["source"] = source
	if alias := c.args.string("alias"); alias != "" {
		given, _ := c.args.body["aliases"].([]any)
		c.args.body["aliases"] = append(given, map[string]any{"name": alias})
	}
	reply, err := c.do(c.request(images, "POST"))
	if err != nil {
		return nil, err
	}
	state, op, err := c.finish(reply)
	if op != nil || err != nil {
		return op, err
	}
	fingerprint := chosenKey(spec.Images, images, reply, state)
	if fingerprint == "" {
		return nil, &errors.Error{Class: errors.Operation, Message: "the server doesn't say which image it made", Method: "POST", Path: images.path}
	}
	o := newObject(images.below(fingerprint))
	return o, o.read(c)
}
