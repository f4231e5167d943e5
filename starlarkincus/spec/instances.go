package spec

import "slices"

var execRequests = []Request{
	{HTTP: "POST", Path: "exec", Body: map[string]any{"record-output": true, "interactive": false, "wait-for-websocket": false}}, waiting,
	{HTTP: "GET", Path: "logs/exec-output/{file}", Note: "for stdout, then for stderr"},
	{HTTP: "DELETE", Path: "logs/exec-output/{file}"},
	{HTTP: "GET", Path: "logs/exec-output/{file}"},
	{HTTP: "DELETE", Path: "logs/exec-output/{file}"},
}

// imageSource is where an instance comes from.
var instanceSource = []Field{
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
	{Name: "refresh_exclude_older", Type: Bool, Doc: "skips snapshots older than the newest one in the copy", Extension: "custom_volume_refresh_exclude_older_snapshots"},
	{Name: "allow_inconsistent", Type: Bool, Doc: "goes on when files change while they are copied"},
	{Name: "base-image", Type: String, Doc: "fingerprint of the image that a migration starts from"},
	{Name: "operation", Type: String, Doc: "URL of the migration's operation on the other server"},
	{Name: "secrets", Type: Config, Doc: "secrets of the migration's connections"},
}

var (
	architectureField = Field{Name: "architecture", Type: String, Use: All, Stays: true, Doc: "such as x86_64"}
	profilesField     = Field{Name: "profiles", Type: Strings, Use: All, Doc: "names of the profiles that apply, in that order"}
	ephemeralField    = Field{Name: "ephemeral", Type: Bool, Use: All, Doc: "True deletes it when it stops"}
	lastUsedField     = Field{Name: "last_used_at", Type: Time, Use: Read, Doc: "when it was last started"}
	expandedConfig    = Field{Name: "expanded_config", Type: Config, Use: Read, Doc: "its configuration with the profiles applied"}
	expandedDevices   = Field{Name: "expanded_devices", Type: Devices, Use: Read, Doc: "its devices with the profiles applied"}
	sourceField       = Field{Name: "source", Type: Object, Use: Create, Fields: instanceSource, Doc: "what it is made from; image= is shorter for an image",
		Missing: `missing image= or source=: image="images:debian/12" is made into one, source={"type": "none"} makes it empty; a profile has neither`}
	diskOnlyField = Field{Name: "disk_only", Type: Bool, Use: Create, Extension: "instance_snapshot_disk_only_restore", Doc: "with restore, goes back to just the disks"}
)

var instanceFields = []Field{
	nameField, descriptionField, configField, devicesField, profilesField, architectureField, ephemeralField,
	{Name: "type", Type: String, Use: Read | Create, Doc: "container (the default) or virtual-machine"},
	sourceField,
	{Name: "instance_type", Type: String, Use: Create, Doc: "a cloud's size, such as t1.micro, made into limits"},
	{Name: "start", Type: Bool, Use: Create, Doc: "True starts it too"},
	{Name: "stateful", Type: Bool, Use: Read | Create, Doc: "whether its running state is kept"},
	{Name: "restore", Type: String, Use: Create, Doc: "name of a snapshot to begin with"},
	diskOnlyField,
	{Name: "status", Type: String, Use: Read, Doc: "such as Running, Stopped, Frozen"},
	{Name: "status_code", Type: Int, Use: Read, Doc: "the status as a number"},
	{Name: "last_state", Type: Object, Use: Derived, Made: LastState, Doc: "its state when list(state=True) read it, with what state() tells; else None"},
	{Name: "last_addresses", Type: Strings, Use: Derived, Made: LastAddresses, Doc: "its addresses then, with what addresses() tells; else None"},
	createdField, lastUsedField, locationField, expandedConfig, expandedDevices, ownerField,
}

// stateMethod is one change of an instance's state.
func stateMethod(action, doc string, args ...Field) Method {
	return Method{Name: action, Doc: doc, HTTP: "PUT", Path: "state", Send: map[string]any{"action": action},
		Args: args, Background: true, Does: DoAct, Returns: itself, Effect: Changes, Refresh: true}
}

// ending returns a method after which the object may be gone.
func ending(m Method) Method {
	m.Returns.Maybe = true
	return m
}

