package spec

// Collections are what a client holds, each under its name.
var Collections = []*Resource{Instances, Images, Profiles, Projects, Operations, Server}

// Fields that many resources have.
var (
	nameField        = Field{Name: "name", Type: Name, Use: Read | Create, Doc: "its name"}
	descriptionField = Field{Name: "description", Type: String, Use: All, Doc: "what people are told about it"}
	configField      = Field{Name: "config", Type: Config, Use: All, Doc: "configuration keys and their values"}
	devicesField     = Field{Name: "devices", Type: Devices, Use: All, Doc: "devices by name, each with its type and settings"}
	usedByField      = Field{Name: "used_by", Type: Strings, Use: Read, Doc: "URLs of what uses it"}
	ownerField       = Field{Name: "project", Type: String, Use: Read, Doc: "the project that it belongs to"}
)

// imageSource is where an instance comes from.
var imageSource = []Field{
	{Name: "type", Type: String, Doc: "image, migration, copy or none"},
	{Name: "alias", Type: String, Doc: "the image's alias"},
	{Name: "fingerprint", Type: String, Doc: "the image's fingerprint"},
	{Name: "properties", Type: Config, Doc: "properties that the image must have"},
	{Name: "server", Type: String, Doc: "URL of the server that has the image"},
	{Name: "protocol", Type: String, Doc: "how to talk to that server: incus, simplestreams or oci"},
	{Name: "secret", Type: String, Doc: "what allows the server to fetch a private image"},
	{Name: "certificate", Type: String, Doc: "that server's certificate, as PEM"},
	{Name: "mode", Type: String, Doc: "pull or push, for an image server or a migration"},
	{Name: "project", Type: String, Doc: "the project of what is copied"},
	{Name: "source", Type: String, Doc: "name of the instance or snapshot that is copied"},
	{Name: "instance_only", Type: Bool, Doc: "leaves the snapshots behind"},
	{Name: "live", Type: Bool, Doc: "moves the running state too"},
	{Name: "refresh", Type: Bool, Doc: "brings an existing copy up to date"},
	{Name: "refresh_exclude_older", Type: Bool, Doc: "skips snapshots older than the newest one in the copy"},
	{Name: "allow_inconsistent", Type: Bool, Doc: "goes on when files change while they are copied"},
	{Name: "base-image", Type: String, Doc: "fingerprint of the image that a migration starts from"},
	{Name: "operation", Type: String, Doc: "URL of the migration's operation on the other server"},
	{Name: "secrets", Type: Config, Doc: "secrets of the migration's connections"},
}

var instanceFields = []Field{
	nameField, descriptionField, configField, devicesField,
	{Name: "profiles", Type: Strings, Use: All, Doc: "names of the profiles that apply, in that order"},
	{Name: "architecture", Type: String, Use: All, Doc: "such as x86_64"},
	{Name: "ephemeral", Type: Bool, Use: All, Doc: "True deletes it when it stops"},
	{Name: "type", Type: String, Use: Read | Create, Doc: "container (the default) or virtual-machine"},
	{Name: "source", Type: Object, Use: Create, Fields: imageSource, Doc: "what it is made from; image= is shorter for an image"},
	{Name: "instance_type", Type: String, Use: Create, Doc: "a cloud's size, such as t1.micro, made into limits"},
	{Name: "start", Type: Bool, Use: Create, Doc: "True starts it too"},
	{Name: "stateful", Type: Bool, Use: All, Doc: "whether its running state is kept"},
	{Name: "restore", Type: String, Use: Create | Change, Doc: "name of the snapshot to go back to"},
	{Name: "disk_only", Type: Bool, Use: Create | Change, Doc: "with restore, restores just the disks"},
	{Name: "status", Type: String, Use: Read, Doc: "such as Running, Stopped, Frozen"},
	{Name: "status_code", Type: Int, Use: Read, Doc: "the status as a number"},
	{Name: "created_at", Type: Time, Use: Read, Doc: "when it was created"},
	{Name: "last_used_at", Type: Time, Use: Read, Doc: "when it was last started"},
	{Name: "location", Type: String, Use: Read, Doc: "the cluster member that it is on"},
	{Name: "expanded_config", Type: Config, Use: Read, Doc: "its configuration with the profiles applied"},
	{Name: "expanded_devices", Type: Devices, Use: Read, Doc: "its devices with the profiles applied"},
	ownerField,
}

