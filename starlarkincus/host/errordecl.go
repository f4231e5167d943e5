package host

import (
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// errorDecl declares the fields and methods of errors. Those that only one class has are in added.
var errorDecl = builtin.Decl{
	Name: "error", Methods: true,
	Help: `An error as a value: what a Result's error is, and what a call of an error class returns.

    inst, err = try_(incus.instances.get, "web")
    if err:
        log.error("no server", error=err.explain(), status=err.status)

It is immutable and always true. str(err) is its class, status and message, and explain() that with the hint. A field is None
if it is unknown or doesn't apply.`,
	Members: []builtin.Decl{
		{Name: "error.class", Help: `The name of its class; written e.class_, or e["class"].`},
		{Name: "error.class_", Help: `The name of its class.`},
		{Name: "error.message", Help: `The message of the server, if it answered.`},
		{Name: "error.status", Help: `The server's status, such as 404; None without an answer.`},
		{Name: "error.status_code", Help: `The same as status.`},
		{Name: "error.response", Help: `The body of the answer, as a dict.`},
		{Name: "error.hint", Help: `What to do about it; None if nothing is known. str(e) doesn't have it, and explain() does.`},
		{Name: "error.outcome", Help: `What became of the change: "not_sent", "refused", "done" or "unknown"; None if the call changes nothing.`},
		{Name: "error.object", Help: `The object concerned, or the missing one, a struct of kind and name; None if unknown.`},
		{Name: "error.remote", Help: `The name of the server's remote, or its address; None if the error is about no server.`},
		{Name: "error.operation_id", Help: `The operation that failed.`},
		{Name: "error.method", Help: `The method of the request that failed.`},
		{Name: "error.path", Help: `The path of the request that failed; of a failure of a local file, the file.`},
		{Name: "error.cause", Help: `The error that caused it.`},
		{Name: "error.backtrace", Help: `The calls that led to it, as a string.`},
		{Name: "error.exit_code", Help: `Of an IncusExecError: the exit status of the command.`},
		{Name: "error.stdout", Help: `Of an IncusExecError: the standard output of the command.`},
		{Name: "error.stderr", Help: `Of an IncusExecError: the standard error of the command.`},
		{Name: "error.extension", Help: `Of an IncusUnsupportedError: the API extension that the server lacks.`},
		{Name: "error.is_a", Params: []builtin.Param{builtin.Pos("class", builtin.Classes)}, Returns: builtin.Bool, Call: isA,
			Help: `Reports whether the error, or one of its causes, is of the class or of one below it. It also takes a list of classes.`},
		{Name: "error.explain", Returns: builtin.String, Call: explain,
			Help: `Returns str(e), with the hint in parentheses if there is one and the message doesn't have it.`},
	},
}

// errorObjectDecl declares the value of the field object of errors.
var errorObjectDecl = builtin.Decl{
	Name: "ErrorObject",
	Help: `The object that an error is about: a struct, the error's field object.

kind  the kind in words, such as "instance"
name  the name; None if it is unknown`,
}

// isA implements the method is_a(class) of error values.
func isA(c *builtin.Call) (starlark.Value, error) {
	var arg starlark.Value
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	classes, err := classesOf(arg)
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	return starlark.Bool(isOneOf(c.Receiver.(*errorValue).err, classes)), nil
}

// explain implements the method explain of error values.
func explain(c *builtin.Call) (starlark.Value, error) {
	if err := c.Unpack(); err != nil {
		return nil, err
	}
	return starlark.String(explained(c.Receiver.(*errorValue).err)), nil
}

func explained(e *errors.Error) string {
	text, hint := e.Error(), e.Advice()
	if hint == "" || strings.Contains(text, hint) {
		return text
	}
	return text + " (hint: " + hint + ")"
}
