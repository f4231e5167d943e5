package host

import (
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var tryDecl = builtin.Decl{
	Name:    "try_",
	Params:  []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Args("args", builtin.Any), builtin.KwArgs("kwargs", builtin.Any)},
	Returns: builtin.Result, Help: `Calls fn(*args, **kwargs) and returns a Result with its value or its error, so that a failure doesn't end the script.

    inst, err = try_(incus.instances.get, "web")
    if err and err.is_a(IncusNotFoundError):
        inst = incus.instances.launch("web", image="images:debian/12")

Pass the function and its arguments, not a call. try_ catches every IncusError and every error that a script raised, but not
a ScriptError, which is a mistake in the script: catch(ScriptError, …) catches that. An interrupt, a timeout and exit() can't
be caught.`,
	Call: onTask(try),
}

var catchDecl = builtin.Decl{
	Name:    "catch",
	Params:  []builtin.Param{builtin.Need("classes", builtin.Classes), builtin.Need("fn", builtin.Callable), builtin.Args("args", builtin.Any), builtin.KwArgs("kwargs", builtin.Any)},
	Returns: builtin.Result, Help: `Calls fn(*args, **kwargs) and returns a Result, like try_, but catches only errors of the given classes.

    r = catch(IncusConflictError, incus.networks.create, "net0")
    r = catch((IncusBusyError, IncusStateError), inst.stop)

classes is an error class, or a tuple or list of them; ScriptError and Error are allowed. An error matches by its class, by
a class above it, or by the class of one of its causes, as in e.is_a(). Any other error is raised.`,
	Call: onTask(catch),
}

var raiseDecl = builtin.Decl{
	Name:   "raise_",
	Loose:  true,
	Params: []builtin.Param{builtin.Need("error_or_class", builtin.Error|builtin.Class), builtin.Need("message", builtin.String), builtin.KwArgs("fields", builtin.Any)},
	Help: `Raises an error: an error value, with its original backtrace, or a new error of a class.

    raise_(err)
    raise_(IncusConflictError, "the name is taken", status=409, cause=err)

Other fields become attributes of the error.`,
	Call: onTask(raise),
}

var finallyDecl = builtin.Decl{
	Name:   "finally_",
	Params: []builtin.Param{builtin.Need("body", builtin.Callable), builtin.Need("cleanup", builtin.Callable)},
	Help: `Calls body(), then cleanup(), also after an error, an interrupt, a timeout or exit(), and returns body's result.

    finally_(lambda: deploy(inst), inst.delete)

An error in body is raised after the clean-up. If both fail, cleanup's error is printed and body's is raised. After an
interrupt or a timeout all clean-up together has 10 seconds, enough to delete two or three running instances;
--cleanup-timeout changes that.`,
	Call: onTask(finally),
}

var failDecl = builtin.Decl{
	Name:   "fail",
	Params: []builtin.Param{builtin.Args("args", builtin.Any), builtin.Key("sep", builtin.String, `" "`)},
	Help: `Ends the script with a ScriptError. Its message is the arguments, joined as by print.

Use raise_ for an error that a caller may handle: try_ doesn't catch a ScriptError.`,
	Call: onTask(fail),
}

func try(c *invocation) (starlark.Value, error) {
	fn, err := c.function("try_(fn, arg)")
	if err != nil {
		return nil, err
	}
	return c.attempt(fn, c.Args[1:], func(err error) bool {
		failure := failureOf(err)
		return failure != nil && !failure.Class.IsA(errors.Script)
	})
}

func catch(c *invocation) (starlark.Value, error) {
	if len(c.Args) == 0 {
		return nil, c.Errorf("missing the classes: write catch(IncusNotFoundError, fn, arg)")
	}
	classes, err := classesOf(c.Args[0])
	if err != nil {
		return nil, c.Errorf("%w: write catch(IncusNotFoundError, fn, arg)", err)
	}
	if len(c.Args) == 1 {
		return nil, c.Errorf("missing the function: write catch(%s, fn, arg)", c.Args[0])
	}
	fn, ok := c.Args[1].(starlark.Callable)
	if !ok {
		return nil, c.Errorf("got %s, want a function: write catch(%s, fn, arg), not catch(%[2]s, fn(arg))", builtin.Described(c.Args[1]), c.Args[0])
	}
	return c.attempt(fn, c.Args[2:], func(err error) bool {
		return isOneOf(c.host().errorValueOf(err).err, classes)
	})
}

