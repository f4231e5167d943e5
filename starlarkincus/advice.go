package starlarkincus

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// advised adds advice to an error of the call that the call's own arguments explain. The message stays the server's.
func (c *invocation) advised(err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || e.Hint != "" || errors.As(err, new(*starlark.EvalError)) {
		return err
	}
	switch {
	case e.Class == errors.Base || e.Object != nil && e.Object.Kind == "file":
		e.Hint = c.fileAdvice(e)
	case noImage(e) && c.args.string("image") != "":
		near := ""
		if image := c.args.string("image"); !strings.Contains(image, ":") {
			near = c.nearest(spec.ToAlias, image)
		}
		e.Hint = imageAdvice(c.args.string("image"), near)
		if own := c.ownImages(); own != "" && !strings.Contains(c.args.string("image"), ":") {
			e.Hint += "; " + own
		}
	case errors.Is(e, errors.NotFound) && strings.HasPrefix(c.ref.path, "/1.0/images"):
		e.Hint = c.ownImages()
	case c.decl.Does == spec.DoImport && (errors.Is(e, errors.AlreadyExists) || volumeOfDevice().MatchString(e.Message)):
		e.Hint = c.importAdvice(e)
	case c.decl.Does == spec.DoCreate && errors.Is(e, errors.AlreadyExists):
		e.Hint = c.ensureAdvice()
	case c.decl.Verb == spec.Delete && errors.Is(e, errors.State) && strings.Contains(e.Message, "in use") && spec.Find(c.ref.res.Fields, "used_by") != nil:
		e.Hint = "its field used_by lists what uses it"
	case unnamedProfile(e):
		e.Hint = c.profileAdvice()
	case c.obj != nil && c.ref.res == spec.Groups && strings.Contains(e.Message, "Cluster group member is currently in use"):
		e.Hint = fmt.Sprintf(`a member that it would lose has an instance placed with target="@%s", whose config["volatile.cluster.group"] is %[1]q`, c.obj.key())
	case strings.HasPrefix(e.Path, "/1.0/instances/") && !e.Proxied && errors.Is(e, errors.Unavailable):
		e.Hint = c.memberAdvice(e)
	case strings.Contains(e.Message, "evice type"):
		e.Hint = c.deviceAdvice(e)
	case e.Reads || !errors.Is(e, errors.API) && !errors.Is(e, errors.Operation):
	default:
		e.Hint = c.keyAdvice(e)
	}
	if e.Hint == "" {
		e.Hint = c.nameAdvice(e)
	}
	return err
}

// memberAdvice returns advice on a failure because the cluster member of an instance is away, which the server names by its address
// or not at all; empty if the server isn't in a cluster, or the member is unknown. Lists of instances have it.
func (c *invocation) memberAdvice(e *errors.Error) string {
	if !strings.Contains(e.Message, "cluster member") && !strings.Contains(e.Message, ` "https://`) {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Path, "/1.0/instances/"), "/")
	all := c.ref.client.collection(spec.Instances)
	query := all.query(spec.List)
	query.Set("recursion", "1")
	query.Set("filter", "name eq "+name)
	if c.ref.project != "" {
		query.Set("project", c.ref.project)
	}
	reply, err := c.ref.client.sendAside(c.ctx, rest.Request{Path: all.path, Query: query, MaxBytes: maxList})
	var found []struct{ Name, Location string }
	if err != nil || json.Unmarshal(reply.Metadata, &found) != nil {
		return ""
	}
	for _, one := range found {
		if one.Name == name && one.Location != "" && one.Location != "none" {
			return fmt.Sprintf("instance %q is on the cluster member %q, which can't be reached", name, one.Location)
		}
	}
	return ""
}

