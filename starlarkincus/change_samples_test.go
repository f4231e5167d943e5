package starlarkincus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"incus-star/starlarkincus/spec"
)

// child returns a child resource.
func child(r *spec.Resource, name string) *spec.Resource {
	for _, c := range r.Children {
		if c.Name == name {
			return c
		}
	}
	panic(name)
}

var (
	volumesOf  = child(spec.StoragePools, "volumes")
	bucketsOf  = child(spec.StoragePools, "buckets")
	forwardsOf = child(spec.Networks, "forwards")

	description = sample{old: "old", new: "new"}
	userConfig  = sample{old: dict{"user.a": "old", "user.b": "stays"}, new: dict{"user.a": "new", "user.c": "added"}}
	expiry      = sample{old: "2098-01-01T00:00:00Z", new: "2099-01-01T00:00:00Z"}
)

// config returns a sample of a config with further keys, as pairs of the old and the new value.
func config(keys map[string][2]string, keep map[string]string) sample {
	old, new := with(userConfig.old, nil), with(userConfig.new, nil)
	for key, v := range keys {
		old[key], new[key] = v[0], v[1]
	}
	return sample{old: old, new: new, keep: keep}
}

func always(why string) map[string]string { return map[string]string{"": why} }

// certificates are four different certificates.
var certificates = func() (out [4]string) {
	for i := range out {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i) + 1), Subject: pkix.Name{CommonName: "incus-star test"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			panic(err)
		}
		out[i] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return out
}()

var devices = sample{
	old: dict{"d1": dict{"type": "none"}, "d2": dict{"type": "disk", "source": "/tmp", "path": "/mnt/stays"},
		"d4": dict{"type": "disk", "source": "/tmp", "path": "/mnt/kept", "readonly": "true"}},
	new: dict{"d1": dict{"type": "disk", "source": "/tmp", "path": "/mnt/new"}, "d3": dict{"type": "none"},
		"d2": dict{"path": "/mnt/moved", "readonly": "true"}, "d4": dict{"type": "disk", "readonly": nil}},
}

var instanceSamples = map[string]sample{
	"description": description, "devices": devices, "ephemeral": {old: false, new: true},
	"config":       config(map[string][2]string{"limits.cpu": {"1", "2"}, "limits.memory": {"64MiB", "128MiB"}, "boot.autostart": {"false", "true"}, "environment.A": {"1", "2"}}, nil),
	"profiles":     {old: []any{"default"}, new: []any{"default", "other"}},
	"architecture": {old: "x86_64", new: "i686", refused: "architecture can't be emptied"},
}

const makeInstance = `
collection, key = incus.instances, name
object = incus.instances.create(name, image = testbed.image, devices = {"root": {"type": "disk", "path": "/", "pool": "default"}})
`

