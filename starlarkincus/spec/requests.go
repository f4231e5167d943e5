package spec

import "slices"

// A Request is a REST request of a method.
type Request struct {
	HTTP  string
	At    At
	Path  string         // below At; the whole path if it begins with a slash
	Query string         // fixed parameters of its URL: recursion=1
	Body  map[string]any // fixed fields of its body
	When  string         // the condition under which it is sent; empty for always
	Note  string         // a remark for help

	With, Unless []string // arguments any of which causes or prevents the request; When says so in words
	Waits        bool     // waits for the operation that the request before it may have started
}

// An At is the place of a request's path.
type At int

const (
	Here   At = iota // the collection or the object that the method is called on
	Within           // the collection, and the type in it if there is a Segment
	Item             // the object that the method names or creates
)

var (
	waiting  = Request{HTTP: "GET", Path: "/1.0/operations/{operation}/wait", Waits: true}
	aliasFor = Request{HTTP: "GET", Path: "/1.0/images/aliases/{alias}", With: []string{"image"}, When: "if image= may be a fingerprint"}
)

// in returns the requests with a condition.
func in(when string, with []string, requests ...Request) []Request {
	for i := range requests {
		requests[i].When, requests[i].With = when, with
	}
	return requests
}

// Sends returns the requests of a method of the resource, in their order. The resource is nil for ClientMethods.
func (m *Method) Sends(r *Resource) []Request {
	if m.Offline {
		return slices.Clone(m.Requests)
	}
	if r == nil {
		r = new(Resource)
	}
	var out []Request
	switch {
	case m.Extension != "" || r.Extension != "" && m.Collection: // an object exists only if the server has the extension
		out = in("once, to check for its API extension", nil, Request{HTTP: "GET", Path: "/1.0"})
	case m.Prefers != "":
		out = in("once, to check for the API extension "+m.Prefers, nil, Request{HTTP: "GET", Path: "/1.0"})
	case needsAny(m.Arguments()) || r.RecursionExtension != "" && Find(m.Args, "recursion") != nil:
		out = in("once, to check for an argument's API extension", nil, Request{HTTP: "GET", Path: "/1.0"})
	}
	if m.Requests != nil {
		return append(out, m.Requests...)
	}
	return append(out, m.ordinary(r)...)
}

// needsAny reports whether an argument needs an API extension.
func needsAny(fields []Field) bool {
	return slices.ContainsFunc(fields, func(f Field) bool {
		return f.Extension != "" || f.Type != Filter && f.Type != Conditions && needsAny(f.Fields)
	})
}

// Request returns the main request of the method, without those that prepare or follow it.
func (m *Method) Request(r *Resource) Request {
	own := Request{HTTP: m.HTTP, Path: m.Path, Body: m.Send}
	if m.WrapIn != "" {
		own.Body = nil
	}
	switch m.Does {
	case DoList:
		switch r.Lists {
		case ByName:
			own.Query = "recursion=2"
		case Elements:
		default:
			own.Query = "recursion=1"
		}
	case DoGet, DoGetRaw, DoCreateRaw:
		own.At = Item
	case DoImport:
		own.At = Within
	case DoCreate:
		own.At = Within
		if r.Named == AtItsPath {
			own.At = Item
		}
	case DoDelete:
		if m.Collection {
			own.At = Item
		}
	case DoCopy:
		own.At = Within
	}
	return own
}

