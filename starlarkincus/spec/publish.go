package spec

import "slices"

// publishArgs are the arguments of publish, on instances and snapshots.
var publishArgs = []Field{publishAliasArg, imageAliasesArg, reuseArg, imageFormatField, compressionField,
	{Name: "public", Type: Bool, Doc: "whether untrusted clients may use it"},
	{Name: "properties", Type: Config, Doc: "descriptive properties, such as os and release"},
	{Name: "expires_at", Type: Time, Doc: "the time at which the server deletes it"},
	{Name: "filename", Type: String, Doc: "the name of its file for downloads"},
	{Name: "profiles", Type: Strings, Refers: ToProfile, Doc: "default profiles of instances created from it"},
}

// publishMethod is publish of instances and snapshots.
func publishMethod(source string, args ...Field) Method {
	var before, after []Request
	doc := "Creates an image from the " + source + " and returns the image."
	if len(args) > 0 {
		state := func(action string) Request {
			return Request{HTTP: "PUT", Path: "state", Body: map[string]any{"action": action}}
		}
		before = slices.Concat(in("with force=True", []string{"force"}, Request{HTTP: "GET"}), in("with force=True, if it is running", nil, state("stop"), waiting),
			in("with snapshot=True", []string{"snapshot"}, Request{HTTP: "POST", Path: "snapshots"}, waiting))
		after = slices.Concat(in("with force=True, if it is running", nil, state("start"), waiting),
			in("with snapshot=True", []string{"snapshot"}, Request{HTTP: "DELETE", Path: "snapshots/{snapshot}"}, waiting))
		doc += " A running instance needs force=True or snapshot=True."
	}
	return Method{Name: "publish", HTTP: "POST", Path: "/1.0/images", Does: DoPublish, Returns: one(Images), Effect: Creates, Background: true, Args: slices.Concat(publishArgs, args),
		Requests: slices.Concat([]Request{lookForAlias}, before, []Request{{HTTP: "POST", Path: "/1.0/images"}, waiting, {HTTP: "GET", Path: "/1.0/images/{fingerprint}"}},
			in("if profiles= is given", []string{"profiles"}, Request{HTTP: "PUT", Path: "/1.0/images/{fingerprint}"}, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"}), takeAliases("with reuse=True, "),
			in("for each alias, with reuse=True", nil, Request{HTTP: "GET", Path: "/1.0/images/{fingerprint}"}), after),
		Doc: doc}
}