var subjects = []subject{
	{resource: spec.Profiles, setup: "collection, key, object = incus.profiles, name, incus.profiles.create(name)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "devices": devices,
			"config": config(map[string][2]string{"limits.cpu": {"1", "2"}, "boot.autostart": {"false", "true"}}, nil)}},
	{resource: spec.Projects, setup: "collection, key, object = incus.projects, name, incus.projects.create(name)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "config": config(map[string][2]string{"limits.instances": {"3", "4"}, "restricted": {"false", "true"}}, nil)}},
	{resource: spec.Instances, setup: makeInstance, cleanup: "object.delete(force = True)", samples: instanceSamples},
	{resource: spec.Instances, variant: "running", setup: makeInstance + "object.start()", cleanup: "incus.instances.delete(name, force = True)",
		samples: map[string]sample{"description": description, "config": config(map[string][2]string{"limits.memory": {"64MiB", "128MiB"}}, nil),
			"profiles": instanceSamples["profiles"], "ephemeral": instanceSamples["ephemeral"]}},
	{resource: spec.Snapshots, cleanup: "inst.delete()", samples: map[string]sample{"expires_at": expiry}, setup: `
inst = incus.instances.create(name, image = testbed.image)
collection, key, object = inst.snapshots, "s", inst.snapshots.create("s")
`},
	{resource: child(spec.Instances, "metadata"), cleanup: "inst.delete()", setup: "inst = incus.instances.create(name, image = testbed.image)\nobject = inst.metadata()",
		samples: map[string]sample{
			"architecture": {old: "x86_64", new: "i686"}, "creation_date": {old: 1600000000, new: 1600000001}, "expiry_date": {old: 1900000000, new: 1900000001},
			"properties": {old: dict{"os": "old", "release": "stays"}, new: dict{"os": "new", "variant": "added"}},
			"templates": {old: dict{"/etc/a": dict{"when": []any{"create"}, "create_only": true, "template": "a.tpl", "properties": dict{"x": "1"}}},
				new: dict{"/etc/b": dict{"when": []any{"start"}, "create_only": false, "template": "b.tpl", "properties": dict{"x": "2"}}}}}},
	{resource: spec.Images, cleanup: "object.delete()", setup: `
inst = incus.instances.create(name, image = testbed.image)
object = inst.publish(properties = {"serial": name})
inst.delete()
`, samples: map[string]sample{
		"properties": {old: dict{"os": "old", "release": "stays"}, new: dict{"os": "new", "variant": "added"}},
		"public":     {old: false, new: true}, "auto_update": {old: false, new: true},
		"expires_at": {old: expiry.old, new: expiry.new, refused: "expires_at can't be emptied"},
		"profiles":   {old: []any{"default"}, new: []any{"default", "other"}}}},
	{resource: child(spec.Images, "aliases"), cleanup: "object.delete()\nimage.delete()", setup: `
inst = incus.instances.create(name, image = testbed.image)
image = inst.publish(properties = {"serial": name})
inst.delete()
override = {"target": [incus.images.get(testbed.image).fingerprint, image.fingerprint]}
collection, key, object = incus.images.aliases, name, incus.images.aliases.create(name, target = image.fingerprint)
`, samples: map[string]sample{"description": description, "target": {old: "", new: "of the setup", keep: always("it names an image")}}},
	{resource: spec.Networks, cleanup: "retry(object.delete)", setup: `
collection, key, object = incus.networks, name, incus.networks.create(name, config = {"ipv4.address": "none", "ipv6.address": "none"})
`, samples: map[string]sample{"description": description, "config": config(map[string][2]string{"dns.domain": {"a.test", "b.test"}, "bridge.mtu": {"1400", "1300"}}, nil)}},
	{resource: forwardsOf, cleanup: "object.delete()\nretry(net.delete)", setup: `
net = incus.networks.create(name, config = {"ipv4.address": "10.213.1.1/24", "ipv4.nat": False, "ipv6.address": "none"})
collection, key = net.forwards, "10.213.1.9"
object = net.forwards.create(key)
`, samples: map[string]sample{"description": description, "config": config(map[string][2]string{"target_address": {"10.213.1.30", "10.213.1.31"}}, nil),
		"ports": {old: []any{dict{"description": "", "protocol": "tcp", "listen_port": "80", "target_address": "10.213.1.20", "target_port": "8080"}},
			new: []any{dict{"description": "x", "protocol": "udp", "listen_port": "53", "target_address": "10.213.1.21"}, dict{"protocol": "tcp", "listen_port": "22", "target_address": "10.213.1.20"}}}}},
	{resource: spec.NetworkACLs, setup: "collection, key, object = incus.network_acls, name, incus.network_acls.create(name)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "config": userConfig,
			"ingress": {old: []any{dict{"action": "allow", "state": "enabled", "protocol": "tcp", "destination_port": "80"}}, new: []any{dict{"action": "drop", "state": "disabled", "source": "10.0.0.1"}, dict{"action": "allow", "state": "enabled"}}},
			"egress":  {old: []any{dict{"action": "drop", "state": "enabled"}}, new: []any{dict{"action": "allow", "state": "logged", "description": "d"}}}}},
	{resource: spec.NetworkAddressSets, line: "7.0", setup: "collection, key, object = incus.network_address_sets, name, incus.network_address_sets.create(name)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "config": userConfig, "addresses": {old: []any{"10.0.0.1"}, new: []any{"10.0.0.2", "10.0.0.1"}}}},
	{resource: spec.NetworkZones, setup: "key = name + '.test'\ncollection, object = incus.network_zones, incus.network_zones.create(key)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "config": config(map[string][2]string{"dns.nameservers": {"ns1.test", "ns2.test"}}, nil)}},
	{resource: child(spec.NetworkZones, "records"), cleanup: "object.delete()\nzone.delete()", setup: `
zone = incus.network_zones.create(name + ".test", config = {"user.zone": 1})
collection, key, object = zone.records, "www", zone.records.create("www")
`, samples: map[string]sample{"description": description, "config": userConfig,
		"entries": {old: []any{dict{"type": "A", "ttl": 60, "value": "10.0.0.1"}}, new: []any{dict{"type": "TXT", "ttl": 120, "value": "x"}, dict{"type": "A", "ttl": 60, "value": "10.0.0.2"}}}}},
	{resource: spec.NetworkIntegrations, setup: `
collection, key = incus.network_integrations, name
object = collection.create(name, type = "ovn", config = {"ovn.northbound_connection": "tcp:192.0.2.1:6641", "ovn.southbound_connection": "tcp:192.0.2.1:6642"})
`, cleanup: "object.delete()", samples: map[string]sample{"description": description,
		"config": config(map[string][2]string{"ovn.northbound_connection": {"tcp:192.0.2.1:6641", "tcp:192.0.2.2:6641"}, "ovn.southbound_connection": {"tcp:192.0.2.1:6642", "tcp:192.0.2.2:6642"}},
			map[string]string{"ovn.northbound_connection": "required", "ovn.southbound_connection": "required"})}},
	{resource: spec.StoragePools, setup: "collection, key, object = incus.storage_pools, name, incus.storage_pools.create(name, driver = 'dir')", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "config": config(map[string][2]string{"rsync.bwlimit": {"1MiB", "2MiB"}}, nil)}},
	{resource: volumesOf, cleanup: "object.delete()", setup: `
collection, key = incus.storage_pools.get("default").volumes, name
object = collection.create(name)
`, samples: map[string]sample{"description": description, "config": config(map[string][2]string{"snapshots.expiry": {"1d", "2d"}, "security.shifted": {"false", "true"}}, nil)}},
	{resource: volumesOf, variant: "of_container", cleanup: "inst.delete()", setup: `
inst = incus.instances.create(name, image = testbed.image)
object = incus.storage_pools.get("default").volumes.get(name, type = "container")
`, samples: map[string]sample{"description": description, "config": userConfig}},
	{resource: child(volumesOf, "snapshots"), cleanup: "object.delete()\nvolume.delete()", setup: `
volume = incus.storage_pools.get("default").volumes.create(name)
collection, key, object = volume.snapshots, "s", volume.snapshots.create("s")
`, samples: map[string]sample{"description": description, "expires_at": expiry}},
	{resource: spec.Certificates, cleanup: "incus.certificates.delete(current())", setup: `object = incus.certificates.create(name = name, type = "client", certificate = old["certificate"])`,
		samples: map[string]sample{"name": {old: "old", new: "new", keep: always("it has one")}, "description": description, "restricted": {old: false, new: true},
			"projects":    {old: []any{"default"}, new: []any{"default", "other"}},
			"certificate": {old: certificates[0], new: certificates[1], keep: always("it is one")},
		}},
	{resource: spec.Server, setup: "object = incus.server()", cleanup: "incus.server().update(config = {'user.a': None, 'user.b': None, 'user.c': None, 'images.remote_cache_expiry': None})",
		samples: map[string]sample{"config": config(map[string][2]string{"images.remote_cache_expiry": {"5", "6"}}, nil)}},
	{resource: spec.Warnings, setup: "object = incus.warnings.list()[0]", samples: map[string]sample{"status": {old: "new", new: "acknowledged", keep: always("it has one")}}},
}

