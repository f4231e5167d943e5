package spec

// progressFields are the keys of the progress of an operation.
var progressFields = []Field{
	{Name: "stage", Type: String, Doc: "the present step, in the server's words, such as Migrating \"web\" in project \"default\" to \"node1\""},
	{Name: "percent", Type: Int, Doc: "the part of the step that is done, from 0 to 100"},
	{Name: "processed", Type: Int, Doc: "the bytes so far"},
	{Name: "speed", Type: Int, Doc: "the bytes a second"},
}

// Operations are the background operations of the server.
var Operations = &Resource{
	Name: "operations", Kind: "Operation", Path: "/1.0/operations", Key: "id", Scope: InProjectOrServer, Lists: ByStatus, AllProjects: allProjectsArg(""),
	Doc:     "Background operations of the server, which are kept for five seconds after their end.",
	Verbs:   List | Get,
	Columns: append(columns("id", "class", "description", "status", "may_cancel", "created_at"), locationColumn, Column{Field: "err", When: IfAny}),
	Fields: []Field{
		{Name: "id", Type: String, Use: Read, Doc: "the UUID"},
		{Name: "class", Type: String, Use: Read, Doc: "the class: task, websocket or token; written op[\"class\"], because class is a keyword"},
		{Name: "description", Type: String, Use: Read, Doc: "the description of the work"},
		{Name: "status", Type: String, Use: Read, Doc: "the status: Running, Success, Failure or Cancelled"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "the code of the status: 103, 200, 400 or 401"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "the time of its start"},
		{Name: "updated_at", Type: Time, Use: Read, Doc: "the time of its last change"},
		{Name: "resources", Type: Object, Use: Read, Doc: "by kind, the URLs of the objects that it works on"},
		{Name: "metadata", Type: Object, Use: Read, Doc: "details of the operation; may hold secrets"},
		{Name: "progress", Type: Object, Use: Read, Made: Progress, Doc: "the progress, from metadata: stage, percent, processed and speed, of which those that the server doesn't tell are None; None altogether if it tells nothing", Fields: progressFields},
		{Name: "may_cancel", Type: Bool, Use: Read, Doc: "whether cancel() is possible"},
		{Name: "err", Type: String, Use: Read, Doc: "the error message after a failure"},
		{Name: "location", Type: String, Use: Read, Refers: ToMember, Doc: "the cluster member that runs it"},
	},
	Methods: []Method{
		{Name: "wait", HTTP: "GET", Path: "wait", Does: DoWait, Returns: itself, Effect: Reads, Args: []Field{
			{Name: "timeout", Type: Seconds, In: Local, Positional: true, Doc: "the longest wait, after which the call fails with IncusOperationTimeoutError; default: no limit"}},
			Doc: "Waits for the end of the operation and returns it. Fails with IncusOperationError if the operation failed. The operation of a token ends when the token is used or revoked, which may be never."},
		{Name: "cancel", HTTP: "DELETE", Does: DoCancel, Returns: itself, Effect: Changes, Requests: []Request{{HTTP: "DELETE"}, {HTTP: "GET", Path: "wait"}},
			Doc: "Cancels the operation, waits for its end, and returns it. Fails with IncusBadRequestError if the operation can't be cancelled."},
	},
}

// Warnings are the server's warnings about problems.
var Warnings = &Resource{
	Name: "warnings", Kind: "Warning", Path: "/1.0/warnings", Key: "uuid", KeyDoc: "the UUID of the warning",
	Doc:     "Warnings of the server about problems. A deleted warning returns if its problem occurs again.",
	Verbs:   List | Get | Update | Replace | Delete,
	Columns: append(columns("type", "status", "severity", "count", "project"), locationColumn, Column{Field: "last_seen_at"}, Column{Field: "uuid"}),
	Fields: []Field{
		{Name: "uuid", Type: String, Use: Read, Doc: "the UUID"},
		{Name: "status", Type: String, Use: Read | Change, Values: []string{"new", "acknowledged"}, Doc: "the status: new, acknowledged or resolved; only the first two can be set"},
		{Name: "type", Type: String, Use: Read, Doc: "the type of the problem"},
		{Name: "last_message", Type: String, Use: Read, Doc: "the latest message about the problem"},
		{Name: "severity", Type: String, Use: Read, Doc: "the severity: low, moderate or high"},
		{Name: "count", Type: Int, Use: Read, Doc: "the number of occurrences"},
		{Name: "first_seen_at", Type: Time, Use: Read, Doc: "the time of the first occurrence"},
		{Name: "last_seen_at", Type: Time, Use: Read, Doc: "the time of the last occurrence"},
		{Name: "entity_url", Type: String, Use: Read, Doc: "the URL of the object with the problem"},
		locationField, ownerField,
	},
	Methods: []Method{{Name: "acknowledge", HTTP: "PATCH", Does: DoAct, Returns: itself, Effect: Changes, Refresh: true, Send: map[string]any{"status": "acknowledged"},
		Doc: "Marks the warning as acknowledged, and returns it."}},
}

