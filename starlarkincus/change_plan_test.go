package starlarkincus_test

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A change is a change of a field.
type change struct {
	what  string
	field string
	given any // argument of update and ensure
	whole any // argument of replace
	want  any
}

// plan returns the changes for the fields of an object.
func (x *trial) plan(before dict) []change {
	var out []change
	for _, f := range spec.With(x.resource.Fields, spec.Change) {
		s, tried := x.samples[f.Name]
		switch {
		case !tried:
		case keyed(f):
			for key, v := range s.new.(dict) {
				set := with(before[f.Name], dict{key: changedDevice(s.old.(dict)[key], v)})
				out = append(out, change{fmt.Sprintf("%s[%q]", f.Name, key), f.Name, dict{key: v}, set, set})
				if _, there := s.old.(dict)[key]; there && s.keep[key] == "" {
					unset := without(before[f.Name], dict{key: nil})
					out = append(out, change{fmt.Sprintf("%s[%q] unset", f.Name, key), f.Name, dict{key: nil}, unset, unset})
				}
			}
		default:
			out = append(out, change{f.Name, f.Name, s.new, s.new, s.new})
			if empty := emptied(f.Type); empty != nil && s.keep[""] == "" && s.refused == "" {
				out = append(out, change{f.Name + " emptied", f.Name, empty, empty, empty})
			}
		}
	}
	slices.SortFunc(out, func(a, b change) int { return strings.Compare(a.what, b.what) })
	return out
}

