package check

var patternT, matchT, momentT, durationT = of(pattern), of(match), of(moment), of(duration)

func init() {
	number := fn(floatT, req("x", numbers))
	two := fn(floatT, req("x", numbers), req("y", numbers))
	for _, name := range []string{"fabs", "round", "sqrt", "exp", "gamma", "degrees", "radians", "sin", "cos", "tan", "asin", "acos", "atan",
		"sinh", "cosh", "tanh", "asinh", "acosh", "atanh"} {
		knowns["math."+name] = number
	}
	for _, name := range []string{"copysign", "mod", "remainder", "pow", "hypot"} {
		knowns["math."+name] = two
	}
	for _, name := range []string{"md5", "sha1", "sha256", "sha512"} {
		knowns["hash."+name] = fn(textT, req("data", data))
	}
	logged := known{params: []parameter{req("message", anything)}, named: true, fixed: noneT}
	for _, name := range []string{"log", "log.debug", "log.info", "log.warning", "log.error"} {
		knowns[name] = logged
	}
	classes := bits(errorClass, list, tuple)
	for name, k := range map[string]known{
		"math.ceil": fn(intT, req("x", numbers)), "math.floor": fn(intT, req("x", numbers)), "math.log": fn(floatT, req("x", numbers), opt("base", numbers)),
		"hash":          fn(intT, req("x", data)),
		"base64.encode": fn(textT, req("data", data), opt("urlsafe", bits(boolean))),
		"base64.decode": fn(nil, req("text", texts), opt("urlsafe", bits(boolean)), opt("binary", bits(boolean))),
		"json.encode":   fn(textT, req("x", anything)), "json.encode_indent": fn(textT, req("x", anything), opt("prefix", texts), opt("indent", texts)),
		"json.decode": fn(nil, req("x", texts), opt("default", anything)), "json.indent": fn(textT, req("x", texts), opt("prefix", texts), opt("indent", texts)),
		"yaml.encode": fn(textT, req("x", anything)), "yaml.decode": fn(nil, req("text", texts)), "yaml.decode_all": fn(listOf(nil), req("text", texts)),
		"re.compile": fn(patternT, req("pattern", texts|bits(pattern))), "re.escape": fn(textT, req("string", texts)),
		"re.search":    fn(orNone(matchT), req("pattern", texts|bits(pattern)), req("string", texts)),
		"re.match":     fn(orNone(matchT), req("pattern", texts|bits(pattern)), req("string", texts)),
		"re.fullmatch": fn(orNone(matchT), req("pattern", texts|bits(pattern)), req("string", texts)),
		"re.findall":   fn(listOf(nil), req("pattern", texts|bits(pattern)), req("string", texts)),
		"re.split":     fn(listOf(orNone(textT)), req("pattern", texts|bits(pattern)), req("string", texts), opt("maxsplit", ints)),
		"re.sub":       fn(textT, req("pattern", texts|bits(pattern)), req("repl", texts|callables), req("string", texts), opt("count", ints)),

		"re.Pattern.search": fn(orNone(matchT), req("string", texts)), "re.Pattern.match": fn(orNone(matchT), req("string", texts)),
		"re.Pattern.fullmatch": fn(orNone(matchT), req("string", texts)), "re.Pattern.findall": fn(listOf(nil), req("string", texts)),
		"re.Pattern.split": fn(listOf(orNone(textT)), req("string", texts), opt("maxsplit", ints)),
		"re.Pattern.sub":   fn(textT, req("repl", texts|callables), req("string", texts), opt("count", ints)),
		"time.now":         fn(momentT), "time.parse_duration": fn(durationT, req("d", texts|bits(duration))),
		"time.parse_time": fn(momentT, req("x", texts), opt("format", texts), opt("location", texts)), "time.is_valid_timezone": fn(boolT, req("location", texts)),
		"time.from_timestamp": fn(momentT, req("sec", ints), opt("nsec", ints)),
		"time.time":           known{named: true, varargs: true, fixed: momentT},
		"time.time.format":    fn(textT, req("format", texts)), "time.time.in_location": fn(momentT, req("location", texts)),

		"print": known{params: []parameter{key("sep", texts)}, varargs: true, fixed: noneT},
		"sleep": fn(noneT, req("seconds", times)), "exit": {varargs: true, named: true, fixed: never}, "die": {varargs: true, named: true, fixed: never},
		"read_file":  does(fileContent, req("path", texts), opt("binary", bits(boolean))),
		"write_file": fn(noneT, req("path", texts), req("data", data), opt("mode", ints|orNothing), opt("append", bits(boolean))),
		"env.get": does(func(c *invocation) union {
			if len(c.args) < 2 && !c.open {
				return nil
			}
			return join(textT, c.arg(1))
		}, req("name", texts), opt("default", anything)),
		"env.keys": fn(textsT), "env.items": fn(listOf(tupleOf(textT, textT))),
		"table": fn(noneT, req("rows", iterables), opt("columns", iterables|orNothing), opt("headers", iterables|orNothing), opt("format", texts)),
		"flag":  fn(nil, req("name", texts), opt("default", accepts(0)|^bits(dict, object, set, tuple)), opt("help", texts), opt("required", bits(boolean))),

		"error.is_a":  fn(boolT, req("class", classes)),
		"error_class": fn(nil, req("name", texts), opt("base", bits(errorClass))),
		"raise_": {params: []parameter{req("error_or_class", bits(errorClass, failure)), opt("message", texts)}, named: true, fixed: never, wrong: func(c *invocation) bool {
			return len(c.args) == 1 && !c.open && len(c.exprs) == 1 && c.args[0].is(errorClass)
		}},
		"catch":      {params: []parameter{req("classes", classes), req("fn", callables)}, varargs: true, named: true},
		"parallel":   fn(nil, req("fn", callables), req("items", iterables), opt("limit", ints)),
		"wait_until": fn(nil, req("fn", callables), opt("timeout", times), opt("interval", times)),
		"retry":      {params: []parameter{req("fn", callables), key("on", classes|orNothing), key("times", ints), key("delay", times), key("backoff", numbers)}, varargs: true, named: true},
	} {
		knowns[name] = k
	}
}

// fileContent is what read_file returns.
func fileContent(c *invocation) union {
	if c.open || c.named || len(c.args) > 1 {
		return join(textT, of(octets))
	}
	return textT
}

// makesError is the function that an error class is.
var makesError = known{params: []parameter{req("message", texts), opt("status", ints|orNothing)}, named: true, fixed: of(failure)}