// unrestricted is the meaning of projects without restricted.
const unrestricted = "without it the client may use all projects and change the server"

// Certificates are the certificates that the server trusts.
var Certificates = &Resource{
	Name: "certificates", Kind: "Certificate", Path: "/1.0/certificates", Key: "fingerprint", KeyType: String, Named: ByServer,
	Filter:  filterArg("api_filtering_extended"),
	KeyDoc:  "the fingerprint of the certificate, or the start of it",
	Doc:     "Trusted certificates of clients and servers.",
	Verbs:   List | Get | New | Update | Replace | Delete,
	Columns: append(columns("name", "type", "description"), Column{Field: "fingerprint", Form: Short}, Column{Field: "restricted"}, Column{Field: "projects", When: IfAny}),
	Fields: []Field{
		{Name: "fingerprint", Type: String, Use: Read, Doc: "the SHA-256 of the certificate"},
		{Name: "name", Type: String, Use: All, Doc: "the name, in free text"},
		descriptionField,
		{Name: "type", Type: String, Use: Read | Create | Kept, Values: []string{"client", "metrics", "server"}, Doc: "the type: client, metrics or server"},
		{Name: "certificate", Type: Certificate, Use: All, Doc: "the certificate, as PEM"},
		{Name: "restricted", Type: Bool, Use: All, Doc: "whether access is restricted to the projects listed in projects"},
		{Name: "projects", Type: Strings, Use: All, Unordered: true, Refers: ToProject, Beside: "restricted", Alone: unrestricted, Doc: "the projects of a restricted certificate, with restricted=True"},
		{Name: "trust_token", Type: String, Use: Create, Doc: "a token of create_token, for a client that isn't trusted yet"},
	},
	Methods: append([]Method{{Name: "create_token", Collection: true, HTTP: "POST", Does: DoToken, Returns: aText, Effect: Creates, Background: true,
		Send: map[string]any{"token": true, "type": "client"},
		Requests: []Request{{HTTP: "GET", Path: "/1.0/projects", With: []string{"projects"}, When: "with projects=, to see that they exist"},
			{HTTP: "POST", Body: map[string]any{"token": true, "type": "client"}}},
		Doc: "Creates a token with which one new client can add its certificate, as by incus remote add, and returns it as a string, which is secret. It is valid until it is used or revoked, or for the time in the server's configuration core.remote_token_expiry (12H, 7d; unset for no limit): revoke_token(name) revokes one that nobody uses after all. wait=False returns its Operation instead, which lasts until the token is used or revoked, for wait() or cancel(); the token can't be had from that.",
		Args: []Field{
			{Name: "name", Type: String, Required: true, Positional: true, Doc: "the name of the new client"},
			{Name: "description", Type: String, Doc: "a description, in free text"},
			{Name: "restricted", Type: Bool, Doc: "True restricts the client to the projects listed in projects"},
			{Name: "projects", Type: Strings, Refers: ToProject, Beside: "restricted", Alone: unrestricted, Doc: "the projects of a restricted client, with restricted=True"},
		}}}, tokenMethods("new client")...),
}

