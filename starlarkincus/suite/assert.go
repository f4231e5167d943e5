package suite

import (
	"fmt"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// assertion is the class of failed assertions. Its parent is ScriptError, so that a try_ in the tested code doesn't
// catch it.
var assertion = errors.NewClass("AssertionError", errors.Script, "An assertion of a test failed.")

// skipped is the class of the error that skip() raises. Its parent is ScriptError for the same reason.
var skipped = errors.NewClass("TestSkipped", errors.Script, "The test was skipped.")

// asserts holds the builtins that the assertions of one test call.
type asserts struct{ catch, raise starlark.Value }

// Names returns the declarations of the names that only tests have.
func Names() []builtin.Decl { return new(asserts).names() }

func (t *asserts) names() []builtin.Decl {
	msg, x := builtin.Opt("msg", builtin.String, `""`), builtin.Need("x", builtin.Any)
	got, where := builtin.Need("got", builtin.Any), builtin.Need("where", builtin.Any)
	return []builtin.Decl{{
		Name: "assert_eq", Params: []builtin.Param{got, builtin.Need("want", builtin.Any), msg}, Returns: builtin.None,
		Help: "Fails the test if got and want are not equal, and shows the difference.",
		Call: assertEqual,
	}, {
		Name: "assert_ne", Params: []builtin.Param{got, builtin.Need("unwanted", builtin.Any), msg}, Returns: builtin.None,
		Help: "Fails the test if got and unwanted are equal.",
		Call: assertUnequal,
	}, {
		Name: "assert_true", Params: []builtin.Param{x, msg}, Returns: builtin.None,
		Help: "Fails the test if x is not true.",
		Call: func(c *builtin.Call) (starlark.Value, error) { return truth(c, true) },
	}, {
		Name: "assert_false", Params: []builtin.Param{x, msg}, Returns: builtin.None,
		Help: "Fails the test if x is true.",
		Call: func(c *builtin.Call) (starlark.Value, error) { return truth(c, false) },
	}, {
		Name: "assert_in", Params: []builtin.Param{x, where, msg}, Returns: builtin.None,
		Help: "Fails the test if x is not in where: a list, a dict, a string or another value that supports in.",
		Call: assertIn,
	}, {
		Name: "assert_contains", Params: []builtin.Param{where, x, msg}, Returns: builtin.None,
		Help: "The same as assert_in(x, where).",
		Call: assertContains,
	}, {
		Name: "assert_raises",
		Params: []builtin.Param{builtin.Need("classes", builtin.Classes), builtin.Need("fn", builtin.Callable),
			builtin.Args("args", builtin.Any), builtin.KwArgs("kwargs", builtin.Any)},
		Returns: builtin.Error,
		Help:    "Calls fn(*args, **kwargs), which must fail with an error of one of the classes, and returns the error.",
		Call:    t.assertRaises,
	}, {
		Name: "skip", Params: []builtin.Param{builtin.Opt("reason", builtin.String, `""`)},
		Help: "Ends the test and counts it as skipped.",
		Call: skip,
	}, *host.ClassDecl(assertion)}
}

// predeclared returns the values of the names that only tests have.
func (t *asserts) predeclared() starlark.StringDict {
	values := make(starlark.StringDict)
	for _, d := range t.names() {
		values[d.Name] = d.Make()
	}
	return values
}

// attach sets the builtins of the host that runs the test.
func (t *asserts) attach(h *host.Host) {
	s := h.NewSession()
	t.catch, t.raise = s.Get("catch"), s.Get("raise_")
}

// failed returns the error of a failed assertion. Its message begins with msg, if not empty.
func failed(msg, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if msg != "" {
		text = msg + ": " + text
	}
	return errors.New(assertion, "%s", secret.Text(text)) // reports hide secrets, unlike print
}

// two returns the arguments of an assertion about two values.
func two(c *builtin.Call) (x, y starlark.Value, msg string, err error) {
	err = c.Unpack(&x, &y, &msg)
	return x, y, msg, err
}

func assertEqual(c *builtin.Call) (starlark.Value, error) {
	got, want, msg, err := two(c)
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(got, want)
	if err == nil && !equal {
		err = failed(msg, "%s", difference(got, want))
	}
	return starlark.None, err
}

func assertUnequal(c *builtin.Call) (starlark.Value, error) {
	got, unwanted, msg, err := two(c)
	if err != nil {
		return nil, err
	}
	equal, err := starlark.Equal(got, unwanted)
	if err == nil && equal {
		err = failed(msg, "got %s, want another value", short(got))
	}
	return starlark.None, err
}

func truth(c *builtin.Call, want starlark.Bool) (starlark.Value, error) {
	var x starlark.Value
	msg := ""
	if err := c.Unpack(&x, &msg); err != nil {
		return nil, err
	}
	if x.Truth() != want {
		return nil, failed(msg, "got %s, want a %s value", short(x), strings.ToLower(want.String()))
	}
	return starlark.None, nil
}

func assertIn(c *builtin.Call) (starlark.Value, error) {
	x, where, msg, err := two(c)
	if err != nil {
		return nil, err
	}
	return in(c, x, where, msg)
}

func assertContains(c *builtin.Call) (starlark.Value, error) {
	where, x, msg, err := two(c)
	if err != nil {
		return nil, err
	}
	return in(c, x, where, msg)
}

func in(c *builtin.Call, x, where starlark.Value, msg string) (starlark.Value, error) {
	found, err := starlark.Binary(syntax.IN, x, where)
	if err != nil {
		return nil, c.Errorf("%w", err)
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

func (t *asserts) assertRaises(c *builtin.Call) (starlark.Value, error) {
	if len(c.Args) < 2 {
		return nil, c.Errorf("got %d arguments without a name, want the classes and the function: write assert_raises(IncusNotFoundError, fn, arg)", len(c.Args))
	}
	result, err := starlark.Call(c.Thread, t.catch, c.Args, c.Kwargs)
	if err != nil {
		return nil, wrongError(c.Thread, c.Args[0], err)
	}
	raised, _ := result.(starlark.HasAttrs).Attr("error")
	e, ok := raised.(starlark.Mapping)
	if !ok {
		v, _ := result.(starlark.HasAttrs).Attr("value")
		return nil, failed("", "%s returned %s, want an error of %s", c.Args[1], short(v), c.Args[0])
	}
	// Error and ScriptError also match a failed assertion or a skip() in fn, which must end the test.
	class, _, _ := e.Get(starlark.String("class"))
	if name, _ := starlark.AsString(class); (name == assertion.Name() || name == skipped.Name()) && !named(c.Args[0], name) {
		return starlark.Call(c.Thread, t.raise, starlark.Tuple{raised}, nil)
	}
	return raised, nil
}

// wrongError returns the failed assertion for an error of another class than the expected ones. It returns err itself
// if the test is being stopped, or err is a mistake in the script or a failed assertion.
func wrongError(thread *starlark.Thread, classes starlark.Value, err error) error {
	var raised *errors.Error
	if builtin.Of(thread).Context.Err() != nil || !errors.As(err, &raised) || raised.Class.IsA(errors.Script) {
		return err
	}
	return errors.New(assertion, "raised %s, want %s", raised, classes)
}

// named reports whether a class, or one of a list of classes, has the name.
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

func skip(c *builtin.Call) (starlark.Value, error) {
	reason := ""
	if err := c.Unpack(&reason); err != nil {
		return nil, err
	}
	return nil, errors.New(skipped, "%s", reason)
}

// short returns a value's text, truncated to 200 characters.
func short(v starlark.Value) string {
	text := []rune(v.String())
	if len(text) > 200 {
		text = append(text[:199], '…')
	}
	return string(text)
}