var imageArg = Field{Name: "image", Type: String, Place: Local,
	Doc: "the image, as the incus command takes it: an alias, a fingerprint, or remote:alias"}

// stateMethod is one change of an instance's state.
func stateMethod(action, doc string, args ...Field) Method {
	return Method{Name: action, Doc: doc, HTTP: "PUT", Path: "state", Send: map[string]any{"action": action},
		Args: args, Background: true, Impl: "action", Refresh: true}
}

var (
	stopTimeout = Field{Name: "timeout", Type: Int, Doc: "seconds that it has to shut down; without it 600. The operation fails after that"}
	stopForce   = Field{Name: "force", Type: Bool, Doc: "True ends it without asking it to shut down"}
	keepState   = Field{Name: "stateful", Type: Bool, Doc: "True saves the running state, or starts from the saved one"}
)

// Instances are the containers and virtual machines.
var Instances = &Resource{
	Name: "instances", Kind: "Instance", Path: "/1.0/instances", Key: "name", Project: true, Filter: true, ListDepth: 2,
	Doc:        "Containers and virtual machines.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Update | Replace | Rename | Delete,
	Fields:     instanceFields,
	CreateArgs: []Field{imageArg, targetArg},
	DeleteArgs: []Field{{Name: "force", Type: Bool, Place: Local, Doc: "True stops it first if it runs"}},
	Methods: []Method{
		{Name: "launch", Collection: true, HTTP: "POST", Background: true, Impl: "create", Send: map[string]any{"start": true},
			Doc: "Creates an instance, starts it, and returns it."},
		stateMethod("start", "Starts it and returns it.", keepState),
		stateMethod("stop", "Shuts it down and returns it.", stopTimeout, stopForce, keepState),
		stateMethod("restart", "Shuts it down, starts it again, and returns it.", stopTimeout, stopForce),
		stateMethod("freeze", "Suspends its processes and returns it."),
		stateMethod("unfreeze", "Lets its processes go on and returns it."),
		{Name: "state", HTTP: "GET", Path: "state", Impl: "read", Result: instanceState,
			Doc: "Reads what it uses now: cpu, memory, disk, network, processes."},
		{Name: "addresses", HTTP: "GET", Path: "state", Impl: "addresses",
			Doc:  "Reads the addresses that other machines can reach it at, IPv4 first, as a list of strings.",
			Args: []Field{{Name: "family", Type: String, Place: Local, Doc: "inet or inet6, for just these"}}},
		{Name: "wait_ready", HTTP: "GET", Path: "state", Impl: "wait_ready",
			Doc: "Waits until it runs, and has what the arguments ask for, and returns it. IncusOperationTimeoutError when the time is over.",
			Args: []Field{
				{Name: "agent", Type: Bool, Place: Local, Doc: "True waits until a virtual machine's agent answers"},
				{Name: "network", Type: Bool, Place: Local, Doc: "True waits for an address that other machines can reach"},
				{Name: "cloud_init", Type: Bool, Place: Local, Doc: "True waits for the end of cloud-init; IncusExecError if it failed or isn't there"},
				{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long to wait; 300 without it"},
			}},
		{Name: "exec", HTTP: "POST", Path: "exec", Impl: "exec", Background: true,
			Send: map[string]any{"record-output": true, "interactive": false, "wait-for-websocket": false},
			Doc:  "Runs a command in it and returns a struct of exit_code, stdout and stderr. IncusExecError if the command ends with another status than 0.",
			Args: []Field{
				{Name: "command", Type: Strings, Required: true, Position: true, Doc: "the command and its arguments; for a shell line ['sh', '-c', line]"},
				{Name: "environment", Type: Config, Doc: "environment variables"},
				{Name: "env", Type: Config, Place: Local, Doc: "short for environment"},
				{Name: "cwd", Type: String, Doc: "the folder to run it in"},
				{Name: "user", Type: Int, Doc: "the user's id; 0 without it"},
				{Name: "group", Type: Int, Doc: "the group's id; 0 without it"},
				{Name: "check", Type: Bool, Place: Local, Doc: "False returns a failed command's result instead of raising"},
			}},
	},
	Children: []*Resource{Snapshots},
}

var instanceState = &Resource{
	Kind: "InstanceState", Doc: "What an instance uses at one moment.", Verbs: Get,
	Fields: []Field{
		{Name: "status", Type: String, Use: Read, Doc: "such as Running"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "the status as a number"},
		{Name: "cpu", Type: Object, Use: Read, Doc: "usage in nanoseconds"},
		{Name: "memory", Type: Object, Use: Read, Doc: "usage, usage_peak, swap_usage, total in bytes"},
		{Name: "disk", Type: Object, Use: Read, Doc: "usage of each disk device in bytes"},
		{Name: "network", Type: Object, Use: Read, Doc: "each interface's addresses and counters"},
		{Name: "pid", Type: Int, Use: Read, Doc: "the id of its first process on the host"},
		{Name: "processes", Type: Int, Use: Read, Doc: "how many processes it has"},
		{Name: "started_at", Type: Time, Use: Read, Doc: "when it was started"},
		{Name: "os_info", Type: Object, Use: Read, Doc: "the system that runs in it"},
	},
}

// Snapshots are an instance's.
var Snapshots = &Resource{
	Name: "snapshots", Kind: "Snapshot", Path: "snapshots", Key: "name",
	Doc:        "Snapshots of the instance.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField,
		{Name: "expires_at", Type: Time, Use: All, Doc: "when the server deletes it"},
		{Name: "stateful", Type: Bool, Use: Read | Create, Doc: "whether the running state is in it"},
		{Name: "description", Type: String, Use: Read, Doc: "the instance's description then"},
		{Name: "config", Type: Config, Use: Read, Doc: "the instance's configuration then"},
		{Name: "devices", Type: Devices, Use: Read, Doc: "the instance's devices then"},
		{Name: "expanded_config", Type: Config, Use: Read, Doc: "the same with the profiles applied"},
		{Name: "expanded_devices", Type: Devices, Use: Read, Doc: "the same with the profiles applied"},
		{Name: "profiles", Type: Strings, Use: Read, Doc: "the instance's profiles then"},
		{Name: "architecture", Type: String, Use: Read, Doc: "such as x86_64"},
		{Name: "ephemeral", Type: Bool, Use: Read, Doc: "whether the instance was ephemeral then"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "when it was taken"},
		{Name: "last_used_at", Type: Time, Use: Read, Doc: "when the instance was last started then"},
		{Name: "size", Type: Int, Use: Read, Doc: "its size in bytes; -1 where the server doesn't know"},
	},
}

