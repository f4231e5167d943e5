package host

import (
	"fmt"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A classValue is the value of an error class. Calling it returns an error value. Two are equal if they are the same class:
// the same name isn't enough.
type classValue struct{ class *errors.Class }

var (
	_ starlark.Callable   = classValue{}
	_ starlark.HasAttrs   = classValue{}
	_ starlark.Comparable = classValue{}
)

func (c classValue) String() string        { return c.class.Name() }
func (c classValue) Name() string          { return c.class.Name() }
func (c classValue) Described() string     { return "the class " + c.class.Name() }
func (c classValue) Type() string          { return "error_class" }
func (c classValue) Freeze()               {}
func (c classValue) Truth() starlark.Bool  { return true }
func (c classValue) Hash() (uint32, error) { return starlark.String(c.class.Name()).Hash() }
func (c classValue) AttrNames() []string   { return []string{"base", "doc", "name"} }

func (c classValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(c.class.Name()), nil
	case "doc":
		return starlark.String(c.class.Doc()), nil
	case "base":
		if base := c.class.Base(); base != nil {
			return classValue{base}, nil
		}
		return starlark.None, nil
	}
	return nil, nil
}

func (c classValue) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	same := c.class == other.(classValue).class
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("error classes have no order: ask with error.is_a(%s)", c.class.Name())
}

func (c classValue) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var h *Host
	if t := taskOf(thread); t != nil {
		h = t.run.host
	}
	return newErrorValue(h, c.class, c.class.Name(), args, kwargs)
}

// newErrorValue returns an error of a class, with the fields that a script gave. Who is the name of the called function.
func newErrorValue(h *Host, class *errors.Class, who string, args starlark.Tuple, kwargs []starlark.Tuple) (*errorValue, error) {
	e := &errorValue{host: h, err: &errors.Error{Class: class}}
	seen := make(map[string]bool)
	set := func(field string, v starlark.Value) error {
		if field == "status_code" {
			field = "status"
		}
		if seen[field] {
			return fmt.Errorf("%s: got %s twice", who, field)
		}
		seen[field] = true
		return e.set(field, v)
	}
	if len(args) > 1 {
		return nil, fmt.Errorf("%s: got %d arguments without a name, want one message; name the others, as in status=409", who, len(args))
	}
	if len(args) == 1 {
		if err := set("message", args[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", who, err)
		}
	}
	for _, kwarg := range kwargs {
		if err := set(string(kwarg[0].(starlark.String)), kwarg[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", who, err)
		}
	}
	if !seen["message"] {
		example := who + "("
		if who != class.Name() {
			example += class.Name() + ", "
		}
		return nil, fmt.Errorf(`%s: missing the message, as in %s"what went wrong")`, who, example)
	}
	return e, nil
}

// set sets a field of a new error to the value that a script gave.
func (e *errorValue) set(field string, v starlark.Value) error {
	text := map[string]*string{
		"message": &e.err.Message, "operation_id": &e.err.OperationID, "method": &e.err.Method, "path": &e.err.Path, "hint": &e.err.Hint, "remote": &e.err.Remote,
	}
	switch field {
	case "class", "class_", "backtrace", "is_a", "explain":
		return fmt.Errorf("%s is the error's own and can't be given", field)
	case "message", "operation_id", "method", "path", "hint", "remote":
		s, ok := starlark.AsString(v)
		if !ok && (v != starlark.None || field == "message") {
			return fmt.Errorf("%s is %s, want a string", field, builtin.Described(v))
		}
		*text[field] = s
	case "outcome":
		outcome, _ := starlark.AsString(v)
		if !errors.Outcome(outcome).Valid() || outcome == "" && v != starlark.None {
			return fmt.Errorf(`outcome is %s, want "not_sent", "refused", "done", "unknown" or None`, builtin.Described(v))
		}
		e.err.Outcome = errors.Outcome(outcome)
	case "object":
		object, err := objectOf(v)
		if err != nil {
			return err
		}
		e.err.Object = object
	case "status":
		if v == starlark.None {
			return nil
		}
		status, err := starlark.AsInt32(v)
		if err != nil {
			return fmt.Errorf("status is %s, want an int", builtin.Described(v))
		}
		e.err.Status = status
	case "response":
		response, err := value.ToGo(v)
		if err != nil {
			return fmt.Errorf("response: %w", err)
		}
		e.err.Response = response
	case "cause":
		switch cause := v.(type) {
		case starlark.NoneType:
		case *errorValue:
			e.cause, e.err.Cause = cause, cause.err
		default:
			return fmt.Errorf("cause is %s, want an error or None", builtin.Described(v))
		}
	default:
		if e.err.Fields == nil {
			e.err.Fields = make(map[string]any)
		}
		e.err.Fields[field] = v
	}
	return nil
}

// classesOf returns the classes in an argument: one class, or a tuple or list of them.
func classesOf(v starlark.Value) ([]*errors.Class, error) {
	switch v := v.(type) {
	case classValue:
		return []*errors.Class{v.class}, nil
	case starlark.Tuple, *starlark.List:
		var classes []*errors.Class
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			class, ok := elem.(classValue)
			if !ok {
				return nil, notClass(elem)
			}
			classes = append(classes, class.class)
		}
		if classes == nil {
			return nil, fmt.Errorf("got no error class")
		}
		return classes, nil
	}
	return nil, notClass(v)
}

func notClass(v starlark.Value) error {
	if s, ok := starlark.AsString(v); ok && definedClass(s) {
		return fmt.Errorf("got %s, want an error class: write %s without quotes", builtin.Described(v), s)
	}
	if e, ok := v.(*errorValue); ok {
		return fmt.Errorf("got an error, want an error class such as %s", e.err.Class.Name())
	}
	return fmt.Errorf("got %s, want an error class such as %s", builtin.Described(v), errors.NotFound.Name())
}

func definedClass(name string) bool {
	for _, class := range errors.Classes() {
		if class.Name() == name {
			return true
		}
	}
	return false
}

var errorClassDecl = builtin.Decl{
	Name:    "error_class",
	Params:  []builtin.Param{builtin.Need("name", builtin.String), builtin.Opt("base", builtin.Class, "Error")},
	Returns: builtin.Class, Help: `Returns a new error class under base.

    QuotaError = error_class("QuotaError", base=IncusLimitError)
    raise_(QuotaError, "too many servers", count=12)

try_, catch(QuotaError, …) and catch with any class above QuotaError return its errors instead of ending the script;
e.is_a(QuotaError) reports whether an error is of the class. Calling the class returns an error without raising it.
A class has the attributes name, base and doc.`,
	Call: onTask(errorClass),
}

// isIdentifier reports whether a script could write s as a name.
func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

func errorClass(c *invocation) (starlark.Value, error) {
	var name, base starlark.Value = nil, classValue{errors.Base}
	if err := c.Unpack(&name, &base); err != nil {
		return nil, err
	}
	s, ok := starlark.AsString(name)
	if !ok || !isIdentifier(s) {
		return nil, c.Errorf(`name is %s, want one such as "QuotaError"`, builtin.Described(name))
	}
	above, ok := base.(classValue)
	if !ok {
		return nil, c.Errorf("base: %w", notClass(base))
	}
	return classValue{errors.NewClass(s, above.class, "")}, nil
}
