package errors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// An Object is the object that an error concerns.
type Object struct {
	// Kind is the kind of object in words, such as "storage pool".
	Kind string
	// Name is empty if only the kind is known.
	Name string
}

// String returns the kind and the name.
func (o *Object) String() string {
	if o.Name == "" {
		return o.Kind
	}
	return fmt.Sprintf("%s %q", o.Kind, o.Name)
}

// A noun is the wording of a kind of object in the server's messages.
type noun struct{ words, kind string }

// nouns are tried in order: each stands before the shorter ones that it contains.
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

// absent matches the statement that an object is missing: submatch 1 is its noun, submatch 2 its name, if given.
var absent = sync.OnceValue(func() *regexp.Regexp {
	var words []string
	for _, n := range nouns {
		words = append(words, strings.ReplaceAll(n.words, " ", "[ _]"))
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)(?:\(s\))?(?: named)?(?: ["'` + "`" + `]([^"'` + "`" + `]*)["'` + "`" + `])?(?: in project "[^"]*")?` +
		`(?: (?:was )?not (?:found|provided)| doesn't exist| does not exist)`)
})

// unfound matches the message of newer servers about the missing storage pool of a move, with the submatches of absent.
var unfound = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Can't find a (storage pool) '([^']*)'`) })

// unfoundPath matches the messages about a missing file of the server's host.
var unfoundPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[Mm]issing source path "([^"]*)"|no such file or directory: "([^"]*)"`)
})

// object returns the object that a failure of the class concerns, or nil.
func (f *Failure) object(class *Class) *Object {
	if class == nil || class == Connection {
		class = API
	}
	switch {
	case !class.IsA(NotFound):
		return About(f.Request)
	case f.missing() != nil:
		return f.missing()
	case f.Status == 404:
		return f.Request.target()
	}
	return nil // the request's object is there: something else that it needs isn't, and the message doesn't name it
}

// About returns the object that a request creates or acts on, or nil.
func About(r *Request) *Object {
	if r == nil {
		return nil
	}
	if o := r.making(); o != nil && o.Name != "" {
		return o
	}
	return r.target()
}

// target returns the last object named in the path, or nil.
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

// missing returns the object that the message reports as missing, or nil. Its name comes from the message, else the
// path, else the body, if that names just one object of the kind or the message quotes the name; else it is empty.
func (f *Failure) missing() *Object {
	all := absent().FindAllStringSubmatch(f.Message, -1)
	if pool := unfound().FindStringSubmatch(f.Message); pool != nil {
		all = append(all, pool)
	}
	if len(all) == 0 {
		if path := unfoundPath().FindStringSubmatch(f.Message); path != nil {
			return &Object{Kind: "path", Name: path[1] + path[2]}
		}
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

// named returns the names of the objects of a kind that the query and the body refer to.
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
		add(r.Header["X-Incus-Pool"]...)
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