var (
	stopTimeout = Field{Name: "timeout", Type: WholeSeconds, Doc: "seconds that it has to shut down; without it 600. The operation fails after that"}
	stopForce   = Field{Name: "force", Type: Bool, Doc: "True ends it without asking it to shut down"}
	keepState   = Field{Name: "stateful", Type: Bool, Doc: "True saves the running state, or starts from the saved one"}

	instanceOnlyArg  = Field{Name: "instance_only", Type: Bool, Doc: "True leaves the snapshots behind"}
	liveArg          = Field{Name: "live", Type: Bool, Doc: "True takes the running state along"}
	inconsistentArg  = Field{Name: "allow_inconsistent", Type: Bool, Doc: "True goes on when files change while they are copied"}
	incrementalArg   = Field{Name: "refresh", Type: Bool, Extension: "instance_refresh_migration", Doc: "True sends what changes while it runs after the rest, so that it stops only shortly"}
	newNameArg       = Field{Name: "name", Type: Name, Place: Local, Position: true, Doc: "its new name; the old one without it"}
	migrationArg     = Field{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, to push to it; without it that server pulls"}
	snapshotNameArg  = Field{Name: "restore", Type: String, Required: true, Position: true, Doc: "the snapshot's name"}
	copyProjectArg   = Field{Name: "to_project", Type: Name, Place: Local, Doc: "the project of the copy, instead of this one's"}
	sourceOnlyArg    = local(instanceOnlyArg)
	excludeOlderArg  = Field{Name: "refresh_exclude_older", Type: Bool, Place: Local, Extension: "custom_volume_refresh_exclude_older_snapshots", Doc: "True skips snapshots older than the newest one in the copy"}
	refreshCopyArg   = Field{Name: "refresh", Type: Bool, Place: Local, Doc: "True brings a copy that exists up to date: its content, configuration, devices and description become the original's, whatever was changed in it"}
	publishAliasArg  = Field{Name: "alias", Type: String, Place: Local, Position: true, Doc: "one alias for it; aliases= takes several"}
	imageAliasesArg  = Field{Name: "aliases", Type: Objects, Use: Create, Fields: imageAlias, Doc: "aliases for it, each with name and description"}
	imageFormatField = Field{Name: "format", Type: String, Use: Create, Extension: "instance_publish_split", Doc: "unified, for one file, or split, for two"}
)

// local is an argument that the module puts in its place itself.
func local(f Field) Field {
	f.Place = Local
	return f
}

// publishArgs are what making an image of an instance or snapshot takes.
var publishArgs = []Field{publishAliasArg, imageAliasesArg, imageFormatField, compressionField,
	{Name: "public", Type: Bool, Doc: "whether clients that the server doesn't trust may use it"},
	{Name: "properties", Type: Config, Doc: "what describes it, such as os and release"},
	{Name: "expires_at", Type: Time, Doc: "when the server deletes it"},
	{Name: "filename", Type: String, Doc: "the name that its file has when it is downloaded"},
	{Name: "profiles", Type: Strings, Doc: "profiles of instances made from it"},
}

func publishMethod(what string) Method {
	return Method{Name: "publish", HTTP: "POST", Path: "/1.0/images", Does: DoPublish, Returns: one(Images), Effect: Creates, Background: true, Args: publishArgs,
		Requests: slices.Concat([]Request{{HTTP: "POST", Path: "/1.0/images"}, waiting, {HTTP: "GET", Path: "/1.0/images/{fingerprint}"}},
			in("where profiles= is given", []string{"profiles"}, Request{HTTP: "PUT", Path: "/1.0/images/{fingerprint}"}, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"})),
		Doc: "Makes an image of the " + what + " and returns the image."}
}

// copyArgs are what copying an instance or snapshot takes.
var copyArgs = []Field{
	{Name: "name", Type: Name, Place: Local, Required: true, Position: true, Doc: "the copy's name"},
	descriptionField, configField, devicesField, profilesField, ephemeralField, copyProjectArg, memberArg,
	local(inconsistentArg),
}

// Instances are the containers and virtual machines.
var Instances = &Resource{
	Name: "instances", Kind: "Instance", Path: "/1.0/instances", Key: "name", Scope: InProject, Depth: 2, Source: ByItsName,
	Filter: filterArg(""), Everywhere: everywhereArg(""),
	Doc:        "Containers and virtual machines.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Update | Replace | Rename | Delete,
	Target:     New,
	Fields:     instanceFields,
	CreateArgs: []Field{imageArg, memberArg},
	Takes:      []*Resource{Snapshots, instanceBackups, Logs},
	DeleteArgs: []Field{{Name: "force", Type: Bool, Place: Local, Doc: "True stops it first, again where something starts it meanwhile, and waits for what works on it; one that vanishes meanwhile is fine"}},
	Methods: []Method{
		{Name: "launch", Collection: true, HTTP: "POST", Background: true, Does: DoCreate, Returns: sibling, Effect: Creates, Send: map[string]any{"start": true},
			Doc: "Creates an instance, starts it, and returns it. An instance that fails to start stays, stopped."},
		{Name: "change_states", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, Under: "state", Background: true,
			Doc: "Starts, stops, restarts, freezes or unfreezes all instances of the project at once.",
			Args: []Field{{Name: "action", Type: String, Required: true, Position: true, Doc: "start, stop, restart, freeze or unfreeze"},
				stopTimeout, stopForce, keepState}},
		stateMethod("start", "Starts it and returns it.", keepState),
		ending(stateMethod("stop", "Shuts it down and returns it; None if it was ephemeral, and so is gone.", stopTimeout, stopForce, keepState)),
		stateMethod("restart", "Shuts it down, starts it again, and returns it.", stopTimeout, stopForce),
		stateMethod("freeze", "Suspends its processes and returns it."),
		stateMethod("unfreeze", "Lets its processes go on and returns it."),
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(instanceState), Effect: Reads,
			Doc: "Reads what it uses now: cpu, memory, disk, network, processes."},
		{Name: "access", HTTP: "GET", Path: "access", Does: DoRead, Returns: listOf(access), Effect: Reads, Extension: "instance_access",
			Doc: "Reads who may use it: a list, each with identifier, role and provider."},
		{Name: "addresses", HTTP: "GET", Path: "state", Does: DoAddresses, Returns: someStrings, Effect: Reads,
			Doc:  "Reads the addresses that other machines can reach it at, IPv4 first, as a list of strings.",
			Args: []Field{{Name: "family", Type: String, Place: Local, Doc: "inet or inet6, for just these"}}},
		{Name: "wait_ready", HTTP: "GET", Path: "state", Does: DoWaitReady, Returns: itself, Effect: Reads,
			Requests: slices.Concat([]Request{{HTTP: "GET", Path: "state", Note: "until it is ready"}}, in("where cloud_init=True", []string{"cloud_init"}, slices.Clone(execRequests)...), []Request{{HTTP: "GET"}}),
			Doc:      "Waits until it runs, and has what the arguments ask for, and returns it. IncusOperationTimeoutError when the time is over.",
			Args: []Field{
				{Name: "agent", Type: Bool, Place: Local, Doc: "True waits until a virtual machine's agent answers"},
				{Name: "network", Type: Bool, Place: Local, Doc: "True waits for an address that other machines can reach"},
				{Name: "cloud_init", Type: Bool, Place: Local, Doc: "True waits for the end of cloud-init; IncusExecError if it failed or isn't there"},
				{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long to wait; 300 without it"},
			}},
		{Name: "exec", HTTP: "POST", Path: "exec", Does: DoExec, Returns: structOf(execResult), Effect: RunsCode, Background: true, Requests: execRequests,
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
		{Name: "copy", HTTP: "POST", Above: true, Does: DoCopy, Returns: sibling, Effect: Creates, Background: true,
			Doc: "Copies it, snapshots included, on the same server, and returns the copy. The given fields replace the original's; keys of config and devices are added to its own, and None takes one away. In a cluster it goes to the member of target=, else the client's, else one that the server chooses.",
			Args: append(copyArgs[:len(copyArgs):len(copyArgs)], sourceOnlyArg, local(liveArg), refreshCopyArg, excludeOlderArg,
				Field{Name: "start", Type: Bool, Doc: "True starts the copy"}),
		},
		{Name: "move", HTTP: "POST", Does: DoMove, Returns: itself, Effect: Changes, Background: true,
			Doc: "Gives it another name, project, storage pool or cluster member, and returns it. It must be stopped, or moved live to another member.",
			Args: []Field{newNameArg,
				{Name: "target", Type: String, Place: Query, Doc: "the cluster member, or @group, to move it to"},
				{Name: "project", Type: String, Doc: "the project to move it to"},
				{Name: "pool", Type: String, Doc: "the storage pool to move it to"},
				instanceOnlyArg, liveArg, inconsistentArg, incrementalArg,
				{Name: "config", Type: Config, Doc: "keys of its configuration to set there; None unsets one"},
				{Name: "devices", Type: Devices, Doc: "devices to set there; None removes one"},
				{Name: "profiles", Type: Strings, Doc: "its profiles there, instead of what it has"},
			}},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true},
			Doc: "Offers it to another server, and returns the Operation at once: its id and metadata are what the other server's instances.create(source={'type': 'migration', …}) takes as operation and secrets.",
			Args: []Field{migrationArg, liveArg, instanceOnlyArg, inconsistentArg, incrementalArg,
				{Name: "name", Type: String, Doc: "its name there, where that differs"}}},
		{Name: "restore", HTTP: "PUT", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true,
			Doc: "Goes back to what it was at one of its snapshots, and returns it. As with the incus command, profiles stay what they are now, and Incus 6.0 empties the description.",
			Args: []Field{snapshotNameArg,
				{Name: "stateful", Type: Bool, Doc: "True goes on with the running state that is in the snapshot"},
				{Name: "disk_only", Type: Bool, Extension: "instance_snapshot_disk_only_restore", Doc: "True restores just the disks"},
			}},
		{Name: "rebuild", HTTP: "POST", Path: "rebuild", Does: DoRebuild, Returns: itself, Effect: Changes, Background: true, Refresh: true,
			Doc: "Puts an image in place of its file system, or nothing without image=, and returns it. It must be stopped and have no snapshots.",
			Args: []Field{local(imageArg),
				{Name: "source", Type: Object, Fields: instanceSource, Doc: "what it is made from, in full"}}},
		publishMethod("instance"),
		{Name: "console_log", HTTP: "GET", Path: "console", Does: DoReadText, Returns: aText, Effect: Reads, Doc: "Reads what its console said so far, as a string."},
		{Name: "clear_console_log", HTTP: "DELETE", Path: "console", Does: DoAct, Returns: itself, Effect: Deletes, Doc: "Empties the log of its console, and returns it."},
		{Name: "create_bitmap", HTTP: "POST", Path: "bitmaps", Does: DoAct, Returns: itself, Effect: Creates, Extension: "storage_volume_nbd", Args: bitmapArgs,
			Doc: "Starts to record, on all disks of a virtual machine at once, which blocks change, and returns it; for incremental backups. Each disk's volume has it in its bitmaps."},
		{Name: "repair", HTTP: "POST", Path: "debug/repair", Does: DoAct, Returns: itself, Effect: Changes, Extension: "instances_debug_repair",
			Doc:  "Does one of the server's low-level repairs of a virtual machine, and returns it.",
			Args: []Field{{Name: "action", Type: String, Required: true, Position: true, Doc: "rebuild-config-volume, or rebuild-nvram"}}},
	},
	Children: []*Resource{Snapshots, instanceBackups, Logs, instanceMetadata, templates, nvram},
}

// execResult is what exec returns.
var execResult = &Resource{
	Kind: "ExecResult", Doc: "How a command ended.",
	Fields: []Field{
		{Name: "exit_code", Type: Int, Use: Read, Doc: "its exit status"},
		{Name: "stdout", Type: String, Use: Read, Doc: "its standard output"},
		{Name: "stderr", Type: String, Use: Read, Doc: "its standard error"},
	},
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
	Name: "snapshots", Kind: "Snapshot", Path: "snapshots", Key: "name", Source: WithParent,
	Doc:        "Snapshots of the instance. instance.restore(name) goes back to one.",
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
	Methods: []Method{
		{Name: "copy", HTTP: "POST", Path: "/1.0/instances", Does: DoCopy, Returns: aParent, Effect: Creates, Background: true, Args: copyArgs,
			Doc: "Makes an instance of it, on the same server, and returns the instance."},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true},
			Doc: "Offers it to another server, and returns the Operation at once, as instance.migrate does.",
			Args: []Field{migrationArg, liveArg,
				{Name: "name", Type: String, Doc: "its name there, where that differs"}}},
		publishMethod("snapshot"),
	},
}