// fileAdvice returns advice on a failure of a method for files, of which the message's end is the kernel's text or ours.
func (c *invocation) fileAdvice(e *errors.Error) string {
	has := func(arg string) bool { return spec.Find(c.decl.Args, arg) != nil }
	at, ends := e.Path, func(end string) bool { return strings.HasSuffix(e.Message, end) }
	if e.Object != nil {
		at = e.Object.Name
	}
	noFolder := ends(" doesn't exist") && strings.Contains(e.Message, ": the folder ")
	switch local := e.Class == errors.Base; {
	case ends(": directory not empty") && has("recursive"):
		return "recursive=True deletes it with its content"
	case local && (noFolder || ends(": no such file or directory")) && c.decl.Name == "pull":
		return "parents=True makes missing local folders"
	case local:
	case noFolder && has("parents"):
		return "parents=True makes missing folders"
	case noFolder:
		return fmt.Sprintf("files.mkdir(%q, parents=True) makes it", path.Dir(at))
	case !ends(": is a directory"):
	case c.decl.Name == "push":
		return fmt.Sprintf("%q, with a slash at its end, puts the file in the folder; or name the file, as %q", strings.TrimSuffix(at, "/")+"/", path.Join(at, "name"))
	case has("content"):
		return fmt.Sprintf("name a file in the folder, as %q", path.Join(at, "name"))
	case c.decl.Name == "read":
		return fmt.Sprintf("files.list(%q) lists it, files.pull copies it", at)
	}
	return ""
}

// noImage reports whether a failure says that the image of a new instance is missing.
func noImage(e *errors.Error) bool {
	message := strings.ToLower(e.Message)
	return errors.Is(e, errors.NotFound) && slices.ContainsFunc([]string{"image not provided", "requested image", "image couldn't be found", "no matching image"},
		func(part string) bool { return strings.Contains(message, part) })
}

// imageAdvice returns advice for the name of an image that isn't there, with the nearest alias if there is one.
func imageAdvice(image, near string) string {
	if remote, name, ok := strings.Cut(image, ":"); ok {
		return fmt.Sprintf("the remote %s has no image %s: incus.connect(%q).images.list() lists its images", remote, name, remote)
	}
	if near != "" {
		near = fmt.Sprintf(" (did you mean %s?)", near)
	}
	advice := fmt.Sprintf("no image has the alias or fingerprint %s%s: incus.images.aliases.names() lists the aliases", image, near)
	if strings.Contains(image, "/") {
		advice += fmt.Sprintf("; that of an image server needs its remote, as %q", "images:"+image)
	}
	return advice
}

// ownImages returns advice for an image that isn't found in a project with images of its own; empty for another project.
func (c *invocation) ownImages() string {
	if c.ref.project == "" || c.ref.project == defaultProject {
		return ""
	}
	reply, err := c.ref.client.sendAside(c.ctx, rest.Request{Path: c.ref.client.collection(spec.Projects).item(c.ref.project).path})
	var project struct{ Config map[string]string }
	if err != nil || json.Unmarshal(reply.Metadata, &project) != nil || project.Config["features.images"] != "true" {
		return ""
	}
	return fmt.Sprintf("the project %s has images of its own (features.images=true): those of the project default aren't seen there", c.ref.project)
}

// ensureAdvice returns advice for the creation of an object that exists; empty if its collection has no ensure.
func (c *invocation) ensureAdvice() string {
	if kindOf(c.ref.res).collection["ensure"] == nil {
		return ""
	}
	return fmt.Sprintf("%s.ensure takes one that exists, and changes the given fields that differ", c.ref.name)
}

// unnamedProfile reports whether a failure says that a profile is missing, without its name.
func unnamedProfile(e *errors.Error) bool {
	return errors.Is(e, errors.NotFound) && e.Object != nil && e.Object.Kind == "profile" && e.Object.Name == ""
}

// profileAdvice returns advice for profiles= with names that aren't there: the first such name, and the nearest one that is.
func (c *invocation) profileAdvice() string {
	at := c.ref.client.collection(spec.Profiles)
	at.project = c.ref.project
	known, err := at.keys(c.ctx)
	if err != nil {
		return "" // the failure says enough
	}
	for _, name := range listOf(c.args.body["profiles"]) {
		if slices.Contains(known, name) {
			continue
		}
		advice := "there is no profile " + name
		if near := errors.Nearest(name, known); near != "" {
			advice += fmt.Sprintf(" (did you mean %s?)", near)
		}
		return advice
	}
	return ""
}

