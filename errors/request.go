package errors

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A Request holds the parts of a request by which its failure is classified. The zero value holds no evidence.
type Request struct {
	Method string
	// Path is escaped, because a name in it may contain a slash.
	Path  string
	Query url.Values
	// Header holds the header fields that carry a name or another value from the caller.
	Header map[string][]string
	// Body is JSON; any other content is ignored.
	Body []byte

	once    sync.Once
	decoded any // Body
}

// body returns the decoded body, or nil.
func (r *Request) body() any {
	r.once.Do(func() { _ = json.Unmarshal(r.Body, &r.decoded) })
	return r.decoded
}

// field returns the string in the body at the end of a path of names; empty for none.
func (r *Request) field(names ...string) string {
	if r == nil {
		return ""
	}
	v := r.body()
	for _, name := range names {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	s, _ := v.(string)
	return s
}

// values returns every string in the request, and its parts: the caller's own words, which an answer may repeat.
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
	for part := range strings.SplitSeq(r.Path, "/") {
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

// A step is a pair of path segments, a collection and a name in it. The name is empty for a collection at the path's
// end.
type step struct{ kind, name string }

// collections maps the path segment of each collection to the kind of its objects. The steps method prefixes the kind
// of a snapshot or a backup with that of its owner.
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

// KindOf returns the kind of the objects in a collection, in the words of [Object], by the last segment of the collection's path; empty
// for another segment.
func KindOf(segment string) string { return collections[segment] }

// steps splits the path into its steps. Action is a last segment that is no part of a step, such as state or files.
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

// making returns the object that the request creates, or nil for none. Its name is empty if the server assigns it.
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
	return o
}
