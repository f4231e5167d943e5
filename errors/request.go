package errors

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A Request is the part of a request that its failure is judged by. The zero value tells nothing.
type Request struct {
	Method string
	// Path is escaped, because a name in it may hold a slash.
	Path  string
	Query url.Values
	// Header holds the fields of the header that carry a name or another value of the caller's.
	Header map[string][]string
	// Body is JSON, or anything else, which tells nothing.
	Body []byte

	once    sync.Once
	decoded any // Body
}

// body returns the decoded body, or nil.
func (r *Request) body() any {
	r.once.Do(func() { _ = json.Unmarshal(r.Body, &r.decoded) })
	return r.decoded
}

// field returns a string of the body's, found by the names of the objects around it and its own.
func (r *Request) field(names ...string) string {
	v := r.body()
	for _, name := range names {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	s, _ := v.(string)
	return s
}

// values returns every text that the request held: the caller's own words, which may stand in an answer.
func (r *Request) values() []string {
	if r == nil {
		return nil
	}
	var all []string
	add := func(s string) {
		all = append(all, s)
		for _, part := range strings.FieldsFunc(s, func(c rune) bool { return c == '/' || c == '\n' || c == '=' || c == ',' }) {
			all = append(all, strings.TrimSpace(part))
		}
	}
	for _, part := range strings.Split(r.Path, "/") {
		if text, err := url.PathUnescape(part); err == nil {
			add(text)
		}
	}
	for _, fields := range []map[string][]string{r.Query, r.Header} {
		for _, values := range fields {
			for _, value := range values {
				add(value)
			}
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			add(v)
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case map[string]any:
			for key, inner := range v {
				add(key)
				walk(inner)
			}
		}
	}
	walk(r.body())
	slices.Sort(all)
	return slices.Compact(all)
}

// A step is a part of a path: a name in a collection, or the collection itself at the path's end.
type step struct{ kind, name string }

// collections are the parts of a path that hold objects, with the kind of one; below a storage pool or a bucket it may
// be another.
var collections = map[string]string{
	"instances": "instance", "containers": "instance", "virtual-machines": "instance", "snapshots": "snapshot", "backups": "backup",
	"images": "image", "aliases": "image alias", "profiles": "profile", "projects": "project",
	"networks": "network", "network-acls": "network ACL", "network-zones": "network zone", "records": "network zone record",
	"network-address-sets": "network address set", "network-integrations": "network integration",
	"forwards": "network forward", "load-balancers": "network load balancer", "peers": "network peer",
	"storage-pools": "storage pool", "volumes": "storage volume", "buckets": "storage bucket", "keys": "storage bucket key", "bitmaps": "bitmap",
	"certificates": "certificate", "members": "cluster member", "groups": "cluster group",
	"operations": "operation", "warnings": "warning", "nvram": "variable",
}

// steps takes the path apart. What follows the last object and is no collection, as in …/state, is in action.
func (r *Request) steps() (steps []step, action string) {
	if r == nil {
		return nil, ""
	}
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.Path, "/"), "1.0/"), "/")
	owner := ""
	for i := 0; i < len(parts); i++ {
		kind := collections[parts[i]]
		switch {
		case kind == "" || parts[i] == "images" && i+1 < len(parts) && parts[i+1] == "aliases":
			if i+1 == len(parts) {
				action = parts[i]
			}
			continue
		case kind == "snapshot" || kind == "backup":
			kind = strings.TrimSpace(owner + " " + kind)
		case kind == "storage volume" && i+2 < len(parts):
			i++ // the volume's type
		}
		owner = kind
		s := step{kind: kind}
		if i++; i < len(parts) {
			s.name, _ = url.PathUnescape(parts[i])
		}
		steps = append(steps, s)
		if kind == "storage volume" && i < len(parts) && i+1 == len(parts) && slices.Contains(volumeTypes, s.name) && i >= 1 && parts[i-1] == "volumes" {
			steps[len(steps)-1].name = ""
		}
	}
	return steps, action
}

var volumeTypes = []string{"custom", "image", "container", "virtual-machine"}

// making returns the object that the request makes; its name is empty where the server chooses it. It is nil for a
// request that makes none.
func (r *Request) making() *Object {
	steps, action := r.steps()
	if len(steps) == 0 || action != "" || r.Method != "POST" {
		return nil
	}
	last := steps[len(steps)-1]
	if last.name != "" || last.kind == "operation" || last.kind == "warning" {
		return nil
	}
	o := &Object{Kind: last.kind}
	for _, name := range []string{"name", "listen_address", "server_name"} {
		if o.Name == "" {
			o.Name = r.field(name)
		}
	}
	if o.Name == "" && len(r.Header["X-Incus-Name"]) == 1 {
		o.Name = r.Header["X-Incus-Name"][0]
	}
	// A snapshot's parent is not in its name, but may be.
	return o
}
