package host

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/report"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// An errorValue is the value of an error in scripts. Scripts can't change it; its first raise adds the backtrace. Two are
// equal if all fields except the backtrace are.
type errorValue struct {
	host     *Host // for the source lines of the backtrace; nil without one
	err      *errors.Error
	cause    *errorValue         // given by a script, with a backtrace of its own, or made from err.Cause
	trace    *starlark.EvalError // of the first raise; nil before it
	response starlark.Value      // err.Response, converted at its first use
}

var (
	_ starlark.HasAttrs        = (*errorValue)(nil)
	_ starlark.IterableMapping = (*errorValue)(nil)
	_ starlark.Comparable      = (*errorValue)(nil)
)

// raised is an error with the value that raise_ was given, so that try_ returns the same value.
type raised struct{ value *errorValue }

func (r *raised) Error() string { return r.value.err.Error() }
func (r *raised) Unwrap() error { return r.value.err }

// errorValueOf returns the value of an error that a call returned. An error of no class is Starlark's own: a ScriptError.
func (h *Host) errorValueOf(err error) *errorValue {
	var trace *starlark.EvalError
	errors.As(err, &trace)
	failure := failureOf(err)
	var r *raised
	if errors.As(err, &r) && r.value.err == failure {
		if r.value.trace == nil {
			r.value.trace = trace
		}
		return r.value
	}
	if failure == nil {
		failure = &errors.Error{Class: errors.Script, Message: report.Message(err)}
	}
	return &errorValue{host: h, err: failure, trace: trace}
}

// ErrorValue returns the value of an error of a run, as try_ would return it; nil for the end of a stopped run, and for no
// error.
func (h *Host) ErrorValue(err error) starlark.Value {
	var exit *ExitError
	if err == nil || stopOf(err) != nil || errors.As(err, &exit) {
		return nil
	}
	return h.errorValueOf(err)
}

// failureOf returns the outermost error of a class in a chain; nil for an error of Starlark's own.
func failureOf(err error) *errors.Error {
	var failure *errors.Error
	errors.As(err, &failure)
	return failure
}

// Failure returns the error.
func (e *errorValue) Failure() *errors.Error { return e.err }

// raise returns the error that raises the value, with the first backtrace if there is one.
func (e *errorValue) raise() error {
	if e.trace != nil {
		return e.trace
	}
	return &raised{e}
}

func (e *errorValue) String() string        { return e.err.Error() }
func (e *errorValue) Type() string          { return "error" }
func (e *errorValue) Truth() starlark.Bool  { return true }
func (e *errorValue) Hash() (uint32, error) { return starlark.String(e.err.Message).Hash() }

// Freeze freezes the fields that a script set; the error itself never changes.
func (e *errorValue) Freeze() {
	for _, field := range e.err.Fields {
		if v, ok := field.(starlark.Value); ok {
			v.Freeze()
		}
	}
}

// standard are the fields of every error, None if unknown.
var standard = []string{
	"class", "class_", "message", "status", "status_code", "response", "cause", "operation_id", "method", "path", "object", "outcome", "remote", "hint", "backtrace",
}

// added are the further fields of classes, None in an error that a script made without them.
var added = []struct {
	class *errors.Class
	names []string
}{
	{errors.Exec, []string{"exit_code", "stdout", "stderr"}},
	{errors.Unsupported, []string{"extension"}},
}

