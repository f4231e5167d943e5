package spec

// Operations are what the server does in the background.
var Operations = &Resource{
	Name: "operations", Kind: "Operation", Path: "/1.0/operations", Key: "id", Scope: InProjectOrServer, Lists: ByStatus, Everywhere: everywhereArg(""),
	Doc:   "What the server does in the background. It forgets an operation five seconds after its end.",
	Verbs: List | Get,
	Fields: []Field{
		{Name: "id", Type: String, Use: Read, Doc: "its UUID"},
		{Name: "class", Type: String, Use: Read, Doc: "task, websocket or token; read it as op[\"class\"]"},
		{Name: "description", Type: String, Use: Read, Doc: "what it does"},
		{Name: "status", Type: String, Use: Read, Doc: "Running, Success, Failure, Cancelled"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "the status as a number: 103, 200, 400, 401"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "when it was started"},
		{Name: "updated_at", Type: Time, Use: Read, Doc: "when it last changed"},
		{Name: "resources", Type: Object, Use: Read, Doc: "URLs of what it works on, by kind"},
		{Name: "metadata", Type: Object, Use: Read, Doc: "what it tells besides; may hold secrets"},
		{Name: "progress", Type: Object, Use: Read, Made: Progress, Doc: "what metadata says of its progress: stage, percent, processed, speed"},
		{Name: "may_cancel", Type: Bool, Use: Read, Doc: "whether cancel() can end it"},
		{Name: "err", Type: String, Use: Read, Doc: "why it failed"},
		{Name: "location", Type: String, Use: Read, Doc: "the cluster member that it runs on"},
	},
	Methods: []Method{
		{Name: "wait", HTTP: "GET", Path: "wait", Does: DoWait, Returns: itself, Effect: Reads, Args: []Field{
			{Name: "timeout", Type: Seconds, Place: Local, Position: true, Doc: "how long to wait; IncusOperationTimeoutError after that"}},
			Doc: "Waits for its end and returns it. IncusOperationError if it failed."},
		{Name: "cancel", HTTP: "DELETE", Does: DoCancel, Returns: itself, Effect: Changes, Requests: []Request{{HTTP: "DELETE"}, {HTTP: "GET", Path: "wait"}},
			Doc: "Asks the server to end it, waits until it has ended, and returns it. IncusBadRequestError if it can't be cancelled."},
	},
}

// Warnings are what the server found wrong.
var Warnings = &Resource{
	Name: "warnings", Kind: "Warning", Path: "/1.0/warnings", Key: "uuid", KeyDoc: "its UUID",
	Doc:   "What the server found wrong with itself. One that is deleted comes back if it is found again.",
	Verbs: List | Get | Update | Replace | Delete,
	Fields: []Field{
		{Name: "uuid", Type: String, Use: Read, Doc: "its UUID"},
		{Name: "status", Type: String, Use: Read | Change, Doc: "new, acknowledged or resolved; only the first two can be set"},
		{Name: "type", Type: String, Use: Read, Doc: "what is wrong"},
		{Name: "last_message", Type: String, Use: Read, Doc: "what is wrong, in detail"},
		{Name: "severity", Type: String, Use: Read, Doc: "low, moderate or high"},
		{Name: "count", Type: Int, Use: Read, Doc: "how often it was found"},
		{Name: "first_seen_at", Type: Time, Use: Read, Doc: "when it was first found"},
		{Name: "last_seen_at", Type: Time, Use: Read, Doc: "when it was last found"},
		{Name: "entity_url", Type: String, Use: Read, Doc: "URL of what it is about"},
		locationField, ownerField,
	},
	Methods: []Method{{Name: "acknowledge", HTTP: "PATCH", Does: DoAct, Returns: itself, Effect: Changes, Refresh: true, Send: map[string]any{"status": "acknowledged"},
		Doc: "Marks it as seen, and returns it."}},
}

