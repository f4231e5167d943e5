package spec

// instanceFiles are the files of an instance.
var instanceFiles = &Resource{
	Name: "files", Kind: "File", Path: "sftp", Methods: fileMethods,
	Doc: "Files of the instance, whether it runs or not. Paths are absolute.",
}

// volumeFiles are the files of a volume.
var volumeFiles = &Resource{
	Name: "files", Kind: "File", Path: "sftp", Methods: fileMethods, Extension: "custom_volume_sftp", Target: Get,
	Doc: "Files of the custom volume, whose content is a file system. Paths are absolute, and / is the volume itself.",
}

var (
	filePathArg   = Field{Name: "path", Type: String, In: Local, Absolute: true, Bytes: true, Required: true, Positional: true, Doc: "the absolute path"}
	contentArg    = Field{Name: "content", Type: Raw, In: Local, Required: true, Positional: true, Doc: "the content, a string or bytes"}
	fileModeArg   = Field{Name: "mode", Type: FileMode, In: Local, Doc: "the permissions, such as 0o644 or '0644'; default: those of the existing file, 0o644 for a new one"}
	fileUIDArg    = Field{Name: "uid", Type: Int, In: Local, Doc: "the user id of the owner; default: that of the existing file, 0 for a new one"}
	fileGIDArg    = Field{Name: "gid", Type: Int, In: Local, Doc: "the group id of the owner; default: that of the existing file, 0 for a new one"}
	parentsArg    = Field{Name: "parents", Type: Bool, In: Local, Doc: "True creates missing folders above the path; by default one is an IncusNotFoundError"}
	fileWaitArg   = Field{Name: "timeout", Type: Seconds, In: Local, Doc: "the longest time, after which the call fails with IncusTimeoutError; default: no limit"}
	localParents  = Field{Name: "parents", Type: Bool, In: Local, Doc: "True creates missing local folders above the path"}
	recursiveArg  = Field{Name: "recursive", Type: Bool, In: Local}
	readFileCoded = Field{Name: "encoding", Type: String, In: Local, Values: encodings, Others: Refused, Doc: "'auto' returns a string if the content is UTF-8, else bytes; 'utf-8' requires a string, 'bytes' returns bytes; default: 'auto'"}
)

// documented returns the argument with another description.
func documented(f Field, doc string) Field {
	f.Doc = doc
	return f
}

// fileRequests are the requests of all methods of files.
var fileRequests = []Request{{HTTP: "GET", Note: "with Upgrade: sftp, unless a connection is open"}}

