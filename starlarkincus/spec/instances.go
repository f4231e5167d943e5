package spec

import "slices"

// transferModes are the ways of data between two servers.
var transferModes = []string{"pull", "push", "relay"}

// instanceSource lists the fields of source=, from which the server creates an instance.
var instanceSource = []Field{
	{Name: "type", Type: String, Values: []string{"image", "migration", "copy", "none"}, Doc: "the type of the source: image, migration, copy or none"},
	{Name: "alias", Type: String, Refers: ToAlias, Doc: "the alias of the image"},
	{Name: "fingerprint", Type: String, Refers: ToFingerprint, Doc: "the fingerprint of the image"},
	{Name: "properties", Type: Config, Doc: "properties to find the image by"},
	{Name: "server", Type: String, Doc: "the URL of the image server"},
	{Name: "protocol", Type: String, Values: []string{"incus", "simplestreams", "oci"}, Doc: "the protocol of that server: incus, simplestreams or oci"},
	{Name: "secret", Type: String, Doc: "a secret that gives access to a private image"},
	{Name: "certificate", Type: String, Doc: "the certificate of that server, as PEM"},
	{Name: "mode", Type: String, Values: []string{"pull", "push"}, Doc: "the direction of the transfer from an image server or of a migration: pull or push"},
	{Name: "project", Type: String, Refers: ToProject, Doc: "the project of the original"},
	{Name: "source", Type: String, Refers: ToInstance, Doc: "the name of the original: an instance or a snapshot"},
	{Name: "instance_only", Type: Bool, Doc: "True omits the snapshots"},
	{Name: "live", Type: Bool, Doc: "True includes the running state"},
	{Name: "refresh", Type: Bool, Doc: "True updates an existing copy"},
	{Name: "refresh_exclude_older", Type: Bool, Doc: "True skips snapshots older than the newest one of the copy", Extension: "custom_volume_refresh_exclude_older_snapshots"},
	{Name: "allow_inconsistent", Type: Bool, Doc: "True tolerates files that change while they are copied"},
	{Name: "base-image", Type: String, Doc: "the fingerprint of the image under the instance, for a migration"},
	{Name: "operation", Type: String, Doc: "the URL of the migration's operation on the other server"},
	{Name: "secrets", Type: Config, Doc: "the secrets of the migration's connections"},
}

var (
	ownDevicesField = Field{Name: "devices", Type: Devices, Use: All, Doc: devicesField.Doc + "; a device without a type overrides keys of the profiles' device. None leaves a profile's device as it is: " +
		`{"eth0": {"type": "none"}} takes it away, and None brings it back`}
	architectureField = Field{Name: "architecture", Type: String, Use: All, Stays: true, Doc: "the architecture, such as x86_64"}
	profilesField     = Field{Name: "profiles", Type: Strings, Use: All, Refers: ToProfile, Doc: "the names of its profiles, in the order of their application"}
	ephemeralField    = Field{Name: "ephemeral", Type: Bool, Use: All, Doc: "whether the instance is deleted when it stops"}
	lastUsedField     = Field{Name: "last_used_at", Type: Time, Use: Read, Doc: "the time of its last start"}
	expandedConfig    = Field{Name: "expanded_config", Type: Config, Use: Read, Doc: "its configuration, including that of its profiles"}
	expandedDevices   = Field{Name: "expanded_devices", Type: Devices, Use: Read, Doc: "its devices, including those of its profiles"}
	sourceField       = Field{Name: "source", Type: Object, Use: Create, Fields: instanceSource, Doc: "the source of its content; image= is the short form for an image",
		Missing: `missing image= or source=: image="images:debian/12" is made into one, source={"type": "none"} makes it empty; a profile has neither`}
	diskOnlyField = Field{Name: "disk_only", Type: Bool, Use: Create, Beside: "restore", Extension: "instance_snapshot_disk_only_restore", Doc: "with restore=, True restores the disks only"}
)

