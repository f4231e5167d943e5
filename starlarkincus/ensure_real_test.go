package starlarkincus_test

import (
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"
)

// runReal runs a script on the testbed's first server, and fails if it prints anything.
func runReal(t *testing.T, script string) {
	t.Helper()
	needsIncus(t)
	const helpers = `
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
`
	if out := runLock(t, lockSockets()[0], helpers+script, starlarkincus.Options{}); out != "" {
		t.Error(out)
	}
}

// Server-assigned values are kept by a second ensure, and assigned if there are none.
func TestRealEnsureKeepsWhatServersChose(t *testing.T) {
	runReal(t, `
def again(name, config):
    first = incus.networks.ensure(name, config = config)
    defer(incus.networks.delete, name)
    eq(first.changed, True)
    second = incus.networks.ensure(name, config = config)
    eq(second.changed, False)
    eq(second.config, first.config)
    return second
again("ensure0", {"ipv4.address": "auto", "ipv6.address": "auto", "ipv4.nat": True})
n = again("ensure1", {"ipv4.address": "none", "ipv6.address": "auto"})
third = incus.networks.ensure("ensure1", config = {"ipv4.address": "auto"})
eq(third.changed, True)
eq(third.config["ipv4.address"] in ("none", "auto"), False)
eq(incus.networks.ensure("ensure1", config = {"ipv4.address": "auto"}).changed, False)
`)
}

// The keys of a device are merged, including those of a profile's device.
func TestRealKeysOfADevice(t *testing.T) {
	runReal(t, `
image = env["INCUS_STAR_TESTBED_IMAGE"]
inst = incus.instances.create("devkeys", image = image)
defer(incus.instances.delete, "devkeys", force = True)
eq("root" in inst.devices, False)
inherited = dict(inst.expanded_devices["root"])
inst.update(devices = {"root": {"boot.priority": 3}})
eq(dict(inst.devices["root"]), inherited | {"boot.priority": "3"})
eq(incus.instances.ensure("devkeys", devices = {"root": {"boot.priority": 3}}).changed, False)
eq(incus.instances.ensure("devkeys", devices = {"root": {"boot.priority": None}}).changed, True)
eq(dict(inst.refresh().devices["root"]), inherited)
inst.update(devices = {"root": None})
eq(incus.instances.ensure("devkeys", devices = {"root": {"path": "/"}}).changed, False)
eq("root" in inst.refresh().devices, False)
c = inst.copy("devkeys2", devices = {"root": inherited | {"boot.priority": "4"}})
defer(incus.instances.delete, "devkeys2", force = True)
eq(dict(c.devices["root"]), inherited | {"boot.priority": "4"})
eq(dict(c.copy("devkeys3", devices = {"root": {"boot.priority": None}}).devices["root"]), inherited)
defer(incus.instances.delete, "devkeys3", force = True)
c.copy("devkeys3", refresh = True)
eq(dict(incus.instances.get("devkeys3").devices["root"]), inherited | {"boot.priority": "4"})
inst.copy("devkeys3", refresh = True) # keeps the root disk, which may be in another pool
eq(dict(incus.instances.get("devkeys3").devices["root"]), inherited | {"boot.priority": "4"})
`)
}