// changedDevice returns a device with the given keys merged; nil unsets one. A device of another type replaces it.
func changedDevice(old, given any) any {
	was, both := old.(dict)
	m, ok := given.(dict)
	if !both || !ok || m["type"] != nil && m["type"] != was["type"] {
		return given
	}
	out := with(was, m)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func emptied(t spec.Type) any {
	switch t {
	case spec.String:
		return ""
	case spec.Strings, spec.Objects:
		return []any{}
	case spec.Time:
		return "0001-01-01T00:00:00Z"
	case spec.Object:
		return dict{}
	}
	return nil
}

func (x *trial) run() {
	before := x.reset()
	for i, c := range x.plan(before) {
		for k, method := range []string{"update", "replace", "ensure"} {
			if !x.slow || i%3 == k {
				x.one(method, c)
			}
		}
	}
	if x.resource.Verbs&spec.Replace != 0 {
		x.stale(before)
	}
	x.wrong()
	for name, s := range x.samples {
		if s.refused == "" {
			continue
		}
		f := spec.Find(x.resource.Fields, name)
		x.reset()
		sent := x.sent.Load()
		_, err := x.call(x.object, "update", dict{name: emptied(f.Type)})
		if err == nil || !strings.Contains(err.Error(), s.refused) || x.sent.Load() != sent {
			x.Errorf("emptying %s: got the error %v, and %d requests that change something; want %q and none", name, err, x.sent.Load()-sent, s.refused)
		}
	}
}

// one makes one change by one method.
func (x *trial) one(method string, c change) {
	x.Helper()
	collection, _ := x.globals["collection"].(starlark.HasAttrs)
	want := x.reset()
	want[c.field] = c.want
	beside := make(dict) // another field without which this one has no effect
	if f := spec.Find(x.resource.Fields, c.field); f.Beside != "" && c.what == c.field {
		beside[f.Beside], want[f.Beside] = true, true
	}
	var err error
	switch verbs := x.resource.Verbs; {
	case method == "ensure" && collection == nil, method == "update" && verbs&spec.Update == 0, method == "replace" && verbs&spec.Replace == 0:
		return
	case method == "ensure":
		err = passes(func() error { return x.ensure(collection, c, true) })
		x.ensured++
	default:
		if method == "replace" {
			c.given = c.whole
		}
		if _, err = x.call(x.object, "refresh", nil); err == nil {
			err = passes(func() error {
				_, err := x.call(x.object, method, with(beside, dict{c.field: c.given}))
				return err
			})
			x.changes++
		}
	}
	if err != nil {
		x.Errorf("%s of %s: %v", method, c.what, err)
		return
	}
	if c.field == "certificate" {
		x.follow(c.want)
	}
	x.compare(method+" of "+c.what, want, x.raw())
	if method == "ensure" {
		if err := passes(func() error { return x.ensure(collection, c, false) }); err != nil {
			x.Errorf("the second %s of %s: %v", method, c.what, err)
		}
	}
}

// stale changes each field without the client's knowledge, including fields that the server's ETag omits, and checks
// that a replace of another field fails and changes nothing.
func (x *trial) stale(before dict) {
	x.Helper()
	tried := map[string]bool{"certificate": true} // it would be another object
	plan := x.plan(before)
	for _, c := range plan {
		if tried[c.field] {
			continue
		}
		tried[c.field] = true
		other := plan[slices.IndexFunc(plan, func(o change) bool { return o.field != c.field || len(x.samples) == 1 })]
		want := x.reset()
		if _, err := x.call(x.object, "refresh", nil); err != nil {
			x.Fatal(err)
		}
		body := make(dict)
		for _, f := range spec.With(x.resource.Fields, spec.Change|spec.Kept) {
			body[f.Name] = want[f.Name]
		}
		body[c.field] = c.want
		x.put(body)
		want = x.raw()
		_, err := x.call(x.object, "replace", dict{other.field: other.whole})
		if !errors.Is(err, errors.PreconditionFailed) {
			x.Errorf("replace of %s, after %s was changed by somebody else: %v", other.what, c.what, err)
		}
		x.compare("replace of what is out of date", want, x.raw())
	}
}

// wrong makes changes of which the server refuses one field, and checks that nothing is changed.
func (x *trial) wrong() {
	x.Helper()
	bad := map[spec.Type]any{spec.Config: "x", spec.Devices: dict{"type": "no such type"}}
	for _, f := range spec.With(x.resource.Fields, spec.Change) {
		if _, tried := x.samples[f.Name]; !tried || bad[f.Type] == nil {
			continue
		}
		for _, method := range []string{"update", "replace"} {
			before := x.reset()
			given := make(dict)
			for name, s := range x.samples {
				if name != "certificate" {
					given[name] = s.new
				}
				if f := spec.Find(x.resource.Fields, name); keyed(*f) && method == "replace" {
					given[name] = with(before[name], changedDevices(s))
				}
			}
			given[f.Name] = with(given[f.Name], dict{"no.such": bad[f.Type]})
			if _, err := x.call(x.object, "refresh", nil); err != nil {
				x.Fatal(err)
			}
			_, err := x.call(x.object, method, given)
			if takesAnyKey := slices.Contains(tolerant, x.name()+"."+f.Name); (err == nil) != takesAnyKey {
				x.Errorf("%s with what is wrong in %s: %v", method, f.Name, err)
			}
			x.refusals++
			x.truthful(method, f.Name, given, before, err)
		}
	}
}

// truthful compares the outcome of an error with the object.
func (x *trial) truthful(method, field string, given, before dict, err error) {
	x.Helper()
	var e *errors.Error
	if !errors.As(err, &e) {
		return
	}
	now := x.raw()
	switch e.Outcome {
	case errors.Refused:
		x.compare("a refused "+method, before, now)
	case errors.Done:
		if m, ok := given[field].(dict); !ok || !equal(with(now[field], m), now[field]) {
			x.Errorf("%s of %v is said to be done, and there is %v", method, given, now)
		}
	default:
		x.Errorf("%s: the outcome of an answered change is %q: %v", method, e.Outcome, err)
	}
}

// tolerant are configurations in which servers accept any key.
var tolerant = []string{"images.properties", "metadata.properties"}

// changedDevices returns the expected devices after the change to a sample's new values.
func changedDevices(s sample) dict {
	out := make(dict)
	for key, v := range s.new.(dict) {
		out[key] = changedDevice(s.old.(dict)[key], v)
	}
	return out
}

// follow finds an object named by its certificate after a change of the certificate.
func (x *trial) follow(certificate any) {
	x.Helper()
	text, _ := certificate.(string)
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return
	}
	x.path = fmt.Sprintf("%s/%x", x.path[:strings.LastIndex(x.path, "/")], sha256.Sum256(block.Bytes))
	o, err := x.call(x.object, "refresh", nil)
	if err != nil {
		collection, _ := x.client.Attr(x.resource.Name)
		name, _ := x.current(nil, nil, nil, nil)
		o, err = x.call(collection.(starlark.HasAttrs), "get", nil, string(name.(starlark.String)))
	}
	if err != nil {
		x.Fatal(err)
	}
	x.object = o.(*starlarkincus.Object)
}

