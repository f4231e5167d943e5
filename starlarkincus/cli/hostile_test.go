//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// controls are the control characters, except newline and tab, and characters that disguise text.
var controls = func() (all []rune) {
	for r := rune(1); r < 0xa0; r++ {
		if (r < ' ' || r >= 0x7f) && r != '\n' && r != '\t' {
			all = append(all, r)
		}
	}
	return append(all, []rune("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")...)
}()

// hostile has all controls, and a byte of invalid UTF-8. It begins and ends with letters, which nothing trims.
var hostile = "a" + string(controls) + "\xff" + "z"

// hostileName is hostile, which is short enough to be the name of a file.
var hostileName = func() string {
	if len(hostile) > 200 {
		panic(len(hostile))
	}
	return hostile
}()

// hostileText is a Starlark expression for a string with all controls, and hostileLiteral one for hostile, which can't
// be sent to a server because it is invalid UTF-8.
var (
	hostileText    = strconv.QuoteToASCII("a" + string(controls) + "z")
	hostileLiteral = `(` + hostileText + ` + "é"[:1] + "z")`
)

// raw returns a description of the first unescaped control in an output; empty for none.
func raw(output string) string {
	for i, r := range output {
		bad := r == utf8.RuneError && !strings.HasPrefix(output[i:], string(utf8.RuneError))
		for _, c := range controls {
			bad = bad || r == c
		}
		if bad {
			return fmt.Sprintf("%U in %q", r, output[max(0, i-100):min(len(output), i+20)])
		}
	}
	return ""
}

// A hostileWorld is a folder with a server whose every answer contains hostile text, and the environment to reach it.
type hostileWorld struct {
	*testing.T
	dir string
	// ran counts the runs that printed some of the hostile text.
	ran, told int
}

// newHostileWorld makes the folder the working one.
func newHostileWorld(t *testing.T, mode string) *hostileWorld {
	dir, err := os.MkdirTemp("", "h") // a short one: it has a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	rest := &repeater{mode: mode, own: hostile}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/1.0/instances", "/1.0/profiles":
			if r.Method == "GET" {
				object := map[string]any{"name": hostile, "status": hostile, "description": hostile, "config": map[string]any{hostile: hostile}, hostile: hostile, "project": hostile, "location": hostile}
				json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": []any{object}})
				return
			}
		}
		rest.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	t.Chdir(dir)
	for name, value := range map[string]string{"HOME": dir, "INCUS_CONF": dir + "/conf", "INCUS_SOCKET": dir + "/socket", "INCUS_DIR": dir, "INCUS_REMOTE": "",
		"INCUS_PROJECT": "", "INCUS_STAR_PATH": "", "XDG_DATA_HOME": dir + "/data", "XDG_CONFIG_HOME": dir + "/config", "no_proxy": "none.example"} {
		t.Setenv(name, value)
	}
	w := &hostileWorld{T: t, dir: dir}
	w.write("conf/config.yml", "remotes:\n  "+strconv.QuoteToASCII("a"+string(controls))+": {addr: "+strconv.QuoteToASCII("https://h\u202e:1/\x1b")+"}\n  bad: {addr: "+strconv.QuoteToASCII("ht\u202e://h\x1b")+", protocol: "+strconv.QuoteToASCII("\u009b31m\u202e")+"}\n")
	return w
}

func (w *hostileWorld) write(name, text string) string {
	w.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return name
}

// run runs the command with both formats of errors, and checks that neither output has an unescaped control.
func (w *hostileWorld) run(what, stdin string, args ...string) (printed string) {
	w.Helper()
	for _, format := range []string{"text", "json"} {
		got := runHere(w.T, stdin, nil, append([]string{"--trace", "--log-level", "debug", "--error-format", format}, args...)...)
		w.ran++
		printed += got.stdout + got.stderr
		if strings.Contains(got.stdout+got.stderr, `\u202e`) {
			w.told++
		} else if os.Getenv("INCUS_STAR_SHOW") != "" {
			w.Logf("%s as %s tells nothing of it: %q %q", what, format, got.stdout, got.stderr)
		}
		for name, text := range map[string]string{"output": got.stdout, "error": got.stderr} {
			if found := raw(text); found != "" {
				w.Errorf("%s as %s: standard %s has %s", what, format, name, found)
			}
		}
		if format == "json" && !strings.HasPrefix(what, "--error-format") {
			for line := range strings.Lines(got.stderr) {
				if !json.Valid([]byte(line)) {
					w.Errorf("%s: no JSON: %q", what, line)
				}
			}
		}
	}
	return printed
}

