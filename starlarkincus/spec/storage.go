package spec

var poolConfig = Field{Name: "config", Type: Config, Use: All, Rewritten: map[string]string{"source": "volatile.initial_source"},
	Doc: "configuration keys and their values"}

var volumeKeys = Keys{Kind: "storage_volume", By: "driver"}

// StoragePools are the storage pools.
var StoragePools = &Resource{
	Name: "storage_pools", Kind: "Pool", Path: "/1.0/storage-pools", Key: "name", Scope: InProjectOrServer, Keys: Keys{Kind: "storage", By: "driver"},
	Filter:  filterArg("api_filtering_extended"),
	Doc:     "Pools for the data of instances, images and volumes.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Target:  Get | New | Update | Replace,
	Columns: append(columns("name", "driver", "description"), usedByColumn, Column{Field: "status"}),
	Fields: []Field{nameField, descriptionField, poolConfig,
		{Name: "driver", Type: String, Use: Read | Create, Values: []string{"dir", "btrfs", "lvm", "zfs", "ceph", "cephfs", "cephobject", "linstor", "truenas"}, Doc: "the storage driver: dir, btrfs, lvm, zfs, ceph, …"},
		{Name: "status", Type: String, Use: Read, Doc: "Created, Pending, Errored or Unknown"},
		usedByField, locationsField,
	},
	CreateArgs: []Field{{Name: "target", Type: String, In: Query, Refers: ToMember,
		Doc: "the cluster member to prepare; in a cluster call create once for each member, and then once without target"}},
	Methods: []Method{{Name: "resources", HTTP: "GET", Path: "resources", Does: DoRead, Returns: one(poolResources), Effect: Reads, Target: true,
		Doc: "Returns its total and used space, as PoolResources."}},
	Children: []*Resource{volumes, buckets},
}

var poolResources = &Resource{
	Kind: "PoolResources", Doc: "The space of a storage pool.", Verbs: Get,
	Columns: []Column{{Field: "space", Key: "used", Form: Size}, {Field: "space", Key: "total", Form: Size}},
	Fields: []Field{
		{Name: "space", Type: Object, Use: Read, Doc: "total and used, in bytes"},
		{Name: "inodes", Type: Object, Use: Read, Doc: "total and used"},
	},
}

var contentTypeField = Field{Name: "content_type", Type: String, Use: Read | Create, Values: []string{"filesystem", "block", "iso"}, Doc: "the type of the content: filesystem (the default), block or iso"}

