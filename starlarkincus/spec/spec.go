// Package spec declares the Incus API for scripts: its resources, their fields and their methods.
//
// The declarations are data. The incus module uses them for calls, for the check of arguments and for help, and
// implements each [Behavior] once for all resources. To add a resource, add a [Resource] to the table.
package spec

import (
	"slices"
	"strings"
)

// A Type is the type of a field or an argument.
type Type int

const (
	Any          Type = iota // any JSON value
	String                   // str
	Name                     // str for a segment of a path: not empty, without a slash or a question mark
	Int                      // int
	Bool                     // bool
	Strings                  // list of string
	Time                     // str, RFC 3339; as an argument also a time
	Seconds                  // int or float, not negative, or a duration
	WholeSeconds             // int, or a duration, which is rounded up
	Config                   // dict; numbers and booleans become strings, None unsets
	Devices                  // dict of dicts of configuration; None removes a device
	Object                   // dict; keys are checked if Field.Fields lists them
	Objects                  // list of such dicts
	Filter                   // str with an expression of Incus, or dict of fields and their values
	Conditions               // dict of fields and their values
	Certificate              // str, a certificate as PEM, or the base64 in it
	Raw                      // str or bytes, sent as it is
	Input                    // str, bytes, an iterable of such, or a function that returns one at each call
	Callable                 // function
	LocalPath                // str, the path of a local file
	LocalInput               // str, the path of a local file, a stream, a list or tuple of bytes, or a function that returns a str or bytes at each call
	FileMode                 // int from 0 to 0o777, or str of octal digits
	OtherServer              // client of another server
)

var typeNames = [...]string{"any value", "string", "string", "int", "bool", "list of string", "time or string (RFC 3339)",
	"seconds (int or float) or duration", "seconds (int) or duration", "dict of configuration", "dict of devices", "dict", "list of dict",
	"string (an expression) or dict", "dict of fields and values", "string (a certificate, PEM)", "string or bytes", "string, bytes, a list or tuple of them, a stream, or a function", "function", "string (a path)", "string (a path), a stream, a list or tuple of bytes, or a function",
	"int from 0 to 0o777 or string of octal digits", "client of another server, as incus.connect returns it"}

// String returns the type's name in help and errors.
func (t Type) String() string { return typeNames[t] }

// A Use is a set of occurrences of an object's field.
type Use int

const (
	Read    Use = 1 << iota // part of the server's answer
	Create                  // argument of create
	Change                  // argument of update and replace
	Kept                    // sent by update and replace with its old value, because servers require it
	Derived                 // computed by the module from the server's answer
	All     = Read | Create | Change
)

// A Part is the destination of a method's argument.
type Part int

const (
	Body   Part = iota // a field of the request's JSON body
	Query              // a parameter of the request's URL
	Local              // handled by the behavior
	Whole              // the whole body
	Header             // a header of the request, X-Incus- and the name
)

// A Field is a field of an object, or an argument of a method.
type Field struct {
	Name       string // name in the REST API; scripts write _ for -
	Type       Type
	Doc        string
	Use        Use               // fields of objects
	In         Part              // arguments of methods
	Required   bool              // arguments of methods
	Positional bool              // accepted without its name
	Absolute   bool              // of a String: a path that begins with a slash
	Bytes      bool              // of a String: a path of a file, which need not be UTF-8
	Excludes   []string          // of an argument: those that can't be given with it; False counts as not given
	Beside     string            // of an argument: another one without which, or with False for it, this one has no effect; in a change of an object also that of the object
	Alone      string            // of an argument with Beside: its meaning without the other one, as the end of an error
	Fields     []Field           // keys of an Object, or of the elements of Objects; nil for any. AnyKey, as the first, declares other keys
	Names      bool              // of Objects: an element may be a string, its field name
	Extension  string            // required API extension
	Stays      bool              // can't be emptied, because servers ignore an empty value in a change
	Clears     bool              // of a Time in a change: None clears it
	Emptied    bool              // unset keys are sent empty, because servers keep keys that are missing from a PUT
	Made       Making            // source of a Derived field
	Refers     Reference         // kind of object that it names, or each of its elements does
	Values     []string          // usual values of a string, or of each element
	Others     Others            // use of other strings than Values
	Missing    string            // error of a create without it
	Unordered  bool              // of Strings: servers don't keep the order
	Auto       []string          // keys of a Config whose value "auto" servers replace by an address of their choice
	Rewritten  map[string]string // keys of a Config whose values servers rewrite, with the keys that keep the original values
}

// A Making is the source of a field that the module computes.
type Making int

const (
	NotMade       Making = iota
	LastState            // the state that was read with the object
	LastAddresses        // the same state
	LastSnapshots        // the snapshots that were read with it
	Progress             // the metadata of an operation
	ExitCode             // the end of a command
)

// Others tells which strings besides the usual values an argument accepts.
type Others int

const (
	Accepted Others = iota
	Misspelt        // all but those that are nearly a usual value; newer servers may have others
	Refused         // none
)

// AnyKey is the name of a Field that declares all keys of an Object without a Field of their own.
const AnyKey = "*"

