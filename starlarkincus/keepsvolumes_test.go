package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

func copyVolume(tr *keepTrial) {
	tr.place("to_project", "to_pool")
	switch {
	case tr.commandFails():
		tr.on["refresh"], tr.on["refresh_exclude_older"] = false, false
	case tr.on["refresh_exclude_older"]:
		tr.on["refresh"] = true
	}
	command := func(name string) []string {
		args := []string{"storage", "volume", "copy", tr.pool + "/" + name, tr.toPool + "/" + name + "-new", "--project", tr.project}
		if tr.toProject != tr.project {
			args = append(args, "--target-project", tr.toProject)
		}
		if tr.member != "" {
			args = append(args, "--target", tr.member, "--destination-target", tr.toMember)
		}
		return args
	}
	for _, twin := range []bool{false, true} {
		name := tr.makeVolume(twin, true)
		if !tr.on["refresh"] {
			continue
		}
		tr.theirs(command(name)...)
		tr.mark("custom/"+tr.project+"_"+name, "before refresh of "+name)
		tr.must(tr.t, "POST", "/1.0/storage-pools/"+tr.pool+"/volumes/custom/"+name+"/snapshots?project="+tr.project+"&target="+tr.member, map[string]any{"name": "s2", "expires_at": "2092-01-01T00:00:00Z"})
	}
	tr.call["name"] = quoted(tr.base(false) + "-new")
	args := append(command(tr.base(true)), tr.flags(map[string]string{"volume_only": "--volume-only", "refresh": "--refresh", "refresh_exclude_older": "--refresh-exclude-older"})...)
	if tr.on["description"] {
		tr.call["description"] = `"said"`
	}
	if tr.on["config"] {
		tr.call["config"] = `{"user.new": 2, "user.gone": None}`
	}
	before := tr.volumes(false)
	tr.ours(tr.object(tr.base(false)), "copy"+tr.arguments())
	theirs := tr.arrived(before, tr.base(false)+"-new")
	if !tr.commandFails() {
		tr.theirs(args...)
		theirs = tr.volumes(true)
	}
	tr.compare(tr.volumes(false), patched(theirs, "-new", func(v state) {
		tr.changed(v)
		if tr.on["config"] { // changed has copied it
			v["config"].(state)["user.new"] = "2"
		}
	}))
}

func moveVolume(tr *keepTrial) {
	if tr.on["volume_only"] && len(tr.members) > 0 {
		tr.on["target"] = true
	}
	if !tr.on["target"] {
		tr.on["volume_only"] = false
		tr.on["name"] = tr.on["name"] || !tr.on["pool"] && !tr.on["project"]
	}
	tr.place("project", "pool")
	from, to := tr.makeVolume(true, true), ""
	tr.makeVolume(false, true)
	if tr.on["name"] {
		to = "-new"
		tr.call["name"] = quoted(tr.base(false) + to)
	}
	args := []string{"storage", "volume", "move", tr.pool + "/" + from, tr.toPool + "/" + from + to, "--project", tr.project}
	if tr.toProject != tr.project {
		args = append(args, "--target-project", tr.toProject)
	}
	if tr.member != "" {
		args = append(args, "--target", tr.member)
		if tr.on["target"] || tr.on["pool"] || tr.on["project"] {
			args = append(args, "--destination-target", tr.toMember)
		}
	}
	tr.flags(map[string]string{"volume_only": ""})
	before := tr.volumes(false)
	tr.ours(tr.object(tr.base(false)), "move"+tr.arguments())
	if tr.commandFails() {
		theirs := tr.arrived(before, tr.base(false)+to)
		delete(theirs, strings.Join([]string{tr.pool, tr.project, tr.member, tr.base(false)}, " "))
		tr.compare(tr.volumes(false), theirs)
		return
	}
	tr.theirs(args...)
	theirs := tr.volumes(true)
	if tr.on["volume_only"] {
		key := strings.Join([]string{tr.toPool, tr.toProject, tr.toMember, from + to}, " ")
		theirs = patched(theirs, key, func(v state) {
			v["snapshots"] = []any(nil)
			v["files"] = maps.Clone(v["files"].(state))
			maps.DeleteFunc(v["files"].(state), func(file string, _ any) bool {
				return strings.HasPrefix(file, tr.toMember+"/") && strings.Contains(file, "custom-snapshots")
			})
		})
	}
	tr.compare(tr.volumes(false), theirs)
}

// commandFails reports whether the incus command can't do it: on 6.0 it looks in the default project for a volume to
// copy to another member.
func (tr *keepTrial) commandFails() bool {
	return os.Getenv("INCUS_STAR_TESTBED") == "6.0" && tr.member != tr.toMember && (tr.project != "default" || tr.toProject != "default")
}

