package spec

// memberConfig lists the fields of a configuration key that differs by member.
var memberConfig = []Field{
	{Name: "entity", Type: String, Values: []string{"network", "storage-pool"}, Doc: "the kind of object: network or storage-pool"},
	{Name: "name", Type: String, Doc: "the name of the object"},
	{Name: "key", Type: String, Doc: "the configuration key"},
	{Name: "value", Type: String, Doc: "the value on this member"},
	{Name: "description", Type: String, Doc: "a description, in free text"},
}

// ClusterOf is the cluster of a server.
var ClusterOf = &Resource{
	Name: "cluster", Kind: "Cluster", Path: "/1.0/cluster", Lists: Single,
	Doc:     "The cluster of the server. incus.cluster() reads it.",
	Verbs:   Get,
	Columns: columns("server_name", "enabled"),
	Fields: []Field{
		{Name: "enabled", Type: Bool, Use: Read, Doc: "whether the server is a member of a cluster"},
		{Name: "server_name", Type: String, Use: Read, Doc: "the name of the member that answered"},
		{Name: "member_config", Type: Objects, Use: Read, Doc: "configuration keys that differ by member, in the form that join takes"},
	},
	Methods: []Method{
		{Name: "enable", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": true},
			Doc:  "Turns the server into a cluster of one member, which other servers can join.",
			Args: []Field{{Name: "server_name", Type: String, Required: true, Positional: true, Doc: "the name of this member"}}},
		{Name: "join", Collection: true, HTTP: "PUT", Does: DoJoin, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": true},
			Doc: "Makes the server a member of an existing cluster. All data on the server is lost.",
			Args: []Field{
				{Name: "server_name", Type: String, Required: true, Positional: true, Doc: "the name of this member"},
				{Name: "server_address", Type: String, Doc: "the address of this member for the others, with the port"},
				{Name: "cluster_token", Type: String, Doc: "a token of members.create_token, which includes the address and the certificate of the cluster"},
				{Name: "cluster_address", Type: String, Doc: "the address of a member of the cluster, for a join without a token"},
				{Name: "cluster_certificate", Type: String, Doc: "the certificate of the cluster, as PEM, for a join without a token"},
				{Name: "member_config", Type: Objects, Fields: memberConfig, Doc: "the configuration of pools and networks on this member"},
			}},
		{Name: "disable", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, Background: true, Send: map[string]any{"enabled": false},
			Doc: "Turns a cluster of one member into a server without a cluster. The daemon restarts."},
		{Name: "set_certificate", Collection: true, HTTP: "PUT", Path: "certificate", Does: DoAct, Returns: nothing, Effect: Changes,
			Doc: "Replaces the certificate of the cluster on all members.",
			Args: []Field{
				{Name: "cluster_certificate", Type: String, Required: true, Positional: true, Doc: "the certificate, as PEM"},
				{Name: "cluster_certificate_key", Type: String, Required: true, Positional: true, Doc: "the key of the certificate, as PEM"},
			}},
	},
	Children: []*Resource{members, Groups},
}

