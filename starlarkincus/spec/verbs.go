package spec

import "strings"

// Arguments that many methods share.
var (
	projectArg = Field{Name: "project", Type: Name, Place: Local, Doc: "the project to work in, instead of the client's"}
	waitArg    = Field{Name: "wait", Type: Bool, Place: Local, Doc: "False returns an Operation at once instead of waiting for the end"}
	timeoutArg = Field{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long to wait; IncusOperationTimeoutError after that"}
	extraArg   = Field{Name: "extra", Type: Object, Place: Local, Doc: "further fields of the request's body, sent as they are"}
	targetArg  = Field{Name: "target", Type: String, Place: Query, Doc: "the cluster member, or @group, to create it on"}
)

// Arguments is what the method takes, with what every method of its sort takes.
func (m *Method) Arguments() []Field {
	args := m.Args
	if m.Background {
		args = append(args[:len(args):len(args)], waitArg)
		if Find(args, "timeout") == nil {
			args = append(args, timeoutArg)
		}
	}
	return args
}

// Scoped is a copy of a method's arguments with project= where the resource belongs to a project.
func (r *Resource) scoped(args []Field) []Field {
	if r.Project {
		args = append(args[:len(args):len(args)], projectArg)
	}
	return args
}

func (r *Resource) key(doc string) Field {
	t := r.KeyType
	if t == Any {
		t = Name
	}
	return Field{Name: "name", Type: t, Place: Local, Required: true, Position: true, Doc: doc}
}

// An is the kind of object with its article, in lower case: "an instance".
func (r *Resource) An() string {
	kind := strings.ToLower(r.Kind)
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}

// CollectionMethods is all that can be called on the collection.
func (r *Resource) CollectionMethods() []Method {
	one := strings.ToLower(r.Kind)
	var out []Method
	add := func(v Verb, m Method) {
		if r.Verbs&v != 0 {
			m.Collection, m.Background = true, r.Background&v != 0
			out = append(out, m)
		}
	}
	if r.Singleton {
		add(Get, Method{Name: "get", Impl: "get", HTTP: "GET", Doc: "Reads " + r.An() + "."})
	} else {
		listArgs := r.scoped(nil)
		if r.Filter {
			listArgs = append([]Field{{Name: "filter", Type: Filter, Place: Query,
				Doc: "only those that match: a dict such as {'status': 'Running', 'config.user.role': 'db'}, or an expression of Incus's, such as 'name eq web.*'"}}, listArgs...)
		}
		if r.Project {
			listArgs = append(listArgs, Field{Name: "all_projects", Type: Bool, Place: Local, Doc: "those of all projects"})
		}
		listArgs = append(listArgs, Field{Name: "recursion", Type: Int, Place: Local, Doc: "how much the server sends of each: 1 its fields; 2, for instances, its state, snapshots and backups too, which is slow"})
		add(List, Method{Name: "list", Impl: "list", HTTP: "GET", Args: listArgs, Doc: "Returns a list of all, each with its fields, in one request."})
		add(List, Method{Name: "names", Impl: "names", HTTP: "GET", Args: r.scoped(nil), Doc: "Returns the names of all."})
		add(Get, Method{Name: "get", Impl: "get", HTTP: "GET", Args: r.scoped([]Field{r.key("which " + one)}), Doc: "Reads " + r.An() + "."})
		add(Get, Method{Name: "exists", Impl: "exists", HTTP: "GET", Args: r.scoped([]Field{r.key("which " + one)}), Doc: "Says whether there is such " + r.An() + "."})
	}
	create := append([]Field{r.key("its name")}, r.CreateArgs...)
	for _, f := range With(r.Fields, Create) {
		if f.Name != r.Key {
			create = append(create, f)
		}
	}
	add(New, Method{Name: "create", Impl: "create", HTTP: "POST", Args: r.scoped(append(create, extraArg)), Doc: "Creates " + r.An() + " and returns it."})
	if r.Verbs&New != 0 && r.Verbs&(Update|Replace) != 0 {
		args := r.scoped(append(create[:len(create):len(create)], extraArg))
		if r.Background&New != 0 {
			args = append(args, timeoutArg)
		}
		out = append(out, Method{Name: "ensure", Collection: true, Impl: "ensure", HTTP: "GET", Args: args,
			Doc: "Creates " + r.An() + " that isn't there, else changes the given fields where they differ, and returns it; its attribute changed says whether anything was done. What isn't given stays as it is."})
	}
	for _, m := range r.Methods {
		if m.Collection {
			if m.Impl == "create" {
				m.Args = r.scoped(append(create, extraArg))
			}
			out = append(out, m)
		}
	}
	add(Delete, Method{Name: "delete", Impl: "delete", HTTP: "DELETE", Args: r.scoped(append([]Field{r.key("which " + one)}, r.DeleteArgs...)), Doc: "Deletes " + r.An() + "."})
	return out
}

// ObjectMethods is all that can be called on an object.
func (r *Resource) ObjectMethods() []Method {
	var out []Method
	add := func(v Verb, m Method) {
		if r.Verbs&v != 0 {
			m.Background = r.Background&v != 0
			out = append(out, m)
		}
	}
	change := append(With(r.Fields, Change), extraArg)
	add(Get, Method{Name: "refresh", Impl: "refresh", HTTP: "GET", Doc: "Reads it again and returns it."})
	add(Update, Method{Name: "update", Impl: "update", HTTP: "PATCH", Args: change, Refresh: true,
		Doc: "Changes the given fields, keeps the rest, and returns it. Keys of a config are merged; None unsets one."})
	add(Replace, Method{Name: "replace", Impl: "replace", HTTP: "PUT", Args: change, Refresh: true,
		Doc: "Sets the given fields whole and returns it. Fails with IncusPreconditionFailedError if somebody changed it since it was read."})
	add(Rename, Method{Name: "rename", Impl: "rename", HTTP: "POST", Args: []Field{r.key("its new name")}, Refresh: true, Doc: "Renames it and returns it."})
	for _, m := range r.Methods {
		if !m.Collection {
			out = append(out, m)
		}
	}
	add(Delete, Method{Name: "delete", Impl: "delete", HTTP: "DELETE", Args: r.DeleteArgs, Doc: "Deletes it."})
	return out
}