// Script returns the field's name in scripts.
func (f *Field) Script() string { return strings.ReplaceAll(f.Name, "-", "_") }

// A Verb is a set of methods that are common to many resources.
//
// Update doesn't use PATCH: depending on the resource and the release, servers clear fields that are missing from it,
// ignore some of its fields, can't remove a device, or refuse the request, and may then lose their own configuration.
type Verb int

const (
	List    Verb = 1 << iota // list and names
	Get                      // get and exists; refresh on the object
	New                      // create
	Update                   // PUT of all changeable fields, with the ETag of a GET before it
	Replace                  // PUT
	Rename                   // POST with a new name
	Delete                   // on the collection and on the object
)

// A Resource is a kind of object, and the collection of these objects.
type Resource struct {
	Name               string // name of the collection in scripts: instances
	Kind               string // type of an object in scripts: Instance
	Doc                string
	Path               string   // /1.0/instances; below a parent: snapshots
	Key                string   // field with the name of an object
	KeyType            Type     // type of the key in get, exists and delete; zero for Name
	KeyDoc             string   // description of the key, if it isn't just a name: the listen address
	KeyQuery           string   // if set, the query parameter for the key, instead of a segment of the path
	Segment            *Segment // segment of the path before the key
	Verbs              Verb
	Background         Verb   // verbs that servers may execute in the background
	Target             Verb   // verbs with target=, for the cluster member
	Extension          string // required API extension
	Lists              Listing
	Named              Naming
	Content            Content
	Stands             Standing
	Local              bool // in a file of this machine's; no Path
	LazyFolder         bool // the server creates the folder with the first file in it, and fails to list a missing one
	Scope              Scope
	Source             Origin
	Filter             *Field // list's filter=
	AllProjects        *Field // list's all_projects=
	Aliases            string // path to look up names that are no Key
	Keys               Keys   // keys of its config
	MaxRecursion       int    // highest recursion of list, one more than that of get; 0 means 1
	RecursionExtension string // API extension for a recursion above 1 of list, or 0 of get
	Fields             []Field
	Closed             bool        // objects have no fields but Fields, even of newer servers
	Columns            []Column    // of a table of the objects
	CreateArgs         []Field     // arguments of create that aren't fields of the body
	DeleteArgs         []Field     // arguments of delete
	Takes              []*Resource // resources whose objects are deleted with the parent
	TakesWith          string      // argument of delete without which it takes none; empty if it always does
	Methods            []Method    // beyond the verbs
	Children           []*Resource
}

// A Segment is a part of the path between a collection and an object's key, such as a volume's type. It is an argument
// of the methods that name an object, and of list and names, which also accept [AllSegments].
type Segment struct {
	Field
	Default string // value without the argument, except in list, which then lists all
}

// AllSegments stands for all values of a Segment.
const AllSegments = "all"

// A Method is a method of a collection, an object or a client in scripts.
type Method struct {
	Name        string
	Doc         string
	Collection  bool   // called on the collection, not on an object
	Verb        Verb   // the verb of a common method; 0 for others
	HTTP, Path  string // the request; Path is relative to the object or the collection, unless it begins with a slash
	OnParent    bool   // the request goes to the collection of the object
	Send        map[string]any
	WrapIn      string // if set, the only key of the body, whose value has all fields
	Args        []Field
	Target      bool   // accepts target=, for the cluster member
	Extension   string // required API extension
	Prefers     string // API extension with which it sends other requests
	Steps       bool   // several changes one after another, so that a failed operation may have made some
	Background  bool   // servers may execute it in the background, so it accepts wait= and timeout=
	Does        Behavior
	Returns     Returns   // result of a call that waits; see ReturnsNow
	Handle      *Resource // the object that wait=False returns; nil for an Operation
	Effect      Effect
	Takes       []*Resource // resources whose objects are deleted with the parent
	TakesWith   string      // argument without which it takes none; empty if it always does
	Requests    []Request   // requests, if they differ from those of its behavior; see Sends
	Refresh     bool        // reads the object again afterwards
	Offline     bool        // sends nothing
	WritesFiles bool        // writes local files, so a client that only reads refuses it
}

// Find returns the field with a name, in the spelling of the API or of scripts; nil if there is none.
func Find(fields []Field, name string) *Field {
	for i := range fields {
		if f := &fields[i]; f.Name == name || f.Script() == name {
			return f
		}
	}
	return nil
}

// Stands reports whether a key of a configuration has the given value although it looks different, because servers
// replace "auto" by a choice of their own and rewrite some values.
func (f *Field) Stands(key string, given any, config map[string]any) bool {
	switch now := config[key]; {
	case given == "auto" && slices.Contains(f.Auto, key):
		return now != nil && now != "" && now != "none"
	case f.Rewritten[key] != "":
		return now != nil && config[f.Rewritten[key]] == given
	}
	return false
}

// With returns the fields with any of the uses.
func With(fields []Field, use Use) []Field {
	var out []Field
	for _, f := range fields {
		if f.Use&use != 0 {
			out = append(out, f)
		}
	}
	return out
}
