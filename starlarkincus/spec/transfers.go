package spec

import "slices"

// pathArg is the argument with the local file to write or to read.
func pathArg(doc string) Field {
	return Field{Name: "path", Type: LocalPath, In: Local, Required: true, Positional: true, Doc: doc}
}

// inputArg is pathArg for content that a script may also yield.
func inputArg(doc string) Field {
	f := pathArg(doc + "; or its content: a stream, such as that of run_stream or export_stream, a list or tuple of bytes, or a function that returns the next part each time and None at the end")
	f.Type = LocalInput
	return f
}

// exportedImage declares the result of image.export.
var exportedImage = &Resource{
	Kind: "ExportedImage", Doc: "The files of an exported image.",
	Columns: append(columns("path", "rootfs", "size"), Column{Field: "fingerprint", Form: Short}),
	Fields: []Field{
		{Name: "path", Type: String, Use: Read, Doc: "the path of the image, or of its metadata if it has a second file"},
		{Name: "rootfs", Type: String, Use: Read, Doc: "the path of the second file, with the root file system; None if there is none"},
		{Name: "size", Type: Int, Use: Read, Doc: "the size in bytes of both"},
		{Name: "fingerprint", Type: String, Use: Read, Doc: "the SHA-256 of both, which is the image's fingerprint"},
	},
}

// exportedBackup declares the result of export of instances, volumes and buckets.
var exportedBackup = &Resource{
	Kind: "ExportedBackup", Doc: "The file of an exported backup.",
	Columns: append(columns("path", "size"), Column{Field: "sha256", Form: Short}),
	Fields: []Field{
		{Name: "path", Type: String, Use: Read, Doc: "the path of the file"},
		{Name: "size", Type: Int, Use: Read, Doc: "the size in bytes"},
		{Name: "sha256", Type: String, Use: Read, Doc: "the SHA-256 of its content, in hexadecimal; None with sha256=False"},
	},
}

// directBackup is the API extension of servers that send a backup while they make it.
const directBackup = "direct_backup"

// The requests of an export. The deletion of an instance is an operation, unlike that of a volume or a bucket.
var (
	exportingBucket   = exportRequests("", stillThere)
	exportingVolume   = exportRequests("volume_only", stillThere)
	exportingInstance = exportRequests("instance_only", Request{HTTP: "GET", Path: "/1.0/operations", Query: "recursion=1", Note: "to see whether it, or a snapshot, is being deleted"}, stillThere)
)

// exportRequests returns the requests of an export. Without is the argument that leaves out the snapshots; empty for an
// object that has none.
func exportRequests(without string, looks ...Request) []Request {
	direct, kept := "with the API extension "+directBackup, "without the API extension "+directBackup
	snapshots := func(when, note string) []Request {
		if without == "" {
			return nil
		}
		return unless(when+"without "+without+"=", []string{without}, Request{HTTP: "GET", Path: "snapshots", Query: "recursion=1", Note: note})
	}
	again := "if it had snapshots, to see whether one was renamed or replaced meanwhile"
	return slices.Concat([]Request{{HTTP: "GET"}}, snapshots("", ""),
		[]Request{{HTTP: "POST", Path: "backups", Note: "with the header Accept: application/octet-stream, if the server has " + directBackup + ": its answer is the backup"}},
		in(kept, nil, waiting, stillThere), snapshots(kept+", ", again), in(kept, nil, Request{HTTP: "GET", Path: "backups/{backup}/export"}, Request{HTTP: "DELETE", Path: "backups/{backup}"}, waiting),
		in(direct, nil, slices.Concat([]Request{{HTTP: "GET", Path: "/1.0/operations", Query: "recursion=1"}, waiting}, looks)...), snapshots(direct+", ", again))
}

// stillThere finds out whether the object of a backup was replaced while it was made.
var stillThere = Request{HTTP: "GET", Note: "to see whether it was renamed or replaced meanwhile"}

// exportMethod returns the method that saves a backup of an object in a local file.
func exportMethod(requests []Request, target bool, args ...Field) Method {
	return Method{Name: "export", HTTP: "GET", Path: "backups/{backup}/export", Does: DoExportBackup, Returns: structOf(exportedBackup), Effect: Creates, Target: target, WritesFiles: true,
		Prefers: directBackup, Requests: requests,
		Doc: "Saves a backup of it in a local file, and returns a struct of path, size and sha256. The server sends the backup while it makes it, or, before Incus 7.0, keeps it until it is saved. " +
			"A backup that isn't whole is an error, also if the object or one of its snapshots was renamed or deleted meanwhile; not one that the server made without something, as of an instance whose files are damaged. The file appears under its name when it is complete; until then an existing one stays.",
		Args: append([]Field{pathArg("the file to write"), compressionField, sumArg}, args...)}
}

