package starlarkincus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// An events is the stream of a server's events, for one loop. It is closed at the end of the loop or of the script.
type events struct {
	ref     ref
	binding *builtin.Binding // of any thread of the script
	stream  *rest.Events
	until   time.Time // end of the loop; zero for none
	looped  bool
	release func()
}

var (
	_ starlark.Iterable = (*events)(nil)
	_ starlark.Iterator = (*events)(nil)
	_ starlark.HasAttrs = (*events)(nil)
)

// listen implements incus.events.
func listen(c *invocation) (starlark.Value, error) {
	query := make(url.Values)
	switch all := c.args.flag("all_projects", false); {
	case all:
		query.Set("all-projects", "true")
	case c.ref.project != "":
		query.Set("project", c.ref.project)
	}
	if types, _ := c.args.local["types"].([]string); len(types) > 0 {
		query.Set("type", strings.Join(types, ","))
	}
	b := builtin.Of(c.thread)
	e := &events{ref: ref{client: c.ref.client, res: spec.Events, path: c.decl.Path}, binding: b}
	if c.args.has("timeout") {
		e.until = time.Now().Add(c.args.duration("timeout"))
	}
	client, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	b.Block(func() { e.stream, err = client.Events(c.ctx, query) })
	if err != nil {
		return nil, err
	}
	e.release = b.Keep(func(context.Context) {
		e.stream.Close()
		<-e.stream.Ended()
	})
	return e, nil
}

func (e *events) String() string        { return "<events>" }
func (e *events) Type() string          { return "events" }
func (e *events) Freeze()               {}
func (e *events) Truth() starlark.Bool  { return true }
func (e *events) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", e.Type()) }

// AttrNames returns the names of the methods.
func (e *events) AttrNames() []string { return []string{"close"} }

// Attr returns a method.
func (e *events) Attr(name string) (starlark.Value, error) {
	if d := builtin.Events.Member(name); d != nil {
		return d.Function().BindReceiver(e), nil
	}
	return nil, nil
}

// CloseEvents ends the loop, in whatever task it is, after the events that were received before.
func (e *events) CloseEvents() { e.stream.Close() }

// Iterate returns the only iterator over the events.
func (e *events) Iterate() starlark.Iterator {
	if e.looped {
		return failing{e.binding, errors.Plain("these events are for one loop, which has begun: call incus.events() again")}
	}
	e.looped = true
	return e
}

// Next waits for the next event.
func (e *events) Next(p *starlark.Value) bool {
	b := e.binding.Running()
	var event *rest.Event
	var err error
	b.Block(func() { event, err = e.next(b.Context) })
	if err == nil {
		*p, err = e.object(b.Context, event)
	}
	switch {
	case err == nil:
		return true
	case err == io.EOF:
	case b.Context.Err() != nil:
		b.Fail(context.Cause(b.Context))
	default:
		if failed := (*errors.Error)(nil); errors.As(err, &failed) {
			failed.Reads = true
		}
		b.Fail(rest.Clean(err))
	}
	return false
}

// next returns the next event. After the timeout it closes the stream, and returns the events that were received
// before.
func (e *events) next(ctx context.Context) (*rest.Event, error) {
	if e.until.IsZero() {
		return e.stream.Next(ctx)
	}
	bounded, cancel := context.WithDeadline(ctx, e.until)
	defer cancel()
	event, err := e.stream.Next(bounded)
	if err == nil || bounded.Err() == nil || ctx.Err() != nil {
		return event, err
	}
	e.stream.Close()
	return e.stream.Next(ctx)
}

// Done closes the stream.
func (e *events) Done() {
	e.stream.Close()
	e.release()
}

// object returns the object of an event, with the fields of its metadata as its own.
func (e *events) object(ctx context.Context, event *rest.Event) (starlark.Value, error) {
	var all map[string]any
	if event.Gap != nil {
		since, until := event.Gap.Since.Format(time.RFC3339Nano), event.Gap.Until.Format(time.RFC3339Nano)
		all = map[string]any{"type": "gap", "timestamp": until, "since": since, "until": until, "message": event.Gap.Cause.Error()}
	} else {
		decoder := json.NewDecoder(bytes.NewReader(event.Raw))
		decoder.UseNumber()
		if err := decoder.Decode(&all); err != nil {
			return nil, &errors.Error{Class: errors.Connection, Method: "GET", Path: e.ref.path, Cause: err, Message: "an event is not what Incus sends"}
		}
		secret.Hide(all)
	}
	metadata, _ := all["metadata"].(map[string]any)
	if source, _ := metadata["source"].(string); metadata["name"] == nil && source != "" { // servers send only that of an instance
		if name := e.nameOf(ctx, source, all["project"]); name != "" {
			all["name"] = name
		}
	}
	fields := new(starlark.Dict)
	for _, f := range e.ref.res.Fields {
		v, sent := all[f.Name]
		if !sent {
			v, sent = metadata[f.Name]
		}
		if !sent {
			continue
		}
		field, err := value.FromGo(v)
		if err != nil {
			return nil, err
		}
		if err := fields.SetKey(starlark.String(f.Name), field); err != nil {
			return nil, err
		}
		if whole, ok := field.(*starlark.Dict); ok && f.Name == "metadata" && all["type"] == "operation" {
			if err := addProgress(fields, whole); err != nil {
				return nil, err
			}
		}
	}
	o := newObject(e.ref)
	return o, o.set(fields, "")
}

// nameOf returns the name of the object with a URL in a project. That of a custom volume begins with its project on servers that lack
// an extension.
func (e *events) nameOf(ctx context.Context, source string, project any) string {
	name := nameOf(source)
	path, _, _ := strings.Cut(source, "?")
	_, volume, custom := strings.Cut(path, "/volumes/custom/")
	own, begins := strings.CutPrefix(name, fmt.Sprint(project, "_"))
	if !custom || strings.Contains(volume, "/") || !begins {
		return name
	}
	if later, err := e.ref.client.hasExtension(ctx, "custom_volume_sftp"); err == nil && !later {
		return own
	}
	return name
}

// nameOf returns the name of the object with a URL, such as that of a snapshot in its instance; empty for none.
func nameOf(source string) string {
	path, _, _ := strings.Cut(source, "?")
	if object := errors.About(&errors.Request{Path: path}); object != nil {
		return object.Name
	}
	return ""
}

// A failing is an iterator without elements that fails.
type failing struct {
	binding *builtin.Binding
	err     error
}

func (f failing) Next(*starlark.Value) bool {
	f.binding.Running().Fail(f.err)
	return false
}

func (f failing) Done() {}
