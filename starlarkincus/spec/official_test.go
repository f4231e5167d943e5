package spec_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.yaml.in/yaml/v3"
)

// lines are the lines of Incus releases whose official files the table is compared with.
var lines = []string{"6.0", "7.0"}

// leftOut are the operations that no row of the table has, with the reason.
var leftOut = map[string]string{
	"GET /1.0/events":                               "a websocket",
	"GET /1.0/operations/{}/websocket":              "a websocket",
	"POST /1.0/instances/{}/console":                "websockets",
	"GET /1.0/instances/{}/nbd":                     "a raw connection",
	"GET /1.0/instances/{}/sftp":                    "a raw connection",
	"POST /1.0/instances/{}/port-forward":           "a raw connection",
	"GET /1.0/instances/{}/debug/memory":            "a stream of bytes, as large as the machine's memory",
	"GET /1.0/instances/{}/backups/{}/export":       "a file",
	"GET /1.0/images/{}/export":                     "a file",
	"DELETE /1.0/instances/{}/files":                "files",
	"GET /1.0/instances/{}/files":                   "files",
	"HEAD /1.0/instances/{}/files":                  "files",
	"POST /1.0/instances/{}/files":                  "files",
	"DELETE " + volumePath + "/files":               "files",
	"GET " + volumePath + "/files":                  "files",
	"HEAD " + volumePath + "/files":                 "files",
	"POST " + volumePath + "/files":                 "files",
	"GET " + volumePath + "/nbd":                    "a raw connection",
	"GET " + volumePath + "/sftp":                   "a raw connection",
	"GET " + volumePath + "/backups/{}/export":      "a file",
	"GET " + bucketPath + "/backups/{}/export":      "a file",
	"POST /1.0/storage-pools/{}/volumes":            "the same as with the type in the path, which volumes.create has",
	"GET /1.0/instances/{}/debug/repair (only 6.0)": "a slip of that file: the server has POST, as the newer file says",
}

const (
	volumePath = "/1.0/storage-pools/{}/volumes/{}/{}"
	bucketPath = "/1.0/storage-pools/{}/buckets/{}"
)

// conveniences are methods that send a request which belongs to another resource.
var conveniences = []string{"instance.publish", "snapshot.publish", "snapshot.copy"}

// undocumented are the parameters that servers have, or let pass, and the official files don't have, by operation.
var undocumented = map[string][]string{
	"GET /1.0/storage-pools/{}/volumes":    {"all-projects"},
	"GET /1.0/storage-pools/{}/volumes/{}": {"all-projects", "filter"},
	"GET /1.0/storage-pools/{}/resources":  {"project"},
	"DELETE /1.0/cluster/members/{}":       {"force"},
	"POST /1.0/instances/{}":               {"target"},
}

// untargeted are methods that don't send the target= that their operation has: an instance is found wherever it is,
// and the parameter would move it.
var untargeted = []string{"instance.rename", "instance.migrate"}

// notSent are fields of official bodies that the table doesn't have, with the reason.
var notSent = map[string]string{
	"PATCH /1.0/instances/{} restore":              "the server refuses it there: restore() is a PUT",
	"PATCH /1.0/instances/{} disk_only":            "the same",
	"PATCH " + volumePath + " restore":             "the same",
	"POST /1.0/instances/{}/exec height":           "of an interactive command, which needs websockets",
	"POST /1.0/instances/{}/exec width":            "the same",
	"POST " + volumePath + "/backups/{} migration": "a slip of 6.0's file: the server takes just the name, as the newer file says",
	"POST " + volumePath + "/backups/{} target":    "the same",
}

// unofficial are fields that the table has and the official bodies don't, with the reason.
var unofficial = map[string]string{
	"PUT /1.0/instances/{}/nvram/{}/{}": "the files only tell of bytes, and the server takes the JSON that PATCH has for several variables too",
}

// An operation is one of the official files.
type operation struct {
	query    []string
	body     map[string]any // the schema; nil without one
	response map[string]any // the schema of what the answer holds
}

// A document is an official file.
type document struct {
	operations  map[string]*operation // by method and path, with {} for each parameter
	definitions map[string]any
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

func official(t *testing.T) map[string]*document {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "shared", "incus-api")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("Incus's official API files are not here")
		}
	}
	out := make(map[string]*document)
	for _, line := range lines {
		data, err := os.ReadFile(filepath.Join(dir, "shared", "incus-api", "rest-api-"+line+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := yaml.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		d := &document{make(map[string]*operation), file["definitions"].(map[string]any)}
		paths := file["paths"].(map[string]any)
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			if strings.Contains(path, "?public") {
				continue
			}
			for method, op := range paths[path].(map[string]any) {
				d.add(strings.ToUpper(method), path, op.(map[string]any))
			}
		}
		out[line] = d
	}
	return out
}