var (
	noSnapshots = Field{Name: "instance_only", Type: Bool, Use: Read | Create, Doc: "True leaves the snapshots out"}
	rootOnly    = Field{Name: "root_only", Type: Bool, Use: Create, Extension: "dependent", Doc: "True leaves the volumes out that depend on the instance"}
)

// instanceBackups are files that the server keeps.
var instanceBackups = &Resource{
	Name: "backups", Kind: "Backup", Path: "backups", Key: "name",
	Doc:        "Backups of the instance that the server keeps, each one file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Fields:     []Field{nameField, expiresField, createdField, optimizedField, compressionField, noSnapshots, rootOnly},
	Methods:    []Method{uploadMethod(false, noSnapshots, rootOnly)},
}

// Logs are an instance's.
var Logs = &Resource{
	Name: "logs", Kind: "Log", Path: "logs", Content: PlainText, Key: "name",
	Doc:      "Logs of the instance.",
	Verbs:    List | Get | Delete,
	Children: []*Resource{execOutput},
}

var execOutput = &Resource{
	Name: "exec_output", Kind: "Output", Path: "exec-output", Content: PlainText, Key: "name", Stands: OnCollection,
	Doc:   "What commands wrote whose output the server recorded. exec reads and deletes its own.",
	Verbs: List | Get | Delete,
}