// Certificates are whom the server trusts.
var Certificates = &Resource{
	Name: "certificates", Kind: "Certificate", Path: "/1.0/certificates", Key: "fingerprint", KeyType: String, Named: ByServer,
	Filter: filterArg("api_filtering_extended"),
	KeyDoc: "its fingerprint, or the start of it",
	Doc:    "Certificates of clients and servers that the server trusts.",
	Verbs:  List | Get | New | Update | Replace | Delete,
	Fields: []Field{
		{Name: "fingerprint", Type: String, Use: Read, Doc: "SHA-256 of it"},
		{Name: "name", Type: String, Use: All, Doc: "what people call it"},
		descriptionField,
		{Name: "type", Type: String, Use: Read | Create | Kept, Doc: "client, metrics or server"},
		{Name: "certificate", Type: Certificate, Use: All, Doc: "itself, as PEM"},
		{Name: "restricted", Type: Bool, Use: All, Doc: "True allows it just the projects in projects"},
		{Name: "projects", Type: Strings, Use: All, Unordered: true, Doc: "the projects that a restricted one may use"},
		{Name: "trust_token", Type: String, Use: Create, Doc: "a token that another client made, for a client that the server doesn't know yet"},
	},
	Methods: []Method{{Name: "create_token", Collection: true, HTTP: "POST", Does: DoToken, Returns: aText, Effect: Creates, Background: true,
		Send: map[string]any{"token": true, "type": "client"},
		Doc:  "Makes a token with which a new client can add its certificate, once, and returns it as a string: a secret, which incus remote add takes. wait=False returns its Operation, whose cancel() revokes it.",
		Args: []Field{
			{Name: "name", Type: String, Required: true, Position: true, Doc: "what the client is to be called"},
			{Name: "description", Type: String, Doc: "what people are told about it"},
			{Name: "restricted", Type: Bool, Doc: "True allows the client just the projects in projects"},
			{Name: "projects", Type: Strings, Doc: "the projects that a restricted client may use"},
		}}},
}

// Server is the server itself.
var Server = &Resource{
	Name: "server", Kind: "Server", Path: "/1.0", Lists: Single, Target: Get | Update | Replace,
	Doc:   "The server: its configuration, its version and what it can do. incus.server() reads it.",
	Verbs: Get | Update | Replace,
	Fields: []Field{
		{Name: "config", Type: Config, Use: Read | Change, Emptied: true, Doc: "the server's configuration"},
		{Name: "environment", Type: Object, Use: Read, Doc: "version, kernel, drivers, addresses, certificate"},
		{Name: "api_extensions", Type: Strings, Use: Read, Doc: "names of all API extensions that it has"},
		{Name: "api_status", Type: String, Use: Read, Doc: "stable or development"},
		{Name: "api_version", Type: String, Use: Read, Doc: "1.0"},
		{Name: "auth", Type: String, Use: Read, Doc: "trusted or untrusted: whether it knows this client"},
		{Name: "auth_methods", Type: Strings, Use: Read, Doc: "how clients may show who they are: tls, oidc"},
		{Name: "auth_user_name", Type: String, Use: Read, Doc: "who it takes this client for"},
		{Name: "auth_user_method", Type: String, Use: Read, Doc: "how it knows: unix, tls, oidc"},
		{Name: "public", Type: Bool, Use: Read, Doc: "whether it only serves public images"},
	},
}

var serverResources = &Resource{
	Kind: "Resources", Doc: "The hardware of a server.", Verbs: Get,
	Fields: []Field{
		{Name: "cpu", Type: Object, Use: Read, Doc: "sockets, cores, threads, caches, flags"},
		{Name: "memory", Type: Object, Use: Read, Doc: "total, used, hugepages and nodes, in bytes"},
		{Name: "gpu", Type: Object, Use: Read, Doc: "graphics cards"},
		{Name: "network", Type: Object, Use: Read, Doc: "network cards and their ports"},
		{Name: "storage", Type: Object, Use: Read, Doc: "disks and their partitions"},
		{Name: "usb", Type: Object, Use: Read, Doc: "USB devices"},
		{Name: "pci", Type: Object, Use: Read, Doc: "PCI devices"},
		{Name: "serial", Type: Object, Use: Read, Doc: "serial devices"},
		{Name: "system", Type: Object, Use: Read, Doc: "maker, product, firmware, motherboard"},
		{Name: "load", Type: Object, Use: Read, Doc: "load averages, and the number of processes"},
	},
}

