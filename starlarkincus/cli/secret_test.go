package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// secretCalls are calls that send secrets, $1 and so on, to a server. Each is on one line, because an error shows the
// line of its call.
var secretCalls = []string{
	`request("POST", "/1.0/profiles", body={"name": "p", "config": {"oidc.client.secret": "$1", "core.trust_password": "$2"}})`,
	`request("POST", "/1.0/profiles", body={"a": [{"b": {"password": "$1"}}, {"token": "$2"}], "api_key": "$3"})`,
	`request("PATCH", "/1.0", body={"config": {"openfga.api.token": "$1", "loki.auth.password": "$2", "acme.provider.environment": "A=$3\nB=$4"}})`,
	`request("PUT", "/1.0/x", body={"secrets": ["$1", "$2"], "fds": {"0": "$3", "control": "$4"}})`,
	`request("PUT", "/1.0/x", body={"text": "-----BEGIN PRIVATE KEY-----\n$1\n$2\n-----END PRIVATE KEY-----\n"})`,
	`request("GET", "/1.0/x", query={"secret": "$1", "token": "$2", "password": "$3"})`,
	`request("GET", "/1.0/x?secret=$1&access_token=$2")`,
	`request("GET", "/1.0/%zz?secret=$1")`,
	`request("POST", "/1.0/x", headers={"Authorization": "Bearer $1", "Cookie": "$2", "X-Auth-Token": "$3", "X-Api-Key": "$4"})`,
	`request("POST", "/1.0/x", headers={"Authorization": "Basic $1", "Proxy-Authorization": "$2", "X-Incus-secret": "$3"})`,
	`request("POST", "/1.0/x", headers={"X-Auth-Token": "$1\n"})`,
	`request("POST", "/1.0/x", headers={"X-Incus-Fingerprint": "f", "X-Incus-properties": "secret=$1"})`,
	`request("POST", "/1.0/x", body={"url": "https://u:$1@h/x?token=$2&a=b"})`,
	`images.create(source={"type": "url", "url": "https://u:$1@images.example/x?token=$2"})`,
	`images.create(source={"type": "image", "mode": "pull", "server": "https://u:$1@h:8443", "secret": "$2", "alias": "a"})`,
	`profiles.create("p", config={"environment.DB_PASSWORD": "$1", "user.api_key": "$2"})`,
	`profiles.create("p", devices={"d": {"type": "disk", "source": "https://u:$1@h/", "ceph.secret": "$2"}})`,
	`profiles.create("p", extra={"config": {"x.password": "$1"}, "more": [{"token": "$2"}]})`,
	`profiles.create("p", config={"user.x": {"password": "$1"}})`,
	`profiles.create("p", confg={"x.password": "$1"})`,
	`certificates.create(name="c", trust_token="$1", certificate="PEM")`,
	`certificates.create_token("$n1")`,
	`networks.create("n", config={"bgp.peers.x.password": "$1"})`,
	`storage_pools.create("p", driver="powerflex", config={"powerflex.user.password": "$1"})`,
	`storage_pools.create("p", driver=7, config={"powerflex.user.password": "$1"})`,
	`cluster.join(server_name="m", server_address="h", cluster_address="127.0.0.1:1", cluster_certificate="PEM", extra={"cluster_token": "$1", "cluster_certificate_key": "$2"})`,
	`cluster.join(server_name="m", server_address="h", cluster_token="$1")`,
	`cluster.join(server_name="m", server_address="h", cluster_token="$t1")`,
	`instances.get("i").exec(["false"], env={"DB_PASSWORD": "$1", "AWS_SECRET_ACCESS_KEY": "$2"})`,
	`instances.get("i").exec(["false"], env={"DB_PASSWORD": "$1", "A=B": "x"})`,
	`instances.get("i").exec(["mysql", "--password=$1"], timeout=0.3)`,
	`operations.get("0a6b2ae5-4f0c-4f0b-9d3c-1f3c1c6d1a11").wait(timeout=0.2)`,
	`connect(endpoint="https://u:$1@h:8443").instances.list()`,
	`connect(endpoint="https://h:8443/?token=$1").instances.list()`,
	`connect(endpoint="https://h:8443/#secret=$1").instances.list()`,
	`connect(endpoint="https://[u:$1@h").instances.list()`,
	`connect(endpoint="http://token:$1@h").instances.list()`,
	`connect(endpoint="https://127.0.0.1:1", cert=(args[0] + "/wrong", args[0] + "/wrong")).instances.list()`,
	`connect(endpoint="https://127.0.0.1:1", cert=(args[0] + "/crt", args[0] + "/wrong")).instances.list()`,
	`connect(endpoint="https://127.0.0.1:1", verify=args[0] + "/wrong").instances.list()`,
	`connect(remote="u").instances.list()`,
	`connect(remote="q").instances.list()`,
	`connect(remote="s").instances.list()`,
	`connect(remote="b").instances.list()`,
	`connect(remote="https://u:$1@h")`,
	`instances.create("i", image="https://u:$1@h/x?token=$2:alias")`,
}