// Images are what instances are made from.
var Images = &Resource{
	Name: "images", Kind: "Image", Path: "/1.0/images", Key: "fingerprint", KeyType: String, Project: true, Filter: true,
	Doc:        "Images that instances are made from. A name is a fingerprint, the start of one, or an alias.",
	Verbs:      List | Get | Delete,
	Background: Delete,
	Aliases:    "/1.0/images/aliases",
	Fields: []Field{
		{Name: "fingerprint", Type: String, Use: Read, Doc: "SHA-256 of its contents"},
		{Name: "aliases", Type: Objects, Use: Read, Doc: "its aliases, each with name and description"},
		{Name: "properties", Type: Config, Use: Read, Doc: "what describes it, such as os and release"},
		{Name: "public", Type: Bool, Use: Read, Doc: "whether clients that the server doesn't trust may use it"},
		{Name: "auto_update", Type: Bool, Use: Read, Doc: "whether the server keeps it up to date"},
		{Name: "cached", Type: Bool, Use: Read, Doc: "whether the server fetched it for an instance"},
		{Name: "profiles", Type: Strings, Use: Read, Doc: "profiles of instances made from it"},
		{Name: "type", Type: String, Use: Read, Doc: "container or virtual-machine"},
		{Name: "architecture", Type: String, Use: Read, Doc: "such as x86_64"},
		{Name: "size", Type: Int, Use: Read, Doc: "bytes"},
		{Name: "filename", Type: String, Use: Read, Doc: "the name of the file it came in"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "when it was made"},
		{Name: "uploaded_at", Type: Time, Use: Read, Doc: "when it came to this server"},
		{Name: "expires_at", Type: Time, Use: Read, Doc: "when the server deletes it"},
		{Name: "last_used_at", Type: Time, Use: Read, Doc: "when an instance was last made from it"},
		{Name: "update_source", Type: Object, Use: Read, Doc: "the server it came from"},
		{Name: "locations", Type: Strings, Use: Read, Doc: "the cluster members that hold it"},
		ownerField,
	},
}