func (x *trial) ensure(collection starlark.HasAttrs, c change, changes bool) error {
	key, _ := starlark.AsString(x.globals["key"])
	args := dict{c.field: c.given}
	if more, ok := x.globals["where"].(*starlark.Dict); ok {
		v, err := value.ToGo(more)
		if err != nil {
			return err
		}
		maps.Copy(args, v.(dict))
	}
	sent := x.sent.Load()
	o, err := x.call(collection, "ensure", args, key)
	if err != nil {
		return err
	}
	changed, err := o.(starlark.HasAttrs).Attr("changed")
	if err != nil {
		return err
	}
	if changed != starlark.Bool(changes) || !changes && x.sent.Load() != sent {
		return fmt.Errorf("changed is %v, and %d requests that change something were sent", changed, x.sent.Load()-sent)
	}
	return nil
}

// unsteady are fields that depend on others, or change spontaneously.
var unsteady = []string{"fingerprint", "expanded_config", "expanded_devices", "used_by", "status", "status_code", "last_used_at", "last_seen_at", "count", "message", "environment", "size"}

// compare reports fields with unexpected values.
func (x *trial) compare(what string, want, got dict) {
	x.Helper()
	for name := range with(want, got) {
		w, g := want[name], got[name]
		if slices.Contains(unsteady, name) {
			continue
		}
		if name == "config" || name == "metadata" {
			w, g = steady(w), steady(g)
		}
		if f := spec.Find(x.resource.Fields, name); name == "locations" || f != nil && f.Unordered {
			w, g = inOrder(w), inOrder(g)
		}
		if !equal(w, g) {
			x.Errorf("%s: %s is %v, want %v", what, name, g, w)
		}
	}
}

func inOrder(list any) []string {
	var out []string
	elems, _ := list.([]any)
	for _, v := range elems {
		out = append(out, fmt.Sprint(v))
	}
	slices.Sort(out)
	return out
}

// steady returns a config without the server's own keys.
func steady(config any) any {
	out := with(config, nil)
	maps.DeleteFunc(out, func(key string, v any) bool { return strings.HasPrefix(key, "volatile.") || v == nil || v == "" })
	return out
}

// equal compares JSON. Missing values equal empty ones.
func equal(a, b any) bool {
	x, _ := json.Marshal(trimmed(a))
	y, _ := json.Marshal(trimmed(b))
	return string(x) == string(y)
}

// trimmed removes empty values from JSON.
func trimmed(v any) any {
	data, _ := json.Marshal(v)
	var plain any
	json.Unmarshal(data, &plain)
	var trim func(v any) any
	trim = func(v any) any {
		switch v := v.(type) {
		case dict:
			for key, inner := range v {
				if v[key] = trim(inner); v[key] == nil {
					delete(v, key)
				}
			}
			if len(v) == 0 {
				return nil
			}
		case []any:
			for i := range v {
				v[i] = trim(v[i])
			}
			if len(v) == 0 {
				return nil
			}
		case string, bool, float64:
			if reflect.ValueOf(v).IsZero() || v == "0001-01-01T00:00:00Z" {
				return nil
			}
		}
		return v
	}
	return trim(plain)
}

// passes calls change again while the server fails because another test deletes something meanwhile: to change a network
// it looks at all of the host's interfaces, and to read or change an ACL at all projects.
func passes(change func() error) (err error) {
	for range 10 {
		if err = change(); err == nil || !strings.Contains(err.Error(), "does not exist.)") && !strings.Contains(err.Error(), "Failed to load project") {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
