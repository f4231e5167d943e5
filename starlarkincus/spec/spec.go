// Package spec declares what the Incus API offers to scripts: resources, their fields, and the methods on them.
//
// The declarations are data. The incus module runs on them, checks arguments against them, and takes its help from
// them; it carries out each [Behavior] once for all resources. To add a resource, add a [Resource] to the table.
package spec

import (
	"slices"
	"strings"
)

// A Type is the type of a field or an argument.
type Type int

const (
	Any          Type = iota // whatever JSON can hold
	String                   // str
	Name                     // str that becomes one segment of a path: not empty, no slash, no query
	Int                      // int
	Bool                     // bool
	Strings                  // list of string
	Time                     // str, RFC 3339
	Seconds                  // int or float, not negative, or a duration
	WholeSeconds             // int, or a duration, which is rounded up
	Config                   // dict; numbers and booleans become strings, None unsets
	Devices                  // dict of dicts of configuration; None removes a device
	Object                   // dict; its keys are checked where Field.Fields lists them
	Objects                  // list of such dicts
	Filter                   // str with an expression of Incus's, or dict of fields and the values that they must have
	Conditions               // such a dict
	Certificate              // str, a certificate as PEM, or the base64 in it
)

var typeNames = [...]string{"any value", "string", "string", "int", "bool", "list of string", "string (a time, RFC 3339)",
	"seconds (int or float) or duration", "seconds (int) or duration", "dict of configuration", "dict of devices", "dict", "list of dict",
	"string (an expression) or dict", "dict of fields and values", "string (a certificate, PEM)"}

// String is what help and errors call the type.
func (t Type) String() string { return typeNames[t] }

// A Use says where a field of an object occurs.
type Use int

const (
	Read    Use = 1 << iota // the server tells it
	Create                  // create takes it
	Change                  // update and replace take it
	Kept                    // update and replace send it as it is: servers want it, and it can't be changed
	Derived                 // the module makes it of what the server told, where it did
	All     = Read | Create | Change
)

// A Place says where an argument of a method goes.
type Place int

const (
	Body  Place = iota // a field of the request's JSON body
	Query              // a parameter of the request's URL
	Local              // the module itself acts on it
	Whole              // the request's whole body; a string is sent as it is
)

// A Field is a field of an object, or an argument of a method.
type Field struct {
	Name      string // as the REST API writes it; scripts write _ for -
	Type      Type
	Doc       string
	Use       Use               // fields of objects
	Place     Place             // arguments of methods
	Required  bool              // arguments of methods
	Position  bool              // may be given without its name
	Fields    []Field           // keys of an Object or of the elements of Objects; nil: any. AnyKey as the first stands for others
	Extension string            // the API extension that the server needs for it
	Stays     bool              // servers ignore an empty value of it in a change, so it can't be emptied
	Emptied   bool              // servers keep keys of it that a PUT does not hold, so an unset one is sent empty
	Made      Making            // of a field that the module makes of others
	Missing   string            // the error of a create without it
	Unordered bool              // of Strings: the order doesn't matter, and servers have their own
	Auto      []string          // keys of a Config whose "auto" servers replace with what they choose
	Rewritten map[string]string // keys of a Config that servers write in another way, and the key that keeps what was given
}

// A Making is the way in which the module makes a field of what the server told.
type Making int

const (
	NotMade       Making = iota
	LastState            // of the state that was read with the object
	LastAddresses        // of the same
	Progress             // of an operation's metadata
)

// AnyKey is the name of a Field that stands for all keys of an Object that aren't named.
const AnyKey = "*"

// Script is the field's name in scripts.
func (f *Field) Script() string { return strings.ReplaceAll(f.Name, "-", "_") }

// A Verb is a method that works alike on every resource that has it.
//
// PATCH is not used for Update: depending on resource and release, servers clear fields that it doesn't hold, ignore
// some that it holds, refuse it, can't take a device away, or lose their own configuration where they refuse it.
type Verb int