// TestHostileServer puts hostile text into everything that a server sends and receives, and outputs it in all ways
// except print.
func TestHostileServer(t *testing.T) {
	const tell = `
H = LITERAL
def tell(e):
    if e == None:
        return
    log(e)
    log.error(str(e), error = e, response = e.response, cause = e.cause, path = e.path, object = e.object, **{"user.x": H})
    table([{"error": e, "message": e.message, "response": e.response}])
`
	for kind, mode := range repeaterModes {
		if mode == "operation goes on" {
			continue // TestHostileWork's
		}
		t.Run(mode, func(t *testing.T) {
			w := newHostileWorld(t, mode)
			var code strings.Builder
			code.WriteString(strings.ReplaceAll(tell, "LITERAL", hostileText))
			n := 0
			for i, call := range secretCalls {
				if strings.Contains(call, "args[0]") || i%6 != kind%6 {
					continue // the modes share the calls: one answer holds all that was sent
				}
				call = placeholder.ReplaceAllString(call, `" + H + "`)
				fmt.Fprintf(&code, "def call%d(): # \u202e\n    return incus.%s\ntell(try_(lambda: catch(Error, call%d)).value.error)\n", i, call, i)
				if n++; n%3 == 0 {
					fmt.Fprintf(&code, "defer(call%d)\n", i)
				}
			}
			code.WriteString(`
for o in try_(incus.instances.list).value or []:
    log(o, object = o, config = o.config)
    table([o])
    tell(try_(o.start).error)
    tell(try_(o.exec, [H], env = {H: H}, cwd = "/" + H).error)
    defer(o.delete)
`)
			script := w.write("script.star", code.String()+"raise_(try_(incus.request, \"POST\", \"/1.0/profiles\", body = {\"name\": H}).error or IncusError(H, response = {H: H}))\n")
			w.run(mode, "", "--timeout", timeLimit(mode), "--cleanup-timeout", "1s", script)
			if w.told < w.ran {
				t.Errorf("only %d of %d runs told of what is hostile", w.told, w.ran)
			}
		})
	}
}

// TestHostileWork checks the reports of operations and clean-up that a stopped script leaves.
func TestHostileWork(t *testing.T) {
	w := newHostileWorld(t, "operation goes on")
	script := "H = " + hostileText + `
NAME = "a\u202e\u2066z" # a control character can't be in a name
def cleanup(name):
    incus.instances.get("i").exec([name, H])
def one(name):
    finally_(lambda: incus.instances.create(name, image = name, description = H), lambda: cleanup(name))
defer(cleanup, H)
parallel(one, [NAME, "b"])
`
	due := []string{"outcome unknown: ", "clean-up was not finished: ", "unknown_after_stop", "unfinished_cleanup"} // the server can't be asked after the clean-up
	for limit := 400 * time.Millisecond; ; limit *= 4 {
		printed := w.run("an ended script", "", "--timeout", limit.String(), "--cleanup-timeout", (limit * 3 / 4).String(), "-c", script)
		missing := slices.DeleteFunc(slices.Clone(due), func(due string) bool { return strings.Contains(printed, due) })
		if len(missing) == 0 {
			return
		}
		if limit > 10*time.Second { // a shorter time may be over before the script's work has begun
			t.Fatalf("%q are missing in %s", missing, printed[:min(len(printed), 3000)])
		}
	}
}