// secretScript is the script around secretCalls. It makes each call deferred, so that its report shows its line, and
// outputs each error in all ways.
const secretScript = `
def tell(e):
    if e == None:
        return
    for x in (str(e), repr(e), e.message, e.response, e.backtrace, e.cause, e.path, e.object, json.encode(e.response)):
        print(x)
    print("%%s %%r" %% (e, [e, {"e": e}]), {"e": e})
    log(e)
    log("an error", error=e, response=e.response, text=str(e))
    table([{"error": e, "message": e.message, "response": e.response}])
    for name in dir(e):
        print(name, getattr(e, name))

%s
`

var placeholder = regexp.MustCompile(`\$([nt]?)(\d)`)

// marks generates unmistakable secrets, and records the location of each.
type marks struct {
	where map[string]string
}

func (m *marks) new(where string) string {
	mark := fmt.Sprintf("Mk%03dqZ7xW", len(m.where))
	m.where[mark] = where
	return mark
}

// fill replaces the placeholders in a text: $1 by a mark, $t1 by a token with one, and $n1 by a harmless name.
func (m *marks) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		switch p[1] {
		case 'n':
			return "name"
		case 't':
			token := `{"server_name":"m","fingerprint":"f","addresses":["127.0.0.1:1"],"secret":"` + m.new(text) + `","expires_at":"0001-01-01T00:00:00Z"}`
			encoded := base64.StdEncoding.EncodeToString([]byte(token))
			m.where[encoded] = text
			return encoded
		}
		return m.new(text + " " + p)
	})
}

// look reports the marks in an output as errors.
func (m *marks) look(t *testing.T, output, text string) {
	t.Helper()
	seen := 0
	for mark, where := range m.where {
		if i := strings.Index(text, mark); i >= 0 {
			if seen++; seen <= 6 {
				t.Errorf("%s holds %s of %s:\n…%s…", output, mark, where, text[max(0, i-200):min(len(text), i+60)])
			}
		}
	}
}

// secretWorld creates a folder with secrets in its configuration, and starts a server.
func secretWorld(t *testing.T, mode string) (m *marks, dir string, env []string) {
	t.Helper()
	m = &marks{where: map[string]string{}}
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own := m.new("the server's own")
	listener, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&repeater{mode: mode, own: own})
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	write := func(name, text string) {
		t.Helper()
		os.MkdirAll(filepath.Dir(dir+"/"+name), 0o700)
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("conf/config.yml", m.fill(`default-remote: local
remotes:
  u: {addr: "https://u:$1@h:8443"}
  q: {addr: "https://h:8443/?token=$2"}
  s: {addr: "https://h:8443, unix:/x?secret=$3"}
  b: {addr: "htps://u:$4@h:port?password=$5"}
`))
	key := m.new("a private key")
	write("wrong", "password: "+m.new("a wrong file")+"\n"+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(key)}))+key)
	tlsServer := httptest.NewUnstartedServer(nil)
	tlsServer.StartTLS()
	crt := tlsServer.Certificate()
	tlsServer.Close()
	write("crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: crt.Raw})))
	env = append(os.Environ(), "HOME="+dir, "INCUS_CONF="+dir+"/conf", "INCUS_SOCKET="+dir+"/socket", "INCUS_DIR="+dir,
		"HTTPS_PROXY="+m.fill("http://u:$1@127.0.0.1:1/?token=$2"), "DB_PASSWORD="+m.new("the environment"), "no_proxy=none.example")
	return m, dir, env
}

// runIn runs the command with an environment.
func runIn(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string) {
	t.Helper()
	command := exec.Command("incus-star", args...)
	var out, errs bytes.Buffer
	command.Env, command.Stdin, command.Stdout, command.Stderr = env, strings.NewReader(stdin), &out, &errs
	kill := time.AfterFunc(2*time.Minute, func() { command.Process.Kill() })
	defer kill.Stop()
	_ = command.Run()
	if strings.Contains(errs.String(), "goroutine ") {
		t.Errorf("Go's own trace: %s", errs.String())
	}
	return out.String(), errs.String()
}

// timeLimit returns the time limit of a script, which is short for an operation that never ends.
func timeLimit(mode string) string {
	if mode == "operation goes on" {
		return "2s"
	}
	return "1m"
}