// volumes are the volumes of a pool. Their paths include the type.
var volumes = &Resource{
	Name: "volumes", Kind: "Volume", Path: "volumes", Key: "name", Scope: InProject, Keys: volumeKeys, Source: PoolAndName, MaxRecursion: 2, RecursionExtension: "storage_volume_full",
	Segment: &Segment{Field{Name: "type", Type: Name, In: Local, Values: []string{"custom", "container", "virtual-machine", "image"}, Doc: "the type of the volume: custom (the default), container, virtual-machine or image"}, "custom"},
	Filter:  filterArg(""), AllProjects: allProjectsArg(""),
	Doc:        "Volumes of the pool. Those of the type custom are created and changed here; the others belong to instances and images.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Rename,
	Target:     List | Get | New | Update | Replace | Rename | Delete,
	Takes:      []*Resource{volumeSnapshots, volumeBackups, bitmaps},
	Columns:    append(columns("type", "name", "description", "content_type"), usedByColumn, locationColumn, projectColumn),
	Fields: []Field{nameField, descriptionField, configField, contentTypeField,
		{Name: "type", Type: String, Use: Read, Doc: "the type: custom, container, virtual-machine or image"},
		{Name: "source", Type: Object, Use: Create, Doc: "the source of its content; default: an empty volume", Fields: []Field{
			{Name: "type", Type: String, Values: []string{"copy", "migration"}, Doc: "the type of the source: copy or migration"},
			{Name: "name", Type: String, Doc: "the name of the original: a volume, or volume/snapshot"},
			{Name: "pool", Type: String, Refers: ToPool, Doc: "the pool of the original"},
			{Name: "project", Type: String, Refers: ToProject, Doc: "the project of the original"},
			{Name: "location", Type: String, Refers: ToMember, Doc: "the cluster member that holds it"},
			{Name: "volume_only", Type: Bool, Doc: "True omits the snapshots"},
			{Name: "refresh", Type: Bool, Doc: "True updates an existing copy"},
			{Name: "refresh_exclude_older", Type: Bool, Extension: "custom_volume_refresh_exclude_older_snapshots", Doc: "True skips snapshots older than the newest one of the copy"},
			{Name: "mode", Type: String, Values: []string{"pull", "push"}, Doc: "the direction of a migration: pull or push"},
			{Name: "certificate", Type: String, Doc: "the certificate of the other server, as PEM"},
			{Name: "operation", Type: String, Doc: "the URL of the migration's operation on the other server"},
			{Name: "secrets", Type: Config, Doc: "the secrets of the migration's connections"},
		}},
		{Name: "restore", Type: String, Use: Create, Doc: "the name of a snapshot to start from"},
		{Name: "last_state", Type: Object, Use: Derived, Made: LastState, Doc: "the state that list(state=True) read, with the fields of state(); otherwise None, and an error as a column of table"},
		usedByField, locationField, createdField, ownerField,
	},
	Methods: []Method{
		{Name: "state", HTTP: "GET", Path: "state", Does: DoRead, Returns: one(volumeState), Effect: Reads, Target: true, Doc: "Returns its use of space, as a VolumeState. In a cluster, for a custom volume, the server asks only the member that the client is connected to."},
		{Name: "copy", HTTP: "POST", OnParent: true, Does: DoCopy, Returns: sibling, Effect: Creates, Background: true,
			Doc: "Copies the volume with its snapshots, on the same server or with to= on another one, and returns the copy. The keys of config are merged, and None unsets one. In a cluster the copy is placed on the member given by target=, else on the client's, else on that of the original.",
			Args: []Field{
				copyNameArg,
				{Name: "to_pool", Type: Name, In: Local, Refers: ToPool, Doc: "the pool of the copy; default: that of the original, or one of the same name"},
				toArg, modeArg, copyProjectArg, descriptionField, configField, memberArg, refreshCopyArg, excludeOlderArg,
				{Name: "volume_only", Type: Bool, In: Local, Doc: "True omits the snapshots"},
			}},
		{Name: "move", HTTP: "POST", Does: DoMove, Returns: itself, Effect: Changes, Takes: []*Resource{volumeSnapshots}, TakesWith: "volume_only", Background: true,
			Doc: "Moves the volume to another name, pool, project, cluster member or server, and returns it. A move to another member or server copies the volume and then deletes the original, which must not be in use.",
			Args: []Field{newNameArg, toArg, modeArg,
				{Name: "pool", Type: String, Refers: ToPool, Doc: "the new pool"},
				{Name: "project", Type: String, Refers: ToProject, Doc: "the new project"},
				{Name: "target", Type: String, In: Query, Refers: ToMember, Doc: "the new cluster member"},
				{Name: "volume_only", Type: Bool, Doc: "with target= or to=, True omits the snapshots, which are then deleted"},
			}},
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true}, Target: true,
			Doc: "Offers the volume to another server, and returns the Operation at once. On the other server, volumes.create(source={'type': 'migration', …}) takes its id and metadata as operation and secrets.",
			Args: []Field{
				{Name: "name", Type: String, Required: true, Positional: true, Doc: "the name on the other server"},
				{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, for a push; default: that server pulls"},
				{Name: "volume_only", Type: Bool, Doc: "True omits the snapshots"},
			}},
		exportMethod(exportingVolume, true, optimizedField, volumeOnly), streamMethod(exportingVolume, true, optimizedField, volumeOnly), importMethod("volume", "a volume", true), isoMethod,
		{Name: "restore", HTTP: "PUT", Does: DoAct, Returns: itself, Effect: Changes, Refresh: true, Steps: true, Target: true, Args: []Field{snapshotNameArg},
			Doc: "Restores the volume to one of its snapshots, and returns it."},
		{Name: "rebuild", HTTP: "POST", Path: "rebuild", Does: DoAct, Returns: itself, Effect: Changes, Background: true, Refresh: true, Steps: true, Target: true, Extension: "storage_volumes_rebuild",
			Doc: "Deletes the content of the volume, and returns it. The volume must have no snapshots."},
	},
	Children: []*Resource{volumeSnapshots, volumeBackups, bitmaps, volumeFiles},
}

var volumeState = &Resource{
	Kind: "VolumeState", Doc: "The use of space by a volume at one moment.", Verbs: Get,
	Columns: []Column{{Field: "usage", Key: "used", Form: Size}, {Field: "usage", Key: "total", Form: Size}},
	Fields:  []Field{{Name: "usage", Type: Object, Use: Read, Doc: "used and total, in bytes; empty if the pool can't tell"}},
}

// onMember is the set of verbs that accept target= on children of a volume or bucket, which live on their parent's
// member.
const onMember = List | Get | New | Update | Replace | Rename | Delete

var volumeSnapshots = &Resource{
	Name: "snapshots", Kind: "VolumeSnapshot", Path: "snapshots", Key: "name", Target: onMember, Keys: volumeKeys,
	Doc:        "Snapshots of the volume. volume.restore(name) restores one.",
	Verbs:      List | Get | New | Update | Replace | Rename | Delete,
	Background: New | Rename | Delete,
	Columns:    columns("name", "created_at", "expires_at"),
	Fields: []Field{nameField,
		{Name: "description", Type: String, Use: Read | Change, Doc: "a description, in free text"},
		{Name: "expires_at", Type: Time, Use: All, Doc: "the time at which the server deletes it"},
		{Name: "config", Type: Config, Use: Read, Doc: "the configuration of the volume at that time"},
		{Name: "content_type", Type: String, Use: Read, Doc: "the type of the content: filesystem, block or iso"},
		createdField,
	},
	Methods: []Method{
		{Name: "migrate", HTTP: "POST", Does: DoOffer, Returns: operation, Effect: Changes, Send: map[string]any{"migration": true}, Target: true,
			Doc: "Offers it to another server, and returns the Operation at once, as volume.migrate does.",
			Args: []Field{
				{Name: "name", Type: String, Required: true, Positional: true, Doc: "the name on the other server"},
				{Name: "target", Type: Object, Fields: migrationTarget, Doc: "the other server's operation, for a push; default: that server pulls"},
			}},
	},
}