// TestHostileText puts hostile text into all other inputs of the command: the names of files and folders, scripts and
// their arguments, the environment and the configuration. It checks the output of all subcommands.
func TestHostileText(t *testing.T) {
	w := newHostileWorld(t, "error")
	folder := hostileName
	mistake := w.write(folder+"/mistake.star", "def f(x): # \u202e\u2066\n    return x + \"\u202e\u009b31m\ufeff\" + 1\nf(\"\u2028\")\n")
	wrong := w.write(folder+"/"+hostileName+".star", "x = undefined\u200f\ny = incus.instnaces # \u202e\nincus.instances.get(confg=\"\u202e\")\nload(\"no\u202e.star\", \"f\")\n\"\u009b\".uper()\n")
	w.write(folder+"/lib\u202e.star", "def f():\n    fail(\"\u202e\u009b\")\n1 // 0 # \u2067\n")
	unformatted := w.write(folder+"/form\u202e.star", "x=1 # \u202e\u2066\u009b\n")
	broken := w.write(folder+"/broken\u202e.star", "x = = \"\u202e\" # \u009b\n")
	binary := w.write(folder+"/binary\u202e.star", "x = \"\x00\xff\"\n")
	bytes := w.write(folder+"/bytes\u202e.star", "x = \"\xff\x9b\"\n")
	indented := w.write(folder+"/indented\u202e.star", "if True:\n        x = \"\u202e\"\n    y = 1 # \u202e\n")
	odd := w.write(folder+"/odd\u202e.star", "x = 1 \x1b\n")
	flags := w.write(folder+"/flags\u202e.star", "\"\"\"A text\u202e\u009b31m\n\x1b[31m \r\"\"\"\nflag(\"count\", 1, help=\"how many\u202e\x1b[1m `\u2066x`\")\nflag(\"name\", \"\u202e\x07\", help=\"\ufeff\u009b\")\nflag(\"all\", [\"\u202e\"])\nflag(\"image\", required=True)\n")
	for _, path := range []string{mistake, wrong, unformatted, broken, binary, bytes, indented, odd, flags, folder, folder + "/none\u202e.star"} {
		w.run("run", "", path)
		w.run("run with flags", "", path, "--"+hostile, hostile)
		w.run("check", "", "check", path)
		w.run("check --json", "", "check", "--json", path)
		w.run("fmt -l", "", "fmt", "-l", path)
		w.run("fmt -d", "", "fmt", "-d", path)
		w.run("fmt --check", "", "fmt", "--check", path)
		w.run("test", "", "test", path)
	}
	w.run("--help of a script", "", flags, "--help")
	for _, args := range []string{"--count\x00H", "--count=H", "--nam\u202e=H", "--all\x00H\x00--no-H", "--image\x00", "-H"} {
		w.run("flags of a script", "", append([]string{flags}, strings.Split(strings.ReplaceAll(args, "H", hostile), "\x00")...)...)
	}
	for _, args := range []string{"--H", "--remote\x00H\x00-c\x00incus.server()", "--project\x00H\x00-c\x00incus.instances.get('x').start()", "--timeout\x00H", "--max-steps\x00H", "--max-memory\x00H",
		"--log-level\x00H", "--error-format\x00H", "--cleanup-timeout=H", "--read-only=H", "-H", "H", "H/x.star", "-c\x00H", "-c\x00x = 'H'", "--\u202ex\x00x.star", "doc\x00H", "doc\x00-k\x00H", "doc\x00--H",
		"doc\x00incus.H", "check\x00H", "check\x00--H", "fmt\x00H", "fmt\x00-\x00H", "test\x00H", "test\x00--run\x00(H", "test\x00--run\x00H\x00.", "test\x00--timeout\x00H", "test\x00-p\x00H", "tesd\u202e\x00x"} {
		w.run(args, "x=1 # \u202e\n", strings.Split(strings.ReplaceAll(args, "H", hostile), "\x00")...)
	}
	w.run("fmt of standard input", "x=1 # \u202e\n", "fmt", "-d", "-")
	w.run("fmt of standard input", "x= =1 # \u202e\n", "fmt", "-")
	w.run("standard input", "fail('\u202e') # \u202e\n", "-")
	for _, code := range []string{
		`die(H)`, `die(H, 3)`, `fail(H)`, `fail(H, {H: [H]})`, `raise_(Error, H, **{"field": H, "x\u202e": {H: H}})`, `raise_(error_class("Own", IncusError), H)`, `raise_(error_class(H), "x")`,
		`load_(H)`, `{}[H]`, `{H: 1}[0]`, `getattr(incus, H)`, `incus.instances.get(**{H: 1})`, `incus.instances.create("x", **{H: H})`, `incus.instances.create("x", config = {H: struct})`,
		`incus.instances.create(H)`, `incus.profiles.update(H)`, `incus.instances.list(filter = {H: H})`, `incus.request(H, H)`, `incus.request("GET", "/1.0/" + H, headers = {H: H})`, `int(H)`, `H.x`, `json.decode(H)`, `yaml.decode(H)`, `yaml.decode("a: " + H)`,
		`base64.decode(H)`, `re.sub("(" + H, "", "")`, `time.parse_time(H)`, `time.parse_duration(H)`, `read_file(H)`, `write_file(H + "/" + H, "")`, `env[H]`, `env["HOSTILE"] + 1`, `sleep(H)`, `flag("x", H)`,
		`retry(lambda: raise_(Error, H), on = Error, times = 2, delay = 0)`, `retry(lambda: raise_(Error, H), on = Error, times = 1)`, `wait_until(lambda: False, timeout = H)`, `finally_(lambda: fail(H), lambda: fail(H))`, `defer(fail, H)`, `parallel(lambda x: fail(x), [H, {H: H}])`,
		`parallel(lambda x: raise_(Error, x), [H])[0].value`, `raise_(try_(raise_, Error, H).error)`, `catch(H, print)`, `connect(H)`, `incus.connect(remote = H).server()`, `incus.connect(endpoint = H).server()`, `incus.connect(endpoint = "https://" + H).server()`,
		`incus.connect(remote = "bad").server()`, `incus.connect(endpoint = "https://127.0.0.1:1", cert = (H, H)).server()`, `incus.connect(endpoint = "https://127.0.0.1:1", verify = H).server()`, `incus.use(project = H).instances.get("x")`, `lock(H)`, `lock(H, ttl = H)`,
		`log(H, **{"a": H, "b": [H], "c": {H: H}, "d\u202e": bytes(H)})`, `log.debug(H + "\n" + H)`, `log.warning(H)`, `log.error({H: H})`, `table([[H, 1], [{H: H}, [H]]], headers = [H, H])`, `table([{H: H}])`, `table([{"a": H}], format = H)`, `exit(H)`, `sorted([H, 1])`,
		`fs.stat(H)`, `fs.list(H)`, `fs.mkdir(H + "/x")`, `fs.remove(H)`, `fs.rename(H, "x")`, `fs.glob("[" + H)`, `fs.join(H, 1)`, `csv.decode("\"" + H)`, `csv.decode("a,a\n" + H)`, `csv.decode(H + "," + H)`, `csv.encode(H)`, `csv.encode([], delimiter = H)`, `table.text(H)`,
		`run([H])`, `run(["true"], cwd = H)`, `run(["true"], env = {H: H})`, `run(["true"], encoding = H)`, `run(H)`, `run(["sh", "-c", "printf %s \"$0\" >&2; exit 1", H.replace("\0", "")])`, `run(["sleep", "9"], timeout = 0, stdin = H)`,
		`struct(**{H: 1}).y`, `hash.md5(H, H)`, `math.sqrt(H)`, `"%d" % H`, `H % ()`, `H.format(1)`, `"{x}".format(H)`, `"{" + H`, `dict(H)`, `set([H])[0]`, `(lambda **k: k)(H)`, `incus.instances.get(H).start()`, `incus.images.get(H)`, `incus.instances.launch("x", image = H)`,
	} {
		code = strings.ReplaceAll(code, `\u202e`, "\u202e")
		w.Setenv("HOSTILE", hostile[:10]+"\u202e")
		w.run(code, "", "--timeout", "20s", "-c", "H = "+hostileLiteral+"\n"+code)
		w.run("the prompt: "+code, "H = "+hostileLiteral+"\n"+code+"\n", "--timeout", "20s")
	}
	for _, entry := range []string{`H`, `[H, {H: H}]`, `error_class("E")(H)`, `try_(raise_, Error, H)`, `struct(a = H)`, `bytes(H)`, `help(H)`, `help("incus." + H)`, `help(error_class("E\u202e"))`, `def f\u202e(): pass`, `"\u202e" +`, `x = "\u202e`, `incus.instances.list()`, `incus.instances.list()[0]`,
		`incus.connect(remote = "bad")`, `load("lib\u202e.star", "f")`} {
		entry = strings.ReplaceAll(entry, `\u202e`, "\u202e")
		w.run("the prompt: "+entry, "H = "+hostileLiteral+"\n"+entry+"\n")
	}
	loader := w.write(folder+"/loader.star", "load(\"lib\u202e.star\", \"f\")\n")
	w.run("load", "", loader)
	w.run("load", "", "check", loader)
	w.write(folder+"/loader.star", "load(\"no\u202e\u009b.star\", \"f\")\n")
	w.run("load", "", loader)
	w.write(folder+"/loader.star", "load(\"form\u202e.star\", \"no\u202e\")\n")
	w.run("load", "", loader)
	w.run("load", "", "check", loader)

	w.write(folder+"/a_test.star", "H = "+hostileLiteral+`
def test_equal():
    assert_eq([H, {H: H}], H, msg = H)
def test_text():
    assert_eq(H + "\n" + H, H + "\n" + H + "x")
def test_fails():
    log(H)
    fail(H) # `+"\u202e"+`
def test_raises():
    assert_raises(Error, lambda: None)
def test_in():
    assert_in(H, [H + "x"], msg = H)
def test_skipped():
    skip(H)
def test_dies():
    die(H)
def test_server():
    incus.instances.create(H)
def test_warns():
    log.warning(H, x = H)
def test_mistake():
    {}[H]
def test_fine():
    pass
`)
	w.write(folder+"/b\u202e_test.star", "x = = 1 # \u202e\n")
	junit := folder + "/junit\u202e.xml"
	w.run("test", "", "test", folder)
	w.run("test -v", "", "test", "-v", folder)
	w.run("test --junit", "", "test", "--junit", junit, folder)
	data, err := os.ReadFile(junit)
	if found := raw(string(data)); err != nil || found != "" {
		t.Errorf("the report has %s, %v", found, err)
	}
	w.run("test --junit", "", "test", "--junit", folder+"/none/junit\u202e.xml", folder)

	for name, value := range map[string]string{"INCUS_REMOTE": hostile, "INCUS_CONF": w.dir + "/" + folder, "INCUS_SOCKET": w.dir + "/" + folder + "/s", "INCUS_STAR_PATH": w.dir + "/" + folder, "INCUS_PROJECT": hostile,
		"HOME": w.dir + "/" + folder, "XDG_DATA_HOME": w.dir + "/" + folder, "XDG_CONFIG_HOME": w.dir + "/" + folder, "HTTPS_PROXY": "http://\u202e\x1b:1"} {
		t.Run(name, func(t *testing.T) {
			w := &hostileWorld{T: t, dir: w.dir}
			t.Setenv(name, value)
			if err := os.Chmod(w.dir+"/"+folder, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, code := range []string{`incus.server()`, `incus.connect(remote = "a")`, `incus.connect(endpoint = "https://127.0.0.1:1", verify = False).server()`, `load("lib` + "\u202e" + `.star", "f")`, `load("none.star", "f")`} {
				w.run(name+" "+code, "", "-c", code)
				w.run(name+" at the prompt: "+code, code+"\n")
			}
			w.write(folder+"/config.yml", "remotes: [\u202e\n  \"\x1b\u202e\": 1}")
			w.run(name, "", "-c", "incus.server()")
			os.Remove(folder + "/config.yml")
		})
	}
	t.Logf("%d runs, %d of which told of what is hostile", w.ran, w.told)
}