// TestSecretsStayHidden puts secrets in all places that can have one, and looks for them in the output.
func TestSecretsStayHidden(t *testing.T) {
	usePlain(t)
	planted := 0
	for _, mode := range repeaterModes {
		for _, format := range []string{"text", "json"} {
			if mode != "error" && (format == "json") != (len(mode)%2 == 0) && testing.Short() {
				continue
			}
			t.Run(mode+"/"+format, func(t *testing.T) {
				m, dir, env := secretWorld(t, mode)
				var calls strings.Builder
				fmt.Fprintln(&calls, `flag("api_token", "", help="a token")`)
				for i, call := range secretCalls {
					fmt.Fprintf(&calls, "def call%d():\n    return incus.%s\ntell(try_(lambda: catch(Error, call%d)).value.error)\ndefer(call%d)\n", i, m.fill(call), i, i)
				}
				script := dir + "/script.star"
				if err := os.WriteFile(script, fmt.Appendf(nil, secretScript, calls.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				stdout, stderr := runIn(t, env, "", "--trace", "--timeout", timeLimit(mode), "--error-format", format, script, dir, "--api-token="+m.new("a flag"))
				m.look(t, "standard output", stdout)
				m.look(t, "standard error", stderr)
				if n := strings.Count(stdout, "message"); n < len(secretCalls)/2 && !strings.HasPrefix(mode, "operation") {
					t.Errorf("only %d errors were told of:\n%s\n%s", n, stdout, stderr)
				}
				planted = max(planted, len(m.where))
				if os.Getenv("INCUS_STAR_SHOW") != "" {
					t.Logf("%s\n%s", stdout, stderr)
				}
			})
		}
	}
	if planted < 40 {
		t.Errorf("only %d secrets were planted", planted)
	}
	t.Logf("%d secrets", planted)
}

// TestSecretsStayHiddenInEchoes checks that the text of an object, the prompt's echo, and a failed test show neither
// the server's secrets nor those sent to it.
func TestSecretsStayHiddenInEchoes(t *testing.T) {
	usePlain(t)
	const reads = `
e = try_(incus.request, "POST", "/1.0/x", body={"password": "$1", "l": ["https://u:$2@h"]}).error
e2 = catch(Error, incus.connect, endpoint="https://u:$3@h").error
server = incus.server()
instance = incus.instances.get("i")
op = try_(incus.operations.get, "0a6b2ae5-4f0c-4f0b-9d3c-1f3c1c6d1a11")
`
	const echoed = "e\ne2\n[e, e2]\n{1: e}\nserver\ninstance\n[server, instance]\nop\n[op]\nstr(op), repr(server)\nincus\nlog(op, server=server, op=op)\n" +
		"raise_(e)\n"
	for _, mode := range []string{"error", "operation succeeds", "operation fails", "operation goes on"} {
		t.Run(mode, func(t *testing.T) {
			m, dir, env := secretWorld(t, mode)
			stdout, stderr := runIn(t, env, m.fill(reads)+echoed, "--trace", "--timeout", timeLimit(mode))
			m.look(t, "the prompt's output", stdout)
			m.look(t, "the prompt's standard error", stderr)
			if mode != "operation goes on" && !strings.Contains(stdout, "[Server(") {
				t.Errorf("nothing was echoed: %s\n%s", stdout, stderr)
			}
			test := dir + "/x_test.star"
			text := strings.ReplaceAll(reads, "\n", "\n    ")
			text = "def test_a():" + m.fill(text) + "\n    print(e, server, op)\n    assert_eq(e, None)\n" +
				"def test_b():\n    assert_eq([1, {\"token\": \"" + m.new("an assertion") + "\"}], [2, {\"token\": \"" + m.new("an assertion") + "\"}])\n" +
				"def test_c():" + m.fill(text) + "\n    assert_true(False, str(op) + str(e2))\n" +
				"def test_d():\n    " + m.fill(`incus.connect(endpoint="https://u:$1@h")`) + "\n" +
				"def test_e():\n    " + m.fill(`incus.request("POST", "/1.0/x", body={"token": "$1"}, timeout=1)`) + "\n"
			if err := os.WriteFile(test, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, flags := range [][]string{{"test", "--junit", dir + "/junit.xml", test}, {"--trace", "test", "-v", test}, {"--error-format", "json", "test", test}} {
				stdout, stderr = runIn(t, env, "", flags...)
				m.look(t, "the tests' output", stdout)
				m.look(t, "the tests' standard error", stderr)
			}
			junit, err := os.ReadFile(dir + "/junit.xml")
			if err != nil {
				t.Errorf("%v: %s", err, stderr)
			}
			m.look(t, "the tests' report", string(junit))
			if os.Getenv("INCUS_STAR_SHOW") != "" {
				t.Logf("%s\n%s\n%s", stdout, stderr, junit)
			}
		})
	}
}

// TestSecretsStayHiddenWhenInterrupted checks that the report of running operations after a signal has no secrets.
func TestSecretsStayHiddenWhenInterrupted(t *testing.T) {
	usePlain(t)
	m, dir, env := secretWorld(t, "operation goes on")
	call := m.fill(`incus.instances.get("i").exec(["x", "--password=$1"], env={"DB_PASSWORD": "$2"})`)
	for _, format := range []string{"text", "json"} {
		script := "def f(i):\n    print('ready')\n    return " + call + "\nparallel(f, [{'password': '" + m.new("an item") + "'}, 'https://u:" + m.new("an item") + "@h'])\n"
		command := exec.Command("incus-star", "--trace", "--error-format", format, "-c", script, dir)
		var out, errs bytes.Buffer
		command.Env, command.Stdout, command.Stderr = env, &out, &errs
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(700 * time.Millisecond)
		command.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
		command.Wait()
		kill.Stop()
		m.look(t, "standard output", out.String())
		m.look(t, "standard error", errs.String())
		t.Logf("%s", errs.String())
	}
}
