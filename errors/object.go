package errors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// An Object is what an error is about.
type Object struct {
	// Kind is a word or two, such as "storage pool".
	Kind string
	// Name is empty if the kind is all that is known.
	Name string
}

// String returns the kind and the name.
func (o *Object) String() string {
	if o.Name == "" {
		return o.Kind
	}
	return fmt.Sprintf("%s %q", o.Kind, o.Name)
}

// A noun is how messages call objects of a kind.
type noun struct{ words, kind string }

// nouns are tried in this order, longer ones before those they contain.
var nouns = []noun{
	{"storage pool volume snapshot", "storage volume snapshot"}, {"storage volume snapshot", "storage volume snapshot"}, {"volume snapshot", "storage volume snapshot"},
	{"storage volume backup", "storage volume backup"}, {"storage bucket backup", "storage bucket backup"}, {"storage bucket key", "storage bucket key"}, {"bucket key", "storage bucket key"},
	{"storage pool volume", "storage volume"}, {"storage volume", "storage volume"}, {"custom volume", "storage volume"}, {"storage pool bucket", "storage bucket"}, {"storage bucket", "storage bucket"},
	{"instance storage pool", "storage pool"}, {"storage pool", "storage pool"},
	{"instance snapshot", "instance snapshot"}, {"instance backup", "instance backup"},
	{"network acl", "network ACL"}, {"network address set", "network address set"}, {"network zone record", "network zone record"}, {"network zone", "network zone"},
	{"network forward", "network forward"}, {"network load balancer", "network load balancer"}, {"network peer", "network peer"}, {"network integration", "network integration"},
	{"cluster group", "cluster group"}, {"cluster member", "cluster member"}, {"image alias", "image alias"},
	{"instance", "instance"}, {"container", "instance"}, {"profile", "profile"}, {"project", "project"}, {"network", "network"}, {"image", "image"},
	{"certificate", "certificate"}, {"operation", "operation"}, {"warning", "warning"}, {"snapshot", "snapshot"}, {"backup", "backup"}, {"volume", "storage volume"}, {"bucket", "storage bucket"}, {"member", "cluster member"},
}

// absent matches a text that says that an object is missing: the noun, its name where it is told, and that it is so.
var absent = sync.OnceValue(func() *regexp.Regexp {
	var words []string
	for _, n := range nouns {
		words = append(words, strings.ReplaceAll(n.words, " ", "[ _]"))
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)(?:\(s\))?(?: named)?(?: ["'` + "`" + `]([^"'` + "`" + `]*)["'` + "`" + `])?(?: in project "[^"]*")?` +
		`(?: (?:was )?not (?:found|provided)| doesn't exist| does not exist)`)
})

// unfound matches how newer servers say that the storage pool of a move is missing.
var unfound = regexp.MustCompile(`Can't find a (storage pool) '([^']*)'`)

// object returns what a failure of the class is about, or nil.
func (f *Failure) object(class *Class) *Object {
	if class == nil || class == Connection {
		class = API
	}
	if class.IsA(NotFound) {
		if o := f.missing(); o != nil {
			return o
		}
	}
	if class.IsA(NotFound) {
		return f.Request.target()
	}
	return About(f.Request)
}

// About returns the object that a request makes or acts on, or nil.
func About(r *Request) *Object {
	if r == nil {
		return nil
	}
	if o := r.making(); o != nil && o.Name != "" {
		return o
	}
	return r.target()
}

// target returns the last object that the path names, or nil.
func (r *Request) target() *Object {
	steps, action := r.steps()
	if action == "files" && len(r.Query["path"]) == 1 {
		return &Object{Kind: "file", Name: r.Query["path"][0]}
	}
	for _, s := range slices.Backward(steps) {
		if s.name != "" {
			return &Object{Kind: s.kind, Name: s.name}
		}
	}
	return nil
}

// missing returns the object whose absence the message tells, named by the message, the path, or, where it is the only
// one of its kind there, the body.
func (f *Failure) missing() *Object {
	all := absent().FindAllStringSubmatch(f.Message, -1)
	if pool := unfound.FindStringSubmatch(f.Message); pool != nil {
		all = append(all, pool)
	}
	if len(all) == 0 {
		return nil
	}
	match := all[len(all)-1]
	o := &Object{Name: match[2]}
	for _, n := range nouns {
		if strings.EqualFold(n.words, strings.ReplaceAll(match[1], "_", " ")) {
			o.Kind = n.kind
		}
	}
	if o.Name != "" || f.Request == nil {
		return o
	}
	steps, _ := f.Request.steps()
	for _, s := range slices.Backward(steps) {
		if s.name != "" && (s.kind == o.Kind || strings.HasSuffix(s.kind, " "+o.Kind)) {
			return &Object{Kind: s.kind, Name: s.name}
		}
	}
	if named := f.Request.named(o.Kind); len(named) == 1 {
		o.Name = named[0]
	} else {
		for _, name := range named {
			if strings.Contains(f.Message, `"`+name+`"`) {
				o.Name = name
			}
		}
	}
	return o
}

// named returns the objects of a kind that the request refers to, besides those of its path.
func (r *Request) named(kind string) []string {
	var names []string
	add := func(all ...string) {
		for _, name := range all {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	devices := func(field string) {
		if body, ok := r.body().(map[string]any); ok {
			found, _ := body["devices"].(map[string]any)
			for device := range found {
				add(r.field("devices", device, field))
			}
		}
	}
	switch kind {
	case "image":
		add(r.field("source", "alias"), r.field("source", "fingerprint"), r.field("target"))
	case "instance":
		add(r.field("source", "source"))
		if r.field("source", "type") == "instance" {
			add(r.field("source", "name"))
		}
	case "instance snapshot", "snapshot":
		add(r.field("source", "source"), r.field("source", "name"), r.field("restore"))
	case "storage volume":
		add(r.field("source", "name"))
	case "profile":
		if body, ok := r.body().(map[string]any); ok {
			all, _ := body["profiles"].([]any)
			for _, name := range all {
				s, _ := name.(string)
				add(s)
			}
		}
	case "project":
		add(r.Query["project"]...)
		add(r.field("project"))
	case "storage pool":
		add(r.field("pool"), r.field("source", "pool"))
		devices("pool")
	case "network":
		add(r.field("network"), r.field("config", "network"), r.field("target_network"))
		devices("network")
	case "cluster member":
		add(r.Query["target"]...)
	case "cluster group":
		for _, target := range r.Query["target"] {
			add(strings.TrimPrefix(target, "@"))
		}
	}
	return names
}