var instanceFields = []Field{
	nameField, descriptionField, configField, ownDevicesField, profilesField, architectureField, ephemeralField,
	{Name: "type", Type: String, Use: Read | Create, Values: []string{"container", "virtual-machine"}, Doc: "the type: container (the default) or virtual-machine"},
	sourceField,
	{Name: "instance_type", Type: String, Use: Create, Doc: "an instance type of a cloud, such as t1.micro, which sets limits of CPU and memory"},
	{Name: "start", Type: Bool, Use: Create, Doc: "True also starts it"},
	{Name: "stateful", Type: Bool, Use: Read | Create, Doc: "whether its running state is saved"},
	{Name: "restore", Type: String, Use: Create, Doc: "the name of a snapshot to start from"},
	diskOnlyField,
	{Name: "status", Type: String, Use: Read, Values: []string{"Running", "Stopped", "Frozen", "Error"}, Doc: "the status, such as Running, Stopped or Frozen"},
	{Name: "status_code", Type: Int, Use: Read, Doc: "the code of the status, such as 103 for Running"},
	{Name: "last_state", Type: Object, Use: Derived, Made: LastState, Doc: "the state that list(state=True) read, an InstanceState; otherwise None, and an error as a column of table"},
	{Name: "last_addresses", Type: Strings, Use: Derived, Made: LastAddresses, Doc: "the addresses that list(state=True) read, as addresses() returns them; otherwise None, and an error as a column of table. The prompt reads the state of the instances that it shows, and leaves the value as it is"},
	{Name: "last_snapshots", Type: Strings, Use: Derived, Made: LastSnapshots, Doc: "the names of the snapshots that list(state=True) read; otherwise None, as last_addresses"},
	createdField, lastUsedField, locationField, expandedConfig, expandedDevices, ownerField,
}

// stateMethod returns a method that changes the state of an instance.
func stateMethod(action, doc string, args ...Field) Method {
	return Method{Name: action, Doc: doc, HTTP: "PUT", Path: "state", Send: map[string]any{"action": action},
		Args: args, Background: true, Does: DoAct, Returns: itself, Effect: Changes, Refresh: true}
}

// inSteps returns the method as one that makes several changes.
func inSteps(m Method) Method {
	m.Steps = true
	return m
}

// ending returns the method as one that may delete the object.
func ending(m Method) Method {
	m.Returns.Maybe = true
	return m
}

