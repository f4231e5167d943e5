package spec

var poolConfig = Field{Name: "config", Type: Config, Use: All, Rewritten: map[string]string{"source": "volatile.initial_source"},
	Doc: "configuration keys and their values"}

// StoragePools are where instances, images and volumes are stored.
var StoragePools = &Resource{
	Name: "storage_pools", Kind: "Pool", Path: "/1.0/storage-pools", Key: "name", Scope: InProjectOrServer,
	Filter: filterArg("api_filtering_extended"),
	Doc:    "Storage pools, where instances, images and volumes are stored.",
	Verbs:  List | Get | New | Update | Replace | Delete,
	Target: Get | New | Update | Replace,
	Fields: []Field{nameField, descriptionField, poolConfig,
		{Name: "driver", Type: String, Use: Read | Create, Doc: "dir, btrfs, lvm, zfs, ceph, …"},
		{Name: "status", Type: String, Use: Read, Doc: "Created, Pending, Errored or Unknown, as for clusters"},
		usedByField, locationsField,
	},
	CreateArgs: []Field{{Name: "target", Type: String, Place: Query,
		Doc: "the cluster member to prepare it on: in a cluster once for each, and then once without it"}},
	Methods: []Method{{Name: "resources", HTTP: "GET", Path: "resources", Does: DoRead, Returns: one(poolResources), Effect: Reads, Target: true,
		Doc: "Reads how much space it has, and how much of that is used."}},
	Children: []*Resource{volumes, buckets},
}

var poolResources = &Resource{
	Kind: "PoolResources", Doc: "How full a storage pool is.", Verbs: Get,
	Fields: []Field{
		{Name: "space", Type: Object, Use: Read, Doc: "total and used, in bytes"},
		{Name: "inodes", Type: Object, Use: Read, Doc: "total and used"},
	},
}

var contentTypeField = Field{Name: "content_type", Type: String, Use: Read | Create, Doc: "filesystem (the default), block or iso"}

