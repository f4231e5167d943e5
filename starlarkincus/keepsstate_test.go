package starlarkincus_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A state is the comparable state of an object.
type state = map[string]any

// fleeting are fields that differ between any two objects.
var fleeting = []string{"created_at", "last_used_at", "uploaded_at", "used_by", "state", "status", "status_code"}

// settled removes fleeting and volatile fields from a decoded answer.
func settled(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any)
		for key, v := range v {
			if !slices.Contains(fleeting, key) && !strings.HasPrefix(key, "volatile.") && !strings.HasPrefix(key, "expanded_") {
				out[key] = settled(v)
			}
		}
		return out
	case []any:
		var out []any
		for _, v := range v {
			out = append(out, settled(v))
		}
		return out
	}
	return v
}

// files returns the contents of the files named mark in the directories of a member's pool, by member and path.
func (w *world) files(member, pool string, folders ...string) state {
	out := make(state)
	dir := filepath.Join(w.dirs[member], "storage-pools")
	for _, folder := range folders {
		for _, pattern := range []string{"mark", "rootfs/root/mark", "*/mark", "*/rootfs/root/mark"} {
			found, _ := filepath.Glob(filepath.Join(dir, pool, folder, pattern))
			for _, file := range found {
				if data, err := os.ReadFile(file); err == nil {
					out[member+strings.TrimPrefix(file, dir)] = string(data)
				}
			}
		}
	}
	return out
}