// arrived returns the states of volumes, with the one from another member as it was there.
func (tr *keepTrial) arrived(before state, name string) state {
	from, to := []string{tr.pool, tr.project, tr.member, tr.base(false)}, []string{tr.toPool, tr.toProject, tr.toMember, name}
	out := maps.Clone(before)
	data, _ := json.Marshal(before[strings.Join(from, " ")])
	var v state
	json.Unmarshal(data, &v)
	v["name"], v["project"], v["location"] = name, tr.toProject, tr.toMember
	files := make(state)
	for file, text := range v["files"].(state) {
		if rest, own := strings.CutPrefix(file, tr.member+"/"); own && !(tr.on["volume_only"] && strings.Contains(file, "custom-snapshots")) {
			rest = strings.Replace(strings.TrimPrefix(rest, tr.pool), "/"+tr.project+"_"+tr.base(false)+"/", "/"+tr.toProject+"_"+name+"/", 1)
			files[tr.toMember+"/"+tr.toPool+rest] = text
		}
	}
	v["files"] = files
	snapshots, _ := v["snapshots"].([]any)
	if tr.on["volume_only"] {
		snapshots = nil
	}
	for _, s := range snapshots {
		s := s.(state)
		s["name"] = name + s["name"].(string)[strings.LastIndex(s["name"].(string), "/"):]
		s["config"].(state)["size"] = "0" // set by servers during the transfer
	}
	v["snapshots"] = snapshots
	out[strings.Join(to, " ")] = v
	return out
}

func (tr *keepTrial) volumeCommand(args ...string) []string {
	args = append(append([]string{"storage", "volume"}, args...), "--project", tr.project)
	if tr.member != "" {
		args = append(args, "--target", tr.member)
	}
	return args
}

// volumeTarget gives the current member of the object as target=.
func (tr *keepTrial) volumeTarget() string {
	if tr.on["target"] {
		return fmt.Sprintf(", target = %q", tr.member)
	}
	return ""
}

func (tr *keepTrial) renameVolume() {
	tr.place("", "")
	tr.makeVolume(false, true)
	tr.makeVolume(true, true)
	tr.ours(tr.object(tr.base(false)), fmt.Sprintf("rename(%q)", tr.base(false)+"-new"))
	tr.theirs(tr.volumeCommand("rename", tr.pool, tr.base(true), tr.base(true)+"-new")...)
	tr.compare(tr.volumes(false), tr.volumes(true))
}

func (tr *keepTrial) restoreVolume() {
	on := tr.on
	tr.on = nil
	tr.place("", "")
	tr.on = on
	tr.makeVolume(false, true)
	tr.makeVolume(true, true)
	tr.ours(tr.object(tr.base(false)), `restore("s0"`+tr.volumeTarget()+")")
	tr.theirs(tr.volumeCommand("snapshot", "restore", tr.pool, tr.base(true), "s0")...)
	tr.compare(tr.volumes(false), tr.volumes(true))
}

// rebuildVolume compares with the volume before, because older commands lack it.
func (tr *keepTrial) rebuildVolume() {
	on := tr.on
	tr.on = nil
	tr.place("", "")
	tr.on = on
	tr.makeVolume(false, false)
	before := patched(tr.volumes(false), strings.Join([]string{tr.member, tr.base(false)}, " "), func(v state) { v["files"] = state{} })
	tr.ours(tr.object(tr.base(false)), "rebuild("+strings.TrimPrefix(tr.volumeTarget(), ", ")+")")
	after := tr.volumes(false)
	for _, v := range before {
		v.(state)["files"] = state{}
	}
	tr.compare(after, before)
}

func (tr *keepTrial) renameVolumeSnapshot() {
	tr.place("", "")
	tr.makeVolume(false, true)
	tr.makeVolume(true, true)
	tr.ours(tr.object(tr.base(false))+`.snapshots.get("s0")`, `rename("s9")`)
	tr.theirs(tr.volumeCommand("snapshot", "rename", tr.pool, tr.base(true), "s0", "s9")...)
	tr.compare(tr.volumes(false), tr.volumes(true))
}

// renameVolumeBackup compares with the backup before, because there is no such command.
func (tr *keepTrial) renameVolumeBackup() {
	tr.place("", "")
	path := "/1.0/storage-pools/" + tr.pool + "/volumes/custom/" + tr.makeVolume(false, true) + "/backups"
	query := "?project=" + tr.project + "&target=" + tr.member
	tr.must(tr.t, "POST", path+query, map[string]any{"name": "b0", "expires_at": "2090-01-01T00:00:00Z", "volume_only": true})
	before := settled(tr.must(tr.t, "GET", path+"/b0"+query, nil)).(state)
	tr.ours(tr.object(tr.base(false))+`.backups.get("b0")`, `rename("b9")`)
	after := settled(tr.must(tr.t, "GET", path+"/b9"+query, nil)).(state)
	before["name"] = "b9"
	tr.compare(after, before)
}