// clusterSubjects are objects of a cluster, and objects on one of its members.
var clusterSubjects = []subject{
	{resource: child(spec.ClusterOf, "members"), setup: `
incus.cluster.groups.create(name)
object = [m for m in incus.cluster.members.list() if m.server_name == members[2]][0]
override = {"roles": [object.roles, object.roles + ["event-hub"]], "groups": [["default"], ["default", name]]}
`, cleanup: `
object.update(groups = ["default"], description = "", failure_domain = "default", roles = [r for r in object.roles if r != "event-hub"], config = {"user.a": None, "user.b": None, "user.c": None, "scheduler.instance": None})
incus.cluster.groups.delete(name)
`, samples: map[string]sample{"description": description, "failure_domain": {old: "a", new: "b", keep: always("the server calls the empty one default")},
		"config": config(map[string][2]string{"scheduler.instance": {"all", "manual"}}, map[string]string{"scheduler.instance": "the server has a default"}),
		"roles":  {old: 0, new: 0, keep: always("those of the database stay")}, "groups": {old: 0, new: 0, keep: always("a member is in one")}}},
	{resource: spec.Groups, setup: `
collection, key, object = incus.cluster.groups, name, incus.cluster.groups.create(name)
override = {"members": [members[:1], [members[2], members[1]]]}
`, cleanup: "object.update(members = [])\nobject.delete()", samples: map[string]sample{"description": description, "members": {old: 0, new: 0},
		"config": {old: userConfig.old, new: userConfig.new, line: "7.0"}}},
	{resource: spec.Instances, setup: `
collection, key = incus.instances, name
object = incus.instances.create(name, image = testbed.image, target = members[1], devices = {"root": {"type": "disk", "path": "/", "pool": "default"}})
`, cleanup: "object.delete()", samples: instanceSamples},
	{resource: volumesOf, setup: `
collection, key, where = incus.storage_pools.get("default").volumes, name, {"target": members[2]}
object = collection.create(name, target = members[2])
`, cleanup: "object.delete()", samples: map[string]sample{"description": description, "config": config(map[string][2]string{"snapshots.expiry": {"1d", "2d"}}, nil)}},
	{resource: child(volumesOf, "snapshots"), setup: `
volume = incus.storage_pools.get("default").volumes.create(name, target = members[2])
collection, key, object = volume.snapshots, "s", volume.snapshots.create("s")
`, cleanup: "volume.delete()", samples: map[string]sample{"description": description, "expires_at": expiry}},
	{resource: spec.Networks, slow: true, setup: `
for m in members:
    incus.networks.create(name, target = m)
collection, key, object = incus.networks, name, incus.networks.create(name, config = {"ipv4.address": "none", "ipv6.address": "none"})
`, cleanup: "retry(object.delete)", samples: map[string]sample{"description": description, "config": config(map[string][2]string{"dns.domain": {"a.test", "b.test"}}, nil)}},
	{resource: spec.Networks, slow: true, variant: "of_a_member", setup: `
for m in members:
    incus.networks.create(name, target = m)
incus.networks.create(name, config = {"ipv4.address": "none", "ipv6.address": "none"})
object = incus.use(target = members[1]).networks.get(name)
`, cleanup: "retry(incus.networks.get(name).delete)", samples: map[string]sample{"config": {old: dict{"bridge.external_interfaces": "nothing0"}, new: dict{"bridge.external_interfaces": "nothing1"}}}},
	{resource: spec.StoragePools, setup: `
for m in members:
    incus.storage_pools.create(name, driver = "dir", target = m)
collection, key, object = incus.storage_pools, name, incus.storage_pools.create(name, driver = "dir")
`, cleanup: "object.delete()", samples: map[string]sample{"description": description, "config": config(map[string][2]string{"rsync.bwlimit": {"1MiB", "2MiB"}}, nil)}},
	{resource: spec.Profiles, setup: "collection, key, object = incus.profiles, name, incus.profiles.create(name)", cleanup: "object.delete()",
		samples: map[string]sample{"description": description, "devices": devices, "config": userConfig}},
}