// A device without a type overrides keys of the profiles' device, in every method that creates an instance. Such a device
// that no profile has is an error that names it, before anything is sent.
func TestRealKeysOfAProfilesDevice(t *testing.T) {
	runReal(t, `
image = env["INCUS_STAR_TESTBED_IMAGE"]
nic = {"type": "nic", "nictype": "p2p", "mtu": "1400", "name": "eth7"}
for p in [incus.profiles.create("inherit0", devices = {"eth7": nic}), incus.profiles.create("inherit1", devices = {"eth7": nic | {"mtu": "1300"}})]:
    defer(p.delete)
profiles = ["default", "inherit0", "inherit1"]
wanted = nic | {"mtu": "1300", "host_name": "inherit0"}
given = {"eth7": {"host_name": "inherit0", "name": "eth7"}}
orig = incus.instances.create("inherit-orig", image = image, profiles = profiles)
defer(orig.delete)
snap = orig.snapshots.create("s0")
plain = incus.instances.create("inherit-plain", image = image)
defer(plain.delete)
plain_snap = plain.snapshots.create("s0")
new = "inherit-new"
for make in [
    lambda **kw: incus.instances.create(new, image = image, profiles = profiles, **kw),
    lambda **kw: incus.instances.launch(new, image = image, profiles = profiles, **kw),
    lambda **kw: incus.instances.ensure(new, image = image, profiles = profiles, **kw),
    lambda **kw: incus.instances.ensure(new, image = image, profiles = profiles, start = True, **kw),
    lambda **kw: incus.instances.create(new, source = {"type": "none"}, profiles = profiles, **kw),
    lambda **kw: orig.copy(new, **kw),
    lambda **kw: snap.copy(new, **kw),
    lambda **kw: plain.copy(new, profiles = profiles, **kw),
    lambda **kw: plain_snap.copy(new, profiles = profiles, **kw),
]:
    e = try_(make, devices = given | {"eth8": {"mtu": 1}}).error
    eq((e.class_, e.outcome, 'devices["eth8"] has no type' in e.message, "(default, inherit0, inherit1)" in e.message), ("IncusBadRequestError", "not_sent", True, True))
    eq(incus.instances.exists(new), False)
    inst = make(devices = given)
    eq(dict(inst.refresh().devices["eth7"]), wanted)
    eq(incus.instances.ensure(new, devices = given).changed, False)
    inst.delete(force = True)
    inst = make(devices = {"eth7": {"mtu": None}})
    eq("mtu" in inst.refresh().devices["eth7"], False)
    inst.delete(force = True)
inst = incus.instances.launch(new, image = image, devices = {"root": {"size": "64MiB"}})
eq(dict(inst.devices["root"]), dict(incus.profiles.get("default").devices["root"]) | {"size": "64MiB"})
inst.delete(force = True)
e = try_(incus.instances.create, new, image = image, profiles = [], devices = {"root": {"size": "64MiB"}}).error
eq("no profile has a device root" in e.message, True)
`)
}

// A failed creation is refused if it left nothing, and unknown otherwise.
func TestRealOutcomeOfACreation(t *testing.T) {
	runReal(t, `
image = env["INCUS_STAR_TESTBED_IMAGE"]
bad = [dict(image = image, config = {"limits.cpus": 1}), dict(image = "no-such-image"), dict(image = image, profiles = ["no-such"]),
       dict(image = image, devices = {"root": {"type": "disk", "path": "/", "pool": "no-such"}}), dict(image = image, config = {"limits.memory": "much"})]
for fields in bad:
    for make in (incus.instances.launch, incus.instances.create, incus.instances.ensure):
        e = try_(make, "outcome0", **fields).error
        eq((fields, make, e.outcome), (fields, make, "refused"))
        eq(incus.instances.exists("outcome0"), False)
e = try_(incus.instances.launch, "outcome1", image = image, config = {"raw.lxc": "lxc.no.such.key = 1"}).error
there = incus.instances.exists("outcome1")
eq((e.outcome, there), ("unknown" if there else "refused", there))
if there:
    incus.instances.delete("outcome1", force = True)
`)
}

func TestRealLockIsReleasedOnce(t *testing.T) {
	runReal(t, `
l = lock("once")
l.release()
for again in (l.release, l.renew):
    e = catch(IncusConflictError, again).error
    eq(e.message, "the lock once was released already")
l = lock("once")
for p in incus.profiles.names():
    if p.startswith("lock.once."):
        incus.profiles.delete(p)
e = catch(IncusConflictError, l.release).error
eq("is gone" in e.message and "was over" not in e.message, True)
`)
}

