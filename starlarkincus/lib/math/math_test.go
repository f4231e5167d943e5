package math_test

import (
	"fmt"
	"maps"
	gomath "math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/lib/math"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"math": math.Decl.Make()}
	maps.Copy(env, names)
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, env)
}

// counterparts are Go's functions of the members that return floats.
var (
	unary = map[string]func(float64) float64{
		"round": gomath.Round, "fabs": gomath.Abs, "sqrt": gomath.Sqrt, "exp": gomath.Exp, "gamma": gomath.Gamma, "log": gomath.Log,
		"degrees": func(x float64) float64 { return 360 * x / (2 * gomath.Pi) }, "radians": func(x float64) float64 { return 2 * gomath.Pi * x / 360 },
		"sin": gomath.Sin, "cos": gomath.Cos, "tan": gomath.Tan, "asin": gomath.Asin, "acos": gomath.Acos, "atan": gomath.Atan,
		"sinh": gomath.Sinh, "cosh": gomath.Cosh, "tanh": gomath.Tanh, "asinh": gomath.Asinh, "acosh": gomath.Acosh, "atanh": gomath.Atanh,
	}
	binary = map[string]func(x, y float64) float64{
		"copysign": gomath.Copysign, "mod": gomath.Mod, "remainder": gomath.Remainder, "pow": gomath.Pow, "hypot": gomath.Hypot, "atan2": gomath.Atan2,
		"log": func(x, base float64) float64 { return gomath.Log(x) / gomath.Log(base) },
	}
	whole = map[string]func(float64) float64{"floor": gomath.Floor, "ceil": gomath.Ceil}
)

// TestLikeGo compares every function with Go's, for random numbers, limits, and ints in place of floats.
func TestLikeGo(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	numbers := []float64{0, gomath.Copysign(0, -1), 1, -1, 0.5, -0.5, 2.5, -2.5, gomath.MaxFloat64, gomath.SmallestNonzeroFloat64, gomath.Inf(1), gomath.Inf(-1), gomath.NaN(), 1 << 53}
	for range 200 {
		numbers = append(numbers, r.NormFloat64()*gomath.Pow(10, float64(r.IntN(8)-4)))
	}
	tried := make(map[string]bool)
	check := func(name string, want float64, args ...starlark.Value) {
		tried["math."+name] = true
		fn, err := math.Decl.Make().(starlark.HasAttrs).Attr(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := starlark.Call(new(starlark.Thread), fn, args, nil)
		if err != nil {
			t.Errorf("%s%v: %v", name, args, err)
			return
		}
		if got := float64(v.(starlark.Float)); got != want && !(gomath.IsNaN(got) && gomath.IsNaN(want)) && !(gomath.Abs(got-want) <= 1e-14*gomath.Abs(want)) {
			t.Errorf("%s%v: got %v, want %v", name, args, got, want)
		}
	}
	for _, x := range numbers {
		forms := []starlark.Value{starlark.Float(x)}
		if x == gomath.Trunc(x) && gomath.Abs(x) <= 1<<53 && (x != 0 || !gomath.Signbit(x)) {
			forms = append(forms, starlark.MakeInt64(int64(x)))
		}
		for _, v := range forms {
			for name, fn := range unary {
				check(name, fn(x), v)
			}
			y := numbers[r.IntN(len(numbers))]
			for name, fn := range binary {
				if name == "log" && y == 1 {
					continue // a division by zero
				}
				check(name, fn(x, y), v, starlark.Float(y))
			}
		}
		for name, fn := range whole {
			tried["math."+name] = true
			v, err := eval("math."+name+"(x)", starlark.StringDict{"x": starlark.Float(x)})
			if gomath.IsNaN(x) || gomath.IsInf(x, 0) {
				if err == nil || !strings.HasPrefix(err.Error(), "math."+name+": ") {
					t.Errorf("%s(%v): got %v, %v", name, x, v, err)
				}
				continue
			}
			want, _ := big.NewFloat(fn(x)).Int(nil)
			if err != nil || v.String() != want.String() {
				t.Errorf("%s(%v): got %v, %v, want %v", name, x, v, err, want)
			}
		}
	}
	for _, m := range math.Decl.Members {
		if m.Call != nil && !tried[m.Name] {
			t.Errorf("%s is compared with nothing", m.Name)
		}
	}
}

// TestBadInput checks that every function rejects values other than numbers, and a wrong number of arguments.
func TestBadInput(t *testing.T) {
	for _, m := range math.Decl.Members {
		if m.Call == nil {
			continue
		}
		for at := range m.Params {
			for _, bad := range []string{`"1"`, "None", "True", "[]"} {
				args := make([]string, len(m.Params))
				for i := range args {
					args[i] = "2"
				}
				args[at] = bad
				v, err := eval(fmt.Sprintf("%s(%s)", m.Name, strings.Join(args, ", ")), nil)
				if err == nil || !strings.HasPrefix(err.Error(), m.Name+": ") || !strings.Contains(err.Error(), "want float or int") ||
					len(m.Params) > 1 && !strings.Contains(err.Error(), fmt.Sprintf("parameter %d", at+1)) {
					t.Errorf("%s(%s): got %v, %v", m.Name, strings.Join(args, ", "), v, err)
				}
			}
		}
		for _, args := range []string{"", "1, 2, 3", "x=1"} {
			if v, err := eval(m.Name+"("+args+")", nil); err == nil || !strings.HasPrefix(err.Error(), m.Name+": ") {
				t.Errorf("%s(%s): got %v, %v", m.Name, args, v, err)
			}
		}
	}
	for expr, want := range map[string]string{
		`math.log(2, 1)`:             "math.log: division by zero",
		`math.floor(float("nan"))`:   "math.floor: cannot convert float NaN to integer",
		`math.sin`:                   "",
		`math.pi > 3 and math.e < 3`: "",
	} {
		v, err := eval(expr, nil)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}