var (
	stopTimeout = Field{Name: "timeout", Type: WholeSeconds, Doc: "the time to shut down, after which the operation fails; default: 600 seconds"}
	stopForce   = Field{Name: "force", Type: Bool, Doc: "True kills it without a clean shutdown"}
	keepState   = Field{Name: "stateful", Type: Bool, Doc: "True saves the running state when it stops, and restores it when it starts"}

	instanceOnlyArg  = Field{Name: "instance_only", Type: Bool, Doc: "True omits the snapshots"}
	liveArg          = Field{Name: "live", Type: Bool, Doc: "True includes the running state"}
	inconsistentArg  = Field{Name: "allow_inconsistent", Type: Bool, Doc: "True tolerates files that change while they are copied"}
	incrementalArg   = Field{Name: "refresh", Type: Bool, Extension: "instance_refresh_migration", Doc: "True copies while it runs, and stops it only for a final pass with the changes"}
	newNameArg       = Field{Name: "name", Type: Name, In: Local, Positional: true, Doc: "the new name; default: the old one"}
	migrationArg     = Field{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, for a push; default: that server pulls"}
	snapshotNameArg  = Field{Name: "restore", Type: String, Required: true, Positional: true, Refers: ToSnapshot, Doc: "the name of the snapshot"}
	copyNameArg      = Field{Name: "name", Type: Name, In: Local, Positional: true, Doc: "the name of the copy; with to=, the default is that of the original"}
	copyProjectArg   = Field{Name: "to_project", Type: Name, In: Local, Refers: ToProject, Doc: "the project of the copy; default: that of the original, or with to= that of the client"}
	toArg            = Field{Name: "to", Type: OtherServer, In: Local, Doc: "the client of another server, as incus.connect returns it; default: the same server"}
	modeArg          = Field{Name: "mode", Type: String, In: Local, Values: transferModes, Others: Refused, Beside: "to", Doc: "with to=, pull (the default) if the other server connects to this one, push if this one connects to the other, or relay if neither reaches the other, and the data go through this client"}
	sourceOnlyArg    = local(instanceOnlyArg)
	excludeOlderArg  = Field{Name: "refresh_exclude_older", Type: Bool, In: Local, Beside: "refresh", Extension: "custom_volume_refresh_exclude_older_snapshots", Doc: "with refresh=True, True skips snapshots older than the newest one of the copy"}
	refreshCopyArg   = Field{Name: "refresh", Type: Bool, In: Local, Doc: "True updates an existing copy: its content, configuration, devices and description become those of the original, and changes to the copy are lost"}
	publishAliasArg  = Field{Name: "alias", Type: String, In: Local, Positional: true, Doc: "an alias for the image; use aliases= for several"}
	imageAliasesArg  = Field{Name: "aliases", Type: Objects, Names: true, Use: Create, Fields: imageAlias, Doc: "aliases for the image, each a name, or a dict of name and description"}
	imageFormatField = Field{Name: "format", Type: String, Use: Create, Extension: "instance_publish_split", Values: []string{"unified", "split"}, Others: Misspelt, Doc: "the file format: unified (one file) or split (two files)"}
)

// local returns the argument as one that the behavior handles.
func local(f Field) Field {
	f.In = Local
	return f
}

// copyArgs are the arguments of copy, on instances and snapshots.
var copyArgs = []Field{
	copyNameArg, descriptionField, configField, ownDevicesField, profilesField, ephemeralField, toArg, modeArg, copyProjectArg, memberArg,
	local(inconsistentArg), local(liveArg),
}

// Instances are the containers and virtual machines.
var Instances = &Resource{
	Name: "instances", Kind: "Instance", Path: "/1.0/instances", Key: "name", Scope: InProject, MaxRecursion: 2, Source: ByItsName, Keys: Keys{Kind: "instance"},
	Filter: filterArg(""), AllProjects: allProjectsArg(""),
	Doc:        "Containers and virtual machines.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Update | Replace | Rename | Delete,
	Target:     New,
	Columns: append(columns("name", "status"), Column{Field: "last_addresses", Header: "ipv4", Form: IPv4, When: IfAny}, Column{Field: "last_addresses", Header: "ipv6", Form: IPv6, When: IfAny}, Column{Field: "type"},
		Column{Field: "last_snapshots", Header: "snapshots", Form: Count, When: IfAny}, locationColumn, projectColumn),
	Fields:     instanceFields,
	CreateArgs: []Field{imageArg, memberArg},
	Takes:      []*Resource{Snapshots, instanceBackups, Logs},
	DeleteArgs: []Field{{Name: "force", Type: Bool, In: Local, Doc: "True stops it first, waits for other operations on it, and doesn't fail if it vanishes meanwhile; default: a running instance is an error"}},
	Methods: []Method{
		{Name: "launch", Collection: true, HTTP: "POST", Background: true, Does: DoCreate, Returns: sibling, Effect: Creates, Send: map[string]any{"start": true},
			Doc: "Creates an instance, starts it, and returns it. An instance that fails to start is kept, stopped."},
		{Name: "change_states", Collection: true, HTTP: "PUT", Does: DoAct, Returns: nothing, Effect: Changes, WrapIn: "state", Background: true,
			Doc: "Starts, stops, restarts, freezes or unfreezes all instances of the project at once.",
			Args: []Field{{Name: "action", Type: String, Required: true, Positional: true, Values: []string{"start", "stop", "restart", "freeze", "unfreeze"}, Others: Misspelt, Doc: "the action: start, stop, restart, freeze or unfreeze"},
				stopTimeout, stopForce, keepState}},
		stateMethod("start", "Starts the instance and returns it.", keepState),
		ending(stateMethod("stop", "Shuts the instance down and returns it, or None if it was ephemeral and is now deleted.", stopTimeout, stopForce, keepState)),
		inSteps(stateMethod("restart", "Shuts the instance down, starts it again, and returns it.", stopTimeout, stopForce)),
		stateMethod("freeze", "Suspends all processes of the instance and returns it."),
		stateMethod("unfreeze", "Resumes the processes of a frozen instance and returns it."),
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(instanceState), Effect: Reads,
			Doc: "Returns the current use of cpu, memory, disk, network and processes, as an InstanceState."},
		{Name: "access", HTTP: "GET", Path: "access", Does: DoRead, Returns: listOf(access), Effect: Reads, Extension: "instance_access",
			Doc: "Returns the users and clients with access to it: a list, each with identifier, role and provider."},
		{Name: "addresses", HTTP: "GET", Path: "state", Does: DoAddresses, Returns: someStrings, Effect: Reads,
			Doc:  "Returns the addresses at which other machines can reach the instance, IPv4 first, as a list of strings.",
			Args: []Field{{Name: "family", Type: String, In: Local, Values: []string{"inet", "inet6"}, Others: Refused, Doc: "inet or inet6; default: both"}}},
		{Name: "wait_ready", HTTP: "GET", Path: "state", Does: DoWaitReady, Returns: itself, Effect: Reads,
			Requests: slices.Concat([]Request{{HTTP: "GET", Path: "state", Note: "until it is ready"}}, in("if cloud_init=True", []string{"cloud_init"}, slices.Clone(execRequests)...), []Request{{HTTP: "GET"}}),
			Doc:      "Waits until the instance runs and meets the other conditions that are given, and returns it. Fails with IncusOperationTimeoutError after the timeout.",
			Args: []Field{
				{Name: "agent", Type: Bool, In: Local, Doc: "True waits until the agent of a virtual machine answers"},
				{Name: "network", Type: Bool, In: Local, Doc: "True waits for an address, as addresses() returns it, of an interface that is up"},
				{Name: "cloud_init", Type: Bool, In: Local, Doc: "True waits for the end of cloud-init; fails with IncusExecError if that failed or is not installed"},
				{Name: "timeout", Type: Seconds, In: Local, Doc: "the longest wait; default: 300 seconds"},
			}},
		execMethod, shellMethod, consoleMethod,
		{Name: "copy", HTTP: "POST", OnParent: true, Does: DoCopy, Returns: sibling, Effect: Creates, Background: true,
			Doc: "Copies the instance with its snapshots, on the same server or with to= on another one, and returns the copy. The given fields replace those of the original; keys of config and devices are merged, and None removes one. In a cluster the copy is placed on the member given by target=, else on the client's, else on one that the server chooses. The other server needs the profiles of the copy, and the custom volumes of its devices.",
			Args: append(copyArgs[:len(copyArgs):len(copyArgs)], sourceOnlyArg, refreshCopyArg, excludeOlderArg,
				Field{Name: "start", Type: Bool, Doc: "True also starts the copy"}),
		},
		{Name: "move", HTTP: "POST", Does: DoMove, Returns: itself, Effect: Changes, Background: true,
			Doc: "Moves the instance to another name, project, storage pool, cluster member or server, and returns it. The instance must be stopped, except for a live move to another member or server. A move to another server copies it with to=, and deletes the original when the copy is complete; custom volumes don't move along. It is refused with all that is missing there; an IncusStateError says that nothing is, and the instance runs.",
			Args: []Field{newNameArg, toArg, modeArg,
				{Name: "target", Type: String, In: Query, Refers: ToPlace, Doc: "the new cluster member, or @group"},
				{Name: "project", Type: String, Refers: ToProject, Doc: "the new project"},
				{Name: "pool", Type: String, Refers: ToPool, Doc: "the new storage pool"},
				instanceOnlyArg, liveArg, inconsistentArg, incrementalArg,
				{Name: "config", Type: Config, Doc: "configuration keys to set on the way; None unsets one"},
				{Name: "devices", Type: Devices, Doc: "devices to set on the way; None removes one"},
				{Name: "profiles", Type: Strings, Refers: ToProfile, Doc: "the new profiles; default: the old ones"},
			}},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true},
			Doc: "Offers the instance to another server, and returns the Operation at once. On the other server, instances.create(source={'type': 'migration', …}) takes its id and metadata as operation and secrets.",
			Args: []Field{migrationArg, liveArg, instanceOnlyArg, inconsistentArg, incrementalArg,
				{Name: "name", Type: String, Doc: "the name on the other server; default: the same"}}},
		{Name: "restore", HTTP: "PUT", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Steps: true,
			Doc: "Restores the instance to one of its snapshots, and returns it. As with the incus command, the list of profiles is not restored, and Incus 6.0 clears the description.",
			Args: []Field{snapshotNameArg,
				{Name: "stateful", Type: Bool, Doc: "True also restores the running state in the snapshot"},
				{Name: "disk_only", Type: Bool, Extension: "instance_snapshot_disk_only_restore", Doc: "True restores the disks only"},
			}},
		{Name: "rebuild", HTTP: "POST", Path: "rebuild", Does: DoRebuild, Returns: itself, Effect: Changes, Background: true, Refresh: true, Steps: true,
			Doc: "Replaces the file system of the instance by that of an image, or by an empty one if neither image= nor source= is given, and returns it. The instance must be stopped and have no snapshots.",
			Args: []Field{local(imageArg),
				{Name: "source", Type: Object, Fields: instanceSource, Doc: "the source of its content, in full"}}},
		publishMethod("instance",
			Field{Name: "force", Type: Bool, In: Local, Excludes: []string{"snapshot"}, Doc: "True stops a running instance by force, and starts it again afterwards, also if the image can't be made"},
			Field{Name: "snapshot", Type: Bool, In: Local, Doc: "True publishes a snapshot that is made for it and deleted afterwards, so that a running instance isn't stopped. Files that are being written may be incomplete in it"}),
		exportMethod(exportingInstance, false, optimizedField, noSnapshots, rootOnly), streamMethod(exportingInstance, false, optimizedField, noSnapshots, rootOnly),
		importMethod("instance", "an instance", false, Field{Name: "pool", Type: Name, In: Header, Refers: ToPool, Doc: "the storage pool; default: that in the backup, if there is one of that name, else that of the default profile"}),
		{Name: "console_log", HTTP: "GET", Path: "console", Does: DoReadRaw, Returns: aText, Effect: Reads, Doc: "Returns the log of the instance's console, as a string."},
		{Name: "clear_console_log", HTTP: "DELETE", Path: "console", Does: DoAct, Returns: itself, Effect: Deletes, Doc: "Clears the log of the instance's console, and returns it."},
		{Name: "create_bitmap", HTTP: "POST", Path: "bitmaps", Does: DoAct, Returns: itself, Effect: Creates, Extension: "storage_volume_nbd", Args: bitmapArgs,
			Doc: "Starts recording the changed blocks of all disks of a virtual machine, for incremental backups, and returns it. The bitmap is listed under bitmaps of each disk's volume."},
		{Name: "repair", HTTP: "POST", Path: "debug/repair", Does: DoAct, Returns: itself, Effect: Changes, Extension: "instances_debug_repair",
			Doc:  "Runs a low-level repair of a virtual machine, and returns it.",
			Args: []Field{{Name: "action", Type: String, Required: true, Positional: true, Values: []string{"rebuild-config-volume", "rebuild-nvram"}, Doc: "the repair: rebuild-config-volume or rebuild-nvram"}}},
	},
	Children: []*Resource{Snapshots, instanceBackups, Logs, instanceMetadata, templates, nvram, instanceFiles},
}

