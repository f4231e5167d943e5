package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"
)

// A taking shows that an object is deleted along with its owner: both are created, the owner is deleted, and a new
// owner of the same name lacks the object.
type taking struct {
	holder string // collection of the owner
	make   string // expression that creates the owner, name
	add    string // statement that creates the object below the owner, o
	things string // expression that lists all such objects below o
	args   string // arguments of the deletion
	line   string // only line of Incus that allows it; empty for all
	none   string // reason why it can't be shown on the testbeds
}

const (
	instanceMade = `incus.instances.create(name, image = testbed.image)`
	poolVolumes  = `incus.storage_pools.get("default").volumes`
	inProject    = `incus.use(project = name)`
	noBuckets    = "the testbed has no object storage"
	noOVN        = "a bridge has none, and the testbed has no OVN"
)

// inForced returns the taking for an object deleted by a forced deletion of its project.
func inForced(add, things string) taking {
	return taking{holder: "incus.projects", args: "force = True", add: add, things: things,
		make: `incus.projects.create(name, config = {"features.images": True, "features.profiles": True, "features.storage.volumes": True, "features.networks.zones": True})`}
}

// takings are the takings for all methods, by the kinds of owner and object.
var takings = map[string]taking{
	"Instance Snapshot": {holder: "incus.instances", make: instanceMade, add: `o.snapshots.create("s")`, things: "o.snapshots.list()"},
	"Instance Backup":   {holder: "incus.instances", make: instanceMade, add: `o.backups.create("b")`, things: "o.backups.list()"},
	"Instance Log":      {holder: "incus.instances", make: instanceMade, add: "o.start()\no.stop(force = True)", things: `[n for n in o.logs.names() if o.logs.get(n)]`},
	"Image Alias": {holder: "incus.images", make: `published(name)`, add: `incus.images.aliases.create(name, target = o.fingerprint)`,
		things: `[a for a in incus.images.aliases.list() if a.name == name]`},
	"Network Forward":       {holder: "incus.networks", make: `incus.networks.create(name, config = {"ipv4.address": "10.217.3.1/24", "ipv6.address": "none"})`, add: `o.forwards.create("10.217.3.9")`, things: "o.forwards.list()"},
	"Network LoadBalancer":  {none: noOVN},
	"Network Peer":          {none: noOVN},
	"Zone Record":           {holder: "incus.network_zones", make: "incus.network_zones.create(name)", add: `o.records.create("r")`, things: "o.records.list()"},
	"Volume VolumeSnapshot": {holder: poolVolumes, make: poolVolumes + ".create(name)", add: `o.snapshots.create("s")`, things: "o.snapshots.list()"},
	"Volume VolumeBackup":   {holder: poolVolumes, make: poolVolumes + ".create(name)", add: `o.backups.create("b")`, things: "o.backups.list()"},
	"Volume Bitmap":         {none: "only a virtual machine's volume has any"},
	"Bucket Key":            {none: noBuckets},
	"Bucket BucketBackup":   {none: noBuckets},
	"Project Instance":      inForced(inProject+`.instances.create("c", source = {"type": "none"}, devices = {"root": {"type": "disk", "path": "/", "pool": "default"}})`, inProject+".instances.list()"),
	"Project Image": inForced(inProject+`.instances.create("c", source = {"type": "none"}, devices = {"root": {"type": "disk", "path": "/", "pool": "default"}}).publish()`,
		inProject+".images.list()"),
	"Project Profile": inForced(inProject+`.profiles.create("x")`, "["+`p for p in `+inProject+`.profiles.list() if p.name == "x"]`),
	"Project Network": {none: noOVN},
	"Project ACL": {holder: "incus.projects", args: "force = True", line: "6.0", // 7.0 requires OVN for it
		make: `incus.projects.create(name, config = {"features.networks": True})`, add: inProject + `.network_acls.create("a")`, things: inProject + ".network_acls.list()"},
	"Project Zone":               inForced(inProject+`.network_zones.create("z." + name)`, inProject+".network_zones.list()"),
	"Project Volume":             inForced(inProject+`.storage_pools.get("default").volumes.create("v")`, inProject+`.storage_pools.get("default").volumes.list()`),
	"Project Bucket":             {none: noBuckets},
	"Volume.move VolumeSnapshot": {none: "testdata/cluster/1_places.star shows it"},
}

// Each object that the table lists in Takes exists before the deletion of its owner, and not afterwards.
func TestRealTakes(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	names := client.Names()
	names["testbed"] = testbed(t)
	seen := make(map[string]bool)
	shown := 0
	for _, p := range spec.Sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			for _, taken := range m.Takes {
				pair := p.Kind + " " + taken.Kind
				if m.Does != spec.DoDelete {
					pair = p.Kind + "." + m.Name + " " + taken.Kind
				}
				seen[pair] = true
				c, known := takings[pair]
				if !known {
					t.Errorf("%s: nothing shows it", pair)
				}
				if c.none != "" || !known || c.line != "" && c.line != os.Getenv("INCUS_STAR_TESTBED") {
					continue
				}
				delete := "o.delete(" + c.args + ")"
				if m.Collection {
					delete = c.holder + ".delete(key, " + c.args + ")"
				}
				script := fmt.Sprintf(`
def published(name):
    inst = incus.instances.create(name, image = testbed.image)
    return finally_(lambda: inst.publish(properties = {"name": testbed.unique("x")}), inst.delete)
name = testbed.unique("takes")
def things(o): return %[3]s
def make(): return %[1]s
o = make()
key = o.fingerprint if hasattr(o, "fingerprint") else o.name
%[2]s
if not things(o):
    fail("it isn't there")
%[4]s
new = make()
left = things(new)
new.delete()
if left:
    fail("it is still there: %%s" %% left)
`, c.make, c.add, c.things, delete)
				var errs bytes.Buffer
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				h := host.New(host.Options{Stderr: &errs, Predeclared: names})
				err := h.RunSource(ctx, "takes", []byte(script))
				cancel()
				if err != nil {
					h.Report(&errs, err)
					t.Errorf("%s, by %s:\n%s", pair, delete, errs.Bytes())
				}
				shown++
			}
		}
	}
	for pair := range takings {
		if !seen[pair] {
			t.Errorf("the table has no %s", pair)
		}
	}
	t.Logf("%d deletions", shown)
}