// keyAdvice returns advice on a failure that is about a configuration key, or a key of a device, which the call gave and the
// server doesn't describe: the nearest one that it describes.
func (c *invocation) keyAdvice(e *errors.Error) string {
	if c.ref.res == nil || c.ref.res.Keys.Kind == "" {
		return ""
	}
	keys := c.givenKeys()
	keys = slices.DeleteFunc(keys, func(k givenKey) bool { return !errors.Mentions(e.Message, k.name) })
	if !aboutKey(e.Message) {
		return ""
	}
	if len(keys) == 0 {
		return c.valueAdvice(e.Message)
	}
	described, err := c.ref.client.DescribedKeys(c.ctx)
	if err != nil {
		return "" // the failure says enough
	}
	for _, k := range keys {
		var names []string
		known := false
		for _, d := range described {
			if k.describes(d.Of) {
				names = append(names, d.Name)
				known = known || spec.KeyMatches(d.Name, k.name)
			}
		}
		if near := errors.Nearest(k.name, names); near != "" && !known {
			return fmt.Sprintf("did you mean %s?", near)
		}
	}
	return ""
}

// valueAdvice returns advice for a message that ends with a value of the configuration that the call gave, without its key; empty if
// several keys have it.
func (c *invocation) valueAdvice(message string) string {
	var keys []string
	for name, v := range dictOf(c.args.body["config"]) {
		if text, _ := v.(string); text != "" && strings.HasSuffix(message, ": "+text) {
			keys = append(keys, name)
		}
	}
	if len(keys) != 1 {
		return ""
	}
	return "it is the value of " + keys[0]
}

// deviceAdvice returns advice on a failure that is about the type of a device that the call gave: the near name of one that the
// object has from a profile, or the near type.
func (c *invocation) deviceAdvice(e *errors.Error) string {
	for name, device := range dictOf(c.args.body["devices"]) {
		if !strings.Contains(e.Message, fmt.Sprintf("device %q: ", name)) {
			continue
		}
		var types, has []string
		for _, t := range spec.DeviceTypes {
			types = append(types, t.Name)
		}
		if c.obj != nil {
			if all, ok := at(c.obj.fields, "expanded_devices").(*starlark.Dict); ok {
				for _, key := range all.Keys() {
					name, _ := starlark.AsString(key)
					has = append(has, name)
				}
			}
		}
		given, _ := dictOf(device)["type"].(string)
		switch near := errors.Nearest(name, has); {
		case strings.HasSuffix(e.Message, "Missing device type in config") && near != "" && near != name:
			return fmt.Sprintf("did you mean the device %s? A new one needs a type", near)
		case strings.HasSuffix(e.Message, "Missing device type in config"):
			return "a new device needs a type: " + strings.Join(types, ", ")
		case strings.HasSuffix(e.Message, "Unsupported device type"):
			if near := errors.Nearest(given, types); near != "" {
				return fmt.Sprintf("did you mean %s?", near)
			}
			return "there are " + strings.Join(types, ", ")
		}
	}
	return ""
}

// aboutKey reports whether a server's message may be about an unknown key.
func aboutKey(message string) bool {
	message = strings.ToLower(message)
	return slices.ContainsFunc([]string{"unknown", "invalid", "unsupported", "not supported"}, func(word string) bool { return strings.Contains(message, word) })
}

// A givenKey is a key in the arguments of a call.
type givenKey struct {
	name      string
	describes func(kind string) bool // reports whether a description of that kind is of such keys
}

// givenKeys returns the keys of the configuration and of the devices that the call gave.
func (c *invocation) givenKeys() []givenKey {
	by := ""
	keys := c.ref.res.Keys
	if keys.By != "" {
		by, _ = c.args.body[keys.By].(string)
		if by == "" && c.obj != nil {
			by = c.obj.string(keys.By)
		} else if by == "" {
			by = keys.Default
		}
	}
	var out []givenKey
	for name := range dictOf(c.args.body["config"]) {
		out = append(out, givenKey{name, func(kind string) bool { return keys.Describes(kind, by) }})
	}
	for _, device := range dictOf(c.args.body["devices"]) {
		device := dictOf(device)
		of, _ := device["type"].(string)
		for name := range device {
			out = append(out, givenKey{name, func(kind string) bool { return spec.DescribesDevice(kind, of) }})
		}
	}
	slices.SortFunc(out, func(a, b givenKey) int { return strings.Compare(a.name, b.name) })
	return out
}

func dictOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
