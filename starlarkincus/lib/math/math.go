// Package math is Starlark's library math.
package math

import (
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/lib/math"
)

var (
	x  = []builtin.Param{builtin.Pos("x", builtin.Number)}
	xy = append(x[:1:1], builtin.Pos("y", builtin.Number))
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "math",
	Help: `Mathematical functions of ints and floats. All but floor and ceil return floats.`,
	Members: []builtin.Decl{
		{Name: "math.ceil", Params: x, Returns: builtin.Int, Help: `Returns the smallest int that is not less than x.`, Call: builtin.Forward(math.Module, "ceil")},
		{Name: "math.floor", Params: x, Returns: builtin.Int, Help: `Returns the largest int that is not greater than x.`, Call: builtin.Forward(math.Module, "floor")},
		{Name: "math.round", Params: x, Returns: builtin.Float, Help: `Returns the nearest whole number, as a float, rounding halves away from zero.`, Call: builtin.Forward(math.Module, "round")},
		{Name: "math.fabs", Params: x, Returns: builtin.Float, Help: `Returns the absolute value of x, as a float.`, Call: builtin.Forward(math.Module, "fabs")},
		{Name: "math.copysign", Params: xy, Returns: builtin.Float, Help: `Returns a float with the magnitude of x and the sign of y.`, Call: builtin.Forward(math.Module, "copysign")},
		{Name: "math.mod", Params: xy, Returns: builtin.Float, Help: `Returns the remainder of x divided by y, with the sign of x.`, Call: builtin.Forward(math.Module, "mod")},
		{Name: "math.remainder", Params: xy, Returns: builtin.Float, Help: `Returns the IEEE 754 remainder of x divided by y.`, Call: builtin.Forward(math.Module, "remainder")},
		{Name: "math.pow", Params: xy, Returns: builtin.Float, Help: `Returns x to the power of y.`, Call: builtin.Forward(math.Module, "pow")},
		{Name: "math.sqrt", Params: x, Returns: builtin.Float, Help: `Returns the square root of x.`, Call: builtin.Forward(math.Module, "sqrt")},
		{Name: "math.exp", Params: x, Returns: builtin.Float, Help: `Returns e to the power of x.`, Call: builtin.Forward(math.Module, "exp")},
		{Name: "math.log", Params: []builtin.Param{builtin.Pos("x", builtin.Number), builtin.OptPos("base", builtin.Number, "e")}, Returns: builtin.Float, Help: `Returns the logarithm of x to a base; default: the natural logarithm.`, Call: builtin.Forward(math.Module, "log")},
		{Name: "math.hypot", Params: xy, Returns: builtin.Float, Help: `Returns the length of the vector (x, y).`, Call: builtin.Forward(math.Module, "hypot")},
		{Name: "math.gamma", Params: x, Returns: builtin.Float, Help: `Returns the gamma function of x.`, Call: builtin.Forward(math.Module, "gamma")},
		{Name: "math.degrees", Params: x, Returns: builtin.Float, Help: `Converts an angle from radians to degrees.`, Call: builtin.Forward(math.Module, "degrees")},
		{Name: "math.radians", Params: x, Returns: builtin.Float, Help: `Converts an angle from degrees to radians.`, Call: builtin.Forward(math.Module, "radians")},
		{Name: "math.sin", Params: x, Returns: builtin.Float, Help: `Returns the sine of x, an angle in radians.`, Call: builtin.Forward(math.Module, "sin")},
		{Name: "math.cos", Params: x, Returns: builtin.Float, Help: `Returns the cosine of x, an angle in radians.`, Call: builtin.Forward(math.Module, "cos")},
		{Name: "math.tan", Params: x, Returns: builtin.Float, Help: `Returns the tangent of x, an angle in radians.`, Call: builtin.Forward(math.Module, "tan")},
		{Name: "math.asin", Params: x, Returns: builtin.Float, Help: `Returns the arc sine of x, in radians.`, Call: builtin.Forward(math.Module, "asin")},
		{Name: "math.acos", Params: x, Returns: builtin.Float, Help: `Returns the arc cosine of x, in radians.`, Call: builtin.Forward(math.Module, "acos")},
		{Name: "math.atan", Params: x, Returns: builtin.Float, Help: `Returns the arc tangent of x, in radians.`, Call: builtin.Forward(math.Module, "atan")},
		{Name: "math.atan2", Params: []builtin.Param{builtin.Pos("y", builtin.Number), builtin.Pos("x", builtin.Number)}, Returns: builtin.Float, Help: `Returns the angle of the vector (x, y), in radians.`, Call: builtin.Forward(math.Module, "atan2")},
		{Name: "math.sinh", Params: x, Returns: builtin.Float, Help: `Returns the hyperbolic sine of x.`, Call: builtin.Forward(math.Module, "sinh")},
		{Name: "math.cosh", Params: x, Returns: builtin.Float, Help: `Returns the hyperbolic cosine of x.`, Call: builtin.Forward(math.Module, "cosh")},
		{Name: "math.tanh", Params: x, Returns: builtin.Float, Help: `Returns the hyperbolic tangent of x.`, Call: builtin.Forward(math.Module, "tanh")},
		{Name: "math.asinh", Params: x, Returns: builtin.Float, Help: `Returns the inverse hyperbolic sine of x.`, Call: builtin.Forward(math.Module, "asinh")},
		{Name: "math.acosh", Params: x, Returns: builtin.Float, Help: `Returns the inverse hyperbolic cosine of x.`, Call: builtin.Forward(math.Module, "acosh")},
		{Name: "math.atanh", Params: x, Returns: builtin.Float, Help: `Returns the inverse hyperbolic tangent of x.`, Call: builtin.Forward(math.Module, "atanh")},
		{Name: "math.e", Returns: builtin.Float, Help: `The base of natural logarithms, 2.71828…`, Value: builtin.Constant(math.Module, "e")},
		{Name: "math.pi", Returns: builtin.Float, Help: `The ratio of a circle's circumference to its diameter.`, Value: builtin.Constant(math.Module, "pi")},
	},
}