// ordinary returns the requests of the method's behavior, for a method without Requests.
func (m *Method) ordinary(r *Resource) []Request {
	own := m.Request(r)
	read, made := Request{HTTP: "GET"}, Request{HTTP: "GET", At: Item}
	var waits, lookUp, project []Request
	if m.Background {
		waits = []Request{waiting}
	}
	if r.Aliases != "" && m.Collection {
		lookUp = []Request{{HTTP: "GET", Path: r.Aliases + "/{alias}"}}
	}
	if r.inProject() {
		project = []Request{{HTTP: "GET", Path: "/1.0/projects/{project}", When: "if nothing is found in a project other than default"}}
		if r.Scope == InProjectOrServer && m.Verb == List {
			project = []Request{{HTTP: "GET", Path: "/1.0/projects/{project}", When: "in a project other than default", With: []string{"project"}}}
		}
	}
	image := []Request(nil)
	if Find(m.Args, "image") != nil {
		image = []Request{aliasFor}
	}
	profile := m.inherits("for each profile, if a device has no type")
	switch m.Does {
	case DoList, DoNames:
		return slices.Concat([]Request{own}, project)
	case DoGet, DoGetRaw:
		return slices.Concat(lookUp, []Request{own})
	case DoExists:
		if r.Content == PlainText {
			return slices.Concat([]Request{read}, project)
		}
		return slices.Concat(lookUp, []Request{made}, project)
	case DoCreate:
		return slices.Concat(image, profile, []Request{own}, waits, []Request{made})
	case DoCreateRaw, DoAddresses:
		return []Request{own}
	case DoEnsure:
		return m.ensures(r, image)
	case DoUpdate:
		own.Note = "with If-Match; repeated from the GET if the object was changed meanwhile"
		return slices.Concat([]Request{read, own}, waits, []Request{read})
	case DoReplace:
		own.Note = "with If-Match"
		return slices.Concat([]Request{read, own}, waits, []Request{read})
	case DoRename:
		return slices.Concat([]Request{own}, waits, []Request{made})
	case DoDelete:
		var stop, busy []Request
		if f := Find(m.Args, "force"); f != nil && f.In == Local {
			stop = slices.Concat(in("if force=True", []string{"force"}, Request{HTTP: "GET", At: own.At}),
				in("if force=True and it isn't stopped", []string{"force"}, slices.Concat([]Request{{HTTP: "PUT", At: own.At, Path: "state", Body: map[string]any{"action": "stop", "force": true}}}, waits)...))
			busy = in("if force=True and another operation is running on it; then all again", nil, Request{HTTP: "GET", Path: Operations.Path, Query: "recursion=1"})
		}
		return slices.Concat(lookUp, stop, []Request{own}, waits, busy)
	case DoCopy:
		return m.copies(r)
	case DoMove:
		return m.moves(r)
	}
	if m.Does == DoToken {
		waits = nil // the operation lasts until the token is used
	}
	if m.Refresh {
		waits = append(waits, read)
	}
	return slices.Concat(image, []Request{own}, waits)
}

// inherits returns the requests of a creation for the devices whose keys it overrides.
func (m *Method) inherits(when string) []Request {
	if Find(m.Args, "devices") == nil || Find(m.Args, "profiles") == nil {
		return nil
	}
	return in(when, nil, Request{HTTP: "GET", Path: Profiles.Path + "/{profile}"})
}

// ensures returns the requests of ensure.
func (m *Method) ensures(r *Resource, image []Request) []Request {
	read := Request{HTTP: "GET", At: Item}
	var created, changed, started []Request
	if r.Background&New != 0 {
		created = []Request{waiting}
	}
	if r.Background&Update != 0 {
		changed = []Request{waiting}
	}
	create := slices.Concat([]Request{{HTTP: "POST", At: Within}}, created, []Request{read})
	change := slices.Concat([]Request{{HTTP: "PUT", At: Item}}, changed, []Request{read})
	if Find(m.Args, "start") != nil {
		started = in("if start=True and it isn't running", nil, Request{HTTP: "PUT", At: Item, Path: "state", Body: map[string]any{"action": "start"}}, waiting, read)
	}
	var group []Request
	if r.Target&New != 0 && r.Target&Get == 0 {
		group = in("if it exists and target= is an @group", nil, Request{HTTP: "GET", Path: "/1.0/cluster/groups/{group}"})
	}
	for i := range image {
		image[i].With, image[i].When = nil, "if it doesn't exist and image= may be a fingerprint"
	}
	profile := m.inherits("for each profile, if it doesn't exist and a device has no type")
	return slices.Concat([]Request{read}, group, image, profile, in("if it doesn't exist", nil, create...), in("if a field differs", nil, change...), started)
}

// complete returns the requests that set the fields which the server ignored in a copy or a move.
func complete(path string, waits ...Request) []Request {
	return in("if the server didn't set all fields", nil, slices.Concat([]Request{{HTTP: "PUT", At: Item, Path: path}}, waits, []Request{{HTTP: "GET", At: Item, Path: path}})...)
}

// copies returns the requests of copy.
func (m *Method) copies(r *Resource) []Request {
	made, item := m.Request(r), ""
	if m.Path != "" {
		item = m.Path + "/{name}"
	}
	copied := Request{HTTP: "GET", At: Item, Path: item}
	out := []Request{{HTTP: "GET"}}
	if Find(m.Args, "refresh") != nil && r.Source != PoolAndName {
		out = append(out, in("if refresh=True in a cluster", nil, copied)...)
	}
	if r.Source == PoolAndName {
		out = append(out, in("for a copy to another member, outside the project default", nil,
			Request{HTTP: "GET", Path: "/1.0/cluster/members/{member}"}, Request{HTTP: "GET", Path: "/1.0"}, Request{HTTP: "POST", Body: map[string]any{"migration": true}})...)
	}
	out = append(out, m.inherits("for each profile, if a device has no type")...)
	changes := complete(item, waiting)
	if r.Source == PoolAndName {
		changes = complete(item)
	}
	offers, ends := m.transfers(r)
	return slices.Concat(out, offers, []Request{made, waiting}, ends, []Request{copied}, changes, in("with to=", []string{"to"}, original))
}

