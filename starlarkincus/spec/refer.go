package spec

import (
	"slices"
	"strings"
)

// A Reference is the kind of object whose name a string holds.
type Reference int

// The references. The zero value is none: a new name, or something else.
const (
	_             Reference = iota
	ToItself                // an object of the method's own resource
	ToInstance              // an instance
	ToProfile               // a profile
	ToProject               // a project
	ToNetwork               // a network
	ToIntegration           // a network integration
	ToPool                  // a storage pool
	ToMember                // a cluster member
	ToPlace                 // a cluster member, or @ and a group of them
	ToGroup                 // a group of cluster members
	ToAlias                 // an alias of an image
	ToImage                 // an image as for the incus command: an alias, or a remote, a colon and an alias
	ToFingerprint           // an image by its fingerprint
	ToSnapshot              // a snapshot of the object that the method is called on
	ToExtension             // an API extension of the server
	ToFile                  // a local file, as those of the types LocalPath and LocalInput
	ToRemote                // a remote of the incus command
	References              // the number of references, with the zero value
)

// Reference returns the kind of object that the field names; 0 for none.
func (f *Field) Reference() Reference {
	if f.Type == LocalPath || f.Type == LocalInput {
		return ToFile
	}
	return f.Refers
}

// Resource returns the resource of the objects; nil if it is the method's own, or if they aren't objects of the server.
func (r Reference) Resource() *Resource {
	switch r {
	case ToInstance:
		return Instances
	case ToProfile:
		return Profiles
	case ToProject:
		return Projects
	case ToNetwork:
		return Networks
	case ToIntegration:
		return NetworkIntegrations
	case ToPool:
		return StoragePools
	case ToMember, ToPlace:
		return members
	case ToGroup:
		return Groups
	case ToAlias, ToImage:
		return imageAliases
	case ToFingerprint:
		return Images
	}
	return nil
}

// Keys are the kinds of objects under which servers describe the keys of a resource's config.
type Keys struct {
	Kind    string // such as instance
	By      string // field whose value completes the kind, as in network_bridge; empty for none
	Default string // value of the field if it isn't given; empty if that is unknown
}

// Describes reports whether the description of a kind of objects is that of the keys, with the value of the field By;
// empty for an unknown one.
func (k Keys) Describes(kind, by string) bool {
	switch {
	case k.Kind == "":
		return false
	case k.By == "":
		return kind == k.Kind
	case by != "":
		return kind == k.Kind+"_"+by
	}
	rest, ok := strings.CutPrefix(kind, k.Kind+"_")
	return ok && !slices.ContainsFunc(otherKinds[k.Kind], func(other string) bool { return strings.HasPrefix(rest, other) })
}

// otherKinds are the rests of the kinds that begin like another one, and have keys of their own.
var otherKinds = map[string][]string{
	"network": {"acl", "address_set", "forward", "integration", "load_balancer", "peer", "zone"},
	"storage": {"volume", "bucket"},
}

// HasKeys reports whether the field is a configuration whose keys servers describe under the resource's Keys.
func (f *Field) HasKeys() bool {
	return f.Type == Config && (f.Name == "config" || f.Name == "expanded_config")
}

// DescribesDevice reports whether the description of a kind, such as device_nic-bridged, is that of the keys of devices of
// a type; empty for any.
func DescribesDevice(kind, of string) bool {
	rest, ok := strings.CutPrefix(kind, "device_")
	group, _, _ := strings.Cut(rest, "-")
	unix := rest == "unix-char-block" && strings.HasPrefix(of, "unix-") && of != "unix-hotplug"
	return ok && (of == "" || rest == of || group == of || unix)
}

// A DeviceType is a type of devices, with the keys that are common to its kinds. Servers describe further keys.
type DeviceType struct {
	Name string
	Keys []Field
}

// DeviceTypes are the types of devices.
var DeviceTypes = []DeviceType{
	{Name: "nic", Keys: []Field{
		{Name: "network", Type: String, Refers: ToNetwork}, {Name: "nictype", Type: String}, {Name: "parent", Type: String}, {Name: "name", Type: String},
		{Name: "hwaddr", Type: String}, {Name: "host_name", Type: String}, {Name: "mtu", Type: Int}, {Name: "vlan", Type: Int},
		{Name: "ipv4.address", Type: String}, {Name: "ipv6.address", Type: String}, {Name: "limits.ingress", Type: String}, {Name: "limits.egress", Type: String},
		{Name: "security.acls", Type: String}, {Name: "security.mac_filtering", Type: Bool}, {Name: "boot.priority", Type: Int},
	}},
	{Name: "disk", Keys: []Field{
		{Name: "pool", Type: String, Refers: ToPool}, {Name: "path", Type: String}, {Name: "source", Type: String}, {Name: "size", Type: String},
		{Name: "readonly", Type: Bool}, {Name: "shift", Type: Bool}, {Name: "limits.read", Type: String}, {Name: "limits.write", Type: String}, {Name: "boot.priority", Type: Int},
	}},
	{Name: "proxy", Keys: []Field{{Name: "listen", Type: String}, {Name: "connect", Type: String}, {Name: "bind", Type: String}, {Name: "nat", Type: Bool}, {Name: "proxy_protocol", Type: Bool}}},
	{Name: "gpu", Keys: []Field{{Name: "gputype", Type: String}, {Name: "id", Type: String}, {Name: "pci", Type: String}, {Name: "vendorid", Type: String}, {Name: "productid", Type: String}}},
	{Name: "infiniband", Keys: []Field{{Name: "nictype", Type: String}, {Name: "parent", Type: String}, {Name: "name", Type: String}, {Name: "hwaddr", Type: String}, {Name: "mtu", Type: Int}}},
	{Name: "pci", Keys: []Field{{Name: "address", Type: String}}},
	{Name: "tpm", Keys: []Field{{Name: "path", Type: String}, {Name: "pathrm", Type: String}}},
	{Name: "unix-block", Keys: []Field{{Name: "source", Type: String}, {Name: "path", Type: String}, {Name: "major", Type: Int}, {Name: "minor", Type: Int}, {Name: "required", Type: Bool}}},
	{Name: "unix-char", Keys: []Field{{Name: "source", Type: String}, {Name: "path", Type: String}, {Name: "major", Type: Int}, {Name: "minor", Type: Int}, {Name: "required", Type: Bool}}},
	{Name: "unix-hotplug", Keys: []Field{{Name: "vendorid", Type: String}, {Name: "productid", Type: String}, {Name: "required", Type: Bool}}},
	{Name: "usb", Keys: []Field{{Name: "vendorid", Type: String}, {Name: "productid", Type: String}, {Name: "serial", Type: String}, {Name: "required", Type: Bool}}},
	{Name: "none"},
}
