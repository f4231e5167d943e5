package spec

// Remotes are the remotes of the incus command, which are in a file of this machine's and not on a server.
var Remotes = &Resource{
	Name: "remotes", Kind: "Remote", Local: true,
	Doc:     "Remotes of the incus command: the servers in its configuration. The file is written only by these methods.",
	Columns: append(columns("name", "addresses", "protocol", "auth_type"), Column{Field: "project", When: IfAny}, Column{Field: "public"}, Column{Field: "default"}),
	Fields: []Field{
		{Name: "name", Type: String, Use: Read, Refers: ToRemote, Doc: "the name"},
		{Name: "addresses", Type: Strings, Use: Read, Doc: "the addresses of the server, without user and password"},
		{Name: "protocol", Type: String, Use: Read, Doc: "incus, or for a source of images simplestreams or oci"},
		{Name: "auth_type", Type: String, Use: Read, Doc: "tls, oidc, none, or file access for a unix socket"},
		{Name: "project", Type: String, Use: Read, Doc: "the project; empty for the server's default"},
		{Name: "public", Type: Bool, Use: Read, Doc: "whether it is used for its public images only"},
		{Name: "static", Type: Bool, Use: Read, Doc: "whether it is built in, and can't be changed"},
		{Name: "global", Type: Bool, Use: Read, Doc: "whether it is in the configuration for all users"},
		{Name: "default", Type: Bool, Use: Read, Doc: "whether it is the default remote"},
	},
	Methods: []Method{
		{Name: "list", Collection: true, Does: DoListRemotes, Returns: Returns{Shape: StructList}, Effect: Reads, Offline: true,
			Doc: "Returns all remotes, sorted by name: a list of structs, each with the name, addresses, protocol, auth_type, project, public, static, global and default."},
		{Name: "add", Collection: true, Does: DoAddRemote, Returns: Returns{Shape: Struct}, Effect: Creates, Offline: true,
			Requests: []Request{{HTTP: "GET", Path: "/1.0", Note: "of the new server"}, {HTTP: "POST", Path: "/1.0/certificates", With: []string{"token"}, When: "with token=, if it doesn't trust this client"},
				{HTTP: "GET", Path: "/1.0/projects", Note: "of the new server"}},
			Doc: "Adds a remote and returns a struct of its name, addresses, protocol, auth_type, project, public, static, global and default. The server is asked first, and nothing is saved if it can't be reached or doesn't accept this client. " +
				"Its certificate is accepted if the token or fingerprint= is for it, or an authority that is trusted has signed it; any other is an IncusTLSError with its fingerprint. A client certificate is made if there is none.",
			Args: []Field{
				{Name: "name", Type: String, In: Local, Required: true, Positional: true, Doc: "the name of the new remote"},
				{Name: "url", Type: String, In: Local, Doc: "the address: https://host:port, host:port, host, or unix:/path; several with commas between them, which newer incus commands understand; default: the first one of the token that answers"},
				{Name: "token", Type: String, In: Local, Doc: "a token of certificates.create_token or of incus config trust add, which makes the server trust this client"},
				{Name: "fingerprint", Type: String, In: Local, Doc: "the fingerprint of the server's certificate, the SHA-256, in hexadecimal digits"},
				{Name: "protocol", Type: String, In: Local, Values: []string{"incus", "simplestreams", "oci"}, Others: Refused, Doc: "incus, simplestreams or oci; default: incus"},
				{Name: "auth_type", Type: String, In: Local, Values: []string{"tls", "oidc"}, Others: Refused, Doc: "tls or oidc; default: tls"},
				{Name: "project", Type: Name, In: Local, Doc: "the project; default: the only one that this client may use, or \"default\""},
				{Name: "public", Type: Bool, In: Local, Doc: "True adds it for its public images only"},
				{Name: "credentials_helper", Type: String, In: Local, Doc: "the program that tells the user and password of an OCI registry"},
			}},
		{Name: "remove", Collection: true, Does: DoRemoveRemote, Returns: nothing, Effect: Deletes, Offline: true,
			Doc:  "Removes a remote, the accepted certificate of its server and its saved tokens, but no client certificate. The default remote and those for all users can't be removed.",
			Args: []Field{{Name: "name", Type: String, In: Local, Required: true, Positional: true, Refers: ToRemote, Doc: "the name of the remote"}}},
		{Name: "rename", Collection: true, Does: DoRenameRemote, Returns: Returns{Shape: Struct}, Effect: Changes, Offline: true,
			Doc: "Renames a remote with its certificates and saved tokens, and returns a struct of the same fields as add. It stays the default one.",
			Args: []Field{{Name: "old", Type: String, In: Local, Required: true, Positional: true, Refers: ToRemote, Doc: "the name of the remote"},
				{Name: "new", Type: String, In: Local, Required: true, Positional: true, Doc: "the new name"}}},
		{Name: "set_default", Collection: true, Does: DoSetDefaultRemote, Returns: nothing, Effect: Changes, Offline: true,
			Doc:  "Makes a remote the default one, from the next script on: the client incus of this script stays as it is.",
			Args: []Field{{Name: "name", Type: String, In: Local, Required: true, Positional: true, Refers: ToRemote, Doc: "the name of the remote"}}},
	},
}