// transfers returns the requests of a copy to another server before and after the creation of the copy there. A snapshot
// lacks the type of its instance.
func (m *Method) transfers(r *Resource) (before, after []Request) {
	if r.Source == WithParent {
		before = append(before, Request{HTTP: "GET", Path: "/1.0/instances/{instance}"})
	}
	before = append(before, Request{HTTP: "GET", Path: "/1.0", Note: "of this server"}, Request{HTTP: "GET", Path: "/1.0", Note: "of the other server, as the creation"})
	to := []string{"to"}
	before = in("with to=", to, before...)
	refreshes := ""
	if Find(m.Arguments(), "refresh") != nil {
		refreshes = ", without refresh=True"
	}
	taken := Request{HTTP: "GET", At: Item, When: "with to=" + refreshes, With: to, Unless: []string{"refresh"}, Note: "of the other server, to see that the name isn't taken"}
	if m.Path != "" {
		taken.Path = m.Path + "/{name}"
	}
	before = append(before, taken)
	if r.Source != PoolAndName {
		before = append(before, Request{HTTP: "GET", Path: "/1.0/profiles", Query: "recursion=1", When: "with to=", With: to, Note: "of the other server"})
	}
	if r.Source == ByItsName {
		before = append(before, Request{HTTP: "GET", Path: "snapshots", Query: "recursion=1", When: "with to=, without instance_only=", With: to, Unless: []string{"instance_only"}})
	}
	if r.Source != PoolAndName {
		before = append(before, in("for each custom volume and network of a device, with to= or another project"+refreshes, nil,
			Request{HTTP: "GET", Path: "/1.0/storage-pools/{pool}/volumes/custom/{volume}", Note: "to see that the copy will have it"},
			Request{HTTP: "GET", Path: "/1.0/networks/{network}", Note: "to see that the copy will have it"})...)
	}
	before = append(before, Request{HTTP: "POST", Body: map[string]any{"migration": true}, Note: `after the creation if mode="push"`, When: "with to=", With: to})
	return before, in("with to=", to, waiting)
}

// original reads the original again after a copy.
var original = Request{HTTP: "GET", Note: "to see that it hasn't changed"}

// moves returns the requests of move.
func (m *Method) moves(r *Resource) []Request {
	moved := Request{HTTP: "GET", At: Item}
	var wait []Request
	if r.Background&Delete != 0 {
		wait = []Request{waiting}
	}
	offers, _ := m.transfers(r)
	to := []string{"to"}
	var pool []Request
	if r.Source != PoolAndName {
		pool = in("with to= and pool=", nil, Request{HTTP: "GET", Path: "/1.0/storage-pools/{pool}", Note: "of the other server"})
	}
	transfer := slices.Concat(in("with to=", to, Request{HTTP: "GET"}), pool, offers, in("with to=", to, slices.Concat([]Request{{HTTP: "POST", At: Within}, waiting, waiting,
		{HTTP: "GET", Path: "snapshots"}, {HTTP: "GET", At: Item, Path: "snapshots", Note: "of the copy"}, moved, original, {HTTP: "DELETE"}}, wait)...))
	if r.Source != PoolAndName {
		server := slices.Concat(in("if config= or devices= is given", []string{"config", "devices"}, Request{HTTP: "GET"}),
			unless("without to=", []string{"to"}, Request{HTTP: "POST"}, waiting, moved), complete("", waiting))
		return slices.Concat(server, transfer)
	}
	return slices.Concat(unless("without target= and to=", []string{"target", "to"}, Request{HTTP: "POST"}, waiting, moved),
		in("with target=", []string{"target"}, Request{HTTP: "GET"}, Request{HTTP: "POST", At: Within}, waiting, moved, original, Request{HTTP: "DELETE"}), transfer)
}

// unless returns the requests with the condition that arguments are missing.
func unless(when string, args []string, requests ...Request) []Request {
	for i := range requests {
		requests[i].When, requests[i].Unless = when, args
	}
	return requests
}

// inProject reports whether the resource, or one above it, belongs to a project.
func (r *Resource) inProject() bool {
	var find func(resources []*Resource, project bool) bool
	find = func(resources []*Resource, project bool) bool {
		return slices.ContainsFunc(resources, func(o *Resource) bool {
			in := project || o.Scope != OfServer
			return o == r && in || find(o.Children, in)
		})
	}
	return find(Collections, false)
}
