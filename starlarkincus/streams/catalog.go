package streams

import (
	"cmp"
	"runtime"
	"slices"
	"strings"

	"incus-star/errors"
)

// A catalog is the list of a server's images.
type catalog struct {
	server  string // name of the remote
	images  []*Image
	aliases []*Alias // sorted by name, each once for each type
}

// An Alias is an alias, with the names of Incus. Images of several architectures have the same aliases.
type Alias struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Target      string `json:"target"`
	Type        string `json:"type"`

	architecture string
}

// newCatalog sorts the images and gives each alias to the newest of its images. An image of the architecture of this
// machine has a product's alias itself, such as debian/12; all have it with the architecture, such as
// debian/12/arm64.
func newCatalog(server string, images []*Image) *catalog {
	slices.SortStableFunc(images, func(a, b *Image) int {
		by := func(name string) int { return cmp.Compare(a.Properties[name], b.Properties[name]) }
		return cmp.Or(by("os"), by("release"), by("variant"), -by("serial"), by("architecture"),
			cmp.Compare(slices.Index(roots, a.Properties["type"]), slices.Index(roots, b.Properties["type"])))
	})
	c := &catalog{server: server, images: images}
	type key struct{ name, kind, architecture string }
	taken := make(map[key]bool)
	native := architecture(runtime.GOARCH)
	for _, image := range images {
		image.Aliases = []Name{}
		give := func(name string, shown bool) {
			k := key{name, image.Type, image.Architecture}
			if taken[k] {
				return
			}
			taken[k] = true
			c.aliases = append(c.aliases, &Alias{Name: name, Target: image.Fingerprint, Type: image.Type, architecture: image.Architecture})
			if shown {
				image.Aliases = append(image.Aliases, Name{Name: name})
			}
		}
		for _, name := range image.names {
			give(name, image.Architecture == native)
			give(name+"/"+image.Properties["architecture"], true)
		}
	}
	slices.SortStableFunc(c.aliases, func(a, b *Alias) int {
		foreign := func(a *Alias) int {
			if a.architecture == native {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), cmp.Compare(foreign(a), foreign(b)))
	})
	c.aliases = slices.CompactFunc(c.aliases, func(a, b *Alias) bool { return a.Name == b.Name && a.Type == b.Type })
	return c
}

// alias returns the alias with a name, that of a container if there is one of a virtual machine, too.
func (c *catalog) alias(name string) (*Alias, error) {
	i, found := slices.BinarySearchFunc(c.aliases, name, func(a *Alias, name string) int { return cmp.Compare(a.Name, name) })
	if found {
		return c.aliases[i], nil
	}
	names := make([]string, len(c.aliases))
	for i, a := range c.aliases {
		names[i] = a.Name
	}
	return nil, c.missing("with the alias", name, errors.Nearest(name, names))
}

// image returns the image whose fingerprint begins with a text.
func (c *catalog) image(prefix string) (*Image, error) {
	var found *Image
	for _, image := range c.images {
		switch {
		case prefix == "" || !strings.HasPrefix(image.Fingerprint, prefix):
		case found != nil && found.Fingerprint != image.Fingerprint:
			return nil, errors.New(errors.BadRequest, "the fingerprints of several images of %q begin with %s", c.server, prefix)
		case found == nil:
			found = image
		}
	}
	if found == nil {
		return nil, c.missing("with the fingerprint", prefix, "")
	}
	return found, nil
}

// missing returns the error for an unknown image.
func (c *catalog) missing(by, name, near string) error {
	e := errors.New(errors.NotFound, "the image server %q has no image %s %s", c.server, by, name)
	if near != "" {
		e.Message += " (did you mean " + near + "?)"
	}
	e.Object = &errors.Object{Kind: "image", Name: name}
	return e
}

// architectures are the names that Incus has for architectures, by those of distributions and of Go.
var architectures = map[string]string{
	"386": "i686", "i386": "i686", "i586": "i686", "x86": "i686",
	"amd64": "x86_64", "x86_64_v1": "x86_64", "x86_64_v2": "x86_64", "x86_64_v3": "x86_64", "x86_64_v4": "x86_64",
	"armel": "armv6l", "arm": "armv6l", "armhf": "armv7l", "armhfp": "armv7l", "armv7": "armv7l", "arm64": "aarch64",
	"powerpc": "ppc", "powerpc64": "ppc64", "ppc64el": "ppc64le",
	"mipsel": "mips", "mipsle": "mips", "mips64el": "mips64", "mips64le": "mips64", "loong64": "loongarch64",
}

// plainArchitectures are the architectures that Incus knows.
var plainArchitectures = []string{"i686", "x86_64", "armv6l", "armv7l", "armv8l", "aarch64", "ppc", "ppc64", "ppc64le", "s390x",
	"mips", "mips64", "riscv32", "riscv64", "loongarch64"}

// architecture returns Incus's name of an architecture; empty if it is unknown.
func architecture(name string) string {
	if slices.Contains(plainArchitectures, name) {
		return name
	}
	return architectures[name]
}
