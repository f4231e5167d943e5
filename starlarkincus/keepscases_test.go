package starlarkincus_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

var keeps = map[string]keep{
	"instances.copy": {run: copyInstance, fixed: []string{"name"}, options: []string{"description", "config", "devices", "profiles", "ephemeral", "to_project",
		"target", "allow_inconsistent", "instance_only", "refresh", "refresh_exclude_older"}},
	"instances.snapshots.copy": {run: copyInstance, fixed: []string{"name"}, options: []string{"description", "config", "devices", "profiles", "ephemeral", "to_project",
		"target", "allow_inconsistent"}},
	"instances.move":              {run: moveInstance, options: []string{"name", "target", "project", "pool", "instance_only", "allow_inconsistent", "config", "devices", "profiles"}},
	"instances.rename":            {run: func(tr *keepTrial) { tr.renameInstance() }, fixed: []string{"name"}},
	"instances.restore":           {run: func(tr *keepTrial) { tr.restoreInstance() }, fixed: []string{"restore"}},
	"instances.rebuild":           {run: func(tr *keepTrial) { tr.rebuildInstance() }, options: []string{"image"}},
	"instances.publish":           {run: publishInstance, options: publishOptions},
	"instances.snapshots.publish": {run: publishInstance, options: publishOptions},
	"instances.snapshots.rename":  {run: func(tr *keepTrial) { tr.renameSnapshot() }, fixed: []string{"name"}},
	"instances.backups.rename":    {run: func(tr *keepTrial) { tr.renameBackup() }, fixed: []string{"name"}},

	"storage_pools.volumes.copy": {run: copyVolume, fixed: []string{"name"}, options: []string{"to_pool", "to_project", "description", "config", "target", "refresh",
		"refresh_exclude_older", "volume_only"}},
	"storage_pools.volumes.move":    {run: moveVolume, options: []string{"name", "pool", "project", "target", "volume_only"}},
	"storage_pools.volumes.rename":  {run: func(tr *keepTrial) { tr.renameVolume() }, fixed: []string{"name"}},
	"storage_pools.volumes.restore": {run: func(tr *keepTrial) { tr.restoreVolume() }, fixed: []string{"restore"}, options: []string{"target"}},
	"storage_pools.volumes.rebuild": {run: func(tr *keepTrial) { tr.rebuildVolume() }, options: []string{"target"}},

	"storage_pools.volumes.snapshots.rename": {run: func(tr *keepTrial) { tr.renameVolumeSnapshot() }, fixed: []string{"name"}},
	"storage_pools.volumes.backups.rename":   {run: func(tr *keepTrial) { tr.renameVolumeBackup() }, fixed: []string{"name"}},

	"images.aliases.rename":       {run: renameRecord, fixed: []string{"name"}},
	"profiles.rename":             {run: renameRecord, fixed: []string{"name"}},
	"projects.rename":             {run: renameRecord, fixed: []string{"name"}},
	"networks.rename":             {run: renameRecord, fixed: []string{"name"}},
	"network_acls.rename":         {run: renameRecord, fixed: []string{"name"}},
	"network_address_sets.rename": {run: renameRecord, fixed: []string{"name"}},
	"network_integrations.rename": {run: renameRecord, fixed: []string{"name"}},
	"cluster.groups.rename":       {run: renameRecord, fixed: []string{"name"}},
}

var publishOptions = []string{"alias", "aliases", "format", "compression_algorithm", "public", "properties", "expires_at", "filename", "profiles"}

// place chooses the locations of the object and of the result at random.
func (tr *keepTrial) place(projectOption, poolOption string) {
	tr.project, tr.pool = tr.pick("default", "kproject"), tr.pick("default", "kpool")
	tr.toProject, tr.toPool = tr.project, tr.pool
	if len(tr.members) > 0 {
		tr.member = tr.pick(tr.members...)
		tr.toMember = tr.member
	}
	if tr.on[projectOption] {
		tr.toProject = map[string]string{"default": "kproject", "kproject": "default"}[tr.project]
		tr.call[projectOption] = quoted(tr.toProject)
	}
	if tr.on[poolOption] {
		tr.toPool = map[string]string{"default": "kpool", "kpool": "default"}[tr.pool]
		tr.call[poolOption] = quoted(tr.toPool)
	}
	if tr.on["target"] {
		tr.toMember = tr.other(tr.other(tr.member)) // the next one has a volume of that name
		tr.call["target"] = quoted(tr.toMember)
	}
}

// flags adds arguments that the command accepts as flags, too.
func (tr *keepTrial) flags(options map[string]string) []string {
	var out []string
	for _, option := range slices.Sorted(maps.Keys(options)) {
		if tr.on[option] {
			tr.call[option] = "True"
			if flag := options[option]; flag != "" {
				out = append(out, flag)
			}
		}
	}
	return out
}

// changes adds fields for the result of a copy or move, and returns the command's flags for them.
func (tr *keepTrial) changes() []string {
	var out []string
	if tr.on["config"] {
		tr.call["config"] = `{"user.new": 2, "user.gone": None}`
		out = append(out, "--config", "user.new=2")
	}
	if tr.on["devices"] {
		tr.call["devices"] = `{"kept": {"type": "unix-char", "source": "/dev/zero", "path": "/dev/other"}, "gone": None}`
		out = append(out, "--device", "kept,path=/dev/other")
	}
	if tr.on["profiles"] {
		tr.call["profiles"] = `["ktwo", "default"]`
		out = append(out, "--profile", "ktwo", "--profile", "default")
	}
	return out
}

// changed makes the changes that the command doesn't support.
func (tr *keepTrial) changed(v state) {
	if tr.on["description"] {
		v["description"] = "said"
	}
	if tr.on["config"] {
		v["config"] = maps.Clone(v["config"].(state))
		delete(v["config"].(state), "user.gone")
	}
	if devices, has := v["devices"].(state); has && tr.on["devices"] {
		v["devices"] = maps.Clone(devices)
		delete(v["devices"].(state), "gone")
	}
}

// object returns a script's expression for the object, by its name or from a list.
func (tr *keepTrial) object(name string) string {
	if strings.HasPrefix(tr.method, "storage_pools") {
		volumes := fmt.Sprintf("incus.use(project = %q).storage_pools.get(%q).volumes", tr.project, tr.pool)
		if tr.rnd.IntN(2) == 0 {
			return fmt.Sprintf("%s.get(%q, target = %q)", volumes, name, tr.member)
		}
		where := cmpOr(tr.member, "none")
		return fmt.Sprintf(`[v for v in %s.list(type = "custom") if v.name == %q and v.location == %q][0]`, volumes, name, where)
	}
	if tr.rnd.IntN(2) == 0 {
		return fmt.Sprintf("incus.instances.get(%q, project = %q)", name, tr.project)
	}
	return fmt.Sprintf("[i for i in incus.instances.list(all_projects = True) if i.name == %q][0]", name)
}

func copyInstance(tr *keepTrial) {
	tr.place("to_project", "")
	snapshot := strings.Contains(tr.method, "snapshots")
	if tr.on["refresh_exclude_older"] {
		tr.on["refresh"] = true
	}
	source := map[bool]string{}
	for _, twin := range []bool{false, true} {
		name := tr.makeInstance(twin, true)
		source[twin] = name
		if !tr.on["refresh"] {
			continue
		}
		before := []string{"copy", name, name + "-new", "--project", tr.project, "--target-project", tr.toProject, "-e"}
		if tr.toMember != "" {
			before = append(before, "--target", tr.toMember)
		}
		tr.theirs(before...)
		tr.changeInstance(name, "before refresh", map[string]any{"root": map[string]any{"type": "disk", "path": "/", "pool": tr.pool, "size": "100MiB"},
			"kept": map[string]any{"type": "unix-char", "source": "/dev/zero", "path": "/dev/kept"}})
		tr.mark("containers/"+prefixed(tr.project, name)+"/rootfs/root", "before refresh of "+name)
		tr.must(tr.t, "POST", "/1.0/instances/"+name+"/snapshots?project="+tr.project, map[string]any{"name": "s2"})
	}
	tr.call["name"] = quoted(source[false] + "-new")
	from := source[true]
	if snapshot {
		from += "/s0"
	}
	args := []string{"copy", from, source[true] + "-new", "--project", tr.project, "--target-project", tr.toProject}
	if tr.toMember != "" && (tr.on["target"] || tr.on["refresh"]) {
		args = append(args, "--target", tr.toMember)
	}
	args = append(args, tr.flags(map[string]string{"instance_only": "--instance-only", "allow_inconsistent": "--allow-inconsistent", "refresh": "--refresh", "refresh_exclude_older": "--refresh-exclude-older"})...)
	args = append(args, tr.changes()...)
	if tr.on["description"] {
		tr.call["description"] = `"said"`
	}
	if tr.on["ephemeral"] {
		tr.call["ephemeral"] = map[bool]string{false: "False", true: "True"}[snapshot]
	}
	if tr.on["ephemeral"] == snapshot { // instances of these trials are ephemeral, snapshots aren't
		args = append(args, "-e")
	}
	object := tr.object(source[false])
	if snapshot {
		object += `.snapshots.get("s0")`
	}
	tr.ours(object, "copy"+tr.arguments())
	tr.theirs(args...)
	ours, theirs := tr.instances(false), patched(tr.instances(true), "-new", func(v state) {
		if snapshot && os.Getenv("INCUS_STAR_TESTBED") != "6.0" {
			v["description"] = "made as " + source[true] // the command drops it, and 6.0 has none
		}
		tr.changed(v)
	})
	if !tr.on["target"] && !tr.on["refresh"] { // the server chooses
		ours, theirs = anywhere(ours), anywhere(theirs)
	}
	if len(tr.members) > 0 && (tr.on["target"] || !tr.on["refresh"]) {
		ours, theirs = undescribed(ours, "-new"), undescribed(theirs, "-new")
	}
	tr.compare(ours, theirs)
}