var instanceState = &Resource{
	Kind: "InstanceState", Doc: "The state of an instance, and its use of resources, at one moment.", Verbs: Get,
	Columns: append(columns("status", "processes"), Column{Field: "memory", Key: "usage", Header: "memory", Form: Size}, Column{Field: "pid"}, Column{Field: "started_at"}),
	Fields: []Field{
		{Name: "status", Type: String, Use: Read, Doc: "the status, such as Running"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "the code of the status, such as 103 for Running"},
		{Name: "cpu", Type: Object, Use: Read, Doc: "CPU time", Fields: []Field{
			{Name: "usage", Type: Int, Doc: "the time used, in nanoseconds"},
			{Name: "allocated_time", Type: Int, Doc: "the time available in a second, in nanoseconds"}}},
		{Name: "memory", Type: Object, Use: Read, Doc: "memory, in bytes", Fields: []Field{
			{Name: "usage", Type: Int, Doc: "the memory in use"},
			{Name: "usage_peak", Type: Int, Doc: "the most that was ever in use"},
			{Name: "total", Type: Int, Doc: "the memory available"},
			{Name: "swap_usage", Type: Int, Doc: "the swap space in use"},
			{Name: "swap_usage_peak", Type: Int, Doc: "the most swap space that was ever in use"}}},
		{Name: "disk", Type: Object, Use: Read, Doc: "by disk device", Fields: []Field{
			{Name: AnyKey, Type: Object, Doc: "one device", Fields: []Field{
				{Name: "usage", Type: Int, Doc: "the space in use, in bytes; -1 if the storage pool doesn't tell"},
				{Name: "total", Type: Int, Doc: "the size, in bytes"}}}}},
		{Name: "network", Type: Object, Use: Read, Doc: "by interface; None of a stopped instance", Fields: []Field{
			{Name: AnyKey, Type: Object, Doc: "one interface", Fields: []Field{
				{Name: "addresses", Type: Objects, Doc: "its addresses", Fields: []Field{
					{Name: "family", Type: String, Doc: "inet or inet6"},
					{Name: "address", Type: String, Doc: "the address"},
					{Name: "netmask", Type: String, Doc: "the length of the prefix"},
					{Name: "scope", Type: String, Doc: "local, link or global"}}},
				{Name: "counters", Type: Object, Doc: "the traffic since its start", Fields: []Field{
					{Name: "bytes_received", Type: Int, Doc: "the bytes received"},
					{Name: "bytes_sent", Type: Int, Doc: "the bytes sent"},
					{Name: "packets_received", Type: Int, Doc: "the packets received"},
					{Name: "packets_sent", Type: Int, Doc: "the packets sent"},
					{Name: "errors_received", Type: Int, Doc: "the packets received with an error"},
					{Name: "errors_sent", Type: Int, Doc: "the packets that couldn't be sent"},
					{Name: "packets_dropped_inbound", Type: Int, Doc: "the packets dropped on their way in"},
					{Name: "packets_dropped_outbound", Type: Int, Doc: "the packets dropped on their way out"}}},
				{Name: "hwaddr", Type: String, Doc: "the MAC address"},
				{Name: "host_name", Type: String, Doc: "the name of its other end on the host"},
				{Name: "mtu", Type: Int, Doc: "the MTU"},
				{Name: "state", Type: String, Doc: "up or down"},
				{Name: "type", Type: String, Doc: "broadcast, loopback or point-to-point"}}}}},
		{Name: "pid", Type: Int, Use: Read, Doc: "the process id of its init on the host"},
		{Name: "processes", Type: Int, Use: Read, Doc: "the number of processes"},
		{Name: "started_at", Type: Time, Use: Read, Doc: "the time of its start"},
		{Name: "os_info", Type: Object, Use: Read, Doc: "the operating system in it, of a virtual machine with an agent", Fields: []Field{
			{Name: "os", Type: String, Doc: "the name, such as Debian"},
			{Name: "os_version", Type: String, Doc: "its version"},
			{Name: "kernel_version", Type: String, Doc: "the version of its kernel"},
			{Name: "hostname", Type: String, Doc: "its host name"},
			{Name: "fqdn", Type: String, Doc: "its full host name"}}},
	},
}

