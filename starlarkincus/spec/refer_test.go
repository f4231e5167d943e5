package spec

import (
	"slices"
	"testing"
)

// TestReferences checks that arguments and fields with the name of a kind of object refer to it, and that only strings
// refer to something.
func TestReferences(t *testing.T) {
	want := map[string][]Reference{
		"project": {ToProject}, "projects": {ToProject}, "to_project": {ToProject}, "target_project": {ToProject},
		"profiles": {ToProfile}, "pool": {ToPool}, "to_pool": {ToPool}, "network": {ToNetwork}, "target_network": {ToNetwork},
		"target": {ToMember, ToPlace, ToFingerprint}, "location": {ToMember}, "members": {ToMember}, "groups": {ToGroup}, "image": {ToImage}, "remote": {ToRemote},
		"stdin_file": {ToFile}, "rootfs": {ToFile},
	}
	elsewhere := []string{ // on another server, or no name
		"images.create.source.project", "images.push.profiles", "images.push.project", "images.push.target", "incus.connect.project", "incus.connect.target",
		"files.pull.remote", "remotes.add.project", "files.push.remote", "files.symlink.target",
	}
	seen := 0
	var visit func(at string, fields []Field)
	visit = func(at string, fields []Field) {
		for i := range fields {
			f := &fields[i]
			at := at + "." + f.Name
			if f.Reference() != 0 && f.Type != String && f.Type != Name && f.Type != Strings && f.Type != Any && f.Reference() != ToFile {
				t.Errorf("%s is a %s, and refers to something", at, f.Type)
			}
			if f.Refers < 0 || f.Refers >= References {
				t.Errorf("%s refers to %d", at, f.Refers)
			}
			if refs := want[f.Name]; refs != nil && (f.Type == String || f.Type == Name || f.Type == Strings) && !slices.Contains(elsewhere, at) {
				if seen++; !slices.Contains(refs, f.Reference()) {
					t.Errorf("%s refers to nothing", at)
				}
			}
			if f.Type != Filter && f.Type != Conditions {
				visit(at, f.Fields)
			}
		}
	}
	for _, site := range Sites() {
		for _, m := range append(site.CollectionMethods(), site.ObjectMethods()...) {
			visit(site.Name+"."+m.Name, m.Arguments())
		}
	}
	for _, m := range ClientMethods {
		visit("incus."+m.Name, m.Arguments())
	}
	if seen < 100 {
		t.Errorf("only %d fields have such a name", seen)
	}
}

// TestReferencedResources checks that the resources of references can list their names.
func TestReferencedResources(t *testing.T) {
	for to := Reference(1); to < References; to++ {
		r := to.Resource()
		none := slices.Contains([]Reference{ToItself, ToSnapshot, ToExtension, ToFile, ToRemote}, to)
		if (r == nil) != none {
			t.Errorf("%d: resource %v", to, r)
		}
		if r != nil && r.Verbs&List == 0 {
			t.Errorf("%s can't be listed", r.Name)
		}
	}
}

// TestKeysKinds checks which kinds of configuration describe the keys of a resource.
func TestKeysKinds(t *testing.T) {
	for _, test := range []struct {
		keys Keys
		kind string
		by   string
		want bool
	}{
		{Instances.Keys, "instance", "", true}, {Instances.Keys, "project", "", false},
		{Networks.Keys, "network_bridge", "bridge", true}, {Networks.Keys, "network_ovn", "bridge", false},
		{Networks.Keys, "network_ovn", "", true}, {Networks.Keys, "network_zone", "", false},
		{StoragePools.Keys, "storage_zfs", "", true}, {StoragePools.Keys, "storage_volume_zfs", "", false}, {StoragePools.Keys, "storage_bucket_zfs", "", false},
		{volumes.Keys, "storage_volume_zfs", "", true}, {volumes.Keys, "storage_zfs", "", false},
		{Keys{}, "", "", false},
	} {
		if got := test.keys.Describes(test.kind, test.by); got != test.want {
			t.Errorf("%v, %s, %s: %v", test.keys, test.kind, test.by, got)
		}
	}
}

// TestKeyMatches checks descriptions of keys of which a part is the user's choice.
func TestKeyMatches(t *testing.T) {
	for _, test := range []struct {
		described, fixed, key string
		want                  bool
	}{
		{"limits.cpu", "limits.cpu", "limits.cpu", true}, {"limits.cpu", "limits.cpu", "limits.cpu.priority", false},
		{"user.*", "user.", "user.a.b", true}, {"user.*", "user.", "user.", false}, {"user.*", "user.", "users", false},
		{"volatile.<name>.hwaddr", "volatile.", "volatile.eth0.hwaddr", true}, {"volatile.<name>.hwaddr", "volatile.", "volatile.eth0.name", false},
		{"volatile.<name>.hwaddr", "volatile.", "volatile.hwaddr", false}, {"volatile.<name>.hwaddr", "volatile.", "volatile..hwaddr", false},
		{"tunnel.NAME.id", "tunnel.", "tunnel.x.id", true}, {"limits.disk.pool.POOL_NAME", "limits.disk.pool.", "limits.disk.pool.fast", true},
		{"initial.nvram.<GUID>.<name>", "initial.nvram.", "initial.nvram.a.b", true}, {"initial.nvram.<GUID>.<name>", "initial.nvram.", "initial.nvram.a", false},
		{"limits.hugepages.1GB", "limits.hugepages.1GB", "limits.hugepages.1GB", true}, {"", "", "", true},
	} {
		fixed, _ := FixedPart(test.described)
		if got := KeyMatches(test.described, test.key); got != test.want || fixed != test.fixed {
			t.Errorf("%s, %s: %v, %s", test.described, test.key, got, fixed)
		}
	}
}
