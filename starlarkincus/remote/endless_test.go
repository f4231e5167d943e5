//go:build linux

package remote

import (
	"os"
	"testing"
)

// TestEndlessFiles checks that a configuration or a certificate without an end is refused.
func TestEndlessFiles(t *testing.T) {
	w := newWorld(t)
	w.folder("config/incus")
	if err := os.Symlink("/dev/zero", w.path("config/incus/config.yml")); err != nil {
		t.Skip(err)
	}
	_, err := Load(t.Context(), w.env())
	w.check(err, "can't read ROOT/config/incus/config.yml: is larger than the limit of 1 MiB")
	_, err = Environment{}.LoadCertificate(t.Context(), w.path("config/incus/config.yml"), "")
	w.check(err, "can't read ROOT/config/incus/config.yml: is larger than the limit of 1 MiB")
}