// undescribed returns the states without the descriptions of snapshots of a copy that may have come from another member:
// there the server gives them that of the copy.
func undescribed(states state, suffix string) state {
	return patched(states, suffix, func(v state) {
		snapshots, _ := v["snapshots"].([]any)
		var out []any
		for _, s := range snapshots {
			s := maps.Clone(s.(state))
			delete(s, "description")
			out = append(out, s)
		}
		v["snapshots"] = out
	})
}

// anywhere takes the members off the states of instances.
func anywhere(states state) state {
	out := make(state)
	for key, v := range states {
		v := maps.Clone(v.(state))
		delete(v, "location")
		volume := maps.Clone(v["volume"].(state))
		delete(volume, "location")
		v["volume"] = volume
		files := make(state)
		for file, text := range v["files"].(state) {
			files[file[strings.Index(file, "/"):]] = text
		}
		v["files"] = files
		out[key] = v
	}
	return out
}

func moveInstance(tr *keepTrial) {
	if !tr.on["target"] && !tr.on["project"] && !tr.on["pool"] { // the others require one of these
		tr.on["pool"] = true
	}
	tr.place("project", "pool")
	if tr.on["target"] {
		tr.toPool, tr.on["pool"] = tr.pool, false
		delete(tr.call, "pool")
	}
	from, to := tr.makeInstance(true, true), ""
	tr.makeInstance(false, true)
	args := []string{"move", from}
	if tr.on["name"] {
		to = "-new"
		tr.call["name"] = quoted(tr.base(false) + to)
	}
	args = append(args, from+to, "--project", tr.project, "--stateless")
	if tr.on["project"] {
		args = append(args, "--target-project", tr.toProject)
	}
	if tr.on["pool"] {
		args = append(args, "--storage", tr.toPool)
	}
	if tr.on["target"] {
		args = append(args, "--target", tr.toMember)
	}
	args = append(args, tr.flags(map[string]string{"instance_only": "--instance-only", "allow_inconsistent": "--allow-inconsistent"})...)
	args = append(args, tr.changes()...)
	tr.ours(tr.object(tr.base(false)), "move"+tr.arguments())
	tr.theirs(args...)
	tr.compare(tr.instances(false), patched(tr.instances(true), from+to, tr.changed))
}

func (tr *keepTrial) renameInstance() {
	tr.place("", "")
	tr.makeInstance(false, true)
	tr.makeInstance(true, true)
	tr.ours(tr.object(tr.base(false)), fmt.Sprintf("rename(%q)", tr.base(false)+"-new"))
	tr.theirs("rename", tr.base(true), tr.base(true)+"-new", "--project", tr.project)
	tr.compare(tr.instances(false), tr.instances(true))
}

func (tr *keepTrial) restoreInstance() {
	tr.place("", "")
	tr.makeInstance(false, true)
	tr.makeInstance(true, true)
	tr.ours(tr.object(tr.base(false)), `restore("s0")`)
	tr.theirs("snapshot", "restore", tr.base(true), "s0", "--project", tr.project)
	tr.compare(tr.instances(false), tr.instances(true))
}

