package spec

// memberConfig is what a member brings along to a cluster.
var memberConfig = []Field{
	{Name: "entity", Type: String, Doc: "network or storage-pool"},
	{Name: "name", Type: String, Doc: "which one"},
	{Name: "key", Type: String, Doc: "the configuration key"},
	{Name: "value", Type: String, Doc: "its value on this member"},
	{Name: "description", Type: String, Doc: "what people are told about it"},
}

// ClusterOf is the cluster that a server is in.
var ClusterOf = &Resource{
	Name: "cluster", Kind: "Cluster", Path: "/1.0/cluster", Lists: Single,
	Doc:   "The cluster that the server is in. incus.cluster() reads it.",
	Verbs: Get,
	Fields: []Field{
		{Name: "enabled", Type: Bool, Use: Read, Doc: "whether the server is in a cluster"},
		{Name: "server_name", Type: String, Use: Read, Doc: "the name of the member that answers"},
		{Name: "member_config", Type: Objects, Use: Read, Doc: "configuration that each member has its own of: what join takes"},
	},
	Methods: []Method{
		{Name: "enable", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": true},
			Doc:  "Makes a cluster of this one server, which others can then join.",
			Args: []Field{{Name: "server_name", Type: String, Required: true, Position: true, Doc: "the name of this member"}}},
		{Name: "join", Collection: true, HTTP: "PUT", Does: DoJoin, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": true},
			Doc: "Makes the server a member of a cluster that exists. What it has is lost.",
			Args: []Field{
				{Name: "server_name", Type: String, Required: true, Position: true, Doc: "the name of this member"},
				{Name: "server_address", Type: String, Doc: "the address that the others reach it at, with its port"},
				{Name: "cluster_token", Type: String, Doc: "what members.create_token made: it says where the cluster is and which certificate it has"},
				{Name: "cluster_address", Type: String, Doc: "the address of a member, where there is no token"},
				{Name: "cluster_certificate", Type: String, Doc: "the cluster's certificate, as PEM, where there is no token"},
				{Name: "member_config", Type: Objects, Fields: memberConfig, Doc: "this member's own configuration of pools and networks"},
			}},
		{Name: "disable", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": false},
			Doc: "Makes a plain server of a cluster that has just this one. The daemon restarts for it."},
		{Name: "set_certificate", Collection: true, HTTP: "PUT", Path: "certificate", Does: DoAct, Returns: nothing, Effect: Changes,
			Doc: "Gives all members another certificate for the cluster.",
			Args: []Field{
				{Name: "cluster_certificate", Type: String, Required: true, Position: true, Doc: "the certificate, as PEM"},
				{Name: "cluster_certificate_key", Type: String, Required: true, Position: true, Doc: "its key, as PEM"},
			}},
	},
	Children: []*Resource{members, Groups},
}

var members = &Resource{
	Name: "members", Kind: "Member", Path: "members", Key: "server_name", Stands: OnCollection, Filter: conditionsArg(),
	Doc:   "Members of the cluster.",
	Verbs: List | Get | Update | Replace | Rename | Delete,
	Fields: []Field{
		{Name: "server_name", Type: Name, Use: Read, Doc: "its name"},
		{Name: "description", Type: String, Use: Read | Change, Doc: "what people are told about it"},
		{Name: "config", Type: Config, Use: Read | Change, Doc: "configuration keys and their values"},
		{Name: "roles", Type: Strings, Use: Read | Change, Unordered: true, Doc: "its roles; those that begin with database can't be set"},
		{Name: "groups", Type: Strings, Use: Read | Change, Unordered: true, Doc: "the groups that it is in"},
		{Name: "failure_domain", Type: String, Use: Read | Change, Doc: "what fails together with it, such as a rack"},
		{Name: "url", Type: String, Use: Read, Doc: "where it is reached"},
		{Name: "database", Type: Bool, Use: Read, Doc: "whether it holds the cluster's database"},
		{Name: "status", Type: String, Use: Read, Doc: "Online, Offline, Evacuated or Blocked"},
		{Name: "message", Type: String, Use: Read, Doc: "why, where something is wrong"},
		{Name: "architecture", Type: String, Use: Read, Doc: "such as x86_64"},
	},
	DeleteArgs: []Field{{Name: "force", Type: Int, Place: Query, Doc: "1 removes a member that doesn't answer, with all that is on it"}},
	Methods: []Method{
		{Name: "create_token", Collection: true, HTTP: "POST", Does: DoToken, Returns: aText, Effect: Creates, Background: true,
			Doc:  "Makes a token with which a server can join the cluster, once, and returns it as a string: a secret. wait=False returns its Operation, whose cancel() revokes it.",
			Args: []Field{{Name: "server_name", Type: String, Required: true, Position: true, Doc: "the name that the member will have"}}},
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(memberState), Effect: Reads, Doc: "Reads its load, memory and storage."},
		{Name: "evacuate", HTTP: "POST", Path: "state", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Send: map[string]any{"action": "evacuate"},
			Doc:  "Stops its instances, or moves them to other members, and returns it.",
			Args: []Field{{Name: "mode", Type: String, Doc: "stop, migrate, live-migrate, stateful-stop or force-stop, instead of what each instance says"}}},
		{Name: "restore", HTTP: "POST", Path: "state", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Send: map[string]any{"action": "restore"},
			Doc:  "Brings its instances back after an evacuation, and returns it.",
			Args: []Field{{Name: "mode", Type: String, Doc: "skip leaves the instances where they are"}}},
	},
}

var memberState = &Resource{
	Kind: "MemberState", Doc: "What a cluster member uses at one moment.", Verbs: Get,
	Fields: []Field{
		{Name: "sysinfo", Type: Object, Use: Read, Doc: "uptime, load averages, memory and swap in bytes, processes"},
		{Name: "storage_pools", Type: Object, Use: Read, Doc: "by pool, its space and inodes"},
	},
}

// Groups are those of the cluster's members.
var Groups = &Resource{
	Name: "groups", Kind: "Group", Path: "groups", Key: "name", Stands: OnCollection,
	Doc:   "Groups of members, which instances can be put on as @group.",
	Verbs: List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField,
		{Name: "members", Type: Strings, Use: All, Unordered: true, Doc: "names of the members"},
		{Name: "config", Type: Config, Use: All, Extension: "clustering_groups_config", Doc: "configuration keys and their values"},
		usedByField,
	},
}