// add takes an operation into the document. Those that differ just in recursion or in who asks are one.
func (d *document) add(method, path string, op map[string]any) {
	path, _, _ = strings.Cut(path, "?")
	pair := method + " " + parameter.ReplaceAllString(path, "{}")
	o := d.operations[pair]
	if o == nil {
		o = &operation{}
		d.operations[pair] = o
	}
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		switch p["in"] {
		case "query":
			o.query = append(o.query, p["name"].(string))
		case "body":
			if schema, _ := p["schema"].(map[string]any); schema["$ref"] != nil || o.body == nil { // others are files
				o.body = schema
			}
		}
	}
	responses, _ := op["responses"].(map[string]any)
	if ok, _ := responses["200"].(map[string]any); ok != nil {
		schema, _ := ok["schema"].(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		metadata, _ := properties["metadata"].(map[string]any)
		if o.response == nil || items(d, o.response)["properties"] == nil { // a list of objects tells more than one of names
			o.response = metadata
		}
	}
}

// A row is a method of the table with the request that it sends.
type row struct {
	name     string
	pair     string
	resource *spec.Resource // nil for a client's method
	method   *spec.Method
	project  bool
}

// keyed says whether a field is what the object is called in the dict that lists it.
func (r row) keyed(f spec.Field) bool {
	return r.resource != nil && r.resource.Keyed && (f.Name == r.resource.Key || f.Name == r.resource.Segment.Name)
}

// rows are all methods of the table that send a request of their own.
func rows() []row {
	var out []row
	var walk func(r *spec.Resource, path string, project bool)
	walk = func(r *spec.Resource, path string, project bool) {
		project = project || r.Project
		object := path
		switch {
		case r.Singleton || r.KeyQuery != "":
		case r.Segment != nil:
			object += "/{}/{}"
		default:
			object += "/{}"
		}
		add := func(owner string, m spec.Method) {
			base := object
			switch m.Impl {
			case "ensure", "exists", "wait_ready", "addresses", "connect", "use", "request", "has_extension":
				return // they send what other methods send
			case "list", "names", "create", "create_text":
				base = path
				if r.Segment != nil && m.Impl == "create" {
					base += "/{}"
				}
				if r.Put && m.Impl == "create" {
					base = object
				}
			case "action", "operation", "token", "read", "text", "join":
				if m.Collection {
					base = path
				}
			}
			if m.Above {
				base = path
				if r.Segment != nil {
					base += "/{}"
				}
			}
			at := []string{base}
			if r.Segment != nil && m.Verb == spec.List {
				at = append(at, base+"/{}")
			}
			for _, at := range at {
				if strings.HasPrefix(m.Path, "/") {
					at = m.Path
				} else if m.Path != "" {
					at += "/" + m.Path
				}
				out = append(out, row{owner + "." + m.Name, m.HTTP + " " + at, r, &m, project})
			}
		}
		for _, m := range r.CollectionMethods() {
			add(r.Name, m)
		}
		for _, m := range r.ObjectMethods() {
			add(r.Singular(), m)
		}
		for _, child := range r.Children {
			below := object
			if child.OfAll {
				below = path
			}
			walk(child, below+"/"+child.Path, project)
		}
	}
	for _, r := range spec.Collections {
		walk(r, r.Path, false)
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		if m.Path != "" && m.Impl != "has_extension" {
			out = append(out, row{"incus." + m.Name, m.HTTP + " " + m.Path, nil, m, false})
		}
	}
	return out
}