// Profiles are configuration and devices that instances share.
var Profiles = &Resource{
	Name: "profiles", Kind: "Profile", Path: "/1.0/profiles", Key: "name", Project: true, Filter: true,
	Doc:    "Configuration and devices that instances share.",
	Verbs:  List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{nameField, descriptionField, configField, devicesField, usedByField, ownerField},
}

// Projects keep instances and what belongs to them apart.
var Projects = &Resource{
	Name: "projects", Kind: "Project", Path: "/1.0/projects", Key: "name", Filter: true, PatchSets: true,
	Doc:        "Projects, which keep instances and what belongs to them apart.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: Rename | Delete,
	Fields:     []Field{nameField, descriptionField, configField, usedByField},
	DeleteArgs: []Field{{Name: "force", Type: Bool, Place: Query, Extension: "projects_force_delete",
		Doc: "True deletes what is in it too"}},
}

// Operations are what the server does in the background.
var Operations = &Resource{
	Name: "operations", Kind: "Operation", Path: "/1.0/operations", Key: "id", Project: true, Grouped: true,
	Doc:   "What the server does in the background. It forgets an operation five seconds after its end.",
	Verbs: List | Get,
	Fields: []Field{
		{Name: "id", Type: String, Use: Read, Doc: "its UUID"},
		{Name: "class", Type: String, Use: Read, Doc: "task, websocket or token; read it as op[\"class\"]"},
		{Name: "description", Type: String, Use: Read, Doc: "what it does"},
		{Name: "status", Type: String, Use: Read, Doc: "Running, Success, Failure, Cancelled"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "the status as a number: 103, 200, 400, 401"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "when it was started"},
		{Name: "updated_at", Type: Time, Use: Read, Doc: "when it last changed"},
		{Name: "resources", Type: Object, Use: Read, Doc: "URLs of what it works on, by kind"},
		{Name: "metadata", Type: Object, Use: Read, Doc: "what it tells besides; may hold secrets"},
		{Name: "progress", Type: Object, Use: Read, Doc: "what metadata says of its progress: stage, percent, processed, speed"},
		{Name: "may_cancel", Type: Bool, Use: Read, Doc: "whether cancel() can end it"},
		{Name: "err", Type: String, Use: Read, Doc: "why it failed"},
		{Name: "location", Type: String, Use: Read, Doc: "the cluster member that it runs on"},
	},
	Methods: []Method{
		{Name: "wait", HTTP: "GET", Path: "wait", Impl: "wait", Args: []Field{
			{Name: "timeout", Type: Seconds, Place: Local, Position: true, Doc: "how long to wait; IncusOperationTimeoutError after that"}},
			Doc: "Waits for its end and returns it. IncusOperationError if it failed."},
		{Name: "cancel", HTTP: "DELETE", Impl: "cancel",
			Doc: "Asks the server to end it and waits until it has ended. IncusBadRequestError if it can't be cancelled."},
	},
}

