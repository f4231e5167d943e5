package spec

import "slices"

var (
	lockLook  = Request{HTTP: "GET", Path: "/1.0/profiles", Query: "recursion=1"}
	lockClear = in("for each expired lock", nil, Request{HTTP: "DELETE", Path: "/1.0/profiles/{profile}"})
)

// lockTTL is the time to live of a lock that isn't renewed.
var lockTTL = Field{Name: "ttl", Type: Seconds, In: Local, Doc: "the time without a renewal after which any script may take over the lock; default: 600 seconds"}

var renewedTTL = Field{Name: "ttl", Type: Seconds, In: Local, Doc: "the new time to live; default: the one with which it was taken, or last renewed"}

// lockMethod declares Client.lock.
var lockMethod = Method{Name: "lock", Does: DoLock, Returns: one(Locks), Effect: Creates, HTTP: "POST", Path: "/1.0/profiles", Requests: slices.Concat([]Request{lockLook, {HTTP: "POST", Path: "/1.0/profiles"}, lockLook}, lockClear),
	Doc: "Takes a lock, which only one script at a time can hold, on whatever host or cluster member, and returns it. " +
		"Fails with IncusBusyError, which names the holder, if another script holds it; its hint is how to end the lock of a holder that was killed. Release it with finally_(body, l.release) or defer(l.release). " +
		"The lock is stored as an unused profile in the client's project, because only one of several attempts to create a profile succeeds. So projects that share their profiles share their locks.",
	Args: []Field{
		{Name: "name", Type: Name, In: Local, Required: true, Positional: true, Doc: "the name of the lock: up to 40 letters, digits, - _ and ."},
		lockTTL,
		{Name: "timeout", Type: Seconds, In: Local, Doc: "the longest wait for another holder to release it; default: no wait"},
		projectArg,
	}}

// Locks declares the result of Client.lock.
var Locks = &Resource{
	Kind: "Lock", Key: "name", Closed: true, Doc: "A lock held by this script.",
	Columns: columns("name", "host", "pid", "user", "since", "expires_at"),
	Fields: []Field{
		{Name: "name", Type: String, Use: Read, Doc: "the name"},
		{Name: "host", Type: String, Use: Read, Doc: "the host name of its holder"},
		{Name: "pid", Type: Int, Use: Read, Doc: "the process id of its holder"},
		{Name: "user", Type: String, Use: Read, Doc: "the user name of its holder"},
		{Name: "since", Type: Time, Use: Read, Doc: "the time when it was taken, by the server's clock"},
		{Name: "expires_at", Type: Time, Use: Read, Doc: "the time of its expiry, by the server's clock"},
	},
	Methods: []Method{
		{Name: "renew", Does: DoRenewLock, Returns: itself, Effect: Changes, HTTP: "POST", Path: "/1.0/profiles", Args: []Field{renewedTTL},
			Requests: []Request{lockLook, {HTTP: "POST", Path: "/1.0/profiles"}, lockLook, {HTTP: "DELETE", Path: "/1.0/profiles" + "/{profile}"}},
			Doc:      "Restarts the time to live of the lock, and returns it. Fails with IncusConflictError if the lock was released, or taken over by another script."},
		{Name: "release", Does: DoReleaseLock, Returns: nothing, Effect: Deletes, HTTP: "DELETE", Requests: []Request{lockLook, {HTTP: "DELETE", Path: "/1.0/profiles" + "/{profile}"}},
			Doc: "Releases the lock, even while the script is being stopped. Fails with IncusConflictError if it was released before, or has expired and was taken over by another script."},
	},
}
