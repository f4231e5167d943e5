package spec

// Profiles are configuration and devices that instances share.
var Profiles = &Resource{
	Name: "profiles", Kind: "Profile", Path: "/1.0/profiles", Key: "name", Scope: InProject,
	Filter: filterArg(""), Everywhere: everywhereArg("profiles_all_projects"),
	Doc:    "Configuration and devices that instances share.",
	Verbs:  List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField, configField, devicesField, usedByField, ownerField},
}

// Projects keep instances and what belongs to them apart.
var Projects = &Resource{
	Name: "projects", Kind: "Project", Path: "/1.0/projects", Key: "name", Filter: filterArg(""),
	Doc:        "Projects, which keep instances and what belongs to them apart.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: Rename | Delete,
	Fields:     []Field{nameField, descriptionField, configField, usedByField},
	Takes:      []*Resource{Instances, Images, Profiles, Networks, NetworkACLs, NetworkZones, volumes, buckets}, // with force=True
	DeleteArgs: []Field{{Name: "force", Type: Bool, Place: Query, Extension: "projects_force_delete",
		Doc: "True deletes what is in it too"}},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(projectState), Effect: Reads, Doc: "Reads how much of each resource it uses, and its limits."},
		{Name: "access", HTTP: "GET", Path: "access", Does: DoRead, Returns: listOf(access), Effect: Reads, Extension: "project_access",
			Doc: "Reads who may use it: a list, each with identifier, role and provider."},
	},
}

var projectState = &Resource{
	Kind: "ProjectState", Doc: "What a project uses at one moment.", Verbs: Get,
	Fields: []Field{{Name: "resources", Type: Object, Use: Read, Doc: "by resource, such as instances, memory, disk: its Usage, and its Limit, -1 for none"}},
}
