package spec

import (
	"slices"
	"strings"
)

// Arguments of many methods.
var (
	projectArg = Field{Name: "project", Type: Name, In: Local, Refers: ToProject, Doc: "the project; default: the client's"}
	waitArg    = Field{Name: "wait", Type: Bool, In: Local, Doc: "False returns an Operation at once instead of waiting for its end"}
	timeoutArg = Field{Name: "timeout", Type: Seconds, In: Local, Doc: "the longest wait, after which the call fails with IncusOperationTimeoutError; 10 seconds more for a server that has not answered the request: IncusTimeoutError; default: no limit"}
	extraArg   = Field{Name: "extra", Type: Object, In: Local, Doc: "further fields of the request body, sent unchecked"}
	targetArg  = Field{Name: "target", Type: String, In: Query, Refers: ToMember, Doc: "the cluster member; default: the client's"}
	memberArg  = Field{Name: "target", Type: String, In: Query, Refers: ToPlace, Doc: "the cluster member, or @group, to create it on"}
)

// filterArg returns filter= for list. Servers without the extension filter only some lists.
func filterArg(extension string) *Field {
	return &Field{Name: "filter", Type: Filter, In: Local, Extension: extension,
		Doc: "the conditions: a dict of fields and the values to match, such as {'name': 'web', 'config.user.role': 'db'}, or an expression of Incus, such as 'name eq web.*'"}
}

// conditionsArg returns filter= for a list without, or with only some, expressions.
func conditionsArg() *Field {
	return &Field{Name: "filter", Type: Conditions, In: Local,
		Doc: "the conditions: a dict of fields and the values to match"}
}

// filter returns filter= for list, with the fields that conditions may name.
func (r *Resource) filter() Field {
	f := *r.Filter
	f.Fields = With(r.Fields, Read)
	if Find(f.Fields, "expanded_config") != nil {
		f.Doc += "; config holds the object's own keys only, expanded_config also those of its profiles"
	}
	return f
}

// allProjectsArg returns all_projects= for list.
func allProjectsArg(extension string) *Field {
	return &Field{Name: "all_projects", Type: Bool, In: Local, Excludes: []string{"project"}, Extension: extension, Doc: "True lists the objects of all projects"}
}

// Arguments returns the arguments of the method, including those implied by Target and Background.
func (m *Method) Arguments() []Field {
	args := m.Args[:len(m.Args):len(m.Args)]
	if m.Target && Find(args, "target") == nil {
		args = append(args, targetArg)
	}
	if m.Background {
		if Find(args, "wait") == nil {
			args = append(args, waitArg)
		}
		if Find(args, "timeout") == nil {
			args = append(args, timeoutArg)
		}
	}
	return args
}

// scoped returns a copy of the arguments, with project= if the resource belongs to a project, and target= if the verb
// accepts that.
func (r *Resource) scoped(v Verb, args []Field) []Field {
	args = args[:len(args):len(args)]
	if r.Scope != OfServer {
		args = append(args, projectArg)
	}
	if r.Target&v != 0 && Find(args, "target") == nil {
		args = append(args, targetArg)
	}
	return args
}

// key returns the argument with the key of an object.
func (r *Resource) key(v Verb) Field {
	f := Field{Name: "name", Type: r.KeyType, In: Local, Required: true, Positional: true, Doc: "the name of the " + r.One()}
	if f.Type == Any {
		f.Type = Name
	}
	if v&(Rename|New) == 0 {
		f.Refers = ToItself
	}
	switch {
	case v == Rename:
		f.Doc = "the new name"
	case r.KeyDoc != "":
		f.Doc = r.KeyDoc
	}
	return f
}

// named returns the arguments that identify an object.
func (r *Resource) named(v Verb) []Field {
	args := []Field{r.key(v)}
	if r.Segment != nil {
		args = append(args, r.Segment.Field)
	}
	return args
}

// One returns the words for an object, such as "storage pool" or "ACL".
func (r *Resource) One() string { return words(r.Kind) }

// plural returns the words for several objects, such as "storage pools".
func (r *Resource) plural() string {
	if r.Name == "" {
		return "objects"
	}
	return strings.ReplaceAll(strings.ReplaceAll(r.Name, "_", " "), "acls", "ACLs")
}

// Singular returns the name of an object in scripts and messages, such as "storage_pool".
func (r *Resource) Singular() string { return strings.ToLower(strings.ReplaceAll(r.One(), " ", "_")) }