// Snapshots are the snapshots of an instance.
var Snapshots = &Resource{
	Name: "snapshots", Kind: "Snapshot", Path: "snapshots", Key: "name", Source: WithParent, Keys: Keys{Kind: "instance"},
	Doc:        "Snapshots of the instance. instance.restore(name) restores one.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Update | Replace | Rename | Delete,
	Columns:    columns("name", "created_at", "expires_at", "stateful"),
	Fields: []Field{nameField,
		{Name: "expires_at", Type: Time, Use: All, Doc: "the time at which the server deletes it"},
		{Name: "stateful", Type: Bool, Use: Read | Create, Doc: "whether it includes the running state"},
		{Name: "description", Type: String, Use: Read, Doc: "the description of the instance at that time"},
		{Name: "config", Type: Config, Use: Read, Doc: "the configuration of the instance at that time"},
		{Name: "devices", Type: Devices, Use: Read, Doc: "the devices of the instance at that time"},
		{Name: "expanded_config", Type: Config, Use: Read, Doc: "the same, including those of the profiles"},
		{Name: "expanded_devices", Type: Devices, Use: Read, Doc: "the same, including those of the profiles"},
		{Name: "profiles", Type: Strings, Use: Read, Refers: ToProfile, Doc: "the profiles of the instance at that time"},
		{Name: "architecture", Type: String, Use: Read, Doc: "the architecture, such as x86_64"},
		{Name: "ephemeral", Type: Bool, Use: Read, Doc: "whether the instance was ephemeral"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "the time of its creation"},
		{Name: "last_used_at", Type: Time, Use: Read, Doc: "the time of the instance's last start before it"},
		{Name: "size", Type: Int, Use: Read, Doc: "the size in bytes; -1 if unknown"},
	},
	Methods: []Method{
		{Name: "copy", HTTP: "POST", Path: "/1.0/instances", Does: DoCopy, Returns: aParent, Effect: Creates, Background: true, Args: copyArgs,
			Doc: "Creates an instance from the snapshot, on the same server or with to= on another one, and returns the instance."},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true},
			Doc: "Offers the snapshot to another server, and returns the Operation at once, like instance.migrate.",
			Args: []Field{migrationArg, liveArg,
				{Name: "name", Type: String, Doc: "the name on the other server; default: the same"}}},
		publishMethod("snapshot"),
	},
}