// attempt calls fn and returns a Result of its value, or of its error if holds reports true for that. The error of a stopped
// task is never held.
func (c *invocation) attempt(fn starlark.Callable, args starlark.Tuple, holds func(error) bool) (starlark.Value, error) {
	v, err := c.callFunction(c.Thread, fn, args, c.Kwargs)
	switch {
	case err == nil:
		return &result{value: v}, nil
	case c.uncatchable(err) || !holds(err):
		return nil, err
	}
	return &result{err: c.host().errorValueOf(err)}, nil
}

func raise(c *invocation) (starlark.Value, error) {
	if len(c.Args) == 0 {
		return nil, c.Errorf(`missing the error: write raise_(error) or raise_(IncusError, "message")`)
	}
	switch arg := c.Args[0].(type) {
	case *errorValue:
		if len(c.Args) > 1 || len(c.Kwargs) > 0 {
			class := arg.err.Class.Name()
			return nil, c.Errorf(`an error can't be changed: write raise_(error), or raise_(%s, "message", cause=error)`, class)
		}
		return nil, arg.raise()
	case classValue:
		e, err := newErrorValue(c.host(), arg.class, c.Name, c.Args[1:], c.Kwargs)
		if err != nil {
			return nil, err
		}
		return nil, e.raise()
	case *result:
		return nil, c.Errorf("got a Result, want an error: write raise_(result.error)")
	case starlark.NoneType:
		return nil, c.Errorf("got None: there is no error to raise")
	case starlark.String:
		return nil, c.Errorf(`got a string, want an error or a class: write raise_(Error, %s) or fail(%[1]s)`, arg)
	default:
		return nil, c.Errorf(`got %s, want an error or a class: write raise_(error) or raise_(IncusError, "message")`, builtin.Described(arg))
	}
}

func finally(c *invocation) (starlark.Value, error) {
	var body, cleanup starlark.Value
	if err := c.Unpack(&body, &cleanup); err != nil {
		return nil, err
	}
	var fns [2]starlark.Callable
	for i, v := range []starlark.Value{body, cleanup} {
		fn, ok := v.(starlark.Callable)
		if !ok {
			return nil, c.Errorf("%s is %s, want a function: write lambda: f(x), not f(x)", [...]string{"body", "cleanup"}[i], builtin.Described(v))
		}
		fns[i] = fn
	}
	c.cleanups++
	v, err := c.callFunction(c.Thread, fns[0], nil, nil)
	c.cleanups--
	stopped := c.uncatchable(err)
	failed := c.cleanup(c.Thread, fns[1])
	switch {
	case failed == nil:
		return v, err
	case err == nil:
		return nil, failed
	case isStop(failed) && !stopped:
		// exit() in clean-up ends the script, but the error before it must not be lost.
		c.reportAside("an error, before clean-up ended the script", err)
		return nil, failed
	}
	c.reportAside("clean-up failed too, after another error", failed)
	return nil, err
}

func fail(c *invocation) (starlark.Value, error) {
	message, err := joined(c)
	if err != nil {
		return nil, err
	}
	return nil, errors.New(errors.Script, "%s", message)
}

// joined returns the text that print and fail make of their arguments.
func joined(c *invocation) (string, error) {
	sep := " "
	if err := starlark.UnpackArgs(c.Name, nil, c.Kwargs, "sep?", &sep); err != nil {
		return "", err
	}
	parts := make([]string, len(c.Args))
	for i, v := range c.Args {
		parts[i] = builtin.PlainText(v)
	}
	return strings.Join(parts, sep), nil
}