func TestEveryOfficialOperationHasItsRow(t *testing.T) {
	docs := official(t)
	claims := make(map[string]map[*spec.Resource]bool)
	for _, r := range rows() {
		if slices.Contains(conveniences, r.name) {
			continue
		}
		if claims[r.pair] == nil {
			claims[r.pair] = make(map[*spec.Resource]bool)
		}
		claims[r.pair][r.resource] = true
		if docs["6.0"].operations[r.pair] == nil && docs["7.0"].operations[r.pair] == nil {
			t.Errorf("%s sends %s, which is in no official file", r.name, r.pair)
		}
	}
	for _, line := range lines {
		claimed, left := 0, 0
		for _, pair := range slices.Sorted(maps.Keys(docs[line].operations)) {
			_, out := leftOut[pair]
			if _, onlyHere := leftOut[pair+" (only "+line+")"]; onlyHere {
				out = true
				if docs["7.0"].operations[pair] == nil && line == "6.0" {
					left++
					continue
				}
			}
			switch n := len(claims[pair]); {
			case n == 0 && !out:
				t.Errorf("%s: no row has %s", line, pair)
			case n > 0 && out:
				t.Errorf("%s: %s is left out, and a row has it", line, pair)
			case n > 1:
				t.Errorf("%s: %d resources have %s", line, n, pair)
			case out:
				left++
			default:
				claimed++
			}
		}
		t.Logf("%s: of %d operations %d have a row, %d are left out", line, len(docs[line].operations), claimed, left)
	}
	for pair := range leftOut {
		name, _, _ := strings.Cut(pair, " (")
		if docs["6.0"].operations[name] == nil && docs["7.0"].operations[name] == nil {
			t.Errorf("%s is left out, and in no official file", pair)
		}
	}
}

// What only newer servers have needs an API extension, so that older ones are never sent it.
func TestWhatIsNewNeedsAnExtension(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		if docs["6.0"].operations[r.pair] != nil || slices.Contains(conveniences, r.name) || strings.HasSuffix(r.pair, "debug/repair") && r.method.Extension != "" {
			continue
		}
		if r.method.Extension == "" && (r.resource == nil || r.resource.Extension == "") {
			t.Errorf("%s sends %s, which is new in 7.0, and needs no extension", r.name, r.pair)
		}
	}
}

// sent are the fields that a row's methods may put in the body.
func sent(r row) []spec.Field {
	var out []spec.Field
	for name := range r.method.Send {
		out = append(out, spec.Field{Name: name, Type: spec.Any})
	}
	args := r.method.Arguments()
	for _, f := range args {
		switch {
		case f.Place == spec.Body:
			out = append(out, f)
		case f.Name == "image":
			out = append(out, spec.Field{Name: "source", Type: spec.Any})
		}
	}
	switch r.method.Impl {
	case "create", "rename", "copy", "move":
		if r.resource.Key != "" && !r.resource.Chosen && !r.resource.Put {
			out = append(out, spec.Field{Name: r.resource.Key, Type: spec.String})
		}
	}
	switch r.method.Impl {
	case "copy":
		out = append(out, spec.Field{Name: "source", Type: spec.Any})
	case "move":
		out = append(out, spec.Field{Name: "migration", Type: spec.Any})
		if r.resource.Segment != nil {
			out = append(out, spec.Field{Name: "source", Type: spec.Any})
		}
	case "create":
		if r.resource.Segment != nil && !r.resource.Put {
			out = append(out, spec.Field{Name: r.resource.Segment.Name, Type: spec.Any}) // it is in the path
		}
	}
	if r.method.Under != "" {
		out = []spec.Field{{Name: r.method.Under, Type: spec.Object, Fields: out}}
	}
	return out
}

func TestEveryFieldOfABodyIsKnown(t *testing.T) {
	docs := official(t)
	bodies := make(map[string][]spec.Field)
	names := make(map[string]string)
	for _, r := range rows() {
		if slices.Contains(conveniences, r.name) {
			continue
		}
		for _, f := range r.method.Arguments() {
			if f.Place == spec.Whole && f.Type != spec.String {
				bodies[r.pair] = f.Fields
			}
		}
		names[r.pair] += " " + r.name
		if !strings.HasPrefix(r.pair, "GET ") && !strings.HasPrefix(r.pair, "DELETE ") {
			bodies[r.pair] = append(bodies[r.pair], sent(r)...)
		}
	}
	for _, pair := range slices.Sorted(maps.Keys(bodies)) {
		old, new := docs["6.0"].operations[pair], docs["7.0"].operations[pair]
		known := make(map[string]bool)
		for _, line := range lines {
			if op := docs[line].operations[pair]; op != nil {
				docs[line].compare(t, line+":"+names[pair], pair, op.body, bodies[pair], known)
			}
		}
		for _, f := range bodies[pair] {
			if !known[strings.ToLower(f.Name)] && f.Name != spec.AnyKey && unofficial[pair] == "" {
				t.Errorf("%s sends %s, which %s doesn't have", names[pair], f.Name, pair)
			}
		}
		if old != nil && new != nil {
			needsExtension(t, docs, pair, old.body, new.body, bodies[pair])
		}
	}
}

