package spec

// Profiles are sets of configuration and devices that instances share.
var Profiles = &Resource{
	Name: "profiles", Kind: "Profile", Path: "/1.0/profiles", Key: "name", Scope: InProject, Keys: Keys{Kind: "instance"},
	Filter: filterArg(""), AllProjects: allProjectsArg("profiles_all_projects"),
	Doc:     "Sets of configuration and devices that instances share.",
	Verbs:   List | Get | New | Update | Replace | Rename | Delete,
	Columns: append(columns("name", "description"), usedByColumn, projectColumn),
	Fields:  []Field{nameField, descriptionField, configField, devicesField, usedByField, ownerField},
}

// Projects isolate instances, and the objects that they use, from each other.
var Projects = &Resource{
	Name: "projects", Kind: "Project", Path: "/1.0/projects", Key: "name", Filter: filterArg(""), Keys: Keys{Kind: "project"},
	Doc:        "Projects, which isolate instances and their images, profiles and volumes from each other.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: Rename | Delete,
	Columns: []Column{{Field: "name"}, {Field: "config", Key: "features.images", Header: "images"}, {Field: "config", Key: "features.profiles", Header: "profiles"},
		{Field: "config", Key: "features.storage.volumes", Header: "storage volumes"}, {Field: "config", Key: "features.storage.buckets", Header: "storage buckets"},
		{Field: "config", Key: "features.networks", Header: "networks"}, {Field: "config", Key: "features.networks.zones", Header: "network zones"}, {Field: "description"}, usedByColumn},
	Fields:    []Field{nameField, descriptionField, configField, usedByField},
	Takes:     []*Resource{Instances, Images, Profiles, Networks, NetworkACLs, NetworkZones, volumes, buckets},
	TakesWith: "force",
	DeleteArgs: []Field{{Name: "force", Type: Bool, In: Query, Extension: "projects_force_delete",
		Doc: "True also deletes everything in the project; default: a project that isn't empty is an error"}},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(projectState), Effect: Reads, Doc: "Returns its use of each resource, and its limits, as a ProjectState."},
		{Name: "access", HTTP: "GET", Path: "access", Does: DoRead, Returns: listOf(access), Effect: Reads, Extension: "project_access",
			Doc: "Returns the users and clients with access to it: a list, each with identifier, role and provider."},
	},
}

var projectState = &Resource{
	Kind: "ProjectState", Doc: "The use of resources by a project at one moment.", Verbs: Get,
	Columns: []Column{{Field: "resources"}},
	Fields:  []Field{{Name: "resources", Type: Object, Use: Read, Doc: "by resource, such as instances, memory or disk: Usage, and Limit, -1 for no limit"}},
}
