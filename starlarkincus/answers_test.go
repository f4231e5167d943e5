package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"incus-star/starlarkincus/internal/fakeexec"
	"incus-star/starlarkincus/internal/fakesftp"
	"incus-star/starlarkincus/spec"
)

// answers is a fake server with one object of each kind at each path of the table. It starts operations where the table
// says that servers do, and keeps created objects.
type answers struct {
	extensions []string
	routes     []route
	background []spec.Request // requests that start an operation
	imports    []spec.Request // those whose body is a file

	mu        sync.Mutex
	listens   int // connections for events
	log       []arrival
	started   int                       // operations, which have the numbers from 1
	forgotten int                       // the number of the last one whose requests aren't in the log
	made      map[string]map[string]any // by path
	lacks     string                    // an API extension that it doesn't have
	streamed  string                    // the path of the object whose backup it sends
	empty     bool                      // has only projects, parents and created objects
	free      bool                      // has nothing of the name other, before the copy from another server, or the upload
	sync      bool                      // starts no operations
	lost      bool                      // drops all requests
	terminal  bool                      // the last command has one
	busy      int                       // number of refused DELETEs
	override  map[string]any            // fields of all objects
	failing   map[string]string         // failures such as "400 text", "page 502 <html>" and "lost" of requests, by "METHOD /path"; by "wait" for all operations
	failed    string                    // failure of all operations; empty for success
	result    map[string]any            // replaces outcome
	texts     map[string]string         // texts by the last segment of the path, instead of the default
	dir       string                    // with the files of all instances and volumes
	sftp      *fakesftp.Server
	files     []net.Conn // open connections to them
	breaks    int64      // number of bytes after which they break; 0 for never
}

type route struct {
	pattern *regexp.Regexp
	answer  func(a *answers, r *http.Request) any // a rawText is sent as it is
	item    bool
}

type rawText string

func newAnswers() *answers {
	a := &answers{made: make(map[string]map[string]any)}
	var items, lists, texts []route
	known := make(map[string]bool)
	var learn func(fields []spec.Field)
	learn = func(fields []spec.Field) {
		for _, f := range fields {
			known[f.Extension] = true
			learn(f.Fields)
		}
	}
	method := func(m *spec.Method, sends []spec.Request) {
		known[m.Extension], known[m.Prefers] = true, true
		learn(m.Arguments())
		if m.Does == spec.DoImport || m.Does == spec.DoUploadImage {
			a.imports = append(a.imports, sends...)
			sends = nil
		}
		for i, s := range sends {
			starts := i+1 < len(sends) && sends[i+1].Waits || m.Does == spec.DoOffer || m.Does == spec.DoToken || s.Body["migration"] == true || s.Body["wait-for-websocket"] == true
			if starts && !strings.HasPrefix(s.HTTP, "{") && s.HTTP != "GET" {
				a.background = append(a.background, s)
			}
			text := m.Returns.Shape == spec.Text && m.Verb == 0 && m.HTTP == "GET" && s.When == ""
			if text || m.Does == spec.DoMetrics || strings.HasSuffix(s.Path, "/export") && s.HTTP == "GET" {
				texts = append(texts, route{pattern(s.Path), func(*answers, *http.Request) any { return rawText("text 1") }, false})
			}
		}
	}
	for _, p := range spec.Sites() {
		known[p.Extension], known[p.RecursionExtension] = true, true
		if p.Name != "" && (p.Collection != p.Object || p.KeyQuery != "") || p.Lists == spec.Elements {
			lists = append(lists, route{pattern(p.Collection), func(a *answers, r *http.Request) any { return a.list(p, r) }, false})
			if p.Segment != nil {
				lists = append(lists, route{pattern(p.Collection + "/{type}"), lists[len(lists)-1].answer, false})
			}
		}
		items = append(items, route{pattern(p.Object), func(a *answers, r *http.Request) any { return a.item(p, r.URL.Path) }, true})
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			method(&m, p.Sends(&m))
		}
	}
	for i := range spec.ClientMethods {
		method(&spec.ClientMethods[i], ofClient(&spec.ClientMethods[i]))
	}
	delete(known, "")
	a.extensions = slices.Sorted(maps.Keys(known))
	a.routes = slices.Concat(texts, lists, items)
	return a
}

