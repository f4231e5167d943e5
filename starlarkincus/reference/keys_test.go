package reference

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"
)

func TestTellKey(t *testing.T) {
	keys := []spec.Key{
		{Name: "limits.memory", Of: "instance", Type: "string", Default: "`1GiB` (VMs)", Doc: "Usage limit", Live: "yes",
			More: "Percentage of the host's {config:option}`resources:host.memory`.\nOne of:\n- `none`\n- `all`\n\nSee {ref}`units` for details. It is {ref}`described <there>`."},
		{Name: "limits.memory", Of: "project", Type: "string", Doc: "Usage limit of a project"},
		{Name: "user.*", Of: "project", Type: "string", Doc: "Free"}, {Name: "user.*", Of: "network_bridge", Type: "string", Doc: "Free"},
		{Name: "hwaddr", Of: "device_nic-bridged", Type: "string", Doc: "MAC\x1b[2J"}, {Name: "path", Of: "device_unix-char-block", Doc: "Path"},
		{Name: "size", Of: "storage_volume_zfs", Doc: "Size"}, {Name: "limits.kernel", Of: "kernel", Doc: "Kernel"},
	}
	for name, want := range map[string]string{
		"limits.memory": `limits.memory

Usage limit

  for            instances and profiles
  type           string
  default        1GiB (VMs)
  live update    yes

Percentage of the host's host.memory. One of:
  - none
  - all

It is described.

Usage limit of a project

  for            projects
  type           string
`,
		"user.mine":     "user.mine\n\nFree\n\n  for            networks of type bridge, projects\n  type           string\n",
		"hwaddr":        "hwaddr\n\nMAC\\x1b[2J\n\n  for            devices of type nic (bridged)\n  type           string\n",
		"path":          "path\n\nPath\n\n  for            devices of type unix-char and unix-block\n",
		"size":          "size\n\nSize\n\n  for            volumes of driver zfs\n",
		"limits.kernel": "limits.kernel\n\nKernel\n\n  for            kernel\n",
		"limits.cpu":    "",
	} {
		var out strings.Builder
		if found := testReference().TellKey(&out, name, keys); found != (want != "") || out.String() != want {
			t.Errorf("%s: %v, got\n%s", name, found, out.String())
		}
	}
	if near := NearKey("limits.memry", keys); near != "limits.memory" {
		t.Errorf("near is %q", near)
	}
}