// sumArg leaves out what takes most of the client's time for a transfer from the same machine.
var sumArg = Field{Name: "sha256", Type: Bool, In: Local, Doc: "whether to determine the SHA-256 of the file, which takes a processor about half a second for each GB; default True"}

// streamMethod returns the method that gives a backup of an object as a stream.
func streamMethod(requests []Request, target bool, args ...Field) Method {
	return Method{Name: "export_stream", HTTP: "GET", Path: "backups/{backup}/export", Does: DoStreamBackup, Returns: Returns{Shape: ByteStream}, Effect: Creates, Target: target,
		Prefers: directBackup, Requests: requests,
		Doc: "Makes a backup of it and returns a stream of its content, for stdin= of run or exec, or for import_backup, or, as bytes, for a loop. " +
			"After the end the stream has size and sha256, which are None before. The server sends the backup while it makes it, or, before Incus 7.0, keeps it until the stream ends, its reader fails, or the script ends. One that isn't whole is an error at its end, also if the object or one of its snapshots was renamed or deleted meanwhile. A stream is read once, in any task or entry of a prompt.",
		Args: append([]Field{compressionField}, args...)}
}

// untaken returns the request by which an import sees that its name is free.
func untaken(when string, with ...string) Request {
	return Request{HTTP: "GET", At: Item, When: when, With: with, Note: "to see that the name isn't taken"}
}

// importMethod returns the method that creates an object from the file of a backup.
func importMethod(r, one string, target bool, args ...Field) Method {
	name := "the name of the new " + r + "; default: that in the backup"
	if r == "instance" {
		name += `. It keeps its MAC addresses: beside its original it starts after update(config = {"volatile.eth0.hwaddr": None})`
	}
	return Method{Name: "import_backup", Collection: true, HTTP: "POST", Does: DoImport, Returns: sibling, Effect: Creates, Background: true, Target: target,
		Requests: []Request{untaken("with name=", "name"), {HTTP: "POST", At: Within}, waiting, {HTTP: "GET", At: Item}},
		Doc:      "Creates " + one + " from the file of a backup, as " + r + ".export saves it, and returns it.",
		Args: append([]Field{inputArg("the file of the backup"),
			{Name: "name", Type: Name, In: Header, Doc: name}}, append(args, projectArg)...)}
}

// isoMethod creates a volume from an ISO image.
var isoMethod = Method{Name: "import_iso", Collection: true, HTTP: "POST", Does: DoImport, Returns: sibling, Effect: Creates, Background: true, Target: true,
	Requests: []Request{untaken(""), {HTTP: "POST", At: Within}, waiting, {HTTP: "GET", At: Item}}, Send: map[string]any{"type": "iso"},
	Doc: "Creates a volume from a file with an ISO image, such as an installation medium for virtual machines, and returns it.",
	Args: []Field{inputArg("the file with the ISO image"),
		{Name: "name", Type: Name, In: Header, Required: true, Positional: true, Doc: "the name of the new volume"}, projectArg}}

// The arguments for the aliases of a new image.
var (
	aliasArg = Field{Name: "alias", Type: String, In: Local, Doc: "an alias for the image; use aliases= for several"}
	reuseArg = Field{Name: "reuse", Type: Bool, In: Local,
		Doc: "True takes the aliases away from other images that have them, and deletes those that have no alias left then; default: an alias that exists is an error"}
	localAliases = local(imageAliasesArg)
)

// takeAliases returns the requests that give an image its aliases. The condition for all of them stands before that of
// each other alias.
func takeAliases(condition string) []Request {
	return slices.Concat(
		in("for each alias that another image has, with reuse=True", nil, Request{HTTP: "PUT", Path: "/1.0/images/aliases/{alias}"}, Request{HTTP: "GET", Path: "/1.0/images/{other}"}),
		in("if that image has no other alias", nil, Request{HTTP: "DELETE", Path: "/1.0/images/{other}"}, waiting),
		in(condition+"for each other alias", nil, Request{HTTP: "POST", Path: "/1.0/images/aliases"}))
}