func (e *errorValue) fields() []string {
	names := slices.Clone(standard)
	for name := range e.err.Fields {
		names = append(names, name)
	}
	for _, a := range added {
		if e.err.Class.IsA(a.class) {
			names = append(names, a.names...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (e *errorValue) AttrNames() []string {
	names := append(e.fields(), "explain", "is_a")
	slices.Sort(names)
	return names
}

func (e *errorValue) Attr(name string) (starlark.Value, error) {
	if d := errorDecl.Member(name); d != nil && d.Callable() {
		return d.Function().BindReceiver(e), nil
	}
	return e.field(name)
}

// field returns the value of a field; nil for a field that the error doesn't have.
func (e *errorValue) field(name string) (starlark.Value, error) {
	switch name {
	case "class", "class_":
		return starlark.String(e.err.Class.Name()), nil
	case "message":
		return starlark.String(e.err.Message), nil
	case "status", "status_code":
		if e.err.Status == 0 {
			return starlark.None, nil
		}
		return starlark.MakeInt(e.err.Status), nil
	case "response":
		return e.responseValue()
	case "cause":
		if cause := e.causeValue(); cause != nil {
			return cause, nil
		}
		return starlark.None, nil
	case "operation_id":
		return stringOrNone(e.err.OperationID), nil
	case "method":
		return stringOrNone(e.err.Method), nil
	case "path":
		return stringOrNone(e.err.Path), nil
	case "object":
		return objectValue(e.err.Object), nil
	case "remote":
		return stringOrNone(e.err.Remote), nil
	case "outcome":
		return stringOrNone(string(e.err.Outcome)), nil
	case "hint":
		return stringOrNone(e.err.Advice()), nil
	case "backtrace":
		if e.host == nil || e.trace == nil {
			return starlark.String(""), nil
		}
		plain := report.Printer{Sources: &e.host.sources}
		return starlark.String(plain.Backtrace(report.Backtrace(e.trace))), nil
	}
	switch v := e.err.Fields[name].(type) {
	case nil:
		if slices.Contains(e.fields(), name) {
			return starlark.None, nil
		}
		return nil, nil
	case starlark.Value:
		return v, nil
	default:
		return value.FromGo(v)
	}
}

// objectValue returns the object that an error concerns as a struct of kind and name.
func objectValue(o *errors.Object) starlark.Value {
	if o == nil {
		return starlark.None
	}
	return starlarkstruct.FromStringDict(starlark.String("ErrorObject"), starlark.StringDict{
		"kind": starlark.String(o.Kind), "name": stringOrNone(o.Name)})
}

// objectOf returns the object that a script gave as a struct or dict.
func objectOf(v starlark.Value) (*errors.Object, error) {
	part := func(name string) (string, bool) {
		var field starlark.Value
		switch v := v.(type) {
		case *starlarkstruct.Struct:
			field, _ = v.Attr(name)
		case *starlark.Dict:
			if v, found, _ := v.Get(starlark.String(name)); found {
				field = v
			}
		}
		if field == starlark.None && name == "name" {
			return "", true
		}
		return starlark.AsString(field)
	}
	if v == starlark.None {
		return nil, nil
	}
	kind, okKind := part("kind")
	name, okName := part("name")
	if !okKind || !okName || kind == "" {
		return nil, fmt.Errorf(`object is %s, want a struct or dict of kind and name, as in object={"kind": "instance", "name": "web"}`, builtin.Described(v))
	}
	return &errors.Object{Kind: kind, Name: name}, nil
}

func stringOrNone(s string) starlark.Value {
	if s == "" {
		return starlark.None
	}
	return starlark.String(s)
}

func (e *errorValue) responseValue() (starlark.Value, error) {
	if e.response == nil {
		v, err := value.FromGo(e.err.Response)
		if err != nil {
			// Starlark can't represent a number in it: the JSON text is the next best.
			text, _ := json.Marshal(e.err.Response)
			v = starlark.String(text)
		}
		e.response = v
	}
	return e.response, nil
}

// causeValue returns the cause as a value, the same one each time; nil for none.
func (e *errorValue) causeValue() *errorValue {
	if e.cause == nil {
		if cause := report.Cause(e.err); cause != nil {
			e.cause = &errorValue{host: e.host, err: cause}
		}
	}
	return e.cause
}

// Get returns a field, for e["class"]: e.class doesn't parse.
func (e *errorValue) Get(key starlark.Value) (starlark.Value, bool, error) {
	name, ok := starlark.AsString(key)
	if !ok {
		return nil, false, nil
	}
	v, err := e.field(name)
	return v, v != nil, err
}

// Items returns the fields, each under one name only, for json.encode(e) and **e.
func (e *errorValue) Items() []starlark.Tuple {
	var items []starlark.Tuple
	for _, name := range e.fields() {
		if name == "class_" || name == "status_code" {
			continue
		}
		if v, err := e.field(name); err == nil {
			items = append(items, starlark.Tuple{starlark.String(name), v})
		}
	}
	return items
}

// Iterate returns an iterator of the names of the fields, like that of a dict's keys.
func (e *errorValue) Iterate() starlark.Iterator {
	var names []starlark.Value
	for _, item := range e.Items() {
		names = append(names, item[0])
	}
	return starlark.NewList(names).Iterate()
}

func (e *errorValue) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	switch op {
	case syntax.EQL, syntax.NEQ:
		same, err := sameError(e.err, other.(*errorValue).err, depth)
		return same == (op == syntax.EQL), err
	}
	return false, fmt.Errorf("errors have no order")
}

func sameError(a, b *errors.Error, depth int) (bool, error) {
	if a == b {
		return true, nil
	}
	if a == nil || b == nil || a.Class != b.Class || a.Message != b.Message || a.Status != b.Status ||
		a.OperationID != b.OperationID || a.Remote != b.Remote || a.Outcome != b.Outcome || a.Method != b.Method || a.Path != b.Path ||
		!reflect.DeepEqual(a.Response, b.Response) || !reflect.DeepEqual(a.Object, b.Object) || len(a.Fields) != len(b.Fields) {
		return false, nil
	}
	for name, field := range a.Fields {
		if same, err := sameField(field, b.Fields[name], depth); !same || err != nil {
			return false, err
		}
	}
	causeA, okA := a.Cause.(*errors.Error)
	causeB, okB := b.Cause.(*errors.Error)
	if okA && okB {
		return sameError(causeA, causeB, depth)
	}
	return a.CauseMessage() == b.CauseMessage() && okA == okB, nil
}

func sameField(a, b any, depth int) (bool, error) {
	x, okX := a.(starlark.Value)
	y, okY := b.(starlark.Value)
	if okX && okY {
		return starlark.EqualDepth(x, y, depth-1)
	}
	return reflect.DeepEqual(a, b), nil
}

// isOneOf reports whether an error or one of its causes is of one of the classes.
func isOneOf(err error, classes []*errors.Class) bool {
	return slices.ContainsFunc(classes, func(class *errors.Class) bool { return errors.Is(err, class) })
}

// Columns returns the columns of a table of errors.
func (e *errorValue) Columns() []string { return []string{"class", "status", "message", "object"} }