var (
	noSnapshots = Field{Name: "instance_only", Type: Bool, Use: Read | Create, Doc: "True omits the snapshots"}
	rootOnly    = Field{Name: "root_only", Type: Bool, Use: Create, Extension: "dependent", Doc: "True omits the volumes that depend on the instance"}
)

// instanceBackups are the backups of an instance, which the server stores.
var instanceBackups = &Resource{
	Name: "backups", Kind: "Backup", Path: "backups", Key: "name",
	Doc:        "Backups of the instance on the server, each a single file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Columns:    columns("name", "created_at", "expires_at"),
	Fields:     []Field{nameField, expiresField, createdField, optimizedField, compressionField, noSnapshots, rootOnly},
	Methods:    []Method{uploadMethod(false, noSnapshots, rootOnly)},
}

// Logs are the logs of an instance.
var Logs = &Resource{
	Name: "logs", Kind: "Log", Path: "logs", Content: PlainText, Key: "name",
	Doc:      "Logs of the instance.",
	Verbs:    List | Get | Delete,
	Children: []*Resource{execOutput},
}

var execOutput = &Resource{
	Name: "exec_output", Kind: "Output", Path: "exec-output", Content: PlainText, Key: "name", Stands: OnCollection, LazyFolder: true,
	Doc:   "Recorded output of commands that were started with record-output, which exec does not use.",
	Verbs: List | Get | Delete,
}