// volumes have a type in their path.
var volumes = &Resource{
	Name: "volumes", Kind: "Volume", Path: "volumes", Key: "name", Scope: InProject, Source: PoolAndName, Depth: 2, DepthNeeds: "storage_volume_full",
	Segment: &Segment{Field{Name: "type", Type: Name, Place: Local, Doc: "custom (the default), container, virtual-machine or image"}, "custom"},
	Filter:  filterArg(""), Everywhere: everywhereArg(""),
	Doc:        "Volumes of the pool. Those of type custom are made and changed here; the others belong to instances and images.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Rename,
	Target:     List | Get | New | Update | Replace | Rename | Delete,
	Takes:      []*Resource{volumeSnapshots, volumeBackups, bitmaps},
	Fields: []Field{nameField, descriptionField, configField, contentTypeField,
		{Name: "type", Type: String, Use: Read, Doc: "custom, container, virtual-machine or image"},
		{Name: "source", Type: Object, Use: Create, Doc: "what it is made from; empty without it", Fields: []Field{
			{Name: "type", Type: String, Doc: "copy or migration"},
			{Name: "name", Type: String, Doc: "the volume, or volume/snapshot"},
			{Name: "pool", Type: String, Doc: "its pool"},
			{Name: "project", Type: String, Doc: "its project"},
			{Name: "location", Type: String, Doc: "the cluster member that it is on"},
			{Name: "volume_only", Type: Bool, Doc: "leaves the snapshots behind"},
			{Name: "refresh", Type: Bool, Doc: "brings a copy that exists up to date"},
			{Name: "refresh_exclude_older", Type: Bool, Extension: "custom_volume_refresh_exclude_older_snapshots", Doc: "skips snapshots older than the newest one in the copy"},
			{Name: "mode", Type: String, Doc: "pull or push, for a migration"},
			{Name: "certificate", Type: String, Doc: "the other server's certificate, as PEM"},
			{Name: "operation", Type: String, Doc: "URL of the migration's operation on the other server"},
			{Name: "secrets", Type: Config, Doc: "secrets of the migration's connections"},
		}},
		{Name: "restore", Type: String, Use: Create, Doc: "name of a snapshot to begin with"},
		{Name: "last_state", Type: Object, Use: Derived, Made: LastState, Doc: "its state when list(state=True) read it, with what state() tells; else None"},
		usedByField, locationField, createdField, ownerField,
	},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(volumeState), Effect: Reads, Target: true, Doc: "Reads how much space it uses. In a cluster the server asks just the member that the client is connected to, for a custom volume."},
		{Name: "copy", HTTP: "POST", Above: true, Does: DoCopy, Returns: sibling, Effect: Creates, Background: true,
			Doc: "Copies it, snapshots included, on the same server, and returns the copy. Keys of config are added to its own, and None unsets one. In a cluster the copy is on the member of target=, else the client's, else the one that this is on.",
			Args: []Field{
				{Name: "name", Type: Name, Place: Local, Required: true, Position: true, Doc: "the copy's name"},
				{Name: "to_pool", Type: Name, Place: Local, Doc: "the pool of the copy, instead of this one's"},
				copyProjectArg, descriptionField, configField, memberArg, refreshCopyArg, excludeOlderArg,
				{Name: "volume_only", Type: Bool, Place: Local, Doc: "True leaves the snapshots behind"},
			}},
		{Name: "move", HTTP: "POST", Does: DoMove, Returns: itself, Effect: Changes, Takes: []*Resource{volumeSnapshots}, Background: true,
			Doc: "Gives it another name, pool, project or cluster member, and returns it. To another member it is copied, and deleted here when the copy is there; nothing may use it.",
			Args: []Field{newNameArg,
				{Name: "pool", Type: String, Doc: "the pool to move it to"},
				{Name: "project", Type: String, Doc: "the project to move it to"},
				{Name: "target", Type: String, Place: Query, Doc: "the cluster member to move it to"},
				{Name: "volume_only", Type: Bool, Doc: "with target=, True leaves the snapshots out: they are deleted"},
			}},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true}, Target: true,
			Doc: "Offers it to another server, and returns the Operation at once: its id and metadata are what the other server's volumes.create(source={'type': 'migration', …}) takes as operation and secrets.",
			Args: []Field{
				{Name: "name", Type: String, Required: true, Position: true, Doc: "its name there"},
				{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, to push to it; without it that server pulls"},
				{Name: "volume_only", Type: Bool, Doc: "True leaves the snapshots behind"},
			}},
		{Name: "restore", HTTP: "PUT", Does: DoAct, Returns: itself, Effect: Changes, Refresh: true, Target: true, Args: []Field{snapshotNameArg},
			Doc: "Goes back to what it was at one of its snapshots, and returns it."},
		{Name: "rebuild", HTTP: "POST", Path: "rebuild", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Target: true, Extension: "storage_volumes_rebuild",
			Doc: "Empties it, and returns it. It must have no snapshots."},
	},
	Children: []*Resource{volumeSnapshots, volumeBackups, bitmaps},
}

var volumeState = &Resource{
	Kind: "VolumeState", Doc: "What a volume uses at one moment.", Verbs: Get,
	Fields: []Field{{Name: "usage", Type: Object, Use: Read, Doc: "used and total, in bytes; empty where the pool can't tell"}},
}

// member are the verbs of what is below a volume or bucket: it is where that is.
const onMember = List | Get | New | Update | Replace | Rename | Delete

var volumeSnapshots = &Resource{
	Name: "snapshots", Kind: "VolumeSnapshot", Path: "snapshots", Key: "name", Target: onMember,
	Doc:        "Snapshots of the volume. volume.restore(name) goes back to one.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Rename | Delete,
	Fields: []Field{nameField,
		{Name: "description", Type: String, Use: Read | Change, Doc: "what people are told about it"},
		{Name: "expires_at", Type: Time, Use: All, Doc: "when the server deletes it"},
		{Name: "config", Type: Config, Use: Read, Doc: "the volume's configuration then"},
		{Name: "content_type", Type: String, Use: Read, Doc: "filesystem, block or iso"},
		createdField,
	},
	Methods: []Method{
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true}, Target: true,
			Doc: "Offers it to another server, and returns the Operation at once, as volume.migrate does.",
			Args: []Field{
				{Name: "name", Type: String, Required: true, Position: true, Doc: "its name there"},
				{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, to push to it; without it that server pulls"},
			}},
	},
}

