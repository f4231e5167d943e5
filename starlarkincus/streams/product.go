package streams

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// An Image is an image, with the names of Incus.
type Image struct {
	Fingerprint  string            `json:"fingerprint"`
	Aliases      []Name            `json:"aliases"`
	Architecture string            `json:"architecture"`
	Type         string            `json:"type"`
	Filename     string            `json:"filename"`
	Properties   map[string]string `json:"properties"`
	Public       bool              `json:"public"`
	AutoUpdate   bool              `json:"auto_update"`
	Cached       bool              `json:"cached"`
	Size         int64             `json:"size"`
	CreatedAt    time.Time         `json:"created_at"`
	UploadedAt   time.Time         `json:"uploaded_at"`
	ExpiresAt    time.Time         `json:"expires_at"`

	files []item   // one, or the metadata and the root file system
	names []string // aliases of its product
}

// A Name is an alias of an image.
type Name struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// A product is a product of a products file: an operating system's release for an architecture.
type product struct {
	Aliases      string             `json:"aliases"`
	Arch         string             `json:"arch"`
	OS           string             `json:"os"`
	Release      string             `json:"release"`
	ReleaseTitle string             `json:"release_title"`
	Version      string             `json:"version"`
	Variant      string             `json:"variant"`
	EndOfLife    string             `json:"support_eol"`
	Requirements map[string]string  `json:"requirements"`
	Versions     map[string]version `json:"versions"`
}

// A version is a product as built at one time.
type version struct {
	Items map[string]item `json:"items"`
	Label string          `json:"label"`
}

// An item is a file of a version. Those with the metadata of an image have the hashes of both files together.
type item struct {
	FileType    string `json:"ftype"`
	Path        string `json:"path"`
	SHA256      string `json:"sha256"`
	Size        int64  `json:"size"`
	Type        string `json:"combined_type"`
	WithAny     string `json:"combined_sha256"`
	WithRootXZ  string `json:"combined_rootxz_sha256"`
	WithSquash  string `json:"combined_squashfs_sha256"`
	WithDisk    string `json:"combined_disk1-img_sha256"`
	WithKVMDisk string `json:"combined_disk-kvm-img_sha256"`
	WithUEFI    string `json:"combined_uefi1-img_sha256"`
}

// The types of items.
const (
	combinedItem = "incus_combined.tar.gz"
	metadataItem = "incus.tar.xz"
)

// roots are the types of items with a root file system, the preferred ones first.
var roots = []string{"squashfs", "root.tar.xz", "disk-kvm.img", "uefi1.img", "disk1.img"}

// with returns the fingerprint of the image that the metadata makes with a root file system.
func (m *item) with(root string) string {
	switch root {
	case "squashfs":
		return m.WithSquash
	case "root.tar.xz":
		if m.WithRootXZ == "" {
			return m.WithAny
		}
		return m.WithRootXZ
	case "disk-kvm.img":
		return m.WithKVMDisk
	case "uefi1.img":
		return m.WithUEFI
	case "disk1.img":
		return m.WithDisk
	}
	return ""
}

// images returns the images of the product. Those that Incus can't use are left out.
func (p *product) images() []*Image {
	var out []*Image
	for _, serial := range slices.Sorted(maps.Keys(p.Versions)) {
		built, err := time.Parse("20060102", serial[:min(8, len(serial))])
		arch := architecture(p.Arch)
		if err != nil || arch == "" {
			continue
		}
		v := p.Versions[serial]
		add := func(fingerprint, root, kind string, files ...item) {
			if len(fingerprint) != 64 || !hexadecimal(fingerprint) || slices.ContainsFunc(files, func(i item) bool { return i.Path == "" }) {
				return
			}
			i := &Image{Fingerprint: fingerprint, Architecture: arch, Type: kind, Filename: path.Base(files[0].Path), Public: true,
				Properties: p.properties(serial, v.Label, root), CreatedAt: built, UploadedAt: built, files: files}
			for _, f := range files {
				i.Size += f.Size
			}
			i.ExpiresAt, _ = time.Parse("2006-01-02", p.EndOfLife) // the zero time for none
			for name := range strings.SplitSeq(p.Aliases, ",") {
				if name = strings.TrimSpace(name); name != "" {
					i.names = append(i.names, name)
				}
			}
			out = append(out, i)
		}
		for _, name := range slices.Sorted(maps.Keys(v.Items)) {
			switch meta := v.Items[name]; meta.FileType {
			case combinedItem:
				kind := "container"
				if meta.Type == "virtual-machine" {
					kind = meta.Type
				}
				add(meta.SHA256, "tar.gz", kind, meta)
			case metadataItem:
				for _, below := range slices.Sorted(maps.Keys(v.Items)) {
					root := v.Items[below]
					kind := "container"
					if strings.HasSuffix(root.FileType, ".img") {
						kind = "virtual-machine"
					}
					if slices.Contains(roots, root.FileType) {
						add(meta.with(root.FileType), root.FileType, kind, meta, root)
					}
				}
			}
		}
	}
	return out
}

// properties returns the properties of an image, as servers write them.
func (p *product) properties(serial, label, root string) map[string]string {
	description := fmt.Sprintf("%s %s %s", p.OS, p.ReleaseTitle, p.Arch)
	if label != "" {
		description += " (" + label + ")"
	}
	out := map[string]string{"os": p.OS, "release": p.Release, "version": p.Version, "architecture": p.Arch, "label": label,
		"serial": serial, "variant": p.Variant, "type": root, "description": description + " (" + serial + ")"}
	for name, v := range p.Requirements {
		out["requirements."+name] = v
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// hexadecimal reports whether a text has only digits and small letters from a to f.
func hexadecimal(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }
