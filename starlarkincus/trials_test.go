package starlarkincus_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// sample returns an argument of the declared type.
func (w *tester) sample(f *spec.Field) starlark.Value {
	switch f.Script() {
	case "method":
		return starlark.String("POST")
	case "path":
		if f.Type == spec.LocalPath || f.Type == spec.LocalInput {
			break
		}
		return starlark.String("/1.0/instances")
	case "stdin_file":
		return starlark.String("/dev/null")
	case "encoding":
		return starlark.String("bytes")
	case "signal":
		return starlark.String("TERM")
	case "cwd":
		return starlark.String("/root")
	case "stream":
		if f.Type == spec.Callable {
			return starlark.Universe["print"]
		}
		return starlark.String("stderr")
	case "mode":
		return starlark.String("0600")
	case "remote":
		return starlark.String("/file")
	case "family":
		return starlark.String("inet")
	case "certificate", "cluster_certificate":
		return starlark.String(w.pem)
	}
	switch f.Type {
	case spec.LocalPath, spec.LocalInput:
		return starlark.String(w.file)
	case spec.OtherServer:
		return w.client()
	case spec.Int, spec.Seconds, spec.WholeSeconds:
		return starlark.MakeInt(1)
	case spec.Bool:
		return starlark.True
	case spec.Strings:
		return starlark.NewList([]starlark.Value{starlark.String("true")})
	case spec.Config:
		return dictOf("user.b", starlark.MakeInt(2))
	case spec.Devices:
		return dictOf("eth9", dictOf("type", starlark.String("nic")))
	case spec.Time:
		return starlark.String("2026-01-02T03:04:05Z")
	case spec.Filter, spec.Conditions:
		return dictOf(f.Fields[0].Name, starlark.String("abc123"))
	case spec.Object, spec.Objects:
		d := new(starlark.Dict)
		for i := range f.Fields {
			name := f.Fields[i].Name
			if name == spec.AnyKey {
				name = "any"
			}
			d.SetKey(starlark.String(name), w.sample(&f.Fields[i]))
		}
		if f.Type == spec.Objects {
			return starlark.NewList([]starlark.Value{d})
		}
		return d
	case spec.Any:
		return dictOf()
	}
	return starlark.String("abc123")
}

// required returns the smallest useful arguments.
func (w *tester) required(who string, m *spec.Method) map[string]starlark.Value {
	args := make(map[string]starlark.Value)
	for _, f := range m.Arguments() {
		needed := f.Required
		switch {
		case f.Name == "source" && (who == "instances.create" || who == "instances.launch" || who == "instances.ensure"):
			args["source"] = dictOf("type", starlark.String("none")) // or image=
			continue
		case m.Does == spec.DoUpdate || m.Does == spec.DoReplace:
			needed = f.Name == m.Args[0].Name
		case m.Does == spec.DoRevokeToken:
			args[f.Name] = starlark.String("x")
			continue
		case m.Does == spec.DoJoin:
			needed = needed || f.Name == "cluster_address" || f.Name == "cluster_certificate"
		case m.Does == spec.DoCopy:
			needed = f.Name == "name"
		case who == "instance.move":
			needed = f.Name == "target"
		case who == "volume.move":
			needed = f.Name == "name"
		}
		if needed {
			if f.Name == "path" && f.Type == spec.String && m.Does != spec.DoRequest {
				args["path"] = starlark.String(filePath(m))
				continue
			}
			if m.Does == spec.DoRenameFile {
				args[f.Name] = starlark.String("/" + map[string]string{"old": "file", "new": "renamed"}[f.Name])
				continue
			}
			if args[f.Script()] = w.sample(&f); !f.Required && m.Does == spec.DoMove {
				args[f.Script()] = starlark.String("other")
			}
		}
	}
	return args
}

// filePath returns the path for a method of files on the fake.
func filePath(m *spec.Method) string {
	switch m.Does {
	case spec.DoListFiles:
		return "/"
	case spec.DoMakeFolder, spec.DoMakeLink:
		return "/made"
	case spec.DoDeleteFile:
		return "/folder"
	}
	return "/file"
}

// excluded lists arguments that can't be tested with the fake, with the reason.
var excluded = map[string]string{
	"instance.exec.width":        "goes with height=",
	"instance.exec.height":       "the same",
	"cluster.join.cluster_token": "asks the cluster's server for its certificate",
	"instances.ensure.target":    "has trials of its own",
	"volumes.ensure.target":      "the same: the volume would have to be on that member",
	"volume.move.volume_only":    "goes with target=",
	"instance.files.pull.within": "goes with a relative path",
	"volume.files.pull.within":   "the same",
	"instance.publish.force":     "has an attempt of its own: only a running instance is stopped",
	"images.upload.alias":        "has an attempt of its own: all aliases exist",
	"images.upload.aliases":      "the same",
	"images.upload.reuse":        "the same: all images exist",
	"instance.publish.alias":     "the same",
	"instance.publish.aliases":   "the same",
	"snapshot.publish.alias":     "the same",
	"snapshot.publish.aliases":   "the same",
	"image.copy.alias":           "the same",
	"image.copy.aliases":         "the same",
	"image.copy.public":          "the same: the copy is there, and is changed",
	"image.copy.profiles":        "the same",
	"image.copy.mode":            "the same",
	"image.copy.auto_update":     "the same",
	"images.upload.expires_at":   "the same: it is set by a change",
	"instance.copy.mode":         "goes with to=",
	"snapshot.copy.mode":         "the same",
	"volume.copy.mode":           "the same",
	"instance.move.mode":         "the same",
	"volume.move.mode":           "the same",
}

