package suite

import (
	stderrors "errors"
	"fmt"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// assertion is the class of a failed assertion. It stands under ScriptError, so that a try_ in what is tested doesn't
// hold it.
var assertion = errors.NewClass("AssertionError", errors.Script, "An assertion of a test failed.")

// skipped is the class of what skip() raises, for the same reason.
var skipped = errors.NewClass("TestSkipped", errors.Script, "The test was skipped.")

// A builtin is a name that tests have besides those of all scripts.
type builtin struct {
	name, params, help string
	call               func(t *asserts, thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)
}

// builtins are those names, but for the class AssertionError.
var builtins = []builtin{
	{"assert_eq", `got, want, msg=""`, "Fails the test where got and want are not equal, and shows how they differ.", assertEqual},
	{"assert_ne", `got, unwanted, msg=""`, "Fails the test where the two are equal.", assertUnequal},
	{"assert_true", `x, msg=""`, "Fails the test where x is not true.", assertTrue},
	{"assert_false", `x, msg=""`, "Fails the test where x is true.", assertFalse},
	{"assert_in", `x, where, msg=""`, "Fails the test where x is not in a list, a dict, a string or another value that has in.", assertIn},
	{"assert_contains", `where, x, msg=""`, "The same as assert_in(x, where).", assertContains},
	{"assert_raises", "classes, fn, *args, **kwargs",
		"Calls fn(*args, **kwargs), which must fail with an error of one of these classes, and returns the error.", assertRaises},
	{"skip", `reason=""`, "Ends the test, which counts as skipped.", skip},
}

// Params are the names that tests have besides those of all scripts, each with its parameters as a def would list them.
func Params() map[string]string {
	all := map[string]string{assertion.Name(): "message, **fields"}
	for _, b := range builtins {
		all[b.name] = b.params
	}
	return all
}

// asserts is what one test's builtins share.
type asserts struct{ catch, raise starlark.Value }

// names are the tests' own names.
func (t *asserts) names() starlark.StringDict {
	names := starlark.StringDict{assertion.Name(): host.ClassValue(assertion)}
	for _, b := range builtins {
		names[b.name] = starlark.NewBuiltin(b.name, func(thread *starlark.Thread, own *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return b.call(t, thread, own, args, kwargs)
		})
	}
	return names
}

// bind takes what assert_raises works with from a host that has the names.
func (t *asserts) bind(h *host.Host) {
	s := h.NewSession()
	t.catch, t.raise = s.Get("catch"), s.Get("raise_")
}

// failed is the error of an assertion, with the script's own words first.
func failed(msg, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if msg != "" {
		text = msg + ": " + text
	}
	return errors.New(assertion, "%s", secret.Text(text)) // a report, not the script's print
}

// two reads the arguments of an assertion about two values.
func two(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, first, second string) (x, y starlark.Value, msg string, err error) {
	err = starlark.UnpackArgs(b.Name(), args, kwargs, first, &x, second, &y, "msg?", &msg)
	return x, y, msg, err
}

func assertEqual(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	got, want, msg, err := two(b, args, kwargs, "got", "want")
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(got, want)
	if err == nil && !equal {
		err = failed(msg, "%s", difference(got, want))
	}
	return starlark.None, err
}

func assertUnequal(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	got, unwanted, msg, err := two(b, args, kwargs, "got", "unwanted")
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(got, unwanted)
	if err == nil && equal {
		err = failed(msg, "got %s, want another value", short(got))
	}
	return starlark.None, err
}

func assertTrue(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return truth(b, args, kwargs, true)
}

func assertFalse(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return truth(b, args, kwargs, false)
}

func truth(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, want starlark.Bool) (starlark.Value, error) {
	var x starlark.Value
	msg := ""
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "x", &x, "msg?", &msg); err != nil {
		return nil, err
	}
	if x.Truth() != want {
		what := "a true"
		if !want {
			what = "a false"
		}
		return nil, failed(msg, "got %s, want %s value", short(x), what)
	}
	return starlark.None, nil
}

func assertIn(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	x, where, msg, err := two(b, args, kwargs, "x", "where")
	if err != nil {
		return nil, err
	}
	return in(b, x, where, msg)
}

func assertContains(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	where, x, msg, err := two(b, args, kwargs, "where", "x")
	if err != nil {
		return nil, err
	}
	return in(b, x, where, msg)
}

func in(b *starlark.Builtin, x, where starlark.Value, msg string) (starlark.Value, error) {
	found, err := starlark.Binary(syntax.IN, x, where)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	if found.Truth() {
		return starlark.None, nil
	}
	text := " " + strings.Join(spread("", where, "", 0), "\n  ")
	if s, ok := starlark.AsString(where); ok && strings.Contains(s, "\n") {
		text = "\n  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ")
	}
	return nil, failed(msg, "%s is not in%s", short(x), text)
}

func assertRaises(t *asserts, thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("%s: got %d arguments without a name, want the classes and the function: write assert_raises(IncusNotFoundError, fn, arg)", b.Name(), len(args))
	}
	result, err := starlark.Call(thread, t.catch, args, kwargs)
	if err != nil {
		return nil, another(thread, args[0], err)
	}
	raised, _ := result.(starlark.HasAttrs).Attr("error")
	e, ok := raised.(starlark.Mapping)
	if !ok {
		v, _ := result.(starlark.HasAttrs).Attr("value")
		return nil, failed("", "%s returned %s, want an error of %s", args[1], short(v), args[0])
	}
	// Error and ScriptError hold a failed assertion in fn as well, which must end the test all the same.
	class, _, _ := e.Get(starlark.String("class"))
	if name, _ := starlark.AsString(class); (name == assertion.Name() || name == skipped.Name()) && !named(args[0], name) {
		return starlark.Call(thread, t.raise, starlark.Tuple{raised}, nil)
	}
	return raised, nil
}

// another is the failed assertion of an error that has none of the classes. A mistake in the script stays what it is, and
// so do the end of the test and a failed assertion in it.
func another(thread *starlark.Thread, classes starlark.Value, err error) error {
	var raised *errors.Error
	if starlarkincus.Context(thread).Err() != nil || !stderrors.As(err, &raised) || raised.Class.IsA(errors.Script) {
		return err
	}
	return errors.New(assertion, "raised %s, want %s", raised, classes)
}

// named says whether a class, or one of a list of them, has the name.
func named(classes starlark.Value, name string) bool {
	if list, ok := classes.(starlark.Iterable); ok {
		for class := range starlark.Elements(list) {
			if class.String() == name {
				return true
			}
		}
		return false
	}
	return classes.String() == name
}

func skip(_ *asserts, _ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	reason := ""
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "reason?", &reason); err != nil {
		return nil, err
	}
	return nil, errors.New(skipped, "%s", reason)
}

// short is a value's text, cut where it is long.
func short(v starlark.Value) string {
	text := []rune(v.String())
	if len(text) > 200 {
		text = append(text[:199], '…')
	}
	return string(text)
}
