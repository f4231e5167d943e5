package starlarkincus_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// TestRealAdvice makes mistakes with an instance. Each error names the instance, and has the advice for its cause.
func TestRealAdvice(t *testing.T) {
	needsIncus(t)
	name := launched(t)
	second := name + "-b"
	t.Cleanup(func() {
		runOn(t, `
for name in [second, second + "-2"]:
    _ = catch(IncusNotFoundError, incus.instances.delete, name, force = True)
_ = catch(IncusNotFoundError, incus.projects.delete, second)
`, starlark.StringDict{"second": second})
	})
	out := runOn(t, `
i = incus.instances.get(name)
broken = {"raw.lxc": "lxc.init.cmd = /nope"}
def fails(fn):
    e = try_(fn).error
    print(str(e).replace("\n", " "), "=>", e.hint)

fails(lambda: incus.instances.launch(name, image = image))
fails(lambda: incus.instances.create(name, image = image))
fails(lambda: incus.profiles.create("default"))
fails(lambda: i.update(profiles = ["default", "defalt"]))
fails(lambda: i.update(config = {"limits.cpu": 1, "limits.memory": "6X"}))
fails(lambda: i.update(devices = {"root2": {"size": "2GiB"}}))
fails(lambda: i.update(devices = {"another": {"size": "2GiB"}}))
fails(lambda: i.update(devices = {"p": {"type": "proxi"}}))
fails(lambda: i.files.read("/etc/nope"))
fails(lambda: i.files.list("/nope"))
fails(lambda: i.files.write("/nope/x", "a"))
fails(lambda: i.files.mkdir("/etc"))
fails(lambda: i.snapshots.get("nope"))
fails(lambda: incus.instances.launch(second, image = image, config = broken))
i.stop(force = True)
i.update(config = broken)
fails(i.start)
print("exec" in incus.instances.get(second).logs.get("lxc.log"))

i = incus.instances.get(second)
fails(lambda: i.update(config = {"raw.lxc": "lxc.nosuch = 1"}))
fails(lambda: incus.instances.launch(second + "-2", image = image, config = {"raw.lxc": "lxc.nosuch = 1"}))
print(repr(incus.instances.get(second + "-2").logs.get("lxc.log")))
incus.instances.delete(second + "-2")
i.update(config = {"raw.lxc": None})
i.start()
copy = incus.instances.import_backup(i.export_stream(), name = second + "-2")
fails(copy.start)
copy.update(config = {"volatile.eth0.hwaddr": None})
copy.start()
copy.delete(force = True)

own = incus.use(project = incus.projects.create(second, config = {"features.images": True}).name)
fails(lambda: own.instances.create("x", image = image))
fails(lambda: own.images.get(image))
fails(lambda: own.images.aliases.get(image))
incus.projects.get(second).update(config = {"features.images": False})
fails(lambda: own.images.get("nope"))
`, starlark.StringDict{"name": name, "second": second, "image": starlark.String(os.Getenv("INCUS_STAR_TESTBED_IMAGE"))})
	want := strings.Split(strings.TrimSpace(`
IncusAlreadyExistsError.*NAME.* => instances\.ensure takes one that exists, and changes the given fields that differ
IncusAlreadyExistsError.*NAME.* => instances\.ensure takes one that exists, and changes the given fields that differ
IncusAlreadyExistsError.*"default".* => profiles\.ensure takes one that exists, and changes the given fields that differ
IncusNotFoundError.*NAME.* => there is no profile defalt \(did you mean default\?\)
IncusOperationError.*6X.*NAME.* => it is the value of limits\.memory
IncusOperationError.*NAME.* => did you mean the device root\? A new one needs a type
IncusOperationError.*NAME.* => a new device needs a type: nic, disk, .*
IncusOperationError.*NAME.* => did you mean proxy\?
IncusNotFoundError: /etc/nope: no such file or directory \(instance "NAME"\) => None
IncusNotFoundError: /nope: no such file or directory \(instance "NAME"\) => None
IncusNotFoundError: /nope/x: the folder /nope doesn't exist \(instance "NAME"\) => parents=True makes missing folders
IncusAlreadyExistsError: /etc: file exists \(instance "NAME"\) => None
IncusNotFoundError.*"?nope"?.*"NAME".* => None
IncusOperationError.*NAME-b.* => the instance NAME-b is there; logs\.get\("lxc\.log"\) of the instance says why
IncusOperationError.*NAME.* => logs\.get\("lxc\.log"\) of the instance says why
True
IncusOperationError.*NAME-b.* => LXC refuses a line of raw\.lxc: .*
IncusOperationError.*NAME-b-2.* => the instance NAME-b-2 is there; LXC refuses a line of raw\.lxc: logs\.get\("lxc\.log"\) is empty then, .*
""
IncusOperationError.*MAC address.*NAME-b-2.* => .*: update\(config = \{"volatile\.eth0\.hwaddr": None\}\) gives .*
IncusOperationError.*Image not provided.* => no image has .*; the project NAME-b has images of its own \(features\.images=true\): .*
IncusNotFoundError.* => the project NAME-b has images of its own \(features\.images=true\): .*
IncusNotFoundError.* => the project NAME-b has images of its own \(features\.images=true\): .*
IncusNotFoundError.* => None`), "\n")
	got := strings.Split(strings.TrimSpace(out), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines: %s", len(got), out)
	}
	for i, line := range got {
		if pattern := "^" + strings.ReplaceAll(want[i], "NAME", string(name)) + "$"; !regexp.MustCompile(pattern).MatchString(line) {
			t.Errorf("got  %s\nwant %s", line, pattern)
		}
	}
}