// mark writes the object's file.
func (tr *keepTrial) mark(folder, text string) {
	file := filepath.Join(tr.dirs[tr.member], "storage-pools", tr.pool, folder, "mark")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

// prefixed returns the directory for the objects of a project.
func prefixed(project, name string) string {
	if project == "" || project == "default" {
		return name
	}
	return project + "_" + name
}

func (tr *keepTrial) drop(path string) { tr.t.Cleanup(func() { tr.try("DELETE", path, nil) }) }

// makeInstance creates an instance that uses all features. Its file, configuration and description contain a stage.
func (tr *keepTrial) makeInstance(twin, snapshots bool) string {
	name := tr.base(twin)
	tr.drop("/1.0/instances/" + name + "?project=" + tr.project)
	query := "?project=" + tr.project + "&target=" + tr.member
	devices := map[string]any{
		"root": map[string]any{"type": "disk", "path": "/", "pool": tr.pool, "size": "100MiB"},
		"kept": map[string]any{"type": "unix-char", "source": "/dev/zero", "path": "/dev/kept"},
		"gone": map[string]any{"type": "unix-char", "source": "/dev/zero", "path": "/dev/gone"},
	}
	tr.must(tr.t, "POST", "/1.0/instances"+query, map[string]any{
		"name": name, "source": map[string]any{"type": "image", "alias": tr.image}, "description": "made as " + name, "ephemeral": true,
		"config":   map[string]any{"user.kept": "1", "user.gone": "1", "limits.memory": "64MiB", "boot.autostart": "false"},
		"profiles": []string{"default", "kone"}, "devices": devices,
	})
	folder := "containers/" + prefixed(tr.project, name) + "/rootfs/root"
	tr.mark(folder, "first of "+name)
	if snapshots {
		for i, snapshot := range []string{"s0", "s1"} {
			tr.must(tr.t, "POST", "/1.0/instances/"+name+"/snapshots?project="+tr.project, map[string]any{"name": snapshot, "expires_at": fmt.Sprintf("209%d-01-01T00:00:00Z", i)})
			tr.mark(folder, "after "+snapshot+" of "+name)
			tr.changeInstance(name, "after "+snapshot, devices)
		}
	}
	return name
}

// changeInstance replaces the fields of an instance.
func (tr *keepTrial) changeInstance(name, when string, devices map[string]any) {
	path := "/1.0/instances/" + name + "?project=" + tr.project
	config := tr.must(tr.t, "GET", path, nil).(state)["config"].(state)
	config["user.kept"] = when
	tr.must(tr.t, "PUT", path, map[string]any{"description": when + " of " + name, "ephemeral": true, "profiles": []string{"default", "kone"},
		"architecture": "x86_64", "config": config, "devices": devices})
}

// instance returns the state of an instance.
func (tr *keepTrial) instance(name, project string) state {
	v := tr.must(tr.t, "GET", "/1.0/instances/"+name+"?recursion=1&project="+project, nil).(state)
	pool := v["expanded_devices"].(state)["root"].(state)["pool"].(string)
	member, _ := v["location"].(string)
	if member == "none" {
		member = ""
	}
	out := settled(v).(map[string]any)
	out["volume"] = settled(tr.must(tr.t, "GET", fmt.Sprintf("/1.0/storage-pools/%s/volumes/container/%s?project=%s&target=%s", pool, name, project, member), nil))
	out["files"] = tr.files(member, pool, "containers/"+prefixed(project, name), "containers-snapshots/"+prefixed(project, name))
	return out
}

// makeVolume creates a volume that uses all features and, in a cluster, one of the same name on another member.
func (tr *keepTrial) makeVolume(twin, snapshots bool) string {
	name := tr.base(twin)
	at := func(member string) string {
		query := "?project=" + tr.project + "&target=" + member
		path := "/1.0/storage-pools/" + tr.pool + "/volumes/custom"
		tr.drop(path + "/" + name + query)
		tr.must(tr.t, "POST", path+query, map[string]any{"name": name, "description": "made as " + name + member,
			"config": map[string]any{"user.kept": "1", "user.gone": "1", "user.at": member, "size": "10MiB", "snapshots.expiry": "3d"}})
		return path + "/" + name
	}
	if tr.member != "" {
		at(tr.other(tr.member))
	}
	path, query := at(tr.member), "?project="+tr.project+"&target="+tr.member
	folder := "custom/" + cmpOr(tr.project, "default") + "_" + name
	tr.mark(folder, "first of "+name)
	if !snapshots {
		return name
	}
	for i, snapshot := range []string{"s0", "s1"} {
		tr.must(tr.t, "POST", path+"/snapshots"+query, map[string]any{"name": snapshot, "expires_at": fmt.Sprintf("209%d-01-01T00:00:00Z", i)})
		tr.must(tr.t, "PATCH", path+"/snapshots/"+snapshot+query, map[string]any{"description": "taken as " + snapshot, "expires_at": fmt.Sprintf("209%d-01-01T00:00:00Z", i)})
		tr.mark(folder, "after "+snapshot+" of "+name)
		tr.must(tr.t, "PUT", path+query, map[string]any{"description": "after " + snapshot, "config": map[string]any{
			"user.kept": snapshot, "user.gone": "1", "user.at": tr.member, "size": "10MiB", "snapshots.expiry": "3d"}})
	}
	return name
}

// volume returns the state of a volume, and of those with its name on other members.
func (tr *keepTrial) volume(name, project, pool, member string) state {
	path, query := "/1.0/storage-pools/"+pool+"/volumes/custom/"+name, "?project="+project+"&target="+member
	out := settled(tr.must(tr.t, "GET", path+query, nil)).(map[string]any)
	snapshots, _ := settled(tr.must(tr.t, "GET", path+"/snapshots"+query+"&recursion=1", nil)).([]any)
	out["snapshots"] = snapshots
	folder := cmpOr(project, "default") + "_" + name
	out["files"] = tr.files(member, pool, "custom/"+folder, "custom-snapshots/"+folder)
	return out
}

// volumes returns the states of all volumes of a trial, by location.
func (tr *keepTrial) volumes(twin bool) state {
	out := make(state)
	for _, pool := range []string{"default", "kpool"} {
		for _, project := range []string{"default", "kproject"} {
			list, _ := tr.must(tr.t, "GET", "/1.0/storage-pools/"+pool+"/volumes/custom?recursion=1&project="+project, nil).([]any)
			for _, v := range list {
				v := v.(map[string]any)
				name, member := v["name"].(string), v["location"].(string)
				if rest, own := strings.CutPrefix(name, tr.base(twin)); own && !strings.Contains(name, "/") && (rest == "" || rest == "-new") {
					if member == "none" {
						member = ""
					}
					tr.drop("/1.0/storage-pools/" + pool + "/volumes/custom/" + name + "?project=" + project + "&target=" + member)
					out[strings.Join([]string{pool, project, member, name}, " ")] = tr.volume(name, project, pool, member)
				}
			}
		}
	}
	return out
}

// instances returns the states of all instances of a trial, by location.
func (tr *keepTrial) instances(twin bool) state {
	out := make(state)
	for _, project := range []string{"default", "kproject"} {
		list, _ := tr.must(tr.t, "GET", "/1.0/instances?recursion=1&project="+project, nil).([]any)
		for _, v := range list {
			v := v.(map[string]any)
			name := v["name"].(string)
			if rest, own := strings.CutPrefix(name, tr.base(twin)); own && (rest == "" || rest == "-new") {
				tr.drop("/1.0/instances/" + name + "?project=" + project)
				out[strings.Join([]string{project, name}, " ")] = tr.instance(name, project)
			}
		}
	}
	return out
}

// other returns another member.
func (w *world) other(member string) string {
	return w.members[(slices.Index(w.members, member)+1)%len(w.members)]
}

func cmpOr(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// patched returns a twin's state with changes that the command doesn't support.
func patched(states state, suffix string, change func(state)) state {
	out := maps.Clone(states)
	for key, v := range states {
		if strings.HasSuffix(key, suffix) {
			v := maps.Clone(v.(state))
			change(v)
			out[key] = v
		}
	}
	return out
}