// compare reports what an official body has and the table's fields don't.
func (d *document) compare(t *testing.T, who, at string, schema map[string]any, fields []spec.Field, known map[string]bool) {
	t.Helper()
	schema = d.resolve(schema)
	if values, ok := schema["additionalProperties"].(map[string]any); ok && len(fields) > 0 && fields[0].Name == spec.AnyKey {
		known[spec.AnyKey] = true
		d.compare(t, who, at+".*", values, fields[0].Fields, make(map[string]bool))
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		known[strings.ToLower(name)] = true
		var found []spec.Field
		for _, f := range fields {
			if strings.EqualFold(f.Name, name) {
				found = append(found, f)
			}
		}
		if notSent[at+" "+name] != "" {
			continue
		}
		if len(found) == 0 {
			t.Errorf("%s: %s has %s, which isn't known", who, at, name)
			continue
		}
		property := properties[name].(map[string]any)
		want := d.types(property)
		typed := slices.DeleteFunc(slices.Clone(found), func(f spec.Field) bool { return f.Type == spec.Any })
		for _, f := range typed {
			if want != nil && !slices.Contains(want, f.Type) {
				t.Errorf("%s: %s has %s of a type that is %s here", who, at, name, f.Type)
			}
			if f.Type == spec.Object || f.Type == spec.Objects {
				inner := d.resolve(property)
				if items, ok := inner["items"].(map[string]any); ok {
					inner = d.resolve(items)
				}
				d.compare(t, who, at+"."+name, inner, f.Fields, make(map[string]bool))
			}
		}
	}
}

// needsExtension reports fields that only newer servers have and that need no extension.
func needsExtension(t *testing.T, docs map[string]*document, pair string, old, new map[string]any, fields []spec.Field) {
	t.Helper()
	before, _ := docs["6.0"].resolve(old)["properties"].(map[string]any)
	after, _ := docs["7.0"].resolve(new)["properties"].(map[string]any)
	for name, property := range after {
		for _, f := range fields {
			if !strings.EqualFold(f.Name, name) || f.Type == spec.Any {
				continue
			}
			earlier, there := before[name].(map[string]any)
			if !there && f.Extension == "" {
				t.Errorf("%s: %s is new in 7.0 and needs no extension", pair, name)
			}
			if there && f.Fields != nil {
				needsExtension(t, docs, pair+" "+name, items(docs["6.0"], earlier), items(docs["7.0"], property.(map[string]any)), f.Fields)
			}
		}
	}
}

func items(d *document, schema map[string]any) map[string]any {
	schema = d.resolve(schema)
	if inner, ok := schema["items"].(map[string]any); ok {
		return d.resolve(inner)
	}
	return schema
}

func (d *document) resolve(schema map[string]any) map[string]any {
	for {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema, _ = d.definitions[ref[strings.LastIndex(ref, "/")+1:]].(map[string]any)
	}
}

// types are those that the table may give a field with the schema; nil where the schema doesn't say.
func (d *document) types(schema map[string]any) []spec.Type {
	if ref, _ := schema["$ref"].(string); strings.HasSuffix(ref, "/ConfigMap") {
		return []spec.Type{spec.Config}
	} else if strings.HasSuffix(ref, "/DevicesMap") {
		return []spec.Type{spec.Devices}
	}
	schema = d.resolve(schema)
	switch schema["type"] {
	case "string":
		if schema["format"] == "date-time" {
			return []spec.Type{spec.Time}
		}
		return []spec.Type{spec.String, spec.Name, spec.Time}
	case "boolean":
		return []spec.Type{spec.Bool}
	case "integer":
		return []spec.Type{spec.Int}
	case "array":
		inner, _ := schema["items"].(map[string]any)
		if d.resolve(inner)["type"] == "string" {
			return []spec.Type{spec.Strings}
		}
		return []spec.Type{spec.Objects}
	case "object":
		switch values, _ := schema["additionalProperties"].(map[string]any); {
		case values != nil && d.resolve(values)["type"] == "string":
			return []spec.Type{spec.Config}
		case values != nil || schema["properties"] != nil:
			return []spec.Type{spec.Object}
		}
		return []spec.Type{spec.Config, spec.Devices, spec.Object}
	}
	return nil
}