// item returns the object at a path.
func (a *answers) item(p *spec.Site, path string) any {
	if p.Content == spec.PlainText {
		return rawText("text")
	}
	out := make(map[string]any)
	for _, f := range p.Fields {
		if f.Use&spec.Read == 0 {
			continue
		}
		switch f.Type {
		case spec.Int:
			out[f.Name] = 1
		case spec.Bool:
			out[f.Name] = false
		case spec.Strings, spec.Objects:
			out[f.Name] = []any{}
		case spec.Config:
			out[f.Name] = map[string]any{"user.a": "1"}
		case spec.Devices, spec.Object:
			out[f.Name] = map[string]any{}
		case spec.Time:
			out[f.Name] = "2026-01-02T03:04:05Z"
		default:
			out[f.Name] = "x"
		}
	}
	set := func(name, value string) {
		if out[name] == "x" {
			out[name] = value
		}
	}
	set("status", "Running")
	set("project", "default")
	set("location", "none")
	if p.Segment != nil {
		set("location", "m") // a volume is on a member
		set("type", "custom")
		out["location"] = "m"
	}
	set(p.Key, path[strings.LastIndex(path, "/")+1:])
	for name, v := range a.override {
		if _, has := out[name]; has {
			out[name] = v
		}
	}
	if p.Name == "operations" {
		out["status"], out["status_code"], out["metadata"] = "Success", 200, outcome
	}
	if p.Name == "aliases" {
		out["target"] = "abc123"
	}
	if out["network"] != nil && p.Kind == "InstanceState" && a.override["network"] == nil {
		out["network"] = map[string]any{"eth0": map[string]any{"type": "broadcast", "addresses": []any{map[string]any{"family": "inet", "address": "10.0.0.2", "scope": "global"}}}}
	}
	if p.Name == "server" {
		out["api_extensions"] = slices.DeleteFunc(slices.Clone(a.extensions), func(x string) bool { return x == a.lacks })
		out["environment"] = map[string]any{"addresses": []string{"192.0.2.1:8443"}, "certificate": "x"}
	}
	maps.Copy(out, a.made[path])
	return out
}

// outcome is the metadata of all operations.
var outcome = map[string]any{"return": 0, "output": map[string]any{"1": "/1.0/x/exec_1.stdout", "2": "/1.0/x/exec_1.stderr"},
	"fingerprint": "abc123", "secret": "s", "addresses": []string{"192.0.2.1:8443"}, "request": map[string]any{"name": "x"}}