// instanceMetadata is what came with an instance's image.
var instanceMetadata = &Resource{
	Name: "metadata", Kind: "Metadata", Path: "metadata", Lists: Single,
	Doc:   "What the instance's image says of itself. instance.metadata() reads it.",
	Verbs: Get | Update | Replace,
	Fields: []Field{
		{Name: "architecture", Type: String, Use: Read | Change, Doc: "such as x86_64"},
		{Name: "creation_date", Type: Int, Use: Read | Change, Doc: "when the image was made, in seconds since 1970"},
		{Name: "expiry_date", Type: Int, Use: Read | Change, Doc: "when the image is too old, in seconds since 1970"},
		{Name: "properties", Type: Config, Use: Read | Change, Doc: "what describes the image, such as os and release"},
		{Name: "templates", Type: Object, Use: Read | Change, Doc: "templates by the path of the file that each makes", Fields: []Field{
			{Name: AnyKey, Type: Object, Doc: "one file's template", Fields: []Field{
				{Name: "when", Type: Strings, Doc: "when it is applied: create, copy, start"},
				{Name: "create_only", Type: Bool, Doc: "True leaves a file that exists as it is"},
				{Name: "template", Type: String, Doc: "the template's name in templates"},
				{Name: "properties", Type: Config, Doc: "values that the template may use"},
				{Name: "uid", Type: String, Doc: "the file's owner"},
				{Name: "gid", Type: String, Doc: "the file's group"},
				{Name: "mode", Type: String, Doc: "the file's permissions, such as 0644"},
			}},
		}},
	},
}

