package spec_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.yaml.in/yaml/v3"
)

// An operation is an operation in an official file.
type operation struct {
	query    []string
	body     map[string]any // the schema; nil without one
	response map[string]any // the schema of the answer's content
}

// A document is an official file.
type document struct {
	operations  map[string]*operation // by method and path, with {} for each parameter
	definitions map[string]any
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// official returns the official files by their lines of Incus, which are read once and not to be changed.
func official(t *testing.T) map[string]*document {
	t.Helper()
	files, err := officialFiles()
	switch {
	case err != nil:
		t.Fatal(err)
	case files == nil:
		t.Skip("needs Incus's own rest-api-6.0.yaml and others, in shared/incus-api of this folder or one above; without them nothing compares the table with the server")
	}
	return files
}

// officialFiles returns nil without the files.
var officialFiles = sync.OnceValues(func() (map[string]*document, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "shared", "incus-api")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return nil, nil
		}
	}
	out := make(map[string]*document)
	for _, line := range lines {
		data, err := os.ReadFile(filepath.Join(dir, "shared", "incus-api", "rest-api-"+line+".yaml"))
		if err != nil {
			return nil, err
		}
		var file map[string]any
		if err := yaml.Unmarshal(data, &file); err != nil {
			return nil, err
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
	return out, nil
})

// add adds an operation to the document. Operations that differ only in recursion or in the caller are merged.
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
		if o.response == nil || items(d, o.response)["properties"] == nil { // a list of objects has more fields than a list of names
			o.response = metadata
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

// types returns the types that the table may give a field with the schema; nil if the schema has no type.
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
		return []spec.Type{spec.String, spec.Name, spec.Time, spec.Certificate}
	case "boolean":
		return []spec.Type{spec.Bool}
	case "integer":
		return []spec.Type{spec.Int, spec.WholeSeconds}
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
