package spec

// imageAlias is an alias as images hold it.
var imageAlias = []Field{
	{Name: "name", Type: String, Doc: "the alias"},
	{Name: "description", Type: String, Doc: "what people are told about it"},
}

// Images are what instances are made from.
var Images = &Resource{
	Name: "images", Kind: "Image", Path: "/1.0/images", Key: "fingerprint", KeyType: String, Scope: InProject, Named: ByServer,
	Filter: filterArg(""), Everywhere: everywhereArg(""),
	KeyDoc:     "a fingerprint, the start of one, or an alias",
	Doc:        "Images that instances are made from. A name is a fingerprint, the start of one, or an alias.",
	Verbs:      List | Get | New | Update | Replace | Delete,
	Background: New | Delete,
	Aliases:    "/1.0/images/aliases",
	Takes:      []*Resource{imageAliases},
	CreateArgs: []Field{imageArg},
	Fields: []Field{
		{Name: "fingerprint", Type: String, Use: Read, Doc: "SHA-256 of its contents"},
		{Name: "source", Type: Object, Use: Create, Doc: "where it comes from; image= is shorter for one of a remote, and instance.publish for an instance", Fields: []Field{
			{Name: "type", Type: String, Doc: "image, instance, snapshot or url"},
			{Name: "name", Type: String, Doc: "the instance, or instance/snapshot"},
			{Name: "url", Type: String, Doc: "where the server downloads it"},
			{Name: "mode", Type: String, Doc: "pull, or push, for a server that is told to send it"},
			{Name: "server", Type: String, Doc: "URL of the server that has the image"},
			{Name: "protocol", Type: String, Doc: "how to talk to that server: incus, simplestreams or oci"},
			{Name: "certificate", Type: String, Doc: "that server's certificate, as PEM"},
			{Name: "secret", Type: String, Doc: "what allows the server to fetch a private image"},
			{Name: "alias", Type: String, Doc: "the image's alias there"},
			{Name: "fingerprint", Type: String, Doc: "the image's fingerprint there"},
			{Name: "image_type", Type: String, Doc: "container or virtual-machine, where one alias has both"},
			{Name: "project", Type: String, Doc: "the project that it is in there"},
		}},
		{Name: "aliases", Type: Objects, Use: Read | Create, Fields: imageAlias, Doc: "its aliases, each with name and description"},
		{Name: "properties", Type: Config, Use: All, Doc: "what describes it, such as os and release"},
		{Name: "public", Type: Bool, Use: All, Doc: "whether clients that the server doesn't trust may use it"},
		{Name: "auto_update", Type: Bool, Use: All, Doc: "whether the server keeps it up to date"},
		{Name: "expires_at", Type: Time, Use: All, Stays: true, Doc: "when the server deletes it; once set, it can only be put off"},
		{Name: "profiles", Type: Strings, Use: All, Doc: "profiles of instances made from it"},
		{Name: "filename", Type: String, Use: Read | Create, Doc: "the name of the file it came in"},
		imageFormatField, compressionField,
		{Name: "cached", Type: Bool, Use: Read, Doc: "whether the server fetched it for an instance"},
		{Name: "type", Type: String, Use: Read, Doc: "container or virtual-machine"},
		{Name: "architecture", Type: String, Use: Read, Doc: "such as x86_64"},
		{Name: "size", Type: Int, Use: Read, Doc: "bytes"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "when it was made"},
		{Name: "uploaded_at", Type: Time, Use: Read, Doc: "when it came to this server"},
		{Name: "last_used_at", Type: Time, Use: Read, Doc: "when an instance was last made from it"},
		{Name: "update_source", Type: Object, Use: Read, Doc: "the server it came from"},
		locationsField, ownerField,
	},
	Methods: []Method{
		{Name: "update_from_source", HTTP: "POST", Path: "refresh", Does: DoAct, Returns: itself, Effect: Changes, Background: true,
			Doc: "Makes the server look for a newer one where it came from, now, and returns it. The newer one is another image, with its aliases; this one may be gone afterwards."},
		{Name: "secret", HTTP: "POST", Path: "secret", Does: DoOffer, Returns: operation, Effect: Changes,
			Doc: "Lets others fetch it once though it isn't public: returns an Operation whose metadata['secret'] is what source={'secret': …} takes."},
		{Name: "push", HTTP: "POST", Path: "export", Does: DoAct, Returns: itself, Effect: Creates, Background: true, Doc: "Sends it to another server, and returns it.",
			Args: []Field{
				{Name: "target", Type: String, Required: true, Position: true, Doc: "URL of the other server"},
				{Name: "secret", Type: String, Doc: "what the other server gave, where it waits for this image"},
				{Name: "certificate", Type: String, Doc: "the other server's certificate, as PEM"},
				{Name: "aliases", Type: Objects, Fields: imageAlias, Doc: "aliases for it there, each with name and description"},
				{Name: "project", Type: String, Doc: "the project that it goes to there"},
				{Name: "profiles", Type: Strings, Doc: "profiles of instances made from it there"},
			}},
	},
	Children: []*Resource{imageAliases},
}

var imageAliases = &Resource{
	Name: "aliases", Kind: "Alias", Path: "aliases", Key: "name", KeyType: String, Stands: OnCollection, Scope: InProject,
	Doc:   "Names for images.",
	Verbs: List | Get | New | Update | Replace | Rename | Delete,
	Fields: []Field{
		{Name: "name", Type: String, Use: Read | Create, Doc: "the alias"},
		{Name: "target", Type: String, Use: All, Doc: "the image's fingerprint"},
		descriptionField,
		{Name: "type", Type: String, Use: Read | Create, Doc: "container or virtual-machine: one alias may have an image of each"},
	},
}