var volumeOnly = Field{Name: "volume_only", Type: Bool, Use: Read | Create, Doc: "True leaves the snapshots out"}

var volumeBackups = &Resource{
	Name: "backups", Kind: "VolumeBackup", Path: "backups", Key: "name", Target: onMember,
	Doc:        "Backups of the volume that the server keeps, each one file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Fields:     []Field{nameField, expiresField, createdField, optimizedField, compressionField, volumeOnly},
	Methods:    []Method{uploadMethod(true, volumeOnly)},
}

// bitmapArgs are what recording changed blocks takes.
var bitmapArgs = []Field{
	{Name: "name", Type: String, Required: true, Position: true, Doc: "the bitmap's name"},
	{Name: "granularity", Type: Int, Doc: "bytes that it records as one"},
	{Name: "persistent", Type: Bool, Doc: "True keeps it over restarts"},
	{Name: "disabled", Type: Bool, Doc: "True doesn't record yet"},
}

var bitmaps = &Resource{
	Name: "bitmaps", Kind: "Bitmap", Path: "bitmaps", Key: "name", Target: List | Get | New | Delete, Extension: "storage_volume_nbd",
	Doc:   "Bitmaps of which blocks of the volume changed, while a virtual machine runs with it; for incremental backups.",
	Verbs: List | Get | New | Delete,
	Fields: []Field{nameField,
		{Name: "granularity", Type: Int, Use: Read | Create, Doc: "bytes that it records as one"},
		{Name: "persistent", Type: Bool, Use: Read | Create, Doc: "whether it is kept over restarts"},
		{Name: "disabled", Type: Bool, Use: Create, Doc: "True doesn't record yet"},
		{Name: "count", Type: Int, Use: Read, Doc: "bytes that changed"},
		{Name: "recording", Type: Bool, Use: Read, Doc: "whether it records"},
		{Name: "busy", Type: Bool, Use: Read, Doc: "whether something uses it now"},
		{Name: "inconsistent", Type: Bool, Use: Read, Doc: "whether it can't be trusted, because it wasn't saved well"},
	},
}

var buckets = &Resource{
	Name: "buckets", Kind: "Bucket", Path: "buckets", Key: "name", Scope: InProject, Depth: 2, DepthNeeds: "storage_bucket_full",
	Filter: filterArg("api_filtering_extended"), Everywhere: everywhereArg("storage_buckets_all_projects"),
	Doc:    "S3 buckets of the pool.",
	Verbs:  List | Get | New | Update | Replace | Delete,
	Target: Update | Replace | Delete,
	Takes:  []*Resource{bucketKeys, bucketBackups},
	Fields: []Field{nameField, descriptionField, configField, locationField, ownerField,
		{Name: "s3_url", Type: String, Use: Read, Doc: "where clients of S3 find it"},
	},
	Children: []*Resource{bucketKeys, bucketBackups},
}

var bucketKeys = &Resource{
	Name: "keys", Kind: "Key", Path: "keys", Key: "name", Target: Replace | Delete,
	Doc:   "Keys with which clients of S3 use the bucket.",
	Verbs: List | Get | New | Replace | Delete,
	Fields: []Field{nameField, descriptionField,
		{Name: "role", Type: String, Use: All, Doc: "admin, or read-only"},
		{Name: "access-key", Type: String, Use: All, Doc: "the client's name; chosen by the server without it"},
		{Name: "secret-key", Type: String, Use: All, Doc: "the client's secret; chosen by the server without it"},
	},
}

var bucketBackups = &Resource{
	Name: "backups", Kind: "BucketBackup", Path: "backups", Key: "name", Target: onMember,
	Doc:        "Backups of the bucket that the server keeps, each one file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Fields:     []Field{nameField, expiresField, createdField, compressionField},
}