// instanceMetadata is the metadata of an instance's image.
var instanceMetadata = &Resource{
	Name: "metadata", Kind: "Metadata", Path: "metadata", Lists: Single,
	Doc:     "The metadata of the instance's image. instance.metadata() reads it.",
	Verbs:   Get | Update | Replace,
	Columns: columns("architecture", "creation_date"),
	Fields: []Field{
		{Name: "architecture", Type: String, Use: Read | Change, Doc: "the architecture, such as x86_64"},
		{Name: "creation_date", Type: Int, Use: Read | Change, Doc: "the time of the image's creation, in seconds since 1970"},
		{Name: "expiry_date", Type: Int, Use: Read | Change, Doc: "the time of the image's expiry, in seconds since 1970"},
		{Name: "properties", Type: Config, Use: Read | Change, Doc: "descriptive properties of the image, such as os and release"},
		{Name: "templates", Type: Object, Use: Read | Change, Doc: "templates, by the path of the file that each creates", Fields: []Field{
			{Name: AnyKey, Type: Object, Doc: "the template of one file", Fields: []Field{
				{Name: "when", Type: Strings, Doc: "the events that apply it: create, copy, start"},
				{Name: "create_only", Type: Bool, Doc: "True keeps an existing file"},
				{Name: "template", Type: String, Doc: "the name of the template in templates"},
				{Name: "properties", Type: Config, Doc: "values for the template"},
				{Name: "uid", Type: String, Doc: "the user id of the file"},
				{Name: "gid", Type: String, Doc: "the group id of the file"},
				{Name: "mode", Type: String, Doc: "the permissions of the file, such as 0644"},
			}},
		}},
	},
}