// list returns a collection, in its form.
func (a *answers) list(p *spec.Site, r *http.Request) any {
	path := r.URL.Path
	var paths []string
	if !a.empty {
		paths = append(paths, path+"/abc123")
	}
	for made := range a.made {
		if at := made[:strings.LastIndex(made, "/")]; at == path {
			paths = append(paths, made)
		}
	}
	elems, urls := []any{}, []any{}
	for _, at := range paths {
		elems, urls = append(elems, a.item(p, at)), append(urls, at)
		if p.Name == "operations" { // of a token
			maps.Copy(elems[len(elems)-1].(map[string]any), map[string]any{"class": "token", "status_code": 103, "metadata": map[string]any{"serverName": "x", "request": map[string]any{"name": "x"}}})
		}
		if p.KeyQuery != "" {
			urls[len(urls)-1] = "abc123"
		}
	}
	full := r.URL.Query().Get("recursion") != ""
	switch {
	case p.Lists == spec.Elements:
		return elems
	case p.Name == "operations" && full && a.streamed != "":
		return a.streaming()
	case p.Lists == spec.ByStatus && full:
		return map[string]any{"running": elems}
	case p.Lists == spec.ByStatus:
		return map[string]any{"running": urls}
	case p.Lists == spec.ByName && full && len(elems) > 0:
		one := map[string]any{"abc123": elems[0]}
		if r.URL.Query().Get("recursion") == "2" {
			return map[string]any{"guid": one}
		}
		return one
	case p.Lists == spec.ByName && full:
		return map[string]any{}
	case full && p.Content != spec.PlainText:
		return elems
	}
	return urls
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, _ := io.ReadAll(r.Body)
	var body map[string]any
	json.Unmarshal(data, &body)
	path := r.URL.Path
	a.record(arrival{r.Method, path, r.URL.RawQuery, body})
	if a.lost {
		panic(http.ErrAbortHandler)
	}
	answer := func(status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	refuse := func(status int, message string) {
		answer(status, map[string]any{"type": "error", "error_code": status, "error": message})
	}
	operation := map[string]any{"id": idOf(a.started), "class": "task", "status": "Success", "status_code": 200, "metadata": outcome,
		"resources": map[string][]string{"objects": {"/1.0/x/abc123"}}}
	if a.result != nil {
		operation["metadata"] = a.result
	}
	if a.failed != "" {
		operation["status"], operation["status_code"], operation["err"] = "Failure", 400, a.failed
	}
	source, _ := body["source"].(map[string]any)
	a.free = a.free && source["type"] != "migration" && r.Header.Get("Content-Type") != "application/octet-stream"
	text := a.failing[r.Method+" "+path]
	if a.free && r.Method == "GET" && strings.HasSuffix(path, "/other") {
		text = "404 not found"
	}
	if text == "" && strings.HasSuffix(path, "/wait") {
		text = a.failing["wait"]
	}
	if text != "" {
		if text == "lost" {
			panic(http.ErrAbortHandler)
		}
		page, isPage := strings.CutPrefix(text, "page ")
		status, message, _ := strings.Cut(page, " ")
		code, _ := strconv.Atoi(status)
		if !isPage {
			refuse(code, message)
			return
		}
		w.WriteHeader(code)
		io.WriteString(w, message)
		return
	}
	if body["wait-for-websocket"] == true {
		a.terminal = body["interactive"] == true
	}
	switch {
	case r.Method == "POST" && r.Header.Get("Accept") == "application/octet-stream":
		a.streamBackup(w, path)
		return
	case r.Header.Get("Upgrade") == "sftp":
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		a.files = append(a.files, conn)
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n")
		in := io.Reader(buffered)
		if a.breaks > 0 {
			in = io.LimitReader(in, a.breaks)
		}
		go a.sftp.Serve(struct {
			io.Reader
			io.WriteCloser
		}{in, conn})
		return
	case strings.HasSuffix(path, "/websocket"):
		output := a.outputOf(r.URL.Query().Get("secret"))
		a.mu.Unlock()
		defer a.mu.Lock()
		fakeexec.Serve(w, r, output)
		return
	case path == "/1.0/events":
		a.serveEvents(w, r)
		return
	case strings.HasSuffix(path, "/wait"):
		answer(200, map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": operation})
		return
	case r.Method == "DELETE" && a.busy > 0:
		a.busy--
		refuse(400, "Instance is busy running a \"start\" operation")
		return
	case r.Method == "DELETE":
		delete(a.made, path)
	case r.Method == "POST" && r.Header.Get("Content-Type") == "application/octet-stream":
		a.takeFile(path, r.Header, data)
	case r.Method == "POST" && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		a.takeParts(path, r.Header, data)
	case r.Method == "POST":
		for _, p := range spec.Sites() {
			if key, _ := body[p.Key].(string); p.Key != "" && p.Lists != spec.Single && slices.ContainsFunc([]string{p.Collection, p.Collection + "/{type}"}, func(at string) bool { return pattern(at).MatchString(path) }) && (key != "" || p.Named == spec.ByServer) {
				if p.Named == spec.ByServer {
					key = "abc123"
					w.Header().Set("Location", path+"/"+key)
				}
				given := maps.Clone(body)
				if p.Name == "images" {
					delete(given, "profiles") // servers ignore those of an image
				}
				maps.DeleteFunc(given, func(name string, v any) bool { return v == "" || name == "source" })
				if a.made[path+"/"+key] == nil && source["type"] != "migration" { // else it is on another server
					a.made[path+"/"+key] = given
				}
			}
		}
	}
	if r.Method != "GET" {
		starting := a.background
		if body == nil && len(data) > 0 {
			starting = a.imports
		}
		starts := slices.ContainsFunc(starting, func(s spec.Request) bool {
			for field, v := range s.Body {
				if body[field] != v {
					return false
				}
			}
			return s.HTTP == r.Method && pattern(s.Path).MatchString(path)
		})
		if !starts || a.sync {
			answer(200, map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": nil})
			return
		}
		operation["status"], operation["status_code"], operation["err"] = "Running", 103, ""
		if body["wait-for-websocket"] == true {
			operation["metadata"] = map[string]any{"fds": fakeexec.Fds(a.terminal, strings.Clone), "command": body["command"]}
		}
		a.started++
		operation["id"] = idOf(a.started)
		at := "/1.0/operations/" + idOf(a.started)
		w.Header().Set("Location", at)
		answer(202, map[string]any{"type": "async", "status": "Operation created", "status_code": 100, "operation": at, "metadata": operation})
		return
	}
	w.Header().Set("ETag", "tag")
	var v any
	switch {
	case path == "/" || strings.HasSuffix(path, "/configuration"):
		v = []string{"/1.0"}
	case strings.Contains(path, "/logs/exec-output/"), r.URL.Query().Get("path") != "":
		v = rawText("text")
	default:
		i := slices.IndexFunc(a.routes, func(o route) bool { return o.pattern.MatchString(path) })
		if i < 0 {
			refuse(404, fmt.Sprintf("the fake server in answers_test.go has nothing at %s: no resource, and no result of a method, has this path", path))
			return
		}
		if a.routes[i].item && a.empty && a.made[path] == nil && path != "/1.0" && path != "/1.0/projects/p" {
			refuse(404, "not found")
			return
		}
		v = a.routes[i].answer(a, r)
	}
	if text, raw := v.(rawText); raw {
		a.sendText(w, path, text)
		return
	}
	answer(200, map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": v})
}
