// Package errors holds the error classes of incus-star and the one place that decides which class a failure has.
//
// A class is a node in a tree with [Base] at its root. It is itself a Go error, so that a program can ask
// errors.Is(err, errors.NotFound); the failure's message, status and cause come with errors.As and an *[Error].
package errors

// A Class is a kind of failure. Classes form a tree: what is of a class is of its ancestors' too.
type Class struct {
	name string
	base *Class
	doc  string
}

// NewClass makes a class under base. A nil base means [Base]. Name is what scripts call it.
func NewClass(name string, base *Class, doc string) *Class {
	if base == nil {
		base = Base
	}
	return &Class{name: name, base: base, doc: doc}
}

// Name is the name that scripts know the class by, such as "IncusNotFoundError".
func (c *Class) Name() string { return c.name }

// Base is the class above this one; nil for the root.
func (c *Class) Base() *Class { return c.base }

// Doc says in one sentence when a failure is of this class.
func (c *Class) Doc() string { return c.doc }

// Error makes a class usable as the target of errors.Is.
func (c *Class) Error() string { return c.name }

// IsA says whether the class is other or stands below it.
func (c *Class) IsA(other *Class) bool {
	for ; c != nil; c = c.base {
		if c == other {
			return true
		}
	}
	return false
}

// Base is the root of all classes.
var Base = &Class{name: "Error", doc: "The root of all errors."}

// The classes that every program has. Classes lists them with each parent before its children.
var (
	classes = []*Class{Base}

	Script = define("ScriptError", Base, "A mistake in the script: fail(), and what Starlark itself reports.")
	Incus  = define("IncusError", Base, "The root of all that concerns Incus.")

	API                = define("IncusAPIError", Incus, "The server answered with an error.")
	BadRequest         = define("IncusBadRequestError", API, "The request is invalid (400, or a failure that says so).")
	Authentication     = define("IncusAuthenticationError", API, "The server doesn't know this client (401, or 403 to an untrusted client).")
	Permission         = define("IncusPermissionError", API, "The client is known but may not do this (403, or a project's restriction).")
	NotFound           = define("IncusNotFoundError", API, "There is no such object (404, or a failure that says so).")
	Conflict           = define("IncusConflictError", API, "Something else has the address, port, MAC or name (409, or a failure that says so).")
	AlreadyExists      = define("IncusAlreadyExistsError", Conflict, "The object being made is there already.")
	PreconditionFailed = define("IncusPreconditionFailedError", API, "The object was changed since it was read (412).")
	Busy               = define("IncusBusyError", API, "Another operation has the object (423, or a failure that says so).")
	State              = define("IncusStateError", API, "The object is in the wrong state for this: running, stopped, frozen, in use.")
	Limit              = define("IncusLimitError", API, "A limit of the project or the server is reached.")
	Server             = define("IncusServerError", API, "The server failed (5xx).")
	NotImplemented     = define("IncusNotImplementedError", Server, "The server doesn't implement this (501).")
	Unavailable        = define("IncusUnavailableError", Server, "The server or what it needs is unavailable for now (503).")

	Connection = define("IncusConnectionError", Incus, "No usable answer from the server; the cause says why.")
	TLS        = define("IncusTLSError", Connection, "The server's certificate is not the one expected, or TLS failed.")
	Timeout    = define("IncusTimeoutError", Connection, "No answer in time.")

	Operation          = define("IncusOperationError", Incus, "A background operation failed; operation_id names it.")
	OperationCancelled = define("IncusOperationCancelledError", Operation, "A background operation was cancelled.")
	OperationTimeout   = define("IncusOperationTimeoutError", Operation, "The operation was still running when the time to wait was over.")
	Exec               = define("IncusExecError", Operation, "A command ended with a status other than zero; exit_code, stdout and stderr tell.")

	Unsupported = define("IncusUnsupportedError", Incus, "The server lacks an API extension; extension names it.")
	Config      = define("IncusConfigError", Incus, "The client's configuration is wrong: an unknown remote, an unreadable file.")
)

func define(name string, base *Class, doc string) *Class {
	c := NewClass(name, base, doc)
	classes = append(classes, c)
	return c
}

// Classes returns all predefined classes, each parent before its children.
func Classes() []*Class { return append([]*Class(nil), classes...) }
