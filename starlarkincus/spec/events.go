package spec

// eventsMethod is incus.events.
var eventsMethod = Method{Name: "events", HTTP: "GET", Path: "/1.0/events", Does: DoEvents, Returns: streamOf(Events), Effect: Reads,
	Doc: "Returns the server's events for a loop: for e in incus.events(): …. It is connected when it returns, so events of later changes aren't missed. " +
		"The loop waits for each event, and ends after the timeout, or with an error if the server refuses the client or can't be reached for five minutes. Leaving the loop closes the connection; close(), from any task, ends the loop. " +
		"After a broken connection the client connects again. Servers don't repeat events, and disconnect a script that is too slow, so an event of the type gap gives the time for which events may be missing.",
	Args: []Field{
		{Name: "types", Type: Strings, In: Local, Positional: true, Values: []string{"lifecycle", "operation", "logging", "network-acl"}, Others: Misspelt, Doc: "the types to return: lifecycle, operation, logging, network-acl; default: all that the client may see"},
		projectArg,
		{Name: "all_projects", Type: Bool, In: Local, Excludes: []string{"project"}, Doc: "True returns the events of all projects"},
		{Name: "timeout", Type: Seconds, In: Local, Doc: "the time after which the loop ends, from this call on; default: no limit"},
	}}

// Events declares the elements of incus.events.
var Events = &Resource{
	Kind: "Event", Closed: true, Doc: "An event of the server, or a gap for which events may be missing. What metadata holds are fields of the event as well; those that its type lacks are None. Secrets are replaced by [redacted].",
	Columns: append(columns("timestamp", "type", "action", "name", "message", "description", "status"), locationColumn, projectColumn),
	Fields: []Field{
		{Name: "type", Type: String, Use: Read, Doc: "the type: lifecycle, operation, logging, network-acl or gap"},
		{Name: "timestamp", Type: Time, Use: Read, Doc: "the time at which it happened, by the server's clock. Events may arrive in another order"},
		{Name: "project", Type: String, Use: Read, Doc: "its project; None for the server's own"},
		{Name: "location", Type: String, Use: Read, Doc: "the cluster member that sent it"},
		{Name: "action", Type: String, Use: Read, Doc: "of lifecycle: the change, such as instance-started"},
		{Name: "source", Type: String, Use: Read, Doc: "of lifecycle: the URL of the changed object"},
		{Name: "name", Type: String, Use: Read, Doc: "of lifecycle: the name of the changed object"},
		{Name: "requestor", Type: Object, Use: Read, Doc: "of lifecycle: the user: username, protocol and address"},
		{Name: "context", Type: Object, Use: Read, Doc: "of lifecycle, logging and network-acl: details"},
		{Name: "level", Type: String, Use: Read, Doc: "of logging and network-acl: the level, such as info"},
		{Name: "message", Type: String, Use: Read, Doc: "of logging and network-acl: the message; of gap: the cause"},
		{Name: "id", Type: String, Use: Read, Doc: "of operation: the UUID"},
		{Name: "class", Type: String, Use: Read, Doc: "of operation: the class: task, websocket or token; written e[\"class\"]"},
		{Name: "description", Type: String, Use: Read, Doc: "of operation: the description of the work"},
		{Name: "status", Type: String, Use: Read, Doc: "of operation: the status: Running, Success, Failure or Cancelled"},
		{Name: "status_code", Type: Int, Use: Read, Doc: "of operation: the code of the status: 103, 200, 400 or 401"},
		{Name: "created_at", Type: Time, Use: Read, Doc: "of operation: the time of its start"},
		{Name: "updated_at", Type: Time, Use: Read, Doc: "of operation: the time of its last change"},
		{Name: "resources", Type: Object, Use: Read, Doc: "of operation: by kind, the URLs of the objects that it works on"},
		{Name: "progress", Type: Object, Use: Read, Fields: progressFields, Doc: "of operation: the progress, in the form of an Operation's: stage, percent, processed and speed"},
		{Name: "may_cancel", Type: Bool, Use: Read, Doc: "of operation: whether it can be cancelled"},
		{Name: "err", Type: String, Use: Read, Doc: "of operation: the error message after a failure"},
		{Name: "since", Type: Time, Use: Read, Doc: "of gap: the time from which events may be missing, by the clock of this machine"},
		{Name: "until", Type: Time, Use: Read, Doc: "of gap: the time until which events may be missing"},
		{Name: "metadata", Type: Object, Use: Read, Doc: "all that the server sent about it"},
	},
}
