package report

import (
	"regexp"
	"sync"
)

// Hints for people who know Python or another language. Each stands here once, for runs, the prompt and check alike.
// They are found by the error's message, and for a script that doesn't parse by its line.

// reserved are the words of Python that Starlark only reserves.
var reserved = map[string]string{
	"try":      "Starlark has no try: write try_(fn, arg), or catch(IncusNotFoundError, fn, arg)",
	"except":   "Starlark has no except: write result = try_(fn, arg) and look at result.error",
	"finally":  "Starlark has no finally: write finally_(body, cleanup)",
	"raise":    `Starlark has no raise: write raise_(IncusError, "message")`,
	"with":     "Starlark has no with: write finally_(body, cleanup), or defer(cleanup) for the script's end",
	"import":   `Starlark has no import: write load("lib/x.star", "name")`,
	"from":     `Starlark has no import: write load("lib/x.star", "name")`,
	"class":    "Starlark has no class: write struct(…), or error_class(…) for an error",
	"is":       "Starlark has no is: write ==, or != for is not",
	"del":      "Starlark has no del: write d.pop(key)",
	"global":   "Starlark functions can't assign to outer variables: keep the value in a dict or a list",
	"nonlocal": "Starlark functions can't assign to outer variables: keep the value in a dict or a list",
	"yield":    "Starlark has no yield: return a list",
	"async":    "Starlark has no async: write parallel(fn, items)",
	"await":    "Starlark has no await: builtins wait by themselves",
	"as":       "Starlark has no as",
}

// elsewhere are names of other languages that scripts don't have.
var elsewhere = map[string]string{
	"open":       "write read_file(path), or write_file(path, text)",
	"input":      `a script asks nobody: write flag("name", "default")`,
	"raw_input":  `a script asks nobody: write flag("name", "default")`,
	"true":       "write True",
	"false":      "write False",
	"null":       "write None",
	"nil":        "write None",
	"none":       "write None",
	"undefined":  "write None",
	"sys":        "the command line is args, the end is exit(status), standard error has log(text)",
	"os":         `the environment is env["NAME"], files have read_file(path), write_file(path, text) and fs`,
	"shutil":     "files have read_file(path), write_file(path, text) and fs",
	"pathlib":    "files have read_file(path), write_file(path, text) and fs",
	"glob":       "write fs.glob(pattern)",
	"tempfile":   "write fs.temp_dir()",
	"argparse":   `write flag("name", "default")`,
	"subprocess": `write run(["ls"]), or instance.exec(["ls"]) for a command in an instance`,
	"datetime":   "write time.now(), or time.parse_time(text)",
	"logging":    "write log(text), log.warning(text) or log.error(text)",
	"logger":     "write log(text), log.warning(text) or log.error(text)",
	"requests":   `write incus.request("GET", path) for the server's own API`,
	"isinstance": `write type(x) == "int"`,
	"map":        "write [f(x) for x in items]",
	"filter":     "write [x for x in items if f(x)]",
	"reduce":     "write a for loop",
	"sum":        "write a for loop that adds up",
	"round":      "write math.round(x)",
	"pow":        "write math.pow(x, y)",
	"iter":       "write for x in items",
	"next":       "write for x in items",
	"xrange":     "write range(n)",
	"oct":        `write "%o" % n`,
	"hex":        `write "%x" % n`,
	"assert_eq":  `only tests have it: write if x != y: fail("message")`,
	"assert":     "tests have assert_eq, assert_true, assert_in and others",
	"unicode":    "write str(x)",
	"long":       "write int(x)",
	"frozenset":  "write set(items)",
	"namedtuple": "write struct(a = 1)",
	"super":      "Starlark has no classes: write struct(…)",
	"object":     "Starlark has no classes: write struct(…)",
	"self":       "Starlark has no classes: write struct(…)",
	"this":       "Starlark has no classes: write struct(…)",
	"instances":  "write incus.instances",
	"images":     "write incus.images",
	"profiles":   "write incus.profiles",
	"projects":   "write incus.projects",
	"networks":   "write incus.networks",
	"operations": "write incus.operations",
	"warnings":   "write incus.warnings",
	"cluster":    "write incus.cluster",
	"server":     "write incus.server",
	"remotes":    "write incus.remotes",

	"certificates":         "write incus.certificates",
	"storage_pools":        "write incus.storage_pools",
	"network_acls":         "write incus.network_acls",
	"network_zones":        "write incus.network_zones",
	"network_address_sets": "write incus.network_address_sets",
	"network_integrations": "write incus.network_integrations",
	"network_allocations":  "write incus.network_allocations",

	"ls":         `write fs.list("."), run(["ls"]), or instance.exec(["ls"]) for a command in an instance`,
	"cat":        `write read_file(path), or instance.files.read("/the/path")`,
	"pwd":        `write run(["pwd"]).stdout`,
	"clear":      "Ctrl-L clears the screen of the prompt",
	"history":    "at the prompt the arrow keys and Ctrl-R find earlier entries",
	"quit":       "write exit(), or Ctrl-D at the prompt",
	"help":       "the prompt has it, and the command prints the same: incus-star doc NAME",
	"setattr":    "fields are set with update(…), a struct is made anew",
	"callable":   `write type(x) in ("function", "builtin_function_or_method")`,
	"__name__":   "a script's top level always runs, when it is loaded too: call main() there, and move the loaded functions into another file",
	"__file__":   `load looks beside the script by itself; fs.abs(".") is the working folder`,
	"Exception":  "write Error for all errors, IncusError for those of Incus",
	"ValueError": "write ScriptError for a mistake in the script",
	"KeyError":   "write d.get(key), or key in d",
	"TypeError":  "write ScriptError for a mistake in the script",
	"IndexError": "write i < len(list)",
	"OSError":    "write Error: failures with files are of that class, with e.path and e.missing",
	"IOError":    "write Error: failures with files are of that class, with e.path and e.missing",
}