// circumstances returns the attempt that causes the circumstances of a request.
func (w *tester) circumstances(m *spec.Method, when string, with func(string, starlark.Value) map[string]starlark.Value) (attempt, bool) {
	s := func(text string) starlark.String { return starlark.String(text) }
	empty := func(a *answers) { a.empty = true }
	const checking = "once, to check for the API extension "
	switch lacking, without := strings.CutPrefix(when, "without the API extension "); {
	case strings.HasPrefix(when, checking):
		return attempt{client: w.client()}, true
	case strings.HasPrefix(when, "with the API extension "):
		return attempt{}, true
	case without:
		return attempt{client: w.client(), lacks: lacking, when: []string{checking + lacking}}, true
	}
	switch when {
	case "once, to check for its API extension", "once":
		return attempt{client: w.client()}, true
	case "once, to check for an argument's API extension":
		for _, f := range m.Arguments() {
			if f.Extension != "" || f.Fields != nil && f.Type != spec.Filter && f.Type != spec.Conditions || f.Name == "recursion" {
				c := attempt{args: with(f.Script(), w.sample(&f)), client: w.client()}
				if f.Name == "recursion" && m.Verb == spec.List {
					c.args["recursion"] = starlark.MakeInt(2)
				}
				if m.Does == spec.DoEnsure && f.Use&spec.Change != 0 {
					c.when = []string{"if a field differs"}
				}
				if needsArgument(f) {
					return c, true
				}
			}
		}
	case "if nothing is found in a project other than default":
		client := w.call(w.attr(w.client(), "use"), nil, kwargs(map[string]starlark.Value{"project": s("p")})).(starlark.HasAttrs)
		w.call(w.attr(client, "has_extension"), starlark.Tuple{s("x")}, nil)
		return attempt{client: client, before: empty, set: map[string]any{"project": "p"}}, true
	case "if it doesn't exist":
		return attempt{before: empty}, true
	case "if it doesn't exist and image= may be a fingerprint":
		return attempt{args: with("image", s("abc123")), when: []string{"if it doesn't exist"}, before: empty}, true
	case "if a field differs":
		for _, f := range m.Args {
			switch {
			case f.Use&spec.Change == 0:
			case f.Type == spec.String:
				return attempt{args: with(f.Script(), s("other"))}, true
			case f.Type == spec.Time:
				return attempt{args: with(f.Script(), s("2030-01-02T03:04:05Z"))}, true
			}
		}
	case "if it exists and target= is an @group":
		return attempt{args: with("target", s("@g")), set: map[string]any{"location": "m", "members": []string{"m"}}}, true
	case "if start=True and it isn't running":
		return attempt{args: with("start", starlark.True), set: map[string]any{"status": "Stopped"}}, true
	case "if force=True and another operation is running on it; then all again":
		return attempt{args: with("force", starlark.True), before: func(a *answers) { a.busy = 1 }, want: func(all []spec.Request) []spec.Request {
			n := len(all) - 2 // a wait, and the list of operations
			return slices.Concat(all[:n], all[n+1:], all[:n+1])
		}}, true
	case "for each profile, if a device has no type", "for each profile, if it doesn't exist and a device has no type":
		args := with("devices", dictOf("eth0", dictOf("mtu", starlark.MakeInt(1))))
		args["profiles"] = starlark.NewList([]starlark.Value{s("base")})
		c := attempt{args: args, before: func(a *answers) {
			a.empty = m.Does == spec.DoEnsure
			a.made["/1.0/profiles/base"] = map[string]any{"devices": map[string]any{"eth0": map[string]any{"type": "nic"}}}
		}}
		if m.Does == spec.DoEnsure {
			c.when = []string{"if it doesn't exist"}
		}
		return c, true
	case "for each other alias":
		return attempt{args: with("alias", s("abc123")), before: func(a *answers) {
			a.empty = true
			a.made["/1.0/images/abc123"] = map[string]any{"fingerprint": "abc123"}
		}}, true
	case "with force=True, if it is running":
		return attempt{args: with("force", starlark.True), set: map[string]any{"status": "Running", "ephemeral": false}}, true
	case "for each alias, with reuse=True", "with reuse=True, for each other alias":
		args := with("alias", s("abc123"))
		args["reuse"] = starlark.True
		return attempt{args: args, when: []string{"for each alias, with reuse=True", "with reuse=True, for each other alias"}, before: empty}, true
	case "if it isn't there", "if it isn't there, without mode='relay'":
		return attempt{when: []string{"if it isn't there", "if it isn't there, without mode='relay'"}, before: empty, set: map[string]any{"public": true}}, true
	case "if it isn't there and isn't public, with mode='pull'":
		return attempt{when: []string{"if it isn't there", "if it isn't there, without mode='relay'", "if it isn't there and isn't public or mode='push'"}, before: empty}, true
	case "if it isn't there, with mode='push'", "if it isn't there and isn't public or mode='push'":
		return attempt{args: with("mode", s("push")), before: empty, when: []string{"if it isn't there", "if it isn't there, without mode='relay'", "if it isn't there, with mode='push'",
			"if it isn't there and isn't public or mode='push'"}}, true
	case "if it isn't there, with mode='relay'":
		return attempt{args: with("mode", s("relay")), when: []string{"if it isn't there"}, before: empty}, true
	case "with reuse=True, which skips the next three if the image is there":
		return attempt{args: with("reuse", starlark.True), before: empty}, true
	case "for each alias that another image has, with reuse=True", "if that image has no other alias":
		args := with("alias", s("abc123"))
		args["reuse"] = starlark.True
		c := attempt{args: args, before: func(a *answers) {
			a.empty = true
			a.made["/1.0/images/abc123"] = map[string]any{"fingerprint": "abc123"}
			a.made["/1.0/images/aliases/abc123"] = map[string]any{"name": "abc123", "target": "other"}
			if when == "if that image has no other alias" {
				a.made["/1.0/images/other"] = map[string]any{"fingerprint": "other"}
			}
		}}
		if when == "if that image has no other alias" {
			c.when = []string{"for each alias that another image has, with reuse=True"}
		}
		c.when = append(c.when, "for each alias, with reuse=True") // of publish
		return c, true
	case "if refresh=True in a cluster":
		return attempt{args: with("refresh", starlark.True), set: map[string]any{"location": "m"}}, true
	case "for a copy to another member, outside the project default":
		return attempt{args: with("target", s("other")), set: map[string]any{"project": "p"}}, true
	case "if the server didn't set all fields":
		if m.Does == spec.DoCopyImage {
			return attempt{args: with("public", starlark.True)}, true
		}
		if m.Does == spec.DoUploadImage {
			return attempt{args: with("expires_at", s("2030-01-02T03:04:05Z"))}, true
		}
		if m.Does == spec.DoMove {
			return attempt{args: with("config", dictOf("user.a", starlark.None))}, true
		}
		return attempt{args: with("description", s(""))}, true
	case "with to= and pool=":
		c := attempt{args: with("to", w.client()), set: map[string]any{"status": "Stopped"}}
		c.args["pool"] = s("abc123")
		return c, true
	case "for each custom volume and network of a device, with to= or another project, without refresh=True", "for each custom volume and network of a device, with to= or another project":
		data := map[string]string{"type": "disk", "pool": "abc123", "source": "abc123", "path": "/x"}
		nic := map[string]string{"type": "nic", "network": "abc123"}
		return attempt{args: with("to", w.client()), set: map[string]any{"status": "Stopped", "devices": map[string]any{"data": data, "eth0": nic}}}, true
	case "for each expired lock":
		return attempt{before: func(a *answers) {
			a.made["/1.0/profiles/lock.abc123.1"] = map[string]any{"name": "lock.abc123.1", "config": map[string]any{"user.lock.id": "other", "user.lock.until": "2001-01-01T00:00:00Z"}}
		}}, true
	}
	return attempt{}, false
}

// needsArgument reports whether an argument's sample needs an API extension.
func needsArgument(f spec.Field) bool {
	return f.Extension != "" || f.Name == "recursion" || slices.ContainsFunc(f.Fields, needsArgument)
}

// matches returns an error if a request isn't the expected one.
func matches(s spec.Request, r arrival, c attempt, m *spec.Method) error {
	if s.HTTP != r.method && !strings.HasPrefix(s.HTTP, "{") || !pattern(s.Path).MatchString(r.path) {
		return fmt.Errorf("another request")
	}
	query, _ := url.ParseQuery(r.query)
	if name, value, _ := strings.Cut(s.Query, "="); name != "" && c.args["state"] == nil && c.args["recursion"] == nil && c.args["guid"] == nil {
		if query.Get(name) == "" || !strings.HasPrefix(value, "{") && query.Get(name) != value {
			return fmt.Errorf("no %s in its query", s.Query)
		}
	}
	for field, v := range s.Body {
		if fmt.Sprint(r.body[field]) != fmt.Sprint(v) {
			return fmt.Errorf("%s is %v in its body, not %v", field, r.body[field], v)
		}
	}
	return nil
}