// What the server tells of an object are attributes that dir() lists and that are None where a server lacks them.
func TestEveryFieldOfAnAnswerIsKnown(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		fields := []spec.Field(nil)
		switch {
		case r.method.Result != nil:
			fields = r.method.Result.Fields
		case r.method.Impl == "get", r.method.Impl == "list" && !r.resource.Keyed:
			fields = r.resource.Fields
		default:
			continue
		}
		read := spec.With(fields, spec.Read)
		for _, line := range lines {
			op := docs[line].operations[r.pair]
			if op == nil || op.response == nil {
				continue
			}
			schema := items(docs[line], op.response)
			properties, _ := schema["properties"].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(properties)) {
				if r.resource != nil && r.resource.Depth > 1 && slices.Contains([]string{"state", "snapshots", "backups", "keys"}, name) {
					continue // of the full object only; methods and collections have these names
				}
				// An object's answers have the fields of its requests too, always empty.
				if f := spec.Find(read, name); f == nil && spec.Find(fields, name) == nil {
					t.Errorf("%s: %s tells %s, which isn't known", line, r.name, name)
				}
			}
			for _, f := range read {
				if f.Extension == "" && properties != nil && properties[f.Name] == nil && line == "7.0" && f.Name != "progress" && !r.keyed(f) {
					t.Errorf("%s: %s doesn't tell %s", line, r.name, f.Name)
				}
			}
		}
	}
}

func TestParametersAreTheOfficialOnes(t *testing.T) {
	docs := official(t)
	for _, r := range rows() {
		op := docs["7.0"].operations[r.pair]
		if op == nil || slices.Contains(conveniences, r.name) {
			continue
		}
		has := func(name string) bool {
			return slices.Contains(op.query, name) || slices.Contains(undocumented[r.pair], name)
		}
		args := r.method.Arguments()
		for _, f := range args {
			name := map[string]string{"all_projects": "all-projects"}[f.Name]
			if f.Place == spec.Query {
				name = f.Name
			}
			if name == "" {
				continue
			}
			if !has(name) && !(f.Name == "filter" && r.method.Impl == "names") {
				t.Errorf("%s takes %s, which %s doesn't have", r.name, f.Script(), r.pair)
			}
		}
		if r.project != has("project") && r.resource != nil {
			if !(r.resource == spec.Warnings || r.resource == spec.Operations || r.resource == spec.Server) {
				t.Errorf("%s: is of a project: %v; %s has project: %v", r.name, r.project, r.pair, has("project"))
			}
		}
		targeted := r.method.Target || r.resource != nil && r.resource.Target&r.method.Verb != 0 || spec.Find(args, "target") != nil && spec.Find(args, "target").Place == spec.Query
		if targeted != has("target") && !slices.Contains(untargeted, r.name) {
			t.Errorf("%s: can be about a member: %v; %s has target: %v", r.name, targeted, r.pair, has("target"))
		}
		if r.method.Impl == "list" {
			for _, p := range []struct{ name, arg string }{{"filter", "filter"}, {"all-projects", "all_projects"}} {
				if slices.Contains(op.query, p.name) && spec.Find(args, p.arg) == nil {
					t.Errorf("%s doesn't take %s, which %s has", r.name, p.arg, r.pair)
				}
			}
		}
	}
}

// Names that scripts see are unique where they are: a method, a collection below and an attribute can't share one,
// unless the attribute is just the full object's.
func TestNamesDontCollide(t *testing.T) {
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		seen := make(map[string]string)
		take := func(kind, name string) {
			if seen[name] != "" {
				t.Errorf("%s: %s is a %s and a %s", r.Kind, name, seen[name], kind)
			}
			seen[name] = kind
		}
		for _, m := range r.ObjectMethods() {
			take("method", m.Name)
		}
		for _, f := range spec.With(r.Fields, spec.Read) {
			take("field", f.Script())
		}
		for _, child := range r.Children {
			if !child.OfAll {
				take("collection", child.Name)
			}
			walk(child)
		}
		for _, m := range append(r.CollectionMethods(), r.ObjectMethods()...) {
			args := make(map[string]bool)
			for _, f := range m.Arguments() {
				if args[f.Script()] {
					t.Errorf("%s.%s has two arguments %s", r.Kind, m.Name, f.Script())
				}
				args[f.Script()] = true
				if f.Doc == "" || strings.HasSuffix(f.Doc, ".") {
					t.Errorf("%s.%s: %s: the help %q is empty or ends with a full stop", r.Kind, m.Name, f.Script(), f.Doc)
				}
			}
			if m.Doc == "" || !strings.HasSuffix(m.Doc, ".") {
				t.Errorf("%s.%s: the help %q is no sentence", r.Kind, m.Name, m.Doc)
			}
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
}