// A record is an object that consists of configuration.
type record struct {
	path    string
	body    func(*keepTrial) map[string]any
	command []string // renames it; nil if older commands lack that
	object  string   // its collection in scripts
}

var records = map[string]record{
	"profiles.rename": {path: "/1.0/profiles", command: []string{"profile", "rename"}, object: "incus.profiles", body: func(*keepTrial) map[string]any {
		return map[string]any{"config": map[string]any{"user.a": "1", "limits.cpu": "1"}, "devices": map[string]any{"d": map[string]any{"type": "none"}}}
	}},
	"projects.rename": {path: "/1.0/projects", command: []string{"project", "rename"}, object: "incus.projects", body: func(*keepTrial) map[string]any {
		return map[string]any{"config": map[string]any{"user.a": "1", "features.images": "true", "limits.instances": "3"}}
	}},
	"networks.rename": {path: "/1.0/networks", command: []string{"network", "rename"}, object: "incus.networks", body: func(tr *keepTrial) map[string]any {
		return map[string]any{"type": "bridge", "config": map[string]any{"user.a": "1", "ipv4.address": fmt.Sprintf("10.2%02d.%d.1/24", tr.rnd.IntN(50), tr.rnd.IntN(250)),
			"ipv6.address": "none", "ipv4.nat": "false"}}
	}},
	"network_acls.rename": {path: "/1.0/network-acls", command: []string{"network", "acl", "rename"}, object: "incus.network_acls", body: func(*keepTrial) map[string]any {
		return map[string]any{"config": map[string]any{"user.a": "1"}, "egress": []any{map[string]any{"action": "allow", "state": "enabled", "description": "rule"}},
			"ingress": []any{map[string]any{"action": "drop", "state": "logged", "protocol": "tcp", "destination_port": "22"}}}
	}},
	"network_address_sets.rename": {path: "/1.0/network-address-sets", object: "incus.network_address_sets", body: func(*keepTrial) map[string]any {
		return map[string]any{"config": map[string]any{"user.a": "1"}, "addresses": []any{"10.1.1.1", "10.1.2.0/24"}}
	}},
	"network_integrations.rename": {path: "/1.0/network-integrations", command: []string{"network", "integration", "rename"}, object: "incus.network_integrations", body: func(*keepTrial) map[string]any {
		return map[string]any{"type": "ovn", "config": map[string]any{"user.a": "1"}}
	}},
	"images.aliases.rename": {path: "/1.0/images/aliases", command: []string{"image", "alias", "rename"}, object: "incus.images.aliases", body: func(tr *keepTrial) map[string]any {
		alias := tr.must(tr.t, "GET", "/1.0/images/aliases/"+tr.image, nil).(state)
		return map[string]any{"target": alias["target"], "type": "container"}
	}},
	"cluster.groups.rename": {path: "/1.0/cluster/groups", command: []string{"cluster", "group", "rename"}, object: "incus.cluster.groups", body: func(tr *keepTrial) map[string]any {
		return map[string]any{"members": []any{tr.members[0]}}
	}},
}

var usesACLs sync.Mutex

func renameRecord(tr *keepTrial) {
	r := records[tr.method]
	if strings.HasPrefix(tr.method, "network_a") { // Incus reads all ACLs for an address set, and fails if one is renamed meanwhile
		usesACLs.Lock()
		tr.t.Cleanup(usesACLs.Unlock) // after the deletions
	}
	var states [2]state
	for i, twin := range []bool{false, true} {
		name := tr.base(twin)
		body := r.body(tr)
		body["name"], body["description"] = name, "made by a test"
		if strings.HasPrefix(tr.method, "networks") {
			for _, member := range tr.members {
				tr.must(tr.t, "POST", r.path+"?target="+member, map[string]any{"name": name, "type": "bridge"})
			}
		}
		tr.drop(r.path + "/" + name)
		tr.drop(r.path + "/" + name + "-n")
		tr.must(tr.t, "POST", r.path, body)
		before := settled(tr.must(tr.t, "GET", r.path+"/"+name, nil)).(state)
		if twin && r.command != nil {
			tr.theirs(append(slices.Clone(r.command), name, name+"-n")...)
		} else {
			tr.ours(fmt.Sprintf("%s.get(%q)", r.object, name), fmt.Sprintf("rename(%q)", name+"-n"))
		}
		states[i] = settled(tr.must(tr.t, "GET", r.path+"/"+name+"-n", nil)).(state)
		before["name"] = name + "-n"
		tr.compare(states[i], before)
		if config, ok := states[i]["config"].(state); ok {
			delete(config, "ipv4.address") // differs between any two
		}
	}
	tr.compare(states[0], states[1])
}