// fileMethods are the methods of files. All use one connection, which is kept for a second.
var fileMethods = []Method{
	{Name: "read", Collection: true, HTTP: "GET", Does: DoReadFile, Requests: fileRequests, Returns: Returns{Shape: Data}, Effect: Reads,
		Doc:  "Reads a file of at most 256 MiB and returns its content, as a string or bytes. Symbolic links are followed.",
		Args: []Field{filePathArg, readFileCoded, fileWaitArg}},
	{Name: "write", Collection: true, HTTP: "GET", Does: DoWriteFile, Requests: fileRequests, Returns: structOf(fileChange), Effect: Changes,
		Doc:  "Replaces the content of a file, or creates it, and returns a struct of changed, which reports whether the content, the mode or the owner differed. The file is replaced at once: readers see the old content or the new. Symbolic links are followed.",
		Args: []Field{filePathArg, contentArg, fileModeArg, fileUIDArg, fileGIDArg, parentsArg, fileWaitArg}},
	{Name: "append", Collection: true, HTTP: "GET", Does: DoAppendFile, Requests: fileRequests, Returns: nothing, Effect: Changes,
		Doc:  "Adds to the end of a file, or creates it. This isn't done at once: readers may see a part, as may be left after a failure, and of two calls at a time one may overwrite the other.",
		Args: []Field{filePathArg, contentArg, fileModeArg, fileUIDArg, fileGIDArg, parentsArg, fileWaitArg}},
	{Name: "list", Collection: true, HTTP: "GET", Does: DoListFiles, Requests: fileRequests, Returns: Returns{Shape: StructList, Of: fileInfo}, Effect: Reads,
		Doc:  "Returns the content of a folder, sorted by name: a list of structs, each as stat returns it, whose type is \"file\", \"directory\" (a folder), \"symlink\" or \"other\". Symbolic links are not followed.",
		Args: []Field{filePathArg, documented(recursiveArg, "True also lists the folders in it, the content of each after it"), fileWaitArg}},
	{Name: "stat", Collection: true, HTTP: "GET", Does: DoStatFile, Requests: fileRequests, Returns: structOf(fileInfo), Effect: Reads,
		Doc:  "Describes a file, folder or symbolic link: returns a struct of path, name, type (\"file\", \"directory\" for a folder, \"symlink\" or \"other\"), size, mode, uid, gid, mtime and target.",
		Args: []Field{filePathArg, {Name: "follow", Type: Bool, In: Local, Doc: "True describes the target of a symbolic link"}, fileWaitArg}},
	{Name: "exists", Collection: true, HTTP: "GET", Does: DoFileExists, Requests: fileRequests, Returns: aBool, Effect: Reads,
		Doc:  "Reports whether there is a file or folder. A symbolic link counts if its target exists.",
		Args: []Field{filePathArg, fileWaitArg}},
	{Name: "mkdir", Collection: true, HTTP: "GET", Does: DoMakeFolder, Requests: fileRequests, Returns: structOf(fileChange), Effect: Changes,
		Doc: "Creates a folder and returns a struct of changed.",
		Args: []Field{filePathArg, documented(parentsArg, "True also creates missing folders above it, and accepts a folder that exists, whose mode and owner it sets if they are given"),
			documented(fileModeArg, "the permissions, such as 0o755 or '0755'; default: 0o755 for a new folder"), fileUIDArg, fileGIDArg, fileWaitArg}},
	{Name: "symlink", Collection: true, HTTP: "GET", Does: DoMakeLink, Requests: fileRequests, Returns: structOf(fileChange), Effect: Changes,
		Doc: "Creates a symbolic link, or replaces one that points elsewhere, at once, and returns a struct of changed. Anything else in its place is an IncusAlreadyExistsError.",
		Args: []Field{{Name: "target", Type: String, In: Local, Bytes: true, Required: true, Positional: true, Doc: "the path of the target, which need not exist"},
			filePathArg, parentsArg, fileWaitArg}},
	{Name: "rename", Collection: true, HTTP: "GET", Does: DoRenameFile, Requests: fileRequests, Returns: nothing, Effect: Changes,
		Doc: "Renames or moves a file, folder or symbolic link, at once. It replaces a file or link with the new path; a folder there is an error.",
		Args: []Field{{Name: "old", Type: String, In: Local, Absolute: true, Bytes: true, Required: true, Positional: true, Doc: "the absolute path"},
			{Name: "new", Type: String, In: Local, Absolute: true, Bytes: true, Required: true, Positional: true, Doc: "the new absolute path; with a slash at its end, the folder to move it to"},
			documented(parentsArg, "True creates missing folders above the new path; by default one is an IncusNotFoundError"), fileWaitArg}},
	{Name: "delete", Collection: true, HTTP: "GET", Does: DoDeleteFile, Requests: fileRequests, Returns: nothing, Effect: Deletes,
		Doc:  "Deletes a file, an empty folder or a symbolic link, but never the target of a link.",
		Args: []Field{filePathArg, documented(recursiveArg, "True also deletes the content of a folder"), fileWaitArg}},
	{Name: "push", Collection: true, HTTP: "GET", Does: DoPush, Requests: fileRequests, Returns: structOf(fileTransfer), Effect: Changes,
		Doc: "Copies a local file, or a folder with its content, and returns a struct of changed, paths, bytes and vanished. Files with the same content aren't written again. " +
			"Permissions, times and empty folders are kept, symbolic links are copied as links, and each file is replaced at once. Folders are merged: nothing is deleted. Named pipes, sockets and devices are an error.",
		Args: []Field{{Name: "local", Type: LocalPath, In: Local, Required: true, Positional: true, Doc: "the local path"},
			{Name: "remote", Type: String, In: Local, Absolute: true, Bytes: true, Required: true, Positional: true, Doc: "the absolute path of the copy; with a slash at its end, the folder to put it in"},
			documented(fileModeArg, "the permissions of files, such as 0o644 or '0644'; default: those of the local files"), fileUIDArg, fileGIDArg, parentsArg, fileWaitArg}},
	{Name: "pull", Collection: true, HTTP: "GET", Does: DoPull, Requests: fileRequests, Returns: structOf(fileTransfer), Effect: Reads, WritesFiles: true,
		Doc: "Copies a file, or a folder with its content, to a local path, and returns a struct of changed, paths, bytes and vanished. Permissions, times and empty folders are kept, but neither the owner nor set-user-ID and the like. " +
			"Symbolic links in a folder are copied as links and never followed, here either, and each file is replaced at once. Folders are merged: nothing is deleted. Named pipes, sockets and devices are an error. Under --read-only it fails.",
		Args: []Field{{Name: "remote", Type: String, In: Local, Absolute: true, Bytes: true, Required: true, Positional: true, Doc: "the absolute path"},
			{Name: "local", Type: LocalPath, In: Local, Required: true, Positional: true, Doc: "the local path of the copy; with a slash at its end, the folder to put it in"},
			localParents, {Name: "within", Type: LocalPath, In: Local, Doc: "a local folder to which local is then relative, and of which no link leads out, for copies of several paths of an instance that isn't trusted"}, fileWaitArg}},
}