// templates are the templates of files in an instance.
var templates = &Resource{
	Name: "templates", Kind: "Template", Path: "metadata/templates", Content: PlainText, Key: "name", KeyType: String, KeyQuery: "path",
	Doc:        "Templates of files in the instance. instance.metadata().templates maps files to templates.",
	Verbs:      List | Get | New | Delete,
	CreateArgs: []Field{{Name: "content", Type: Raw, In: Whole, Required: true, Positional: true, Doc: "the template, in the language of pongo2"}},
}

// nvramFields are the fields of a UEFI variable.
var nvramFields = []Field{
	{Name: "data", Type: Any, Use: Read | Create, Doc: "the value, in a form that depends on the variable"},
	{Name: "attributes", Type: Strings, Use: Read | Create, Doc: "attributes, such as NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS"},
	{Name: "timestamp", Type: Time, Use: Read | Create, Doc: "the time of the signature, of a signed variable"},
}

// nvram are the UEFI variables of a virtual machine.
var nvram = &Resource{
	Name: "nvram", Kind: "Variable", Path: "nvram", Key: "name", Lists: ByName, Named: AtItsPath, Extension: "instance_nvram",
	Segment: &Segment{Field{Name: "guid", Type: Name, In: Local, Doc: "the GUID of the vendor; default: that of EFI itself"},
		"8be4df61-93ca-11d2-aa0d-00e098032b8c"},
	Doc:     "UEFI variables of the virtual machine, which must be stopped to change them.",
	Verbs:   List | Get | New | Delete,
	Columns: columns("name", "guid", "attributes"),
	Fields: append([]Field{
		{Name: "name", Type: Name, Use: Read, Doc: "the name, such as BootOrder"},
		{Name: "guid", Type: Name, Use: Read, Doc: "the GUID of the vendor"},
		{Name: "binary", Type: Any, Use: Read, Doc: "the raw bytes"},
	}, nvramFields...),
	Methods: []Method{
		{Name: "update", Collection: true, HTTP: "PATCH", Does: DoAct, Returns: nothing, Effect: Changes, Extension: "instance_nvram_bulk_update",
			Doc: "Sets several variables at once and keeps the others. None removes a variable.",
			Args: []Field{{Name: "variables", Type: Object, In: Whole, Required: true, Positional: true,
				Doc: "dict by GUID of dicts by name of variables, each with data, attributes and timestamp", Fields: []Field{
					{Name: AnyKey, Type: Object, Doc: "variables by name", Fields: []Field{
						{Name: AnyKey, Type: Object, Doc: "one variable", Fields: nvramFields}}}}}}},
	},
}
