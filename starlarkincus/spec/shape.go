package spec

// The choices by which resources differ. The zero value of each is that of the ordinary resource: its server lists its
// objects, the caller names them, they are JSON, stand on each object of the resource above, and belong to no project.

// A Listing is the form in which servers list a resource.
type Listing int

const (
	AsObjects Listing = iota
	Elements          // the list is all there is: its elements have no path of their own
	ByName            // a dict of the objects by name; of several segments, a dict of such dicts
	ByStatus          // a dict of lists
	Single            // not at all: there is one object, and no collection around it
)

// A Naming says who names a new object.
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
	PlainText         // get returns it, and there is no list but the names
)

// A Standing says where a child collection is.
type Standing int

const (
	OnObject     Standing = iota
	OnCollection          // on its parent's collection: images.aliases, not image.aliases
)

// A Scope says to which project objects belong.
type Scope int

const (
	OfServer Scope = iota
	InProject
	InProjectOrServer // a list has objects of no project too, and doesn't fail where the project isn't there
)

// An Origin is the way in which a source, of a copy or an image, names an object.
type Origin int

const (
	NoSource    Origin = iota
	ByItsName          // its own name is enough
	WithParent         // parent/name
	PoolAndName        // the name, its pool, and the cluster member that it is on
)