// fileInfo is the result of stat.
var fileInfo = &Resource{
	Kind: "FileInfo", Doc: "A file, folder or symbolic link, of an instance or a volume; also what fs.stat and fs.list return, without uid and gid.",
	Columns: []Column{{Field: "type"}, {Field: "mode", Form: Octal}, {Field: "uid"}, {Field: "gid"}, {Field: "size"}, {Field: "mtime"}, {Field: "name"}, {Field: "target", When: IfAny}},
	Fields: []Field{
		{Name: "path", Type: String, Use: Read, Doc: "the path"},
		{Name: "name", Type: String, Use: Read, Doc: "the last part of the path"},
		{Name: "type", Type: String, Use: Read, Values: []string{"file", "directory", "symlink", "other"}, Doc: "\"file\", \"directory\" (a folder), \"symlink\" or \"other\""},
		{Name: "size", Type: Int, Use: Read, Doc: "the size in bytes"},
		{Name: "mode", Type: Int, Use: Read, Doc: "the permissions, such as 0o644"},
		{Name: "uid", Type: Int, Use: Read, Doc: "the user id of the owner"},
		{Name: "gid", Type: Int, Use: Read, Doc: "the group id of the owner"},
		{Name: "mtime", Type: Any, Use: Read, Doc: "the time of the last change, a time.time in whole seconds"},
		{Name: "target", Type: Any, Use: Read, Doc: "the path in a symbolic link; None in others"},
	},
}

// fileChange is the result of methods that change one file.
var fileChange = &Resource{
	Kind: "FileChange", Doc: "The result of a change of a file.",
	Columns: columns("changed"),
	Fields:  []Field{changedField},
}

// fileTransfer is the result of push and pull.
var fileTransfer = &Resource{
	Kind: "FileTransfer", Doc: "The result of push and pull.",
	Columns: append(columns("changed", "bytes"), Column{Field: "paths"}),
	Fields: []Field{changedField,
		{Name: "paths", Type: Strings, Use: Read, Doc: "the paths, at the destination, that are new or different, sorted"},
		{Name: "bytes", Type: Int, Use: Read, Doc: "the size of the files among them"},
		{Name: "vanished", Type: Strings, Use: Read, Doc: "the paths, at the source, of the files that disappeared during the copy of their folder, sorted; they are left out"},
	},
}

var changedField = Field{Name: "changed", Type: Bool, Use: Read, Doc: "whether anything is different now, the time of the last change aside"}