func (tr *keepTrial) rebuildInstance() {
	tr.place("", "")
	tr.makeInstance(false, false)
	tr.makeInstance(true, false)
	if tr.on["image"] {
		tr.ours(tr.object(tr.base(false)), fmt.Sprintf("rebuild(image = %q)", tr.image))
		tr.theirs("rebuild", tr.image, tr.base(true), "--project", tr.project)
	} else {
		tr.ours(tr.object(tr.base(false)), "rebuild()")
		tr.theirs("rebuild", "--empty", tr.base(true), "--project", tr.project)
	}
	tr.compare(tr.instances(false), tr.instances(true))
}

func (tr *keepTrial) renameSnapshot() {
	tr.place("", "")
	tr.makeInstance(false, true)
	tr.makeInstance(true, true)
	tr.ours(tr.object(tr.base(false))+`.snapshots.get("s0")`, `rename("s9")`)
	tr.theirs("snapshot", "rename", tr.base(true), "s0", "s9", "--project", tr.project)
	tr.compare(tr.instances(false), tr.instances(true))
}

// renameBackup compares with the backup before, because there is no such command.
func (tr *keepTrial) renameBackup() {
	tr.place("", "")
	path := "/1.0/instances/" + tr.makeInstance(false, true) + "/backups"
	query := "?project=" + tr.project
	tr.must(tr.t, "POST", path+query, map[string]any{"name": "b0", "expires_at": "2090-01-01T00:00:00Z", "instance_only": true})
	before := settled(tr.must(tr.t, "GET", path+"/b0"+query, nil)).(state)
	tr.ours(tr.object(tr.base(false))+`.backups.get("b0")`, `rename("b9")`)
	after := settled(tr.must(tr.t, "GET", path+"/b9"+query, nil)).(state)
	before["name"] = "b9"
	tr.compare(after, before)
}

var fingerprint = regexp.MustCompile(`[0-9a-f]{64}`)

func publishInstance(tr *keepTrial) {
	tr.place("", "")
	tr.project = "default" // kproject has its own images
	tr.makeInstance(false, true)
	from := tr.makeInstance(true, true)
	object := tr.object(tr.base(false))
	if strings.Contains(tr.method, "snapshots") {
		from += "/s0"
		object += `.snapshots.get("s0")`
	}
	args := []string{"publish", from}
	give := func(option, value string, command ...string) {
		if tr.on[option] {
			tr.call[option] = value
			args = append(args, command...)
		}
	}
	give("alias", quoted(tr.base(false)+"-alias"), "--alias", tr.base(true)+"-alias")
	give("aliases", fmt.Sprintf(`[{"name": %q, "description": "second"}]`, tr.base(false)+"-2"), "--alias", tr.base(true)+"-2")
	give("format", `"unified"`) // split has two files, and older commands don't know it
	give("compression_algorithm", `"none"`, "--compression", "none")
	give("public", "True", "--public")
	give("properties", `{"os": "said", "user": 1}`, "os=said", "user=1")
	give("expires_at", `"2091-02-03T04:05:06Z"`, "--expire", "2091-02-03T04:05:06Z")
	give("filename", quoted("file"))
	give("profiles", `["kone"]`)
	ours := fingerprint.FindString(tr.ours(object, "publish"+tr.arguments()))
	theirs := fingerprint.FindString(tr.theirs(args...))
	var states [2]state
	for i, f := range []string{ours, theirs} {
		tr.drop("/1.0/images/" + f)
		states[i] = settled(tr.must(tr.t, "GET", "/1.0/images/"+f, nil)).(state)
		if list, ok := states[i]["aliases"].([]any); ok {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(state)["name"].(string), b.(state)["name"].(string)) })
			if i == 1 && tr.on["aliases"] {
				list[0].(state)["description"] = "second"
			}
		}
		states[i]["fingerprint"] = ""
		delete(states[i], "filename")
		delete(states[i], "size") // size of a compressed file
		delete(states[i], "locations")
		if i == 1 && tr.on["profiles"] {
			states[i]["profiles"] = []any{"kone"}
		}
		name := tr.base(i == 1) + "-new"
		tr.drop("/1.0/instances/" + name)
		tr.must(tr.t, "POST", "/1.0/instances?target="+tr.member, map[string]any{"name": name, "source": map[string]any{"type": "image", "fingerprint": f},
			"profiles": []string{"default"}})
		states[i]["files"] = tr.files(tr.member, "default", "containers/"+name)
	}
	tr.compare(states[0], states[1])
}