// words splits a kind into its words, in lower case except for abbreviations.
func words(kind string) string {
	var out []string
	begin := 0
	for i := 1; i <= len(kind); i++ {
		if i < len(kind) && (!isUpper(kind[i]) || isUpper(kind[i-1])) {
			continue
		}
		word := kind[begin:i]
		if strings.ToUpper(word) != word {
			word = strings.ToLower(word)
		}
		out, begin = append(out, word), i
	}
	return strings.Join(out, " ")
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// An returns the words for an object with the article, such as "an instance".
func (r *Resource) An() string {
	one := r.One()
	if strings.ContainsRune("aeiouA", rune(one[0])) {
		return "an " + one
	}
	return "a " + one
}

// adder returns a function that adds the method of a verb if the resource has the verb.
func (r *Resource) adder(out *[]Method, collection bool) func(Verb, Method) {
	return func(v Verb, m Method) {
		if r.Verbs&v != 0 {
			m.Verb, m.Collection, m.Background = v, collection, r.Background&v != 0
			if v == Delete {
				m.Takes, m.TakesWith = r.Takes, r.TakesWith
			}
			*out = append(*out, m.inResource(r))
		}
	}
}

// CollectionMethods returns all methods of the collection.
func (r *Resource) CollectionMethods() []Method {
	var out []Method
	add := r.adder(&out, true)
	create := r.createArgs()
	r.addReads(add)
	switch {
	case r.Content == PlainText:
		add(New, Method{Name: "create", Does: DoCreateRaw, Returns: nothing, Effect: Creates, HTTP: "POST", Args: r.scoped(New, create), Doc: "Creates or overwrites " + r.An() + "."})
	case r.Named == AtItsPath:
		add(New, Method{Name: "create", Does: DoCreate, Returns: sibling, Effect: Creates, HTTP: "PUT", Args: r.scoped(New, create), Doc: "Creates or overwrites " + r.An() + " and returns it."})
	default:
		add(New, Method{Name: "create", Does: DoCreate, Returns: sibling, Effect: Creates, HTTP: "POST", Args: r.scoped(New, create), Doc: "Creates " + r.An() + " and returns it."})
	}
	if r.Verbs&New != 0 && r.Verbs&(Update|Replace) != 0 && r.Named != ByServer {
		args := r.scoped(New, create)
		for _, f := range With(r.Fields, Change) {
			if Find(args, f.Name) == nil { // create can't set it, so ensure changes it afterwards
				args = append(args, f)
			}
		}
		if r.Background&New != 0 {
			args = append(args, timeoutArg)
		}
		args[0].Refers = ToItself
		ensure := Method{Name: "ensure", Collection: true, Does: DoEnsure, Returns: sibling, Effect: Creates, HTTP: "GET", Args: args,
			Doc: "Creates " + r.An() + " if it doesn't exist, otherwise changes the given fields that differ, and returns it. Its attribute changed reports whether anything was done. A client that only reads, with --read-only, raises IncusPermissionError if there is anything to do; the error's attribute differing lists the fields and keys. " + r.ensured()}
		out = append(out, ensure.inResource(r))
	}
	for _, m := range r.Methods {
		if m.Collection {
			if m.Does == DoCreate {
				m.Verb, m.Args = New, r.scoped(New, create)
			}
			out = append(out, m.inResource(r))
		}
	}
	add(Delete, Method{Name: "delete", Does: DoDelete, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Args: r.scoped(Delete, append(r.named(Delete), r.DeleteArgs...)), Doc: "Deletes " + r.An() + "."})
	return out
}

// ensured returns the rules by which ensure compares fields, for its help.
func (r *Resource) ensured() string {
	text := "Fields that aren't given stay as they are."
	if Find(r.Fields, "config") != nil {
		text += " The keys of a config are merged."
	}
	if Find(r.Fields, "devices") != nil {
		text += " So are the keys of each device."
	}
	if config := Find(r.Fields, "config"); config != nil && len(config.Auto) > 0 {
		text += " The value \"auto\" of " + strings.Join(config.Auto, " and ") + " matches any address that the server has chosen."
	}
	var once []string
	for _, f := range append(r.CreateArgs[:len(r.CreateArgs):len(r.CreateArgs)], With(r.Fields, Create)...) {
		if f.Use&(Read|Change) == 0 && f.Name != "target" && f.Name != "start" {
			once = append(once, f.Script())
		}
	}
	if len(once) > 0 {
		text += " For an existing object these arguments are ignored: " + strings.Join(once, ", ") + "."
	}
	if Find(r.Fields, "start") != nil {
		text += " start=True also starts an existing one that isn't running; start=False doesn't stop it."
	}
	return text
}

// addReads adds the methods that only read.
func (r *Resource) addReads(add func(Verb, Method)) {
	if r.Lists == Single {
		add(Get, Method{Name: "get", Does: DoGet, Returns: sibling, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, nil), Doc: "Reads the " + r.One() + " and returns it."})
		return
	}
	var list, names []Field
	if r.Filter != nil {
		list = append(list, r.filter())
	}
	if r.Segment != nil {
		f := r.Segment.Field
		f.Doc += `; default: all types`
		list = append(list, f)
		f.Doc = r.Segment.Doc + `; "` + AllSegments + `" for those of all`
		names = append(names, f)
	}
	list, names = r.scoped(List, list), r.scoped(List, names)
	if r.AllProjects != nil {
		list = append(list, *r.AllProjects)
	}
	one := r.named(Get)
	switch {
	case r.Lists == Elements:
		add(List, Method{Name: "list", Does: DoList, Returns: listOf(nil), Effect: Reads, HTTP: "GET", Args: list, Doc: "Returns a list of all " + r.plural() + ", each with its fields."})
		return
	case r.Content == PlainText:
		add(List, Method{Name: "names", Does: DoNames, Returns: someStrings, Effect: Reads, HTTP: "GET", Args: names, Doc: "Returns the names of all " + r.plural() + "."})
		add(Get, Method{Name: "get", Does: DoGetRaw, Returns: aText, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, one), Doc: "Reads " + r.An() + " and returns it as a string."})
		add(List, Method{Name: "exists", Does: DoExists, Returns: aBool, Effect: Reads, HTTP: "GET", Args: r.scoped(List, one), Doc: "Reports whether the " + r.One() + " exists."})
		return
	}
	if r.Lists != ByName {
		list = append(list, Field{Name: "recursion", Type: Int, In: Local, Doc: "the detail of the server's answer: 1, the default, for the fields of each object; 2 also for its state, snapshots and the like, if the server has them, which is slow"})
	}
	if slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Made == LastState }) {
		list = append(list, Field{Name: "state", Type: Bool, In: Local, Excludes: []string{"recursion"}, Extension: r.RecursionExtension,
			Doc: "True also reads the state of each object, in the same request, into last_state; slow for many objects"})
	}
	if r.MaxRecursion > 1 {
		one = append(one, Field{Name: "recursion", Type: Int, In: Local, Doc: "1 also reads its state, snapshots and the like"})
	}
	add(List, Method{Name: "list", Does: DoList, Returns: listOf(nil), Effect: Reads, HTTP: "GET", Args: list, Doc: "Returns a list of all " + r.plural() + ", each with its fields, in one request."})
	add(List, Method{Name: "names", Does: DoNames, Returns: someStrings, Effect: Reads, HTTP: "GET", Args: names, Doc: "Returns the names of all " + r.plural() + "."})
	add(Get, Method{Name: "get", Does: DoGet, Returns: sibling, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, one), Doc: "Reads " + r.An() + " and returns it."})
	add(Get, Method{Name: "exists", Does: DoExists, Returns: aBool, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, r.named(Get)), Doc: "Reports whether the " + r.One() + " exists."})
}

