package spec

// Collections are the collections of a client.
var Collections = []*Resource{
	Instances, Images, Profiles, Projects,
	Networks, NetworkACLs, NetworkZones, NetworkAddressSets, NetworkIntegrations, NetworkAllocations,
	StoragePools, Certificates, ClusterOf, Operations, Warnings, Server, Remotes,
}

// Fields of many resources.
var (
	nameField        = Field{Name: "name", Type: Name, Use: Read | Create, Doc: "the name"}
	descriptionField = Field{Name: "description", Type: String, Use: All, Doc: "a description, in free text"}
	configField      = Field{Name: "config", Type: Config, Use: All, Doc: "configuration keys and their values"}
	devicesField     = Field{Name: "devices", Type: Devices, Use: All, Doc: "devices by name, each a dict with its type and settings; a change merges the keys of each device, None unsets a key or removes a device, and a new type replaces the device"}
	usedByField      = Field{Name: "used_by", Type: Strings, Use: Read, Doc: "URLs of the objects that use it"}
	ownerField       = Field{Name: "project", Type: String, Use: Read, Refers: ToProject, Doc: "its project"}
	locationField    = Field{Name: "location", Type: String, Use: Read, Refers: ToMember, Doc: "the cluster member that holds it"}
	locationsField   = Field{Name: "locations", Type: Strings, Use: Read, Refers: ToMember, Doc: "the cluster members that hold it"}
	createdField     = Field{Name: "created_at", Type: Time, Use: Read, Doc: "the time of its creation"}
	expiresField     = Field{Name: "expires_at", Type: Time, Use: Read | Create, Doc: "the time at which the server deletes it"}
)

// imageArg is the argument image= of methods that create something from an image.
var imageArg = Field{Name: "image", Type: String, In: Local, Excludes: []string{"source"}, Refers: ToImage,
	Doc: "the image, as for the incus command: an alias, a fingerprint, or remote:alias"}

// migrationTarget lists the fields of target= in migrate: the other end of a migration by push.
var migrationTarget = []Field{
	{Name: "certificate", Type: String, Doc: "the certificate of the other server, as PEM"},
	{Name: "operation", Type: String, Doc: "the URL of the operation on the other server"},
	{Name: "secrets", Type: Config, Doc: "the secrets of that operation's connections"},
}

// uploadMethod returns a method that uploads a backup without storing it on the server.
func uploadMethod(target bool, args ...Field) Method {
	return Method{Name: "upload", Collection: true, HTTP: "POST", Does: DoAct, Returns: nothing, Effect: Creates, Background: true, Target: target, Extension: "backup_s3_upload",
		Doc:  "Uploads a new backup to an S3 service, without keeping it on the server.",
		Args: append([]Field{backupTarget, compressionField, optimizedField}, args...)}
}

var backupTarget = Field{Name: "target", Type: Object, Required: true, Positional: true, Doc: "the destination",
	Fields: []Field{
		{Name: "protocol", Type: String, Doc: "s3"},
		{Name: "url", Type: String, Doc: "the https URL of the storage service"},
		{Name: "bucket_name", Type: String, Doc: "the name of the bucket"},
		{Name: "path", Type: String, Doc: "the name of the object in the bucket"},
		{Name: "access_key", Type: String, Doc: "the access key of the service"},
		{Name: "secret_key", Type: String, Doc: "the secret of the access key"},
	}}

var (
	compressionField = Field{Name: "compression_algorithm", Type: String, Use: Create, Values: []string{"none", "bzip2", "gzip", "lz4", "lzma", "xz", "zstd", "squashfs"}, Others: Misspelt, Doc: "none, gzip, zstd or another; Incus 6.0 takes a level too, such as 'zstd -19'; default: the server's setting"}
	optimizedField   = Field{Name: "optimized_storage", Type: Bool, Use: Read | Create, Doc: "True uses the storage driver's own format, which only a pool of the same driver can read"}
)

// access declares the entries of the access lists of instances and projects.
var access = &Resource{
	Kind: "AccessEntry", Doc: "A user or client with access to the object, and its role.", Verbs: List, Lists: Elements,
	Columns: columns("identifier", "role", "provider"),
	Fields: []Field{
		{Name: "identifier", Type: String, Use: Read, Doc: "the fingerprint of the certificate, or another identifier"},
		{Name: "role", Type: String, Use: Read, Doc: "admin, operator, user or view"},
		{Name: "provider", Type: String, Use: Read, Doc: "the source of the access: tls, openfga or a scriptlet"},
	},
}
