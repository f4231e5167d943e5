// Package errors defines the error classes of incus-star and the rules that give a failure its class.
//
// A class is a node in a tree with [Base] at its root, and a Go error itself: errors.Is(err, errors.NotFound) reports
// whether err, or one of its causes, has that class. The message, status and cause are fields of an *[Error], which
// errors.As finds.
package errors

// A Class is a kind of failure. Classes form a tree: an error of a class belongs to the class's ancestors too.
type Class struct {
	name string
	base *Class
	doc  string
}

// NewClass returns a new class under base, or under [Base] if base is nil. Name is the class's name in scripts, and
// doc the sentence that help prints.
func NewClass(name string, base *Class, doc string) *Class {
	if base == nil {
		base = Base
	}
	return &Class{name: name, base: base, doc: doc}
}

// Name returns the class's name in scripts, such as "IncusNotFoundError".
func (c *Class) Name() string { return c.name }

// Base returns the parent class; nil for the root.
func (c *Class) Base() *Class { return c.base }

// Doc returns one sentence that describes the failures of the class.
func (c *Class) Doc() string { return c.doc }

// Error returns the class's name. It makes a class an error, and so a target of errors.Is.
func (c *Class) Error() string { return c.name }

// IsA reports whether c is other or a descendant of it.
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

// The predefined classes, each parent before its children.
var (
	classes = []*Class{Base}

	Script = define("ScriptError", Base, "A mistake in the script: fail(), or an error of Starlark itself.")
	Incus  = define("IncusError", Base, "The root of all errors of Incus, of the connection to it, and of its configuration.")

	API                = define("IncusAPIError", Incus, "The server answered with an error.")
	BadRequest         = define("IncusBadRequestError", API, "The request is invalid (400, or an equivalent failure).")
	Authentication     = define("IncusAuthenticationError", API, "The server doesn't know this client (401, or 403 to an untrusted client), or a token isn't valid.")
	Permission         = define("IncusPermissionError", API, "The client is known but not allowed to do this (403, or a project's restriction).")
	NotFound           = define("IncusNotFoundError", API, "The object doesn't exist (404, or an equivalent failure).")
	Conflict           = define("IncusConflictError", API, "The address, port, MAC or name is in use (409, or an equivalent failure).")
	AlreadyExists      = define("IncusAlreadyExistsError", Conflict, "The object to create exists already.")
	PreconditionFailed = define("IncusPreconditionFailedError", API, "The object was changed since it was read (412).")
	Busy               = define("IncusBusyError", API, "Another operation is running on the object (423, or an equivalent failure).")
	State              = define("IncusStateError", API, "The object is in the wrong state for the request: running, stopped, frozen, in use.")
	Limit              = define("IncusLimitError", API, "A limit of the project or the server is reached.")
	Server             = define("IncusServerError", API, "The server failed (5xx).")
	NotImplemented     = define("IncusNotImplementedError", Server, "The server doesn't implement the request (501).")
	Unavailable        = define("IncusUnavailableError", Server, "The server, or a service that it depends on, is unavailable for now (503).")

	Connection = define("IncusConnectionError", Incus, "No usable answer from the server; cause has the reason.")
	TLS        = define("IncusTLSError", Connection, "The server's certificate is not the one expected, or TLS failed.")
	Timeout    = define("IncusTimeoutError", Connection, "No answer in time.")

	Operation          = define("IncusOperationError", Incus, "A background operation failed; operation_id names it.")
	OperationCancelled = define("IncusOperationCancelledError", Operation, "A background operation was cancelled.")
	OperationTimeout   = define("IncusOperationTimeoutError", Operation, "The operation was still running when the timeout expired.")
	Exec               = define("IncusExecError", Operation, "A command exited with a status other than zero; exit_code, stdout and stderr hold the result.")

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
