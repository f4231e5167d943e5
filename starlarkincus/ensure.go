package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// maxEnsures bounds the attempts of ensure. idleDelay is the least pause between two.
const (
	maxEnsures = 10
	idleDelay  = 20 * time.Millisecond
)

// ensure creates an object unless it exists, or changes the fields that differ. If others work on the same object, it
// waits for them and starts again. With a client that only reads, a difference is an error.
func ensure(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	given, w := c.args.body, c.patience()
	for range maxEnsures {
		o := newObject(p)
		err = o.read(c.ctx)
		there, changed := err == nil, false
		switch {
		case c.onlyReads():
			if there {
				err = o.asWanted(c, given)
			} else if errors.Is(err, errors.NotFound) {
				err = c.unsent("%s: there is no %s", c.name, p.text())
			}
		case there:
			if err = o.elsewhere(c.ctx, c.name, c.ref.target); err != nil {
				return nil, err
			}
			var started bool
			c.due.state = given["start"] == true
			if changed, err = o.conform(c, given, w); err == nil {
				c.made = o
				started, err = o.ensureStarted(c.ctx, given, w)
				changed = changed || started
				c.due.state = c.due.state && err != nil
			}
		case errors.Is(err, errors.NotFound):
			var created *Object
			c.due.fields = true
			if created, _, err = c.create(creatable(p.res, given)); err == nil {
				o, there, changed = created, true, true
				_, err = o.conform(c, given, w) // fields that create doesn't accept
			}
		}
		if err == nil {
			o.changed = starlark.Bool(changed)
			return o, nil
		}
		if !p.contended(c.ctx, there, err) {
			return nil, err
		}
		if _, err := p.awaitIdle(c.ctx, w); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// asWanted returns an error that names what ensure would change.
func (o *Object) asWanted(c *invocation, given map[string]any) error {
	if err := o.elsewhere(c.ctx, c.name, c.ref.target); err != nil {
		return err
	}
	differing, err := o.differing(c.ctx, c.name, given)
	if err != nil {
		return err
	}
	var names []string
	for field, part := range differing {
		f := spec.Find(o.ref.res.Fields, field)
		if f.Type != spec.Config && f.Type != spec.Devices {
			names = append(names, f.Script())
			continue
		}
		for key := range mapOf(part) {
			names = append(names, f.Script()+"."+key)
		}
	}
	if o.toStart(given) != "" {
		names = append(names, "status")
	}
	if names == nil {
		return nil
	}
	slices.Sort(names)
	e := c.unsent("%s: the %s differs in %s", c.name, o.ref.text(), strings.Join(names, ", "))
	e.Fields = map[string]any{"differing": names}
	return e
}

// toStart returns the action by which ensure(start=True) starts an instance; empty for none.
func (o *Object) toStart(given map[string]any) string {
	if given["start"] != true {
		return ""
	}
	return map[string]string{"Stopped": "start", "Frozen": "unfreeze"}[o.string("status")]
}

// contended reports whether a failure may be due to concurrent work on the same object: it is busy, or it was created
// or deleted meanwhile. A missing or conflicting object of another kind, such as an image or an address, isn't, nor is one that
// a new instance lacks for its start.
func (r ref) contended(ctx context.Context, there bool, err error) bool {
	var e *errors.Error
	switch {
	case errors.Is(err, errors.Busy):
		return true
	case !there && errors.As(err, &e) && e.Outcome == errors.Unknown:
		return false
	case errors.Is(err, errors.AlreadyExists), errors.Is(err, errors.NotFound):
		now := newObject(r).read(ctx)
		return there && errors.Is(now, errors.NotFound) || !there && now == nil
	}
	return false
}

// elsewhere returns an error for an object on another cluster member than target=, because ensure doesn't move objects.
func (o *Object) elsewhere(ctx context.Context, method, target string) error {
	location := o.string("location")
	if target == "" || location == "" || target == location || o.ref.res.Target&spec.New == 0 || o.ref.res.Target&spec.Get != 0 {
		return nil
	}
	if group, ok := strings.CutPrefix(target, "@"); ok {
		groups := o.ref.client.collection(spec.ClusterOf).sub(spec.Groups)
		g := newObject(groups.item(group))
		if err := g.read(ctx); err != nil {
			return err
		}
		members, _, _ := g.Get(starlark.String("members"))
		if list, ok := members.(*starlark.List); ok && slices.Contains(slices.Collect(list.Elements()), starlark.Value(starlark.String(location))) {
			return nil
		}
	}
	if location == "none" {
		return errors.New(errors.Conflict, "%s: %s is there, and can't be on %s: the server is in no cluster", method, o, target)
	}
	return errors.New(errors.Conflict, "%s: %s is there on %s, not on %s; its move(target=%[4]q) moves it", method, o, location, target)
}

// ensureStarted starts a stopped instance if start=True, and reports whether it did.
func (o *Object) ensureStarted(ctx context.Context, given map[string]any, w patience) (bool, error) {
	action := o.toStart(given)
	if action == "" {
		return false, nil
	}
	_, err := o.ref.act(ctx, "PUT", "state", map[string]any{"action": action}, w)
	switch {
	case errors.Is(err, errors.State): // started meanwhile
		return false, o.read(ctx)
	case err != nil:
		return false, err
	}
	return true, o.read(ctx)
}

// conform changes the fields that differ from the wanted ones, and reports whether any did.
func (o *Object) conform(c *invocation, wanted map[string]any, w patience) (bool, error) {
	differing, err := o.differing(c.ctx, c.name, wanted)
	if err != nil {
		return false, err
	}
	if len(differing) == 0 {
		c.due.fields = false
		return false, nil
	}
	if err := o.checkChange(c.name, differing); err != nil {
		return false, err
	}
	if _, err := o.merge(c.ctx, differing, true, w); err != nil {
		return false, err
	}
	c.due.fields = false
	return true, o.read(c.ctx)
}

// differing returns the fields that differ from the wanted ones, and what to send for them. One that can't be changed is an error.
func (o *Object) differing(ctx context.Context, method string, wanted map[string]any) (map[string]any, error) {
	differing := make(map[string]any)
	for name, given := range wanted {
		f := spec.Find(o.ref.res.Fields, name)
		if f == nil || name == o.ref.res.Key {
			continue
		}
		current, _, err := o.Get(starlark.String(name))
		if err != nil {
			return nil, err
		}
		var now any
		if current != nil {
			if now, err = value.ToGo(current); err != nil {
				return nil, err
			}
		}
		if f.Type == spec.Devices {
			if now, err = o.withProfiles(ctx, o.ref, now, wanted); err != nil {
				return nil, err
			}
		}
		part, differs := difference(f, given, now)
		switch {
		case !differs:
		case f.Use&spec.Change != 0:
			differing[name] = part
		case f.Use&spec.Read != 0 && current != nil:
			return nil, errors.New(errors.Conflict, "%s: %s is there with %s=%s, and that can't be changed to %s", method, o, f.Script(), current, text(given))
		}
	}
	return differing, nil
}

// difference returns the value to send for a field, and whether one has to be sent. Keys of a config, and keys that the
// server adds to the elements of a list, stay as they are unless given.
func difference(f *spec.Field, given, now any) (any, bool) {
	switch f.Type {
	case spec.Config:
		wanted, _ := given.(map[string]any)
		have, _ := now.(map[string]any)
		part := make(map[string]any)
		for key, v := range wanted {
			if old, found := have[key]; v == nil && found && old != "" || v != nil && !same(v, old) && !f.Stands(key, v, have) {
				part[key] = v
			}
		}
		return part, len(part) > 0
	case spec.Devices:
		wanted, _ := given.(map[string]any)
		have, _ := now.(map[string]any)
		part := make(map[string]any)
		for name, v := range wanted {
			if old, found := have[name]; found && !sameDevice(mergedDevice(old, v), old) || !found && v != nil {
				part[name] = v
			}
		}
		return part, len(part) > 0
	case spec.Objects:
		return given, !covers(given, now)
	case spec.Time:
		return given, !same(given, now) && !sameTime(given, now)
	case spec.Strings:
		if f.Unordered {
			return given, !same(sorted(given), sorted(now))
		}
	}
	return given, !same(given, now)
}

// same compares encoded values as JSON. A missing value equals an empty one.
func same(a, b any) bool {
	return text(a) == text(b) || empty(a) && empty(b)
}

// sameDevice reports whether two devices have the same keys. A missing key equals an empty one.
func sameDevice(a, b any) bool {
	x, y := mapOf(a), mapOf(b)
	if a == nil || b == nil {
		return a == b
	}
	for key := range merged(spec.Config, x, y).(map[string]any) {
		if !same(x[key], y[key]) {
			return false
		}
	}
	return true
}

// sameTime reports whether two texts are the same time, in whatever zone.
func sameTime(a, b any) bool {
	x, _ := a.(string)
	y, _ := b.(string)
	t, err := time.Parse(time.RFC3339, x)
	u, failed := time.Parse(time.RFC3339, y)
	return err == nil && failed == nil && t.Equal(u)
}

// sorted returns the strings of a list, sorted.
func sorted(list any) []string {
	out := []string{}
	if json.Unmarshal([]byte(text(list)), &out) != nil {
		return nil
	}
	slices.Sort(out)
	return out
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func empty(v any) bool {
	return slices.Contains([]string{"null", `""`, `"` + zeroTime + `"`, `"` + epochTime + `"`, "[]", "{}", "false", "0"}, text(v))
}

// covers reports whether each element of a list has all keys given for it.
func covers(given, now any) bool {
	wanted, _ := given.([]any)
	have, _ := now.([]any)
	if len(wanted) != len(have) {
		return false
	}
	for i := range wanted {
		w, ok := wanted[i].(map[string]any)
		h, _ := have[i].(map[string]any)
		if !ok && !same(wanted[i], have[i]) {
			return false
		}
		for key, v := range w {
			if !same(v, h[key]) {
				return false
			}
		}
	}
	return true
}

// creatable returns the fields that create accepts.
func creatable(r *spec.Resource, fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	maps.DeleteFunc(out, func(name string, _ any) bool {
		f := spec.Find(r.Fields, name)
		return f != nil && f.Use&spec.Create == 0
	})
	return out
}

// besides are the descriptions of operations that don't block others on the same instance.
var besides = []string{"Executing command", "Showing console"}

// awaitIdle waits for the end of all visible operations on the object, and reports whether there were any. It ignores
// commands and consoles, which don't block changes and may last as long as the instance runs.
func (r ref) awaitIdle(ctx context.Context, w patience) (worked bool, err error) {
	if err := pause(ctx, idleDelay); err != nil {
		return false, err
	}
	operations := r.client.collection(spec.Operations)
	query := operations.query(spec.List)
	query.Set("recursion", "1")
	if r.project != "" {
		query.Set("project", r.project)
	}
	var groups map[string][]struct {
		ID          string              `json:"id"`
		Description string              `json:"description"`
		StatusCode  int                 `json:"status_code"`
		Resources   map[string][]string `json:"resources"`
	}
	if err := operations.readInto(ctx, query, &groups); err != nil {
		return false, err
	}
	for _, group := range groups {
		for _, op := range group {
			if slices.Contains(besides, op.Description) {
				continue
			}
			for _, urls := range op.Resources {
				if op.StatusCode < 200 && slices.ContainsFunc(urls, func(u string) bool { u, _, _ = strings.Cut(u, "?"); return u == r.path }) {
					worked = true
					running, err := r.client.Operation(ctx, op.ID)
					if err != nil {
						return worked, err
					}
					_, err = wait(ctx, running, w)
					var failed *errors.Error
					if err != nil && !(errors.As(err, &failed) && failed.Class != errors.OperationTimeout) {
						return worked, err // the result of the other operation is irrelevant
					}
				}
			}
		}
	}
	return worked, nil
}