// nameImage are the requests that give an image its aliases, and read it again.
var nameImage = append(takeAliases(""), in("with an alias", []string{"alias", "aliases"}, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"})...)

// lookForAlias is sent before the image is made.
var lookForAlias = Request{HTTP: "GET", Path: "/1.0/images/aliases/{alias}", When: "for each alias, before all others", With: []string{"alias", "aliases"}}

// exportImage saves an image.
var exportImage = Method{Name: "export", HTTP: "GET", Path: "export", Does: DoExportImage, Returns: structOf(exportedImage), Effect: Reads, WritesFiles: true,
	Doc: "Saves the image in a local file, or in two if its root file system is a file of its own, and returns a struct of path, rootfs, size and fingerprint. " +
		"The content is compared with the fingerprint. The files appear under their names when they are complete.",
	Args: []Field{pathArg("the file to write; the second one, if there is one, has .rootfs after it. In a folder that exists, the files get the names that the server gives them")}}

// streamImage gives an image as a stream.
var streamImage = Method{Name: "export_stream", HTTP: "GET", Path: "export", Does: DoStreamImage, Returns: Returns{Shape: ByteStream}, Effect: Reads,
	Doc: "Returns a stream of the image's content, for stdin= of run or exec, or for images.upload, or, as bytes, for a loop. The content is compared with the fingerprint before the stream's end. " +
		"After the end the stream has size and sha256, which are None before. An image in two files is an error: export saves them."}

// uploadImage creates an image from local files.
var uploadImage = Method{Name: "upload", Collection: true, HTTP: "POST", Does: DoUploadImage, Returns: sibling, Effect: Creates,
	Requests: slices.Concat([]Request{lookForAlias, {HTTP: "GET", Path: "/1.0/images/{fingerprint}", When: "with reuse=True, which skips the next three if the image is there", With: []string{"reuse"}},
		{HTTP: "POST"}, waiting, {HTTP: "GET", Path: "/1.0/images/{fingerprint}"}},
		in("if the server didn't set all fields", nil, Request{HTTP: "PUT", Path: "/1.0/images/{fingerprint}"}, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"}), nameImage),
	Doc: "Creates an image from a local file, or from two, and returns it. The server's fingerprint is compared with that of the files.",
	Args: []Field{inputArg("the file of the image, or of its metadata if rootfs= is given"),
		{Name: "rootfs", Type: LocalPath, In: Local, Doc: "the file with the root file system of an image in two files; a disk in the format qcow2 makes it that of virtual machines"},
		aliasArg, localAliases,
		{Name: "public", Type: Bool, In: Local, Doc: "whether untrusted clients may use it"},
		{Name: "properties", Type: Config, In: Local, Doc: "descriptive properties, which replace those in the image, such as os and release"},
		{Name: "profiles", Type: Strings, In: Local, Refers: ToProfile, Doc: "default profiles of instances created from it"},
		{Name: "expires_at", Type: Time, In: Local, Doc: "the time at which the server deletes it"},
		{Name: "reuse", Type: Bool, In: Local, Doc: "True keeps an image with the same content, instead of failing, and doesn't send it again; it needs a file, which can be read twice. It takes the aliases away from other images that have them, and deletes those that have no alias left then"},
		projectArg,
	}}

// copyImage copies an image to another server.
var copyImage = Method{Name: "copy", HTTP: "POST", Path: "/1.0/images", Does: DoCopyImage, Returns: sibling, Effect: Creates,
	Requests: slices.Concat([]Request{lookForAlias, {HTTP: "GET", Path: "/1.0/images/{fingerprint}"}},
		in("if it isn't there, with mode='relay'", nil, Request{HTTP: "GET", Path: "export"}),
		in("if it isn't there, without mode='relay'", nil, Request{HTTP: "GET", Path: "/1.0", Note: "of the other server with mode='push'; not of an image server"}),
		in("if it isn't there and isn't public, with mode='pull'", nil, Request{HTTP: "POST", Path: "secret"}),
		in("if it isn't there", nil, Request{HTTP: "POST", Path: "/1.0/images", Note: "with mode='pull' again for each address of the first server, until one can be reached"}),
		in("if it isn't there, with mode='push'", nil, Request{HTTP: "POST", Path: "export", Note: "again for each address of the other server, until one can be reached"}),
		in("if it isn't there", nil, waiting),
		in("if it isn't there and isn't public or mode='push'", nil, Request{HTTP: "DELETE", Path: "/1.0/operations/{operation}"}),
		in("if it isn't there", nil, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"}),
		in("if the server didn't set all fields", nil, Request{HTTP: "PUT", Path: "/1.0/images/{fingerprint}"}, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"}), nameImage),
	Doc: "Copies the image to another server, or to another project, and returns the copy. A copy that exists already only gets the aliases. " +
		"The other server fetches the image, and needs no access to it: private images are copied with a secret for one download. " +
		"An image of an image server (simplestreams) is copied so, too.",
	Args: []Field{
		{Name: "to", Type: OtherServer, In: Local, Required: true, Positional: true, Doc: "a client of the other server or project, as incus.connect and incus.use return it"},
		aliasArg, localAliases, reuseArg,
		{Name: "public", Type: Bool, In: Local, Doc: "whether untrusted clients may use the copy; False by default"},
		{Name: "profiles", Type: Strings, In: Local, Refers: ToProfile, Doc: "default profiles of instances created from the copy; default: the profile default"},
		{Name: "auto_update", Type: Bool, In: Local, Doc: "True lets the other server replace the copy by newer images that get the image's first alias on this server. It needs a public image and mode='pull'"},
		{Name: "mode", Type: String, In: Local, Values: transferModes, Others: Refused, Doc: "pull, the default: the other server fetches it from an address of this one; push: this server sends it to an address of the other; relay: it goes through this client, for servers that don't reach each other"},
	}}
