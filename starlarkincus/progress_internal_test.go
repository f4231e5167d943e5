package starlarkincus

import (
	"testing"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestProgressHasOneForm checks that the progress of an operation has the same keys and types in whatever form a server sends it:
// as numbers, as a text, or as both.
func TestProgressHasOneForm(t *testing.T) {
	for metadata, want := range map[string]string{
		`{"progress": {"stage": "create_image_from_container_pack", "percent": "7", "speed": "1000"}, "create_image_from_container_pack_progress": "Image pack: 7% (1kB/s)"}`: `{"stage": "Image pack", "percent": 7, "processed": None, "speed": 1000}`,
		`{"progress": {"stage": "create_instance_from_image_unpack", "processed": "70", "speed": "0"}}`:                                                                       `{"stage": "create instance from image unpack", "percent": None, "processed": 70, "speed": None}`,
		`{"download_progress": "rootfs: 45% (10.51MB/s)"}`:                                `{"stage": "rootfs", "percent": 45, "processed": None, "speed": 10510000}`,
		`{"create_backup_progress": "10.06MB (9.22MB/s)"}`:                                `{"stage": None, "percent": None, "processed": 10060000, "speed": 9220000}`,
		`{"evacuation_progress": "Migrating \"c2\" in project \"default\" to \"node1\""}`: `{"stage": "Migrating \"c2\" in project \"default\" to \"node1\"", "percent": None, "processed": None, "speed": None}`,
		`{"progress": "odd"}`:              `{"stage": None, "percent": None, "processed": None, "speed": None}`,
		`{"fs_progress": 5}`:               `{"stage": None, "percent": None, "processed": None, "speed": None}`,
		`{"fingerprint": "x", "size": 12}`: "None",
		`{}`:                               "None",
		`null`:                             "None",
	} {
		o := newObject(New(Options{}).collection(spec.Operations))
		if err := o.setJSON([]byte(`{"id": "a", "metadata": ` + metadata + `}`)); err != nil {
			t.Fatal(err)
		}
		got, err := o.Attr("progress")
		if err != nil || got.String() != want {
			t.Errorf("%s: got %v, want %s, %v", metadata, got, want, err)
		}
		if dict, ok := got.(*starlark.Dict); ok {
			for _, f := range progressKeys() {
				if _, found, _ := dict.Get(starlark.String(f)); !found || dict.Len() != len(progressKeys()) {
					t.Errorf("%s: the declaration has %s, and the progress is %v", metadata, f, got)
				}
			}
		}
	}
}

// progressKeys returns the declared keys of the progress.
func progressKeys() []string {
	var names []string
	for _, f := range spec.Find(spec.Operations.Fields, "progress").Fields {
		names = append(names, f.Name)
	}
	return names
}