// createArgs returns the arguments of create.
func (r *Resource) createArgs() []Field {
	var args []Field
	if r.Named != ByServer {
		args = r.named(New)
	}
	args = append(args, r.CreateArgs...)
	for _, f := range With(r.Fields, Create) {
		if f.Name != r.Key {
			args = append(args, f)
		}
	}
	if r.Content != PlainText {
		args = append(args, extraArg)
	}
	return args
}

// fieldsMethod is a method of all objects.
var fieldsMethod = Method{Name: "fields", Does: DoFields, Returns: anything, Effect: Reads, Offline: true,
	Doc: "Returns a dict of all fields that the server sent, by their names in scripts; the secrets of an operation are [redacted]. It sends no request."}

// ObjectMethods returns all methods of an object.
func (r *Resource) ObjectMethods() []Method {
	var out []Method
	add := r.adder(&out, false)
	if r.Content == PlainText {
		return nil
	}
	change := append(With(r.Fields, Change), extraArg)
	for i := range change {
		if f := &change[i]; f.Type == Time && !f.Stays {
			f.Clears, f.Doc = true, f.Doc+"; None clears it"
		}
	}
	if len(r.Fields) > 0 && (r.Verbs&Get != 0 || r.Key != "") {
		out = append(out, fieldsMethod)
	}
	add(Get, Method{Name: "refresh", Does: DoRefresh, Returns: itself, Effect: Reads, HTTP: "GET", Doc: "Reads the " + r.One() + " again and returns it."})
	add(Update, Method{Name: "update", Does: DoUpdate, Returns: itself, Effect: Changes, HTTP: "PUT", Args: change, Refresh: true,
		Doc: "Changes the given fields, keeps the others, and returns it. The keys of a config and of each device are merged; None unsets a key. A device that comes from a profile is overridden for this object only."})
	add(Replace, Method{Name: "replace", Does: DoReplace, Returns: itself, Effect: Changes, HTTP: "PUT", Args: change, Refresh: true,
		Doc: "Replaces the given fields as a whole and returns it. Fails with IncusPreconditionFailedError if the object was changed since it was read. The server's check and its write are two steps, so of several simultaneous calls more than one may succeed."})
	add(Rename, Method{Name: "rename", Does: DoRename, Returns: itself, Effect: Changes, HTTP: "POST", Args: []Field{r.key(Rename)}, Refresh: true, Doc: "Renames the " + r.One() + " and returns it."})
	for _, m := range r.Methods {
		if !m.Collection {
			out = append(out, m.inResource(r))
		}
	}
	add(Delete, Method{Name: "delete", Does: DoDelete, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Args: r.DeleteArgs, Doc: "Deletes the " + r.One() + "."})
	return out
}
