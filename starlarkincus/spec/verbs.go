package spec

import (
	"slices"
	"strings"
)

// Arguments that many methods share.
var (
	projectArg = Field{Name: "project", Type: Name, Place: Local, Doc: "the project to work in, instead of the client's"}
	waitArg    = Field{Name: "wait", Type: Bool, Place: Local, Doc: "False returns an Operation at once instead of waiting for the end"}
	timeoutArg = Field{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long to wait; IncusOperationTimeoutError after that"}
	extraArg   = Field{Name: "extra", Type: Object, Place: Local, Doc: "further fields of the request's body, sent as they are"}
	targetArg  = Field{Name: "target", Type: String, Place: Query, Doc: "the cluster member that it is about, instead of the client's"}
	memberArg  = Field{Name: "target", Type: String, Place: Query, Doc: "the cluster member, or @group, to put it on"}
)

// filterArg is list's filter=; servers without the extension filter only some lists.
func filterArg(extension string) *Field {
	return &Field{Name: "filter", Type: Filter, Place: Local, Extension: extension,
		Doc: "only those that match: a dict of fields and the values that all of them must have, such as {'name': 'web', 'config.user.role': 'db'}, or an expression of Incus's, such as 'name eq web.*'"}
}

// conditionsArg is list's filter= where servers know no expressions, or not all of them.
func conditionsArg() *Field {
	return &Field{Name: "filter", Type: Conditions, Place: Local,
		Doc: "only those that match: a dict of fields and the values that all of them must have"}
}

// filter is list's filter= with the fields that it may name.
func (r *Resource) filter() Field {
	f := *r.Filter
	f.Fields = With(r.Fields, Read)
	if Find(f.Fields, "expanded_config") != nil {
		f.Doc += "; config is what the object itself has, expanded_config has what its profiles set too"
	}
	return f
}

// everywhereArg is list's all_projects=.
func everywhereArg(extension string) *Field {
	return &Field{Name: "all_projects", Type: Bool, Place: Local, Extension: extension, Doc: "those of all projects"}
}

// Arguments is what the method takes, with what every method of its sort takes.
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

// scoped is a copy of arguments with project= where the resource belongs to a project, and target= where the verb's
// request can be about one cluster member.
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

// key is the argument that names an object.
func (r *Resource) key(v Verb) Field {
	f := Field{Name: "name", Type: r.KeyType, Place: Local, Required: true, Position: true, Doc: "which " + r.One()}
	if f.Type == Any {
		f.Type = Name
	}
	switch {
	case v == New && r.KeyDoc != "":
		f.Doc = r.KeyDoc
	case v == New:
		f.Doc = "its name"
	case v == Rename:
		f.Doc = "its new name"
	case r.KeyDoc != "":
		f.Doc += ": " + r.KeyDoc
	}
	return f
}

// named is the arguments that say which object it is.
func (r *Resource) named(v Verb) []Field {
	args := []Field{r.key(v)}
	if r.Segment != nil {
		args = append(args, r.Segment.Field)
	}
	return args
}

// One is the kind of object as a person writes it: "storage pool", "network ACL".
func (r *Resource) One() string { return words(r.Kind) }

// Singular is what scripts and messages call an object: storage_pool.
func (r *Resource) Singular() string { return strings.ToLower(strings.ReplaceAll(r.One(), " ", "_")) }

// words takes a kind apart: its words begin with capitals, and one of capitals alone stays.
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

// An is the kind of object with its article, in lower case: "an instance".
func (r *Resource) An() string {
	one := r.One()
	if strings.ContainsRune("aeiouA", rune(one[0])) {
		return "an " + one
	}
	return "a " + one
}

// adder gives the function that adds a verb's method where the resource has the verb.
func (r *Resource) adder(out *[]Method, collection bool) func(Verb, Method) {
	return func(v Verb, m Method) {
		if r.Verbs&v != 0 {
			m.Verb, m.Collection, m.Background = v, collection, r.Background&v != 0
			if v == Delete {
				m.Takes = r.Takes
			}
			*out = append(*out, m.of(r))
		}
	}
}

// CollectionMethods is all that can be called on the collection.
func (r *Resource) CollectionMethods() []Method {
	var out []Method
	add := r.adder(&out, true)
	create := r.createArgs()
	r.addReads(add)
	switch {
	case r.Content == PlainText:
		add(New, Method{Name: "create", Does: DoCreateText, Returns: nothing, Effect: Creates, HTTP: "POST", Args: r.scoped(New, create), Doc: "Creates or overwrites " + r.An() + "."})
	case r.Named == AtItsPath:
		add(New, Method{Name: "create", Does: DoCreate, Returns: sibling, Effect: Creates, HTTP: "PUT", Args: r.scoped(New, create), Doc: "Creates or overwrites " + r.An() + " and returns it."})
	default:
		add(New, Method{Name: "create", Does: DoCreate, Returns: sibling, Effect: Creates, HTTP: "POST", Args: r.scoped(New, create), Doc: "Creates " + r.An() + " and returns it."})
	}
	if r.Verbs&New != 0 && r.Verbs&(Update|Replace) != 0 && r.Named != ByServer {
		args := r.scoped(New, create)
		for _, f := range With(r.Fields, Change) {
			if Find(args, f.Name) == nil { // create can't set it, so a change follows
				args = append(args, f)
			}
		}
		if r.Background&New != 0 {
			args = append(args, timeoutArg)
		}
		ensure := Method{Name: "ensure", Collection: true, Does: DoEnsure, Returns: sibling, Effect: Creates, HTTP: "GET", Args: args,
			Doc: "Creates " + r.An() + " that isn't there, else changes the given fields where they differ, and returns it; its attribute changed says whether anything was done. " + r.ensured()}
		out = append(out, ensure.of(r))
	}
	for _, m := range r.Methods {
		if m.Collection {
			if m.Does == DoCreate {
				m.Verb, m.Args = New, r.scoped(New, create)
			}
			out = append(out, m.of(r))
		}
	}
	add(Delete, Method{Name: "delete", Does: DoDelete, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Args: r.scoped(Delete, append(r.named(Delete), r.DeleteArgs...)), Doc: "Deletes " + r.An() + "."})
	return out
}

// ensured says what ensure takes for no difference.
func (r *Resource) ensured() string {
	text := "What isn't given stays as it is."
	if Find(r.Fields, "config") != nil {
		text += " Keys of a config are merged."
	}
	if Find(r.Fields, "devices") != nil {
		text += " So are those of each device."
	}
	if config := Find(r.Fields, "config"); config != nil && len(config.Auto) > 0 {
		text += " The value \"auto\" of " + strings.Join(config.Auto, " and ") + " stands for any address that the server chose: one that is there stays."
	}
	var once []string
	for _, f := range append(r.CreateArgs[:len(r.CreateArgs):len(r.CreateArgs)], With(r.Fields, Create)...) {
		if f.Use&(Read|Change) == 0 && f.Name != "target" && f.Name != "start" {
			once = append(once, f.Script())
		}
	}
	if len(once) > 0 {
		text += " Just a new one is made with " + strings.Join(once, ", ") + ": of one that is there they change nothing, and aren't compared."
	}
	if Find(r.Fields, "start") != nil {
		text += " start=True also starts one that is there and doesn't run; False leaves it as it is."
	}
	return text
}

// addReads adds the verbs that only read.
func (r *Resource) addReads(add func(Verb, Method)) {
	if r.Lists == Single {
		add(Get, Method{Name: "get", Does: DoGet, Returns: sibling, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, nil), Doc: "Reads " + r.An() + "."})
		return
	}
	var list, names []Field
	if r.Filter != nil {
		list = append(list, r.filter())
	}
	if r.Segment != nil {
		f := r.Segment.Field
		f.Doc += `; without it those of all`
		list = append(list, f)
		f.Doc = r.Segment.Doc + `; "` + AllSegments + `" for those of all`
		names = append(names, f)
	}
	list, names = r.scoped(List, list), r.scoped(List, names)
	if r.Everywhere != nil {
		list = append(list, *r.Everywhere)
	}
	one := r.named(Get)
	switch {
	case r.Lists == Elements:
		add(List, Method{Name: "list", Does: DoList, Returns: listOf(nil), Effect: Reads, HTTP: "GET", Args: list, Doc: "Returns a list of all, each with its fields."})
		return
	case r.Content == PlainText:
		add(List, Method{Name: "names", Does: DoNames, Returns: someStrings, Effect: Reads, HTTP: "GET", Args: names, Doc: "Returns the names of all."})
		add(Get, Method{Name: "get", Does: DoGetText, Returns: aText, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, one), Doc: "Reads " + r.An() + " and returns it as a string."})
		add(List, Method{Name: "exists", Does: DoExists, Returns: aBool, Effect: Reads, HTTP: "GET", Args: r.scoped(List, one), Doc: "Says whether there is such " + r.An() + "."})
		return
	}
	if r.Lists != ByName {
		list = append(list, Field{Name: "recursion", Type: Int, Place: Local, Doc: "how much the server sends of each: 1 its fields; 2, where it has that, what is below it too, which is slow"})
	}
	if slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Made == LastState }) {
		list = append(list, Field{Name: "state", Type: Bool, Place: Local, Extension: r.DepthNeeds,
			Doc: "True reads the state of each too, in the same request: what last_state tells. Slow where there are many"})
	}
	if r.Depth > 1 {
		one = append(one, Field{Name: "recursion", Type: Int, Place: Local, Doc: "1 reads what is below it too, such as its state and snapshots"})
	}
	add(List, Method{Name: "list", Does: DoList, Returns: listOf(nil), Effect: Reads, HTTP: "GET", Args: list, Doc: "Returns a list of all, each with its fields, in one request."})
	add(List, Method{Name: "names", Does: DoNames, Returns: someStrings, Effect: Reads, HTTP: "GET", Args: names, Doc: "Returns the names of all."})
	add(Get, Method{Name: "get", Does: DoGet, Returns: sibling, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, one), Doc: "Reads " + r.An() + "."})
	add(Get, Method{Name: "exists", Does: DoExists, Returns: aBool, Effect: Reads, HTTP: "GET", Args: r.scoped(Get, r.named(Get)), Doc: "Says whether there is such " + r.An() + "."})
}