// response is what request returns.
var response = &Resource{
	Kind: "Response", Doc: "The answer to a request.",
	Fields: []Field{
		{Name: "status", Type: Int, Use: Read, Doc: "the HTTP status"},
		{Name: "metadata", Type: Any, Use: Read, Doc: "the answer's content; the Operation where the server goes on in the background and wait=False"},
		{Name: "etag", Type: String, Use: Read, Doc: "the version of what was read, for If-Match"},
		{Name: "headers", Type: Config, Use: Read, Doc: "the answer's headers"},
	},
}

// ClientMethods are what can be called on a client itself.
var ClientMethods = []Method{
	{Name: "connect", Does: DoConnect, Returns: client, Effect: Reads, Offline: true, Doc: "Makes a client of another server, remote or project. It connects at its first call.",
		Args: []Field{
			{Name: "remote", Type: String, Place: Local, Position: true, Doc: "a remote of the incus command"},
			{Name: "endpoint", Type: String, Place: Local, Doc: "https://host:port, or the path of a unix socket"},
			{Name: "cert", Type: Strings, Place: Local, Doc: "files of the client's certificate and key, as PEM: (crt, key)"},
			{Name: "verify", Type: Any, Place: Local, Doc: "the file of the server's certificate or of its authority; False trusts any server"},
			{Name: "project", Type: Name, Place: Local, Doc: "the project to work in"},
			{Name: "target", Type: String, Place: Local, Doc: "the cluster member to work on"},
			{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long one answer may take; waiting for an operation is not limited by it"},
		}},
	{Name: "use", Does: DoUse, Returns: client, Effect: Reads, Offline: true, Doc: "Makes a client that shares the connection but works in another project or on another cluster member.",
		Args: []Field{
			{Name: "project", Type: Name, Place: Local, Position: true, Doc: "the project to work in"},
			{Name: "target", Type: String, Place: Local, Doc: "the cluster member to work on"},
		}},
	{Name: "request", Does: DoRequest, Returns: structOf(response), Effect: AsAsked, Background: true, Requests: []Request{{HTTP: "{method}", Path: "/{path}"}, waiting}, Doc: "Sends any request and returns a struct of status, metadata, etag and headers.",
		Args: []Field{
			{Name: "method", Type: String, Place: Local, Required: true, Position: true, Doc: "GET, POST, PUT, PATCH or DELETE"},
			{Name: "path", Type: String, Place: Local, Required: true, Position: true, Doc: "such as /1.0/instances"},
			{Name: "body", Type: Any, Place: Local, Doc: "what to send as JSON"},
			{Name: "query", Type: Config, Place: Local, Doc: "the URL's parameters"},
			{Name: "headers", Type: Config, Place: Local, Doc: "further headers, such as If-Match"},
			{Name: "wait", Type: Bool, Place: Local, Doc: "False doesn't wait for the end of what the server does in the background: metadata is the Operation then, as other methods return it"},
		}},
	lockMethod,
	{Name: "has_extension", Does: DoHasExtension, Returns: aBool, Effect: Reads, HTTP: "GET", Path: "/1.0", Requests: in("once", nil, Request{HTTP: "GET", Path: "/1.0"}), Doc: "Says whether the server has an API extension. Asks the server once.",
		Args: []Field{{Name: "name", Type: String, Place: Local, Required: true, Position: true, Doc: "such as instances_lxcfs_per_instance"}}},
	{Name: "versions", Does: DoRead, Returns: someStrings, Effect: Reads, HTTP: "GET", Path: "/", Doc: "Reads the versions of the API that the server has, as a list of paths."},
	{Name: "resources", Does: DoRead, Returns: one(serverResources), Effect: Reads, HTTP: "GET", Path: "/1.0/resources", Target: true,
		Doc: "Reads the server's hardware: cpu, memory, gpu, network, storage, usb, pci, system, load."},
	{Name: "metrics", Does: DoReadText, Returns: aText, Effect: Reads, HTTP: "GET", Path: "/1.0/metrics", Target: true,
		Args: []Field{{Name: "project", Type: Name, Place: Query, Doc: "just those of one project, instead of all"}},
		Doc:  "Reads the metrics of instances and server, as text in OpenMetrics' format."},
	{Name: "configuration", Does: DoRead, Returns: anything, Effect: Reads, HTTP: "GET", Path: "/1.0/metadata/configuration",
		Doc: "Reads which configuration keys there are for what, with their types and descriptions."},
}
