package spec

// Collections are what a client holds, each under its name.
var Collections = []*Resource{
	Instances, Images, Profiles, Projects,
	Networks, NetworkACLs, NetworkZones, NetworkAddressSets, NetworkIntegrations, NetworkAllocations,
	StoragePools, Certificates, ClusterOf, Operations, Warnings, Server,
}

// Fields that many resources have.
var (
	nameField        = Field{Name: "name", Type: Name, Use: Read | Create, Doc: "its name"}
	descriptionField = Field{Name: "description", Type: String, Use: All, Doc: "what people are told about it"}
	configField      = Field{Name: "config", Type: Config, Use: All, Doc: "configuration keys and their values"}
	devicesField     = Field{Name: "devices", Type: Devices, Use: All, Doc: "devices by name, each with its type and settings; a change merges the keys of a device with those that it has, None unsets a key or removes a device, and another type replaces the device"}
	usedByField      = Field{Name: "used_by", Type: Strings, Use: Read, Doc: "URLs of what uses it"}
	ownerField       = Field{Name: "project", Type: String, Use: Read, Doc: "the project that it belongs to"}
	locationField    = Field{Name: "location", Type: String, Use: Read, Doc: "the cluster member that it is on"}
	locationsField   = Field{Name: "locations", Type: Strings, Use: Read, Doc: "the cluster members that have it"}
	createdField     = Field{Name: "created_at", Type: Time, Use: Read, Doc: "when it was created"}
	expiresField     = Field{Name: "expires_at", Type: Time, Use: Read | Create, Doc: "when the server deletes it"}
)

// imageArg names an image for whatever is made of one.
var imageArg = Field{Name: "image", Type: String, Place: Local,
	Doc: "the image, as the incus command takes it: an alias, a fingerprint, or remote:alias"}

// What a method takes that moves something between servers: the other end of a migration that is pushed.
var migrationTarget = []Field{
	{Name: "certificate", Type: String, Doc: "the other server's certificate, as PEM"},
	{Name: "operation", Type: String, Doc: "URL of the operation on the other server"},
	{Name: "secrets", Type: Config, Doc: "secrets of that operation's connections"},
}

// uploadMethod makes a backup that the server doesn't keep.
func uploadMethod(target bool, args ...Field) Method {
	return Method{Name: "upload", Collection: true, HTTP: "POST", Does: DoAct, Returns: nothing, Effect: Creates, Background: true, Target: target, Extension: "backup_s3_upload",
		Doc:  "Makes a backup and uploads it to an S3 service, instead of keeping it here.",
		Args: append([]Field{backupTarget, compressionField, optimizedField}, args...)}
}

var backupTarget = Field{Name: "target", Type: Object, Required: true, Position: true, Doc: "where to",
	Fields: []Field{
		{Name: "protocol", Type: String, Doc: "s3"},
		{Name: "url", Type: String, Doc: "https address of the storage service"},
		{Name: "bucket_name", Type: String, Doc: "the bucket there"},
		{Name: "path", Type: String, Doc: "the object's name in the bucket"},
		{Name: "access_key", Type: String, Doc: "who uploads"},
		{Name: "secret_key", Type: String, Doc: "that user's secret"},
	}}

var (
	compressionField = Field{Name: "compression_algorithm", Type: String, Use: Create, Doc: "gzip, zstd, none, …; the server's default without it"}
	optimizedField   = Field{Name: "optimized_storage", Type: Bool, Use: Read | Create, Doc: "True keeps the storage driver's own format, which only a pool of that driver can read"}
)

// access is who may use something.
var access = &Resource{
	Kind: "AccessEntry", Doc: "Who may use it, and as what.", Verbs: List, Lists: Elements,
	Fields: []Field{
		{Name: "identifier", Type: String, Use: Read, Doc: "the fingerprint of the certificate, or another name of who it is"},
		{Name: "role", Type: String, Use: Read, Doc: "admin, operator, user or view"},
		{Name: "provider", Type: String, Use: Read, Doc: "what says so: tls, openfga or a scriptlet"},
	},
}