// A missing source of an instance is reported before anything is sent.
func TestInstancesAreMadeFromSomething(t *testing.T) {
	runFake(t, `
def refused(make, **fields):
    e = catch(ScriptError, make, "a", **fields).error
    if not e or "missing image= or source=" not in e.message:
        fail(e)
refused(incus.instances.launch)
refused(incus.instances.create, profiles = ["default"])
refused(incus.instances.ensure)
incus.instances.create("a", source = {"type": "none"})
`, []exchange{
		{"GET /1.0/instances/a", "", "404 not found"},
		{"POST /1.0/instances", `{"name": "a", "source": {"type": "none"}}`, ""},
		{"GET /1.0/instances/a", "", `{"name": "a"}`},
	})
}

// A value that servers rewrite isn't a difference.
func TestKeysThatServersSetOtherwise(t *testing.T) {
	for _, r := range spec.Collections {
		for i := range r.Fields {
			f := &r.Fields[i]
			for _, key := range f.Auto {
				for _, now := range []any{nil, "", "none"} {
					if f.Stands(key, "auto", map[string]any{key: now}) {
						t.Errorf("%s: %s=auto stands with %v", r.Name, key, now)
					}
				}
				if !f.Stands(key, "auto", map[string]any{key: "10.0.0.1/24"}) || f.Stands(key, "10.0.0.2/24", map[string]any{key: "10.0.0.1/24"}) ||
					f.Stands("other", "auto", map[string]any{"other": "x"}) {
					t.Errorf("%s: %s", r.Name, key)
				}
			}
			for key, first := range f.Rewritten {
				if now := map[string]any{key: "uuid", first: "/dev/sdx"}; !f.Stands(key, "/dev/sdx", now) || f.Stands(key, "/dev/sdy", now) {
					t.Errorf("%s: %s", r.Name, key)
				}
			}
		}
	}
	runFake(t, `
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
eq(incus.networks.ensure("n", config = {"ipv4.address": "auto"}).changed, False)
eq(incus.storage_pools.ensure("p", driver = "btrfs", config = {"source": "/dev/sdx"}).changed, False)
`, []exchange{
		{"GET /1.0/networks/n", "", `{"name": "n", "config": {"ipv4.address": "10.0.0.1/24"}}`},
		{"GET /1.0/storage-pools/p", "", `{"name": "p", "driver": "btrfs", "config": {"source": "0a1b", "volatile.initial_source": "/dev/sdx"}}`},
	})
}

// Where a call names profiles too, the keys of a device override the device of these, not of the earlier profiles, in
// every method that changes an instance.
func TestRealKeysOfADeviceOfNewProfiles(t *testing.T) {
	runReal(t, `
def profile(name, **keys):
    nic = {"type": "nic", "nictype": "p2p", "name": "eth7"} | keys
    defer(incus.profiles.create(name, devices = {"eth7": nic}).delete)
    return nic
old = profile("newkeys0", mtu = "1300", **{"limits.max": "1Mbit"})
new = profile("newkeys1", mtu = "1400")
first, second = ["default", "newkeys0"], ["default", "newkeys1"]
ways = [
    lambda **kw: incus.instances.ensure("newkeys", **kw),
    lambda **kw: inst.refresh().update(**kw),
]
for way in ways:
    inst = incus.instances.create("newkeys", image = env["INCUS_STAR_TESTBED_IMAGE"], profiles = first)
    for key in ["hwaddr", "mtu"]:
        value = {"hwaddr": "10:66:6a:00:00:07", "mtu": "1400"}[key]
        inst.refresh().update(profiles = first, devices = {"eth7": None})
        way(profiles = second, devices = {"eth7": {key: value}})
        inst.refresh()
        eq(list(inst.profiles), second)
        eq(dict(inst.expanded_devices["eth7"]), new | {key: value})
        eq("eth7" in inst.devices, key == "hwaddr" or way != ways[0]) # ensure leaves a device that is so already
        eq(incus.instances.ensure("newkeys", profiles = second, devices = {"eth7": {key: value}}).changed, False)
    e = try_(way, profiles = ["default"], devices = {"eth8": {"mtu": "1400"}}).error
    eq((e.is_a(IncusBadRequestError), e.outcome, list(inst.refresh().profiles)), (True, "refused", second))
    inst.delete()
`)
}