// Server is the server.
var Server = &Resource{
	Name: "server", Kind: "Server", Path: "/1.0", Lists: Single, Keys: Keys{Kind: "server"}, Target: Get | Update | Replace,
	Doc:     "The server: its configuration, version and API extensions. incus.server() reads it. A server answers it to every client: to one that it doesn't trust with auth \"untrusted\", and without config and environment. projects.names() fails there.",
	Verbs:   Get | Update | Replace,
	Columns: append([]Column{{Field: "environment", Key: "server_name"}, {Field: "environment", Key: "server_version"}}, columns("api_version", "auth", "public")...),
	Fields: []Field{
		{Name: "config", Type: Config, Use: Read | Change, Emptied: true, Doc: "the configuration of the server"},
		{Name: "environment", Type: Object, Use: Read, Doc: "the version, kernel, drivers, addresses and certificate, and project, which is the server's default: incus.project is the client's; None for a client that the server doesn't trust"},
		{Name: "api_extensions", Type: Strings, Use: Read, Doc: "the names of its API extensions"},
		{Name: "api_status", Type: String, Use: Read, Doc: "the status of the API: stable or development"},
		{Name: "api_version", Type: String, Use: Read, Doc: "the version of the API: 1.0"},
		{Name: "auth", Type: String, Use: Read, Doc: "trusted or untrusted: the status of this client"},
		{Name: "auth_methods", Type: Strings, Use: Read, Doc: "the ways for clients to authenticate: tls, oidc"},
		{Name: "auth_user_name", Type: String, Use: Read, Doc: "the user name of this client"},
		{Name: "auth_user_method", Type: String, Use: Read, Doc: "the authentication of this client: unix, tls or oidc"},
		{Name: "public", Type: Bool, Use: Read, Doc: "whether it serves public images only"},
	},
}

var serverResources = &Resource{
	Kind: "Resources", Doc: "The hardware of a server.", Verbs: Get,
	Columns: []Column{{Field: "cpu", Key: "total", Header: "cpus"}, {Field: "memory", Key: "total", Header: "memory", Form: Size}},
	Fields: []Field{
		{Name: "cpu", Type: Object, Use: Read, Doc: "sockets, cores, threads, caches and flags"},
		{Name: "memory", Type: Object, Use: Read, Doc: "total, used, hugepages and nodes, in bytes"},
		{Name: "gpu", Type: Object, Use: Read, Doc: "graphics cards"},
		{Name: "network", Type: Object, Use: Read, Doc: "network cards and their ports"},
		{Name: "storage", Type: Object, Use: Read, Doc: "disks and their partitions"},
		{Name: "usb", Type: Object, Use: Read, Doc: "USB devices"},
		{Name: "pci", Type: Object, Use: Read, Doc: "PCI devices"},
		{Name: "serial", Type: Object, Use: Read, Doc: "serial devices"},
		{Name: "system", Type: Object, Use: Read, Doc: "the maker, product, firmware and motherboard"},
		{Name: "load", Type: Object, Use: Read, Doc: "the load averages and the number of processes"},
	},
}

// response is the result of request.
var response = &Resource{
	Kind: "Response", Doc: "The answer to a request.",
	Columns: columns("status", "etag", "metadata"),
	Fields: []Field{
		{Name: "status", Type: Int, Use: Read, Doc: "the HTTP status code"},
		{Name: "metadata", Type: Any, Use: Read, Doc: "the content of the answer; with wait=False, the Operation if the server continues in the background"},
		{Name: "etag", Type: String, Use: Read, Doc: "the ETag of the answer, for If-Match"},
		{Name: "headers", Type: Config, Use: Read, Doc: "the headers of the answer"},
	},
}

var metricsArgs = []Field{{Name: "project", Type: Name, In: Query, Refers: ToProject, Doc: "the project; default: all projects"}}

// metric is a sample of metrics.
var metric = &Resource{
	Kind: "Metric", Doc: "One value of a metric.",
	Columns: columns("name", "labels", "value", "type"),
	Fields: []Field{
		{Name: "name", Type: String, Use: Read, Doc: "the name, such as incus_memory_MemFree_bytes"},
		{Name: "labels", Type: Config, Use: Read, Doc: "the labels: name, project and type of an instance; device, cpu, mode and others where a metric has several values"},
		{Name: "value", Type: Any, Use: Read, Doc: "the value: an int if it is a whole number, else a float"},
		{Name: "type", Type: String, Use: Read, Doc: "the type: counter or gauge; None if the server doesn't tell"},
		{Name: "help", Type: String, Use: Read, Doc: "the description; None if the server doesn't send one"},
	},
}

// ClientFields are the fields of a client.
var ClientFields = []Field{
	{Name: "remote", Type: String, Use: Read, Doc: "the name of the remote, or the server's address if it has none"},
	{Name: "project", Type: String, Use: Read, Doc: "the project that calls use without project="},
}

