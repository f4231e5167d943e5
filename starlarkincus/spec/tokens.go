package spec

// openToken is a token that wasn't used yet.
var openToken = &Resource{
	Kind: "Token", Doc: "A token that wasn't used yet, without its secret.",
	Columns: []Column{{Field: "name"}, {Field: "restricted", When: IfAny}, {Field: "projects", When: IfAny}, {Field: "created_at"}, {Field: "expires_at"}},
	Fields: []Field{
		{Name: "name", Type: String, Use: Read, Doc: "the name of the new client or member that it is for"},
		{Name: "restricted", Type: Bool, Use: Read, Doc: "whether the client will be restricted to the projects; None of a token for a member"},
		{Name: "projects", Type: Strings, Use: Read, Refers: ToProject, Doc: "the projects of a restricted client; None of a token for a member"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "the time of its creation"},
		{Name: "expires_at", Type: Time, Use: Read, Doc: "the time from which it isn't accepted any more; None for never"},
	},
}

// tokenMethods returns the methods for tokens that weren't used yet, by which a newcomer can join.
func tokenMethods(newcomer string) []Method {
	operations := Request{HTTP: "GET", Path: "/1.0/operations", Query: "recursion=1"}
	return []Method{
		{Name: "tokens", Collection: true, HTTP: "GET", Path: "/1.0/operations", Does: DoListTokens, Returns: Returns{Shape: StructList, Of: openToken}, Effect: Reads, Requests: []Request{operations},
			Doc: "Returns the tokens of create_token that weren't used yet: a list of structs, each with the name, restricted, projects, created_at and expires_at. It never has a secret."},
		{Name: "revoke_token", Collection: true, HTTP: "DELETE", Path: "/1.0/operations/{operation}", Does: DoRevokeToken, Returns: nothing, Effect: Deletes,
			Requests: []Request{operations, {HTTP: "DELETE", Path: "/1.0/operations/{operation}", Note: "for each of the name"}},
			Doc:      "Revokes the tokens of a name that weren't used yet. Fails with IncusNotFoundError if there is none.",
			Args:     []Field{{Name: "name", Type: String, In: Local, Required: true, Positional: true, Doc: "the name of the " + newcomer + ", as given to create_token"}}},
	}
}
