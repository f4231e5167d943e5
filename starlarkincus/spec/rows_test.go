package spec_test

import (
	"regexp"
	"strings"

	"incus-star/starlarkincus/spec"
)

// lines are the release lines of Incus with official files to compare.
var lines = []string{"6.0", "7.0"}

// leftOut lists the operations without a row in the table, with the reason.
var leftOut = map[string]string{
	"GET /1.0/operations/{}/websocket":              "a websocket",
	"GET /1.0/instances/{}/nbd":                     "a raw connection",
	"POST /1.0/instances/{}/port-forward":           "a raw connection",
	"GET /1.0/instances/{}/debug/memory":            "a stream of bytes, as large as the machine's memory",
	"DELETE /1.0/instances/{}/files":                "files, for which sftp does more",
	"GET /1.0/instances/{}/files":                   "files, for which sftp does more",
	"HEAD /1.0/instances/{}/files":                  "files, for which sftp does more",
	"POST /1.0/instances/{}/files":                  "files, for which sftp does more",
	"DELETE " + volumePath + "/files":               "files, for which sftp does more",
	"GET " + volumePath + "/files":                  "files, for which sftp does more",
	"HEAD " + volumePath + "/files":                 "files, for which sftp does more",
	"POST " + volumePath + "/files":                 "files, for which sftp does more",
	"GET " + volumePath + "/nbd":                    "a raw connection",
	"POST /1.0/storage-pools/{}/volumes":            "the same as with the type in the path, which volumes.create has",
	"GET /1.0/instances/{}/debug/repair (only 6.0)": "a slip of that file: the server has POST, as the newer file says",
}

const (
	volumePath = "/1.0/storage-pools/{}/volumes/{}/{}"
	bucketPath = "/1.0/storage-pools/{}/buckets/{}"
)

// conveniences lists the methods that send a request of another resource.
var conveniences = []string{"instance.publish", "snapshot.publish", "snapshot.copy", "instances.import_backup", "incus.lock", "lock.renew", "lock.release",
	"certificates.tokens", "certificates.revoke_token", "members.tokens", "members.revoke_token"}

// undocumented lists, by operation, the parameters that servers accept but the official files lack.
var undocumented = map[string][]string{
	"GET /1.0/storage-pools/{}/volumes":    {"all-projects"},
	"GET /1.0/storage-pools/{}/volumes/{}": {"all-projects", "filter"},
	"GET /1.0/storage-pools/{}/resources":  {"project"},
	"DELETE /1.0/cluster/members/{}":       {"force"},
	"POST /1.0/instances/{}":               {"target"},
	"GET /1.0/instances/{}/sftp":           {"project"},
	"GET " + volumePath + "/sftp":          {"project"},
}

// untargeted lists the methods without the target= of their operation: the server finds an instance on any member, and
// the parameter would move it.
var untargeted = []string{"instance.rename", "instance.migrate"}

// notSent lists the fields of official bodies that the table lacks, with the reason.
var notSent = map[string]string{
	"PUT /1.0/certificates/{} type":                "it can't be changed, and is sent as it is",
	"POST /1.0/instances/{}/console height":        "that of the terminal",
	"POST /1.0/instances/{}/console width":         "the same",
	"POST " + volumePath + "/backups/{} migration": "a slip of 6.0's file: the server takes just the name, as the newer file says",
	"POST " + volumePath + "/backups/{} target":    "the same",
}

// unofficial lists the fields of the table that the official bodies lack, with the reason.
var unofficial = map[string]string{
	"PUT /1.0/instances/{}/nvram/{}/{}": "the files only tell of bytes, and the server takes the JSON that PATCH has for several variables too",
}

// A row is a method of the table, with its request.
type row struct {
	name     string
	pair     string
	resource *spec.Resource // nil for a client's method
	method   *spec.Method
	project  bool
}

// keyed reports whether a field is the key of the dict that lists the objects.
func (r row) keyed(f spec.Field) bool {
	return r.resource != nil && r.resource.Lists == spec.ByName && (f.Name == r.resource.Key || f.Name == r.resource.Segment.Name)
}

// braces matches the names of segments in a path.
var braces = regexp.MustCompile(`\{[^}]*\}`)

// rows returns the requests of all methods of the table that have their own.
func rows() []row {
	var out []row
	for _, s := range spec.Sites() {
		if s.Name == "" || s.Local {
			continue // the result of a method, or on no server
		}
		project := false
		for p := s; p != nil; p = p.Parent {
			project = project || p.Scope != spec.OfServer
		}
		add := func(owner string, m spec.Method) {
			switch m.Does {
			case spec.DoEnsure, spec.DoExists, spec.DoWaitReady, spec.DoAddresses:
				return // they send the requests of other methods
			case spec.DoFields:
				return // it sends none
			}
			q := s.Whole(&m, m.Request(s.Resource))
			path := braces.ReplaceAllString(q.Path, "{}")
			all, optional := strings.CutSuffix(path, "[/{}]")
			paths := []string{all}
			if optional {
				paths = append(paths, all+"/{}")
			}
			for _, path := range paths {
				out = append(out, row{owner + "." + m.Name, q.HTTP + " " + path, s.Resource, &m, project})
			}
		}
		for _, m := range s.CollectionMethods() {
			add(s.Resource.Name, m)
		}
		for _, m := range s.ObjectMethods() {
			add(s.Singular(), m)
		}
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		if m.Path != "" && m.Does != spec.DoHasExtension {
			out = append(out, row{"incus." + m.Name, m.HTTP + " " + m.Path, nil, m, false})
		}
	}
	return out
}