const (
	List    Verb = 1 << iota // list and names
	Get                      // get and exists; refresh on the object
	New                      // create
	Update                   // a PUT of all that can be changed, with the ETag of a GET before it
	Replace                  // PUT
	Rename                   // POST with a new name
	Delete                   // on the collection and on the object
)

// A Resource is a kind of object, and the collection that holds all of its kind.
type Resource struct {
	Name       string // what scripts call the collection: instances
	Kind       string // what they call one: Instance
	Doc        string
	Path       string   // /1.0/instances; below a parent: snapshots
	Key        string   // the field that names an object
	KeyType    Type     // of the name in get, exists and delete; Name where it is zero
	KeyDoc     string   // what that name is, where it isn't called so: its listen address
	KeyQuery   string   // the parameter of the URL that names an object, where that isn't in the path
	Segment    *Segment // what stands in the path before the name
	Verbs      Verb
	Background Verb   // verbs whose work the server may do in the background
	Target     Verb   // verbs whose request may say which cluster member it is about
	Extension  string // the API extension that the server needs for all of it
	Lists      Listing
	Named      Naming
	Content    Content
	Stands     Standing
	Scope      Scope
	Source     Origin
	Filter     *Field // list's filter=
	Everywhere *Field // list's all_projects=
	Aliases    string // where names that are no Key are looked up
	Depth      int    // the highest recursion that list takes, one more than get takes; 0 is 1
	DepthNeeds string // the API extension for a recursion above list's 1 and get's 0
	Fields     []Field
	CreateArgs []Field     // arguments of create that are no field of the body
	DeleteArgs []Field     // arguments of delete
	Takes      []*Resource // the kinds of objects that are deleted along with one
	Methods    []Method    // beyond the verbs
	Children   []*Resource
}

// A Segment is a part of the path between a collection and the name of an object in it, such as a volume's type.
// Methods that name an object take it as an argument; list and names take "all" as well.
type Segment struct {
	Field
	Default string // where the argument isn't given; list takes all then
}

// AllSegments stands for all values of a Segment.
const AllSegments = "all"

// A Method is something that scripts call.
type Method struct {
	Name       string
	Doc        string
	Collection bool   // called on the collection, not on an object
	Verb       Verb   // the verb that it is; 0 for another method
	HTTP, Path string // the request; Path stands below the object's or the collection's, unless it begins with a slash
	Above      bool   // the request goes to the collection that the object is in
	Send       map[string]any
	Under      string // the one key of the body that holds all that is sent; empty where that is the body itself
	Args       []Field
	Target     bool   // takes target=: which cluster member it is about
	Extension  string // the API extension that the server needs for it
	Background bool   // the server may do it in the background: wait= and, unless Args has one, timeout=
	Does       Behavior
	Returns    Returns // where the server works in the background, see ReturnsNow
	Effect     Effect
	Takes      []*Resource // the kinds of objects that are deleted along with the one
	Requests   []Request   // the requests that it sends, where they aren't those of all of its behavior; see Sends
	Refresh    bool        // the object is read again afterwards
	Offline    bool        // sends nothing
}

// Find returns the field of that name, in the API's spelling or the script's; nil where there is none.
func Find(fields []Field, name string) *Field {
	for i := range fields {
		if f := &fields[i]; f.Name == name || f.Script() == name {
			return f
		}
	}
	return nil
}

// Stands reports whether a key of a configuration has what was given for it, though it reads otherwise: servers put a
// choice of their own in the place of "auto", or write it in another way.
func (f *Field) Stands(key string, given any, config map[string]any) bool {
	switch now := config[key]; {
	case given == "auto" && slices.Contains(f.Auto, key):
		return now != nil && now != "" && now != "none"
	case f.Rewritten[key] != "":
		return now != nil && config[f.Rewritten[key]] == given
	}
	return false
}

// With returns the fields that have any of the uses.
func With(fields []Field, use Use) []Field {
	var out []Field
	for _, f := range fields {
		if f.Use&use != 0 {
			out = append(out, f)
		}
	}
	return out
}