// fakeSubjects require OVN or an S3 service, so they are tested with a fake.
var fakeSubjects = []subject{
	{resource: child(spec.Networks, "load_balancers"), setup: `
collection, key = incus.networks.get("n").load_balancers, "192.0.2.1"
object = collection.create(key)
`, samples: map[string]sample{"description": description, "config": userConfig,
		"backends": {old: []any{dict{"name": "a", "target_address": "10.0.0.1"}}, new: []any{dict{"name": "b", "target_address": "10.0.0.2"}}},
		"ports":    {old: []any{dict{"listen_port": "80", "target_backend": []any{"a"}}}, new: []any{dict{"listen_port": "81", "target_backend": []any{"b"}}}}}},
	{resource: child(spec.Networks, "peers"), setup: `
collection, key = incus.networks.get("n").peers, "p"
object = collection.create(key, target_network = "m")
`, samples: map[string]sample{"description": description, "config": userConfig}},
	{resource: bucketsOf, setup: `
collection, key = incus.storage_pools.get("p").buckets, "b"
object = collection.create(key)
`, samples: map[string]sample{"description": description, "config": config(map[string][2]string{"size": {"1GiB", "2GiB"}}, nil)}},
	{resource: child(bucketsOf, "keys"), setup: `
collection, key = incus.storage_pools.get("p").buckets.get("b").keys, "k"
object = collection.create(key)
`, samples: map[string]sample{"description": description, "role": {old: "admin", new: "read-only"}, "access-key": {old: "a", new: "b"}, "secret-key": {old: "a", new: "b"}}},
}
