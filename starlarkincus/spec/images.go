package spec

// imageAlias lists the fields of an alias within an image.
var imageAlias = []Field{
	{Name: "name", Type: String, Doc: "the alias"},
	{Name: "description", Type: String, Doc: "a description, in free text"},
}

// Images are the images to create instances from.
var Images = &Resource{
	Name: "images", Kind: "Image", Path: "/1.0/images", Key: "fingerprint", KeyType: String, Scope: InProject, Named: ByServer,
	Filter: filterArg(""), AllProjects: allProjectsArg(""),
	KeyDoc:     "the fingerprint of the image, the start of one, or an alias",
	Doc:        "Images to create instances from, each named by its fingerprint, the start of one, or an alias.",
	Verbs:      List | Get | New | Update | Replace | Delete,
	Background: New | Delete,
	Aliases:    "/1.0/images/aliases",
	Takes:      []*Resource{imageAliases},
	CreateArgs: []Field{imageArg},
	Fields: []Field{
		{Name: "fingerprint", Type: String, Use: Read, Doc: "the SHA-256 of its content"},
		{Name: "source", Type: Object, Use: Create, Doc: "the source of the image; image= is the short form for an image of a remote, and instance.publish that for an instance", Fields: []Field{
			{Name: "type", Type: String, Doc: "the type of the source: image, instance, snapshot or url"},
			{Name: "name", Type: String, Doc: "the name of the instance, or instance/snapshot"},
			{Name: "url", Type: String, Doc: "the URL to download the image from"},
			{Name: "mode", Type: String, Doc: "pull, or push if the other server sends it"},
			{Name: "server", Type: String, Doc: "the URL of the image server"},
			{Name: "protocol", Type: String, Doc: "the protocol of that server: incus, simplestreams or oci"},
			{Name: "certificate", Type: String, Doc: "the certificate of that server, as PEM"},
			{Name: "secret", Type: String, Doc: "a secret that gives access to a private image"},
			{Name: "alias", Type: String, Doc: "the alias of the image on that server"},
			{Name: "fingerprint", Type: String, Doc: "the fingerprint of the image on that server"},
			{Name: "image_type", Type: String, Doc: "container or virtual-machine, if the alias has both"},
			{Name: "project", Type: String, Doc: "the project of the image on that server"},
		}},
		{Name: "aliases", Type: Objects, Names: true, Use: Read | Create, Fields: imageAlias, Doc: "its aliases, each with name and description; for create each may be just a name"},
		{Name: "properties", Type: Config, Use: All, Doc: "descriptive properties, such as os and release"},
		{Name: "public", Type: Bool, Use: All, Doc: "whether untrusted clients may use it"},
		{Name: "auto_update", Type: Bool, Use: All, Doc: "whether the server updates it automatically"},
		{Name: "expires_at", Type: Time, Use: All, Stays: true, Doc: "the time at which the server deletes it; it can be changed, but not removed"},
		{Name: "profiles", Type: Strings, Use: All, Doc: "default profiles of instances created from it"},
		{Name: "filename", Type: String, Use: Read | Create, Doc: "the name of the image's file"},
		imageFormatField, compressionField,
		{Name: "cached", Type: Bool, Use: Read, Doc: "whether the server downloaded it to create an instance"},
		{Name: "type", Type: String, Use: Read, Doc: "the type: container or virtual-machine"},
		{Name: "architecture", Type: String, Use: Read, Doc: "the architecture, such as x86_64"},
		{Name: "size", Type: Int, Use: Read, Doc: "the size in bytes"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "the time of its creation"},
		{Name: "uploaded_at", Type: Time, Use: Read, Doc: "the time of its upload or download to this server"},
		{Name: "last_used_at", Type: Time, Use: Read, Doc: "the time when an instance was last created from it"},
		{Name: "update_source", Type: Object, Use: Read, Doc: "the server that updates come from"},
		locationsField, ownerField,
	},
	Methods: []Method{exportImage, uploadImage, copyImage,
		{Name: "update_from_source", HTTP: "POST", Path: "refresh", Does: DoAct, Returns: itself, Effect: Changes, Background: true,
			Doc: "Updates the image from its source now, and returns it. A newer version is a new image, which takes over the aliases; the old one may be deleted."},
		{Name: "secret", HTTP: "POST", Path: "secret", Does: DoOffer, Returns: operation, Effect: Changes,
			Doc: "Allows one download of a private image, and returns an Operation: its metadata['secret'] is the value for source={'secret': …}."},
		{Name: "push", HTTP: "POST", Path: "export", Does: DoAct, Returns: itself, Effect: Creates, Background: true, Doc: "Sends the image to another server, and returns it.",
			Args: []Field{
				{Name: "target", Type: String, Required: true, Positional: true, Doc: "the URL of the other server"},
				{Name: "secret", Type: String, Doc: "a secret of the other server, if it expects this image"},
				{Name: "certificate", Type: String, Doc: "the certificate of the other server, as PEM"},
				{Name: "aliases", Type: Objects, Names: true, Fields: imageAlias, Doc: "aliases on the other server, each a name, or a dict of name and description"},
				{Name: "project", Type: String, Doc: "the project on the other server"},
				{Name: "profiles", Type: Strings, Doc: "default profiles of instances created from it there"},
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
		{Name: "target", Type: String, Use: All, Doc: "the fingerprint of the image"},
		descriptionField,
		{Name: "type", Type: String, Use: Read | Create, Doc: "container or virtual-machine; an alias may refer to one image of each type"},
	},
}