// templates are texts of which an instance's files are made.
var templates = &Resource{
	Name: "templates", Kind: "Template", Path: "metadata/templates", Content: PlainText, Key: "name", KeyType: String, KeyQuery: "path",
	Doc:        "Templates of files in the instance. instance.metadata().templates says which file is made of which.",
	Verbs:      List | Get | New | Delete,
	CreateArgs: []Field{{Name: "content", Type: String, Place: Whole, Required: true, Position: true, Doc: "the template, in pongo2's language"}},
}

// nvramFields are what a UEFI variable holds.
var nvramFields = []Field{
	{Name: "data", Type: Any, Use: Read | Create, Doc: "what it holds, in a form that depends on the variable"},
	{Name: "attributes", Type: Strings, Use: Read | Create, Doc: "such as NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS"},
	{Name: "timestamp", Type: Time, Use: Read | Create, Doc: "when it was signed, where it is a signed one"},
}

// nvram are the UEFI variables of a virtual machine.
var nvram = &Resource{
	Name: "nvram", Kind: "Variable", Path: "nvram", Key: "name", Lists: ByName, Named: AtItsPath, Extension: "instance_nvram",
	Segment: &Segment{Field{Name: "guid", Type: Name, Place: Local, Doc: "whose variables; those of the EFI itself without it"},
		"8be4df61-93ca-11d2-aa0d-00e098032b8c"},
	Doc:   "UEFI variables of the virtual machine, which must be stopped to change them.",
	Verbs: List | Get | New | Delete,
	Fields: append([]Field{
		{Name: "name", Type: Name, Use: Read, Doc: "its name, such as BootOrder"},
		{Name: "guid", Type: Name, Use: Read, Doc: "whose it is"},
		{Name: "binary", Type: Any, Use: Read, Doc: "its bytes"},
	}, nvramFields...),
	Methods: []Method{
		{Name: "update", Collection: true, HTTP: "PATCH", Does: DoAct, Returns: nothing, Effect: Changes, Extension: "instance_nvram_bulk_update",
			Doc: "Sets several variables at once, keeps the rest; None removes one.",
			Args: []Field{{Name: "variables", Type: Object, Place: Whole, Required: true, Position: true,
				Doc: "dict by GUID of dicts by name, each with data, attributes, timestamp", Fields: []Field{
					{Name: AnyKey, Type: Object, Doc: "variables by name", Fields: []Field{
						{Name: AnyKey, Type: Object, Doc: "what it is to hold", Fields: nvramFields}}}}}}},
	},
}