// createArgs are what create takes.
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

// ObjectMethods is all that can be called on an object.
func (r *Resource) ObjectMethods() []Method {
	var out []Method
	add := r.adder(&out, false)
	if r.Content == PlainText {
		return nil
	}
	change := append(With(r.Fields, Change), extraArg)
	add(Get, Method{Name: "refresh", Does: DoRefresh, Returns: itself, Effect: Reads, HTTP: "GET", Doc: "Reads it again and returns it."})
	add(Update, Method{Name: "update", Does: DoUpdate, Returns: itself, Effect: Changes, HTTP: "PUT", Args: change, Refresh: true,
		Doc: "Changes the given fields, keeps the rest, and returns it. Keys of a config and of each device are merged; None unsets one. A device that is a profile's is overridden for the object alone."})
	add(Replace, Method{Name: "replace", Does: DoReplace, Returns: itself, Effect: Changes, HTTP: "PUT", Args: change, Refresh: true,
		Doc: "Sets the given fields whole and returns it. Fails with IncusPreconditionFailedError if somebody changed it since it was read. The server checks that and then writes, so of several at the same moment more than one may get through."})
	add(Rename, Method{Name: "rename", Does: DoRename, Returns: itself, Effect: Changes, HTTP: "POST", Args: []Field{r.key(Rename)}, Refresh: true, Doc: "Renames it and returns it."})
	for _, m := range r.Methods {
		if !m.Collection {
			out = append(out, m.of(r))
		}
	}
	add(Delete, Method{Name: "delete", Does: DoDelete, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Args: r.DeleteArgs, Doc: "Deletes it."})
	return out
}
