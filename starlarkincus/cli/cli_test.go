package cli_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/cli"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// By default a process under the race detector exits a second late, and the tests start many.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	testscript.Main(tests{m}, map[string]func(){
		"incus-star": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// atEnd are the functions to call after the tests.
var atEnd []func()

// A tests runs the package's tests, and then the functions in atEnd.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer func() {
		for _, f := range atEnd {
			f()
		}
	}()
	return t.M.Run()
}

// TestCommand runs the files of testdata; those under testdata/real need a real Incus.
func TestCommand(t *testing.T) {
	runFiles(t, "testdata", nil)
}

func TestCommandOnARealServer(t *testing.T) {
	needsIncus(t)
	runFiles(t, "testdata/real", []string{"INCUS_DIR", "INCUS_CONF", "INCUS_STAR_TESTBED_IMAGE", "INCUS_STAR_TESTBED_ENDPOINT"})
}

// needsIncus skips a test outside of a testbed.
func needsIncus(t *testing.T) {
	t.Helper()
	if !strings.Contains(t.Name(), "Real") {
		t.Fatal("needs Real in its name, by which scripts/test.sh runs it on each line")
	}
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN") // invalidates cached results, because each run has another daemon
}

// needsOneIncus skips a test in a testbed with a cluster too.
func needsOneIncus(t *testing.T) {
	t.Helper()
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
}

func runFiles(t *testing.T, dir string, environment []string) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for _, name := range append(environment, "GORACE") {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("HOME", env.WorkDir)
			scripts, err := filepath.Abs("../../scripts")
			env.Setenv("SCRIPTS", scripts)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"oneline":     oneLine,
			"server":      server,
			"certificate": certificate,
			"project":     project,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits implements exits N COMMAND…, which runs a command and checks that it ends with the status N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", args[1], got, want)
	}
}

// oneLine implements oneline FILE REGEXP, which checks that the file is one line that matches, without Go's internals.
func oneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: oneline FILE REGEXP")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	if strings.Contains(text, "\n") || strings.Contains(text, "goroutine") || strings.Contains(text, "%!") {
		ts.Fatalf("not one clear line:\n%s", text)
	}
	if !regexp.MustCompile(args[1]).MatchString(text) {
		ts.Fatalf("%q doesn't match %q", text, args[1])
	}
}

// server implements server SOCKET, which listens on a unix socket and answers each path with something that Incus never
// sends.
func server(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: server SOCKET")
	}
	listener, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/1.0/profiles/text":
			fmt.Fprint(w, "<html>no JSON</html>")
		case "/1.0/profiles/cut":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"type":"sync","metadata":{"name":"cut`)
		case "/1.0/profiles/huge":
			fmt.Fprint(w, `{"type":"sync","metadata":{"name":"`)
			block := bytes.Repeat([]byte("x"), 1<<20)
			for range 100 {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
			fmt.Fprint(w, `"}}`)
		case "/1.0/profiles/list":
			fmt.Fprint(w, `{"type":"sync","status_code":200,"metadata":[1]}`)
		case "/1.0/profiles/proxy":
			http.Error(w, "<html>the proxy found no server</html>", http.StatusBadGateway)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(listener) }()
	ts.Defer(func() { s.Close(); <-done })
}

// certificate implements certificate NAME, which writes a new certificate, unknown to servers, and its key to NAME.crt
// and NAME.key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate NAME")
	}
	crt, key, err := makeCertificate()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".crt"), crt, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), key, 0o600))
}

// makeCertificate returns a new certificate and its key, in PEM.
func makeCertificate() (crt, key []byte, err error) {
	secret, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if crt, err = x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret); err != nil {
		return nil, nil, err
	}
	if key, err = x509.MarshalECPrivateKey(secret); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: crt}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}), nil
}

// TestSocketWithoutPermission checks the advice for a user without access to the daemon's socket.
func TestSocketWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user that may not open a socket of root's: run scripts/test.sh")
	}
	dir, err := os.MkdirTemp("", "incus-star")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := exec.LookPath("incus-star")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	binary, socket := filepath.Join(dir, "incus-star"), filepath.Join(dir, "unix.socket")
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "-c", "incus.instances.list()")
	command.Env = []string{"INCUS_DIR=" + dir, "HOME=" + dir}
	command.Dir = dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	command.Run()
	want := "IncusConnectionError: can't connect to the Incus socket " + socket + ": permission denied; add this user to the incus-admin group"
	if status := command.ProcessState.ExitCode(); status != 4 || !strings.Contains(stderr.String(), want) {
		t.Errorf("ended with %d, want 4, and printed\n%s", status, stderr.Bytes())
	}
}

// TestInterrupt sends Ctrl-C during each kind of wait of a script.
func TestInterrupt(t *testing.T) {
	interrupt(t, 30*time.Second, map[string]string{
		"sleep": `body = lambda: sleep(1000)`,
		"loop":  "def body():\n    while True: pass",
		"try":   "def body():\n    while True: try_(sleep, 1000)",
	})
}

// TestRealInterrupt sends Ctrl-C during each kind of wait for a server.
func TestRealInterrupt(t *testing.T) {
	needsIncus(t)
	const launch = `
inst = incus.instances.launch(args[0], image = args[1])
cleanup = lambda: [inst.delete(force = True), print("cleaned")]
`
	interrupt(t, time.Minute, map[string]string{
		"exec":      launch + `body = lambda: inst.exec(["sleep", "1000"])`,
		"tasks":     launch + `body = lambda: parallel(lambda i: inst.exec(["sleep", "1000"]), range(3))`,
		"operation": launch + `op = inst.exec(["sleep", "1000"], wait = False)` + "\n" + `body = op.wait`,
	})
}

// interrupt interrupts scripts in their function body, after which they have to end within the limit.
func interrupt(t *testing.T, limit time.Duration, scripts map[string]string) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := "cleanup = lambda: print('cleaned')\n" + script + "\nfinally_(lambda: [print('ready'), body()], cleanup)\n"
			command := start(t, "-c", code, "interrupt-"+strconv.FormatInt(time.Now().UnixNano()%1e9, 36)+"-"+name, os.Getenv("INCUS_STAR_TESTBED_IMAGE"))
			command.line(t, "ready")
			time.Sleep(50 * time.Millisecond) // until the script waits; the result is the same if it doesn't yet
			begin := time.Now()
			command.Process.Signal(os.Interrupt)
			rest, status := command.rest()
			took, stderr := time.Since(begin), &command.stderr
			if status != 130 {
				t.Errorf("ended with status %d, want 130\n%s", status, stderr.Bytes())
			}
			if rest != "cleaned\n" {
				t.Errorf("clean-up printed %q\n%s", rest, stderr.Bytes())
			}
			if strings.Contains(stderr.String(), "goroutine") {
				t.Errorf("a Go stack trace:\n%s", stderr.Bytes())
			}
			t.Logf("ended after %v", took)
			if took > limit {
				t.Errorf("it took %v, want at most %v", took, limit)
			}
		})
	}
}
