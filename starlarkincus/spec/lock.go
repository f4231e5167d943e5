package spec

import "slices"

var (
	lockLook  = Request{HTTP: "GET", Path: "/1.0/profiles", Query: "recursion=1"}
	lockClear = in("for each that is over", nil, Request{HTTP: "DELETE", Path: "/1.0/profiles/{profile}"})
)

// lockTTL is how long a lock is held without being renewed.
var lockTTL = Field{Name: "ttl", Type: Seconds, Place: Local, Doc: "after so many seconds without a renewal anybody may take it over; 600 without it"}

// lockMethod takes a lock.
var lockMethod = Method{Name: "lock", Does: DoLock, Returns: one(Locks), Effect: Creates, HTTP: "POST", Path: "/1.0/profiles", Requests: slices.Concat([]Request{lockLook, {HTTP: "POST", Path: "/1.0/profiles"}, lockLook}, lockClear),
	Doc: "Takes a lock, which one script at a time holds, whatever host, client or cluster member it comes through, and returns it. " +
		"While somebody else has it: IncusBusyError, which says who and since when. Give it back with finally_(body, l.release) or defer(l.release). " +
		"The server keeps it as a profile of the client's project that nothing uses, because just one of several creations succeeds: projects that share their profiles share their locks.",
	Args: []Field{
		{Name: "name", Type: Name, Place: Local, Required: true, Position: true, Doc: "what is locked: up to 40 letters, digits, - _ and ."},
		lockTTL,
		{Name: "timeout", Type: Seconds, Place: Local, Doc: "how long to wait while somebody else has it; not at all without it"},
		projectArg,
	}}

// Locks are what Client.lock returns.
var Locks = &Resource{
	Kind: "Lock", Key: "name", Doc: "A lock that this script took.",
	Fields: []Field{
		{Name: "name", Type: String, Use: Read, Doc: "its name"},
		{Name: "host", Type: String, Use: Read, Doc: "the host of the script that has it"},
		{Name: "pid", Type: Int, Use: Read, Doc: "the id of the script's process there"},
		{Name: "user", Type: String, Use: Read, Doc: "the user that the script runs as"},
		{Name: "since", Type: Time, Use: Read, Doc: "when it was taken, by the server's clock"},
		{Name: "expires_at", Type: Time, Use: Read, Doc: "when anybody may take it over, by the server's clock"},
	},
	Methods: []Method{
		{Name: "renew", Does: DoRenewLock, Returns: itself, Effect: Changes, HTTP: "POST", Path: "/1.0/profiles", Args: []Field{lockTTL},
			Requests: []Request{lockLook, {HTTP: "POST", Path: "/1.0/profiles"}, lockLook, {HTTP: "DELETE", Path: "/1.0/profiles" + "/{profile}"}},
			Doc:      "Makes its time begin anew, and returns it. IncusConflictError if somebody has taken it over, or it was released."},
		{Name: "release", Does: DoReleaseLock, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Requests: []Request{{HTTP: "DELETE", Path: "/1.0/profiles" + "/{profile}"}},
			Doc: "Gives it back. IncusConflictError if somebody has taken it over before, because its time was over, or if it was released already."},
	},
}