// ClientMethods are the methods of a client.
var ClientMethods = []Method{
	{Name: "connect", Does: DoConnect, Returns: client, Effect: Reads, Offline: true, Doc: "Returns a client of another server, remote or project. The client connects at its first call. That of an image server (simplestreams) has images, to read only.",
		Args: []Field{
			{Name: "remote", Type: String, In: Local, Positional: true, Refers: ToRemote, Doc: "the name of a remote of the incus command, other than an OCI registry"},
			{Name: "endpoint", Type: String, In: Local, Excludes: []string{"remote"}, Doc: "the server: https://host:port, or the path of a unix socket. No certificate, pin or project of the configuration is used with it"},
			{Name: "cert", Type: Strings, In: Local, Beside: "endpoint", Refers: ToFile, Doc: "the files of the client's certificate and key, as PEM: (crt, key); default: none is sent. The incus command's are client.crt and client.key in its folder"},
			{Name: "verify", Type: Any, In: Local, Beside: "endpoint", Refers: ToFile, Doc: "the file of the server's certificate or of its certificate authority, as PEM; False accepts any server"},
			{Name: "project", Type: Name, In: Local, Doc: "the project; default: that of the remote, or \"default\""},
			{Name: "target", Type: String, In: Local, Doc: "the cluster member on which objects are created, as of use(); default: any"},
			{Name: "timeout", Type: Seconds, In: Local, Doc: "the time limit of each answer, not including waits for operations; default: no limit"},
		}},
	{Name: "use", Does: DoUse, Returns: client, Effect: Reads, Offline: true, Doc: "Returns a client with the same connection, for another project or cluster member.",
		Args: []Field{
			{Name: "project", Type: Name, In: Local, Positional: true, Refers: ToProject, Doc: "the project; default: that of this client"},
			{Name: "target", Type: String, In: Local, Refers: ToMember, Doc: "the cluster member on which objects are created, and whose volumes, server() and resources() are read; default: that of this client. Lists of what all members share, such as instances, are the same with any, also with one that isn't there"},
		}},
	{Name: "request", Does: DoRequest, Returns: structOf(response), Effect: AsAsked, Background: true, Requests: []Request{{HTTP: "{method}", Path: "/{path}"}, waiting}, Doc: "Sends a request of any kind and returns a struct of status, metadata, etag and headers.",
		Args: []Field{
			{Name: "method", Type: String, In: Local, Required: true, Positional: true, Values: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, Doc: "the HTTP method: GET, HEAD, POST, PUT, PATCH or DELETE"},
			{Name: "path", Type: String, In: Local, Required: true, Positional: true, Doc: "the path, such as /1.0/instances"},
			{Name: "body", Type: Any, In: Local, Doc: "the body, sent as JSON"},
			{Name: "query", Type: Config, In: Local, Doc: "the parameters of the URL"},
			{Name: "headers", Type: Config, In: Local, Doc: "additional headers, such as If-Match"},
			{Name: "wait", Type: Bool, In: Local, Doc: "False doesn't wait for a background operation, and returns the Operation in metadata"},
		}},
	lockMethod,
	eventsMethod,
	{Name: "has_extension", Does: DoHasExtension, Returns: aBool, Effect: Reads, HTTP: "GET", Path: "/1.0", Requests: in("once", nil, Request{HTTP: "GET", Path: "/1.0"}), Doc: "Reports whether the server has an API extension. The server is asked only once.",
		Args: []Field{{Name: "name", Type: String, In: Local, Required: true, Positional: true, Refers: ToExtension, Doc: "the API extension, such as instances_lxcfs_per_instance"}}},
	{Name: "versions", Does: DoRead, Returns: someStrings, Effect: Reads, HTTP: "GET", Path: "/", Doc: "Returns the API versions of the server, as a list of paths."},
	{Name: "resources", Does: DoRead, Returns: one(serverResources), Effect: Reads, HTTP: "GET", Path: "/1.0/resources", Target: true,
		Doc: "Returns the hardware of the server: cpu, memory, gpu, network, storage, usb, pci, serial, system and load."},
	{Name: "metrics", Does: DoMetrics, Returns: Returns{Shape: StructList, Of: metric}, Effect: Reads, HTTP: "GET", Path: "/1.0/metrics", Target: true, Args: metricsArgs,
		Doc: "Returns the metrics of the instances and the server: a list of structs, each with the name, labels, value, type and help of a sample."},
	{Name: "metrics_text", Does: DoReadRaw, Returns: aText, Effect: Reads, HTTP: "GET", Path: "/1.0/metrics", Target: true, Args: metricsArgs,
		Doc: "Returns the same metrics as text in the OpenMetrics format."},
	{Name: "configuration", Does: DoRead, Returns: anything, Effect: Reads, HTTP: "GET", Path: "/1.0/metadata/configuration",
		Doc: "Returns all configuration keys by kind of object, with their types and descriptions."},
}