// Server is the server itself.
var Server = &Resource{
	Name: "server", Kind: "Server", Path: "/1.0", Singleton: true,
	Doc:   "The server: its configuration, its version and what it can do. incus.server() reads it.",
	Verbs: Get | Update | Replace,
	Fields: []Field{
		{Name: "config", Type: Config, Use: Read | Change, Doc: "the server's configuration"},
		{Name: "environment", Type: Object, Use: Read, Doc: "version, kernel, drivers, addresses, certificate"},
		{Name: "api_extensions", Type: Strings, Use: Read, Doc: "names of all API extensions that it has"},
		{Name: "api_status", Type: String, Use: Read, Doc: "stable or development"},
		{Name: "api_version", Type: String, Use: Read, Doc: "1.0"},
		{Name: "auth", Type: String, Use: Read, Doc: "trusted or untrusted: whether it knows this client"},
		{Name: "auth_methods", Type: Strings, Use: Read, Doc: "how clients may show who they are: tls, oidc"},
		{Name: "auth_user_name", Type: String, Use: Read, Doc: "who it takes this client for"},
		{Name: "auth_user_method", Type: String, Use: Read, Doc: "how it knows: unix, tls, oidc"},
		{Name: "public", Type: Bool, Use: Read, Doc: "whether it only serves public images"},
	},
}

// ClientMethods are what can be called on a client itself.
var ClientMethods = []Method{
	{Name: "connect", Impl: "connect", Offline: true, Doc: "Makes a client of another server, remote or project. It connects at its first call.",
		Args: []Field{
			{Name: "remote", Type: String, Place: Local, Position: true, Doc: "a remote of the incus command"},
			{Name: "endpoint", Type: String, Place: Local, Doc: "https://host:port, or the path of a unix socket"},
			{Name: "cert", Type: Strings, Place: Local, Doc: "files of the client's certificate and key, as PEM: (crt, key)"},
			{Name: "verify", Type: Any, Place: Local, Doc: "the file of the server's certificate or of its authority; False trusts any server"},
			{Name: "project", Type: Name, Place: Local, Doc: "the project to work in"},
			{Name: "target", Type: String, Place: Local, Doc: "the cluster member to work on"},
			{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long one answer may take; waiting for an operation is not limited by it"},
		}},
	{Name: "use", Impl: "use", Offline: true, Doc: "Makes a client that shares the connection but works in another project or on another cluster member.",
		Args: []Field{
			{Name: "project", Type: Name, Place: Local, Position: true, Doc: "the project to work in"},
			{Name: "target", Type: String, Place: Local, Doc: "the cluster member to work on"},
		}},
	{Name: "request", Impl: "request", Background: true, Doc: "Sends any request and returns a struct of status, metadata, etag and headers.",
		Args: []Field{
			{Name: "method", Type: String, Place: Local, Required: true, Position: true, Doc: "GET, POST, PUT, PATCH or DELETE"},
			{Name: "path", Type: String, Place: Local, Required: true, Position: true, Doc: "such as /1.0/instances"},
			{Name: "body", Type: Any, Place: Local, Doc: "what to send as JSON"},
			{Name: "query", Type: Config, Place: Local, Doc: "the URL's parameters"},
			{Name: "headers", Type: Config, Place: Local, Doc: "further headers, such as If-Match"},
		}},
	{Name: "has_extension", Impl: "has_extension", HTTP: "GET", Path: "/1.0", Doc: "Says whether the server has an API extension. Asks the server once.",
		Args: []Field{{Name: "name", Type: String, Place: Local, Required: true, Position: true, Doc: "such as instances_lxcfs_per_instance"}}},
}
