package spec

// The types below describe the differences between resources. Their zero values describe the ordinary resource: the
// server lists its objects, the caller names them, they are JSON, belong to no project, and, if there is a parent
// resource, to one object of it.

// A Listing is the form of the server's list of a resource.
type Listing int

const (
	AsObjects Listing = iota
	Elements          // a list whose elements have no paths
	ByName            // a dict of the objects by name; with a Segment, a dict of such dicts
	ByStatus          // a dict of lists
	Single            // no list: there is one object, without a collection
)

// A Naming is the origin of a new object's name.
type Naming int

const (
	ByCaller  Naming = iota
	ByServer         // create takes no name
	AtItsPath        // create is a PUT at the object's own path, and overwrites an existing one
)

// A Content is the form of an object.
type Content int

const (
	JSON      Content = iota
	PlainText         // get returns a string; only the names can be listed
)

// A Standing is the place of a child collection.
type Standing int

const (
	OnObject     Standing = iota
	OnCollection          // reached as images.aliases, not as image.aliases
)

// A Scope is the relation of objects to projects.
type Scope int

const (
	OfServer Scope = iota
	InProject
	InProjectOrServer // a list includes objects without a project, and ignores that the project doesn't exist
)

// An Origin is the form of an object's name as the source of a copy or an image.
type Origin int

const (
	NoSource    Origin = iota
	ByItsName          // name
	WithParent         // parent/name
	PoolAndName        // name, pool and cluster member
)
