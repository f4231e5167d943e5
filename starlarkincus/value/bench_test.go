package value

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// instances returns n instances as answered to GET /1.0/instances?recursion=1.
func instances(n int) []byte {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"name":"c%d","status":"Stopped","status_code":102,"architecture":"x86_64","ephemeral":false,"stateful":false,
"profiles":["default"],"project":"default","location":"none","description":"","created_at":"2025-01-01T00:00:00Z","last_used_at":"1970-01-01T00:00:00Z","type":"container",
"config":{"image.architecture":"amd64","image.os":"busybox","limits.cpu":"2","volatile.base_image":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","volatile.uuid":"%d-aaaa","volatile.idmap.base":"0"},
"devices":{"eth0":{"type":"nic","network":"incusbr0"}},
"expanded_config":{"image.architecture":"amd64","image.os":"busybox","limits.cpu":"2","volatile.base_image":"0123456789abcdef","volatile.uuid":"%d-aaaa","volatile.idmap.base":"0"},
"expanded_devices":{"eth0":{"type":"nic","network":"incusbr0"},"root":{"type":"disk","path":"/","pool":"default"}}}`, i, i, i))
	}
	return []byte("[" + strings.Join(list, ",") + "]")
}

func BenchmarkDecode(b *testing.B) {
	data := instances(1000)
	b.Run("starlark", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json.Unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