var members = &Resource{
	Name: "members", Kind: "Member", Path: "members", Key: "server_name", Stands: OnCollection, Keys: Keys{Kind: "cluster"}, Filter: conditionsArg(),
	Doc:     "Members of the cluster.",
	Verbs:   List | Get | Update | Replace | Rename | Delete,
	Columns: columns("server_name", "url", "roles", "architecture", "failure_domain", "description", "status", "message"),
	Fields: []Field{
		{Name: "server_name", Type: Name, Use: Read, Doc: "the name"},
		{Name: "description", Type: String, Use: Read | Change, Doc: "a description, in free text"},
		{Name: "config", Type: Config, Use: Read | Change, Doc: "configuration keys and their values"},
		{Name: "roles", Type: Strings, Use: Read | Change, Unordered: true, Doc: "the roles. event-hub, ovn-chassis and, on Incus 7.0, database-client can be set. The server gives and takes the others: database has to be named where it is, and database-standby and database-leader have no effect"},
		{Name: "groups", Type: Strings, Use: Read | Change, Unordered: true, Refers: ToGroup, Doc: "the names of its groups"},
		{Name: "failure_domain", Type: String, Use: Read | Change, Doc: "the failure domain, such as a rack"},
		{Name: "url", Type: String, Use: Read, Doc: "the URL of its API"},
		{Name: "database", Type: Bool, Use: Read, Doc: "whether it holds a copy of the cluster's database"},
		{Name: "status", Type: String, Use: Read, Doc: "Online, Offline, Evacuated or Blocked"},
		{Name: "message", Type: String, Use: Read, Doc: "details of the status"},
		{Name: "architecture", Type: String, Use: Read, Doc: "the architecture, such as x86_64"},
	},
	DeleteArgs: []Field{{Name: "force", Type: Int, In: Query, Doc: "1 also removes a member that doesn't answer, with everything on it; default: 0"}},
	Methods: append(tokenMethods("new member"), []Method{
		{Name: "create_token", Collection: true, HTTP: "POST", Does: DoToken, Returns: aText, Effect: Creates, Background: true,
			Doc:  "Creates a token with which one server can join the cluster, and returns it as a string, which is secret. It is valid until it is used or revoked, or for the time in the server's configuration cluster.join_token_expiry, by default three hours; a second one for the same name revokes the first. wait=False returns its Operation instead, which lasts until the token is used or revoked, for wait() or cancel(); the token can't be had from that.",
			Args: []Field{{Name: "server_name", Type: String, Required: true, Positional: true, Doc: "the name of the new member"}}},
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(memberState), Effect: Reads, Doc: "Returns its load, memory and storage, as a MemberState."},
		{Name: "evacuate", HTTP: "POST", Path: "state", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Steps: true, Send: map[string]any{"action": "evacuate"},
			Doc:  "Evacuates the member, which stops its instances or moves them to other members, and returns it.",
			Args: []Field{{Name: "mode", Type: String, Values: []string{"auto", "stop", "migrate", "live-migrate", "refresh-migrate", "stateful-stop", "force-stop"}, Doc: "auto, stop, migrate, live-migrate, stateful-stop, force-stop or, on Incus 7.0, refresh-migrate; default: cluster.evacuate of each instance"}}},
		{Name: "restore", HTTP: "POST", Path: "state", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Steps: true, Send: map[string]any{"action": "restore"},
			Doc:  "Restores the member after an evacuation, with its instances, and returns it.",
			Args: []Field{{Name: "mode", Type: String, Values: []string{"skip"}, Doc: "skip leaves the instances on their present members. Incus 6.0 ignores it, whatever it is, and brings the instances back"}}},
	}...),
}

var memberState = &Resource{
	Kind: "MemberState", Doc: "The use of resources by a cluster member at one moment.", Verbs: Get,
	Columns: []Column{{Field: "sysinfo", Key: "uptime"}, {Field: "sysinfo", Key: "processes"}},
	Fields: []Field{
		{Name: "sysinfo", Type: Object, Use: Read, Doc: "the uptime, load averages, memory and swap in bytes, and number of processes"},
		{Name: "storage_pools", Type: Object, Use: Read, Doc: "by pool, its space and inodes"},
	},
}

// Groups are the groups of cluster members.
var Groups = &Resource{
	Name: "groups", Kind: "Group", Path: "groups", Key: "name", Stands: OnCollection, Keys: Keys{Kind: "cluster_group"},
	Doc:     "Groups of members. target=\"@group\" places an instance on any member of one.",
	Verbs:   List | Get | New | Update | Replace | Rename | Delete,
	Columns: columns("name", "description", "members"),
	Fields: []Field{nameField, descriptionField,
		{Name: "members", Type: Strings, Use: All, Unordered: true, Refers: ToMember, Doc: "the names of the members"},
		{Name: "config", Type: Config, Use: All, Extension: "clustering_groups_config", Doc: "configuration keys and their values"},
		usedByField,
	},
}