// libraries are names that other languages import and every script has.
var libraries = []string{"json", "yaml", "csv", "re", "math", "time", "base64", "hash", "struct"}

// isNone is the hint for an operation on None that needs another value.
const isNone = "the value is None: a field that the server didn't send, or the result of a call that returns nothing"

// A slip is a pattern of an error's message and the hint for it, in which $1 is the text of the pattern's first group.
type slip struct{ message, hint string }

var slips = []slip{
	{`^(?:module|json|yaml) has no \.dumps?\b`, "write json.encode(x)"},
	{`^(?:module|json|yaml) has no \.loads?\b`, "write json.decode(text), or yaml.decode(text)"},
	{`^(?:module|yaml) has no \.safe_(?:load|dump)\b`, "write yaml.decode(text), or yaml.encode(x)"},
	{`^(?:module|time) has no \.sleep\b`, "write sleep(seconds)"},
	{`^(?:module|time) has no \.timedelta\b`, `write 2 * time.hour, or time.parse_duration("1h30m")`},
	{`^(?:module|time) has no \.(?:days?|weeks?)\b`, "write 24 * time.hour"},
	{`^(?:module|time) has no \.(?:hours|minutes|seconds)\b`, "write 2 * time.hour, time.minute or time.second"},
	{`^time\.time has no \.(?:strftime|isoformat)\b`, `write t.format("2006-01-02T15:04:05"): the layout is this time in the desired form`},
	{`^unrecognized time\.duration attribute "(?:total_)?(hours|minutes|seconds|milliseconds|microseconds|nanoseconds)"`, "write duration.$1"},
	{`^unrecognized time\.duration attribute "days"`, "write duration.hours / 24"},
	{`^time has no \.(?:strftime|perf_counter|monotonic)\b`, "write time.now()"},
	{`^re has no \.(?:find|test|exec)\b`, "write re.search(pattern, text), or re.findall(pattern, text)"},
	{`^log has no \.warn\b`, "write log.warning(text)"},
	{`^log has no \.err\b`, "write log.error(text)"},
	{`^env has no \.(\w+)`, `write env["$1"], or env.get("$1", default)`},
	{`^key "([^"]*)" not in env`, `write env.get("$1", default)`},

	{`^Group has no \.(?:add|add_members?|append|join)\b`, "write update(members=group.members + [name])"},
	{`^Group has no \.(?:remove_members?|remove)\b`, "write update(members=[m for m in group.members if m != name])"},

	{`^key "([a-z0-9_-]+(?:\.[\w-]+)+)" not in dict$`, `write get("$1") for a key that may not be set; expanded_config of an instance has those of its profiles`},

	{`^string has no \.(?:length|len|size)\b`, "write len(s)"},
	{`^(?:list|dict|tuple|set) has no \.(?:length|len|size)\b`, "write len(x)"},
	{`^string has no \.(?:contains|includes)\b`, "write part in s"},
	{`^(?:list|tuple) has no \.(?:contains|includes)\b`, "write x in list"},
	{`^string has no \.(?:toUpperCase|to_upper)\b`, "write s.upper()"},
	{`^string has no \.(?:toLowerCase|to_lower|casefold)\b`, "write s.lower()"},
	{`^string has no \.trim\b`, "write s.strip()"},
	{`^string has no \.encode\b`, "write bytes(s)"},
	{`^string has no \.decode\b`, "it is text already"},
	{`^bytes has no \.decode\b`, "write str(b)"},
	{`^string has no \.(?:isnumeric|isdecimal)\b`, "write s.isdigit()"},
	{`^string has no \.zfill\b`, `write "0" * (10 - len(s)) + s`},
	{`^string has no \.rjust\b`, `write " " * (10 - len(s)) + s, or table(rows)`},
	{`^string has no \.(?:ljust|center)\b`, `write s + " " * (10 - len(s)), or table(rows)`},
	{`^string value is not iterable`, "write for c in s.elems()"},
	{`^list has no \.(?:push|push_back|add)\b`, "write list.append(x)"},
	{`^list has no \.sort\b`, "write sorted(list)"},
	{`^list has no \.reverse\b`, "write reversed(list)"},
	{`^list has no \.copy\b`, "write list(x)"},
	{`^list has no \.(?:join)\b`, `write ", ".join(list)`},
	{`^list has no \.count\b`, "write len([x for x in list if x == y])"},
	{`^(?:range|tuple) has no \.(?:append|extend|insert|pop|remove)\b`, "write list(x) first: a range or a tuple doesn't change"},
	{`^dict has no \.(?:has_key|contains|has)\b`, "write key in d"},
	{`^dict has no \.iter(items|keys|values)\b`, "write d.$1()"},
	{`^dict has no \.set\b`, `write d["key"] = value; config and devices of an object are changed by object.update(config = {"user.x": 1})`},
	{`^dict has no \.copy\b`, "write dict(d)"},
	{`^dict has no \.([a-zA-Z_]\w*)`, `write d.get("$1") for a key that may be missing`},
	{`^can't assign to \.(\w+) field of dict`, `write d["$1"] = value`},
	{`^unhandled index operation (?:struct|error)\[string\]`, "write x.name for a field"},
	{`^builtin_function_or_method has no \.join\b`, `write ", ".join(list)`},
	{`^builtin_function_or_method has no \.(append|extend|insert|pop|remove|index)\b`, "write x.$1(…) of a list"},
	{`^NoneType has no \.(?:group|groups|start|end|span)\b`, "where nothing matches, re gives None: test it first"},
	{`^Result has no \.(?:err|exception|failure)\b`, "write result.error"},
	{`^NoneType has no \.(?:cpu|memory|disk|network|processes|pid)\b`, "last_state is None unless list(state = True) has read it; instance.state() asks for one"},
	{`^NoneType has no \.(?:get|items|keys|values)\b`, "a field is None if the server didn't send it, as for an instance whose cluster member, its location, is offline: test it first"},
	{`^(?:getattr: )?NoneType has no \.|^can't assign to \.\w+ field of NoneType|^unhandled index operation NoneType\[|^invalid slice operand NoneType|^NoneType value does not support item assignment`, isNone},
	{`^(?:\w+: )?NoneType value is not iterable|^got NoneType in sequence assignment|^len: value of type NoneType has no len|is not iterable: NoneType|got NoneType, want iterable$|^got NoneType, want |^argument after \*+ must be .*, not NoneType`, isNone},
	{`^invalid call of non-function \(NoneType\)`, "the value before the parenthesis is None"},
	{`^unknown unary op: \S+ NoneType`, isNone},
	{`^(?:unknown binary op: |\w+: )?NoneType \S+ NoneType(?: not implemented)?$`, "both values are None"},
	{`^(?:unknown binary op: |\w+: )?NoneType \S+ \S+(?: not implemented)?$|as left operand, not NoneType$`, "the value on the left is None: test it first"},
	{`^(?:unknown binary op: |\w+: )?\S+ \S+ NoneType(?: not implemented)?$`, "the value on the right is None: test it first"},
	{`^got string in sequence assignment`, "for the pairs of a dict, write d.items()"},

	{`^unknown binary op: (?:string \+ (?:int|float|bool|list|dict)|(?:int|float) \+ string)`, `write str(x), or "%s" % x`},
	{`^unknown binary op: (?:string [-+] time\.time|time\.time [-+] string)`, "write time.parse_time(s)"},
	{`^(?:string [<>]=? time\.time|time\.time [<>]=? string) not implemented`, "write time.parse_time(s)"},
	{`^unknown binary op: (?:time\.time [-+] (?:int|float)|(?:int|float) \+ time\.time)`, "write 90 * time.second for a number of seconds"},
	{`^unknown binary op: (?:bytes \+ string|string \+ bytes)`, "write str(b), or bytes(s)"},
	{`^unknown binary op: list \+ (?:tuple|range|set)`, "write list(x)"},
	{`^unknown binary op: dict \+ dict`, "write a | b"},
	{`^(?:string < int|int < string|string > int|int > string|string <= int|string >= int|int <= string|int >= string) not implemented`, "write int(s)"},
	{`^unknown conversion %0`, `Starlark has no widths: write "0" * (2 - len(str(n))) + str(n)`},
	{`^unknown conversion %\.`, "Starlark has no precisions: write math.round(x * 100) / 100"},
	{`^unknown conversion %[-0-9.+ #*]`, `Starlark has no widths: write str(x), x[:10], s + " " * n, or table(rows)`},
	{`^(?:not enough|too many) arguments for format string`, `a tuple has one value for each %: "%s of %s" % (a, b)`},
	{`^format spec features not supported in replacement fields: 0`, `Starlark has no widths: write "0" * (2 - len(str(n))) + str(n)`},
	{`^format spec features not supported`, `Starlark has no widths: write str(x), x[:10], s + " " * n, or table(rows)`},
	{`^%[dioxX] format requires integer: cannot convert string`, "write %s, or int(s)"},
	{`^join: in list, want string`, `write ", ".join([str(x) for x in list])`},
	{`(?s)^int: invalid literal with base \d+: (?:\s.*|.*\s)$`, "write int(s.strip())"},
	{`^int: invalid literal`, "write s.isdigit() to test it first"},
	{`^local variable (\w+) referenced before assignment`,
		"a function that assigns to $1 has its own: pass it as an argument, or keep the value in a dict or a list"},

	{`^print: unexpected keyword argument "?file`, "write log(text) for standard error, write_file(path, text) for a file"},
	{`^print: unexpected keyword argument "?(?:end|flush)`, `print ends each line: join the parts first, "".join(parts)`},
	{`^load statement must import at least 1 symbol`, `list the names to load: load("lib/x.star", "name")`},
	{`^fleet: for parameter limit: got (?:string|incus|client|list)\b`, `several servers are a list: fleet(["a", "b"])`},
	{`\bgot bytes, want (?:a value that has a|string\b)`, "bytes aren't text: write str(value), which has U+FFFD for what isn't UTF-8, or base64.encode(value)"},
	{`\bgot time\.time, want a value that has a JSON form$`, `write str(t), or t.format("2006-01-02")`},
	{`^yaml\.encode(?:_all)?: .*got time\.(?:time|duration), want a value that has a YAML form$`, "write str(x)"},
	{`^parallel: (?:unexpected keyword argument|unknown argument) "?(?:workers|max_workers|threads|jobs|processes|concurrency|n)\b`, "write limit = 4"},
	{`(?:unexpected keyword argument|unknown argument) "?(?:attempts|max_attempts|tries|retries|max_retries)\b`, "the number of calls of retry is times = 3"},
	{`^exit: got 2 arguments`, `die("text", status = 3) ends the script with a message`},

	{`^collection value is not iterable`, "write list(): for c in incus.instances.list()"},
	{`^len: value of type collection has no len`, "write len(incus.instances.names())"},
	{`^unhandled index operation collection\[`, `write .get("name") for one of them, or .list()[0]`},
	{`^unknown binary op: string (?:not )?in collection`, `write exists(): incus.instances.exists("name")`},
	{`^incus has no \.(?:containers|vms|virtual_machines)\b`, "write incus.instances"},
	{`^incus has no \.(launch|create|get|list|names|exists|delete|ensure)\b`, "name the collection: incus.instances.$1(…)"},
	{`^incus has no \.(start|stop|restart|exec|copy|move|snapshot)\b`, "get the instance first: incus.instances.get(name)"},
	{`^incus has no \.(?:storage|storages|pools|volumes)\b`, `write incus.storage_pools; volumes are those of a pool, incus.storage_pools.get("default").volumes`},
	{`^can't assign to \.project field of incus\b`, `write client = incus.use(project = "p2")`},
	{`^can't assign to \.(description|config|devices|profiles|ephemeral) field of [A-Z]`, "write object.update($1 = value)"},
	{`^can't assign to \.name field of [A-Z]`, "write object.rename(name)"},
	{`^Instance has no \.(?:snapshot|create_snapshot)\b`, `write instance.snapshots.create("x")`},
	{`^snapshots is a collection, not a function\b`, `write object.snapshots.create("x") to make one, object.snapshots.list() to see them`},
	{`^Instance has no \.(?:push|file_push|push_file|put_file|write_file)\b`, `write instance.files.push("local", "/the/path"), or instance.files.write("/the/path", text)`},
	{`^Instance has no \.(?:file|pull|file_pull|pull_file|get_file|read_file)\b`, `write instance.files.pull("/the/path", "local"), or instance.files.read("/the/path")`},
	{`^Instance has no \.(?:devices?_\w+|\w+_device|attach|detach)\b`, `write instance.update(devices = {"data": {"type": "disk"}}), or None in place of a device to remove it`},
	{`^[\w.]+\.(?:update|create|launch|ensure): unknown argument (limits|security|user|boot|raw|environment|migration)_(\w+)`, `write config = {"$1.$2": …}`},
	{`^"ExecResult" struct has no \.(?:output|out)\b`, "write result.stdout"},
	{`^"ExecResult" struct has no \.(?:status|code|returncode|rc)\b`, "write result.exit_code"},
	{`^(?:"\w+" struct|stream) has no \.(?:sha|hash|checksum)\b`, "write sha256"},
	{`^files has no \.(?:get|open|cat)\b`, `write instance.files.read("/the/path")`},
	{`^files has no \.(?:create|put|save)\b`, `write instance.files.write("/the/path", text)`},
	{`^files has no \.(?:names|ls)\b`, `write instance.files.list("/the/path")`},
	{`^(?:instance\.exec|run): command: got string, want list of string`, `write ["ls", "-l"], or ["sh", "-c", line] for a line of the shell`},
	{`profiles: got string, want list of string`, `write profiles = ["default"]`},
	{`^image\.copy: unknown argument (?:to_|target_)?project\b`, `write to = incus.use(project = "name")`},
	{`^[\w.]+\.copy: unknown argument (?:target_)?project\b`, `write to_project = "name"`},
	{`^(?:instance|snapshot)\.copy: unknown argument (?:(?:to_|target_|storage_)?pool|storage)\b`, `write devices = {"root": {"pool": "name"}}`},
	{`^volume\.copy: unknown argument (?:(?:target_|storage_)?pool|storage)\b`, `write to_pool = "name"`},
	{`^(?:instance|volume)\.move: unknown argument (?:to_|target_)project\b`, `write project = "name"`},
	{`^(?:instance|volume)\.move: unknown argument (?:(?:to_|target_|storage_)pool|storage)\b`, `write pool = "name"`},
	{`^(?:instance|snapshot|volume)\.(?:copy|move): unknown argument (?:(?:to_|target_)?(?:member|node)|to_target|location)\b`, `write target = "name"`},
	{`^instances\.(?:launch|create|ensure): unknown argument (?:limits?|cpus?)\b`, `write config = {"limits.cpu": 2}`},
	{`^instances\.(?:launch|create|ensure): unknown argument (?:mem|memory|ram)\b`, `write config = {"limits.memory": "1GiB"}`},
	{`^instances\.(?:launch|create|ensure): unknown argument (?:network|networks|nic)\b`, `write devices = {"eth0": {"type": "nic", "network": "name"}}`},
	{`^instances\.(?:launch|create|ensure): unknown argument (?:storage|pool|disk)\b`, `write devices = {"root": {"type": "disk", "path": "/", "pool": "name"}}`},
	{`^[a-z_]+ has no \.(?:all|fetch|iter)\b`, "write list()"},
	{`^[a-z_]+ has no \.(?:filter|where|search|query)\b`, "write list(filter = …)"},
	{`^[a-z_]+ has no \.(?:find|find_one|lookup)\b`, "write get(name)"},
	{`^[a-z_]+ has no \.(?:remove|destroy|rm)\b`, "write delete(name)"},
	{`^[a-z_]+ has no \.(?:new|add|make)\b`, "write create(name, …)"},
	{`^Instance has no \.(?:ip|ips|ip_address|ipv4|ipv6|address)\b`, "write instance.addresses()"},
	{`^(?:Operation|Command) has no \.(?:result|results|value|output|returned|get|join)\b`, "write wait(), which returns it at its end"},
	{`^Instance has no \.(?:run|execute|command)\b`, `write instance.exec(["ls"])`},
	{`^Instance has no \.(?:running|is_running)\b`, `write instance.status == "Running"`},
	{`^Instance has no \.(?:remove|destroy)\b`, "write instance.delete()"},
	{`^Instance has no \.(?:save|set|set_config)\b`, `write instance.update(config = {"user.x": 1})`},
	{`(?:^|^\w+: )cannot \w+ (?:\w+ )?frozen hash table`, `values from the server can't be changed in place: write object.update(config = {"user.x": 1})`},
	{`(?:^|^\w+: )cannot \w+ (?:\w+ )*frozen list`, `values from the server can't be changed in place: write object.update(profiles = ["default"])`},
}

var slipPatterns = sync.OnceValue(func() []*regexp.Regexp {
	patterns := make([]*regexp.Regexp, len(slips))
	for i, s := range slips {
		patterns[i] = regexp.MustCompile(s.message)
	}
	return patterns
})

// suggested is the end of a message that has a suggestion.
var suggested = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` \(did you mean [^()]*\?\)$|: there are [a-z_, ]+$|: call one of its methods, such as [\w.]+\(…\)$|: get\("[^"]*"\) reads one$`)
})

// WithHint returns the message of a script's error with a hint, if there is a certain one. The hint replaces a suggestion
// at the message's end.
func WithHint(message string) string {
	for i, pattern := range slipPatterns() {
		found := pattern.FindStringSubmatchIndex(message)
		if found == nil {
			continue
		}
		hint := string(pattern.ExpandString(nil, slips[i].hint, message, found))
		return suggested().ReplaceAllString(message, "") + ": " + hint
	}
	return message
}