var volumeOnly = Field{Name: "volume_only", Type: Bool, Use: Read | Create, Doc: "True omits the snapshots"}

var volumeBackups = &Resource{
	Name: "backups", Kind: "VolumeBackup", Path: "backups", Key: "name", Target: onMember,
	Doc:        "Backups of the volume on the server, each a single file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Columns:    columns("name", "created_at", "expires_at"),
	Fields:     []Field{nameField, expiresField, createdField, optimizedField, compressionField, volumeOnly},
	Methods:    []Method{uploadMethod(true, volumeOnly)},
}

// bitmapArgs are the arguments of create_bitmap.
var bitmapArgs = []Field{
	{Name: "name", Type: String, Required: true, Positional: true, Doc: "the name of the bitmap"},
	{Name: "granularity", Type: Int, Doc: "the size of the recorded blocks, in bytes"},
	{Name: "persistent", Type: Bool, Doc: "True keeps the bitmap over restarts"},
	{Name: "disabled", Type: Bool, Doc: "True creates the bitmap without recording"},
}

var bitmaps = &Resource{
	Name: "bitmaps", Kind: "Bitmap", Path: "bitmaps", Key: "name", Target: List | Get | New | Delete, Extension: "storage_volume_nbd",
	Doc:     "Bitmaps of the blocks that a running virtual machine changed in the volume, for incremental backups.",
	Verbs:   List | Get | New | Delete,
	Columns: columns("name", "granularity", "persistent", "recording", "count"),
	Fields: []Field{nameField,
		{Name: "granularity", Type: Int, Use: Read | Create, Doc: "the size of the recorded blocks, in bytes"},
		{Name: "persistent", Type: Bool, Use: Read | Create, Doc: "whether the bitmap is kept over restarts"},
		{Name: "disabled", Type: Bool, Use: Create, Doc: "True creates the bitmap without recording"},
		{Name: "count", Type: Int, Use: Read, Doc: "the number of changed bytes"},
		{Name: "recording", Type: Bool, Use: Read, Doc: "whether changes are being recorded"},
		{Name: "busy", Type: Bool, Use: Read, Doc: "whether the bitmap is in use"},
		{Name: "inconsistent", Type: Bool, Use: Read, Doc: "whether the bitmap is invalid, because it wasn't saved properly"},
	},
}

var buckets = &Resource{
	Name: "buckets", Kind: "Bucket", Path: "buckets", Key: "name", Scope: InProject, Keys: Keys{Kind: "storage_bucket", By: "driver"}, MaxRecursion: 2, RecursionExtension: "storage_bucket_full",
	Filter: filterArg("api_filtering_extended"), AllProjects: allProjectsArg("storage_buckets_all_projects"),
	Doc:     "S3 buckets of the pool.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Target:  Update | Replace | Delete,
	Takes:   []*Resource{bucketKeys, bucketBackups},
	Columns: append(columns("name", "description"), locationColumn, projectColumn),
	Fields: []Field{nameField, descriptionField, configField, locationField, ownerField,
		{Name: "s3_url", Type: String, Use: Read, Doc: "the URL for S3 clients"},
	},
	Methods:  []Method{exportMethod(exportingBucket, true), streamMethod(exportingBucket, true), importMethod("bucket", "a bucket", false)},
	Children: []*Resource{bucketKeys, bucketBackups},
}

var bucketKeys = &Resource{
	Name: "keys", Kind: "Key", Path: "keys", Key: "name", Target: Replace | Delete,
	Doc:     "Access keys for S3 clients of the bucket.",
	Verbs:   List | Get | New | Replace | Delete,
	Columns: columns("name", "description", "role"),
	Fields: []Field{nameField, descriptionField,
		{Name: "role", Type: String, Use: All, Values: []string{"admin", "read-only"}, Doc: "the role: admin or read-only"},
		{Name: "access-key", Type: String, Use: All, Doc: "the access key; default: chosen by the server"},
		{Name: "secret-key", Type: String, Use: All, Doc: "the secret key; default: chosen by the server"},
	},
}

var bucketBackups = &Resource{
	Name: "backups", Kind: "BucketBackup", Path: "backups", Key: "name", Target: onMember,
	Doc:        "Backups of the bucket on the server, each a single file.",
	Verbs:      List | Get | New | Rename | Delete,
	Background: New | Rename | Delete,
	Columns:    columns("name", "created_at", "expires_at"),
	Fields:     []Field{nameField, expiresField, createdField, compressionField},
}
