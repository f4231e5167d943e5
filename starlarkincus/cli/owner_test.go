//go:build unix

package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trustedWorld creates a folder with all files whose owner and mode matter, and a script that uses each twice.
func trustedWorld(t *testing.T) (dir, script string) {
	t.Helper()
	dir = t.TempDir()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	crtPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	for name, text := range map[string]string{
		"conf/config.yml": "remotes:\n  r: {addr: 'https://127.0.0.1:1'}\n  own: {addr: 'https://127.0.0.1:1'}\n",
		"conf/client.crt": crtPEM, "conf/client.key": keyPEM,
		"conf/clientcerts/own.crt": crtPEM, "conf/clientcerts/own.key": keyPEM,
		"conf/servercerts/r.crt": crtPEM,
		"mine.crt":               crtPEM, "mine.key": keyPEM,
		"lib/a.star": "a = 1\n", "lib/b.star": "b = 1\n", "data/incus-star/lib/c.star": "c = 1\n",
		"etc/config.yml": "remotes: {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("INCUS_CONF", filepath.Join(dir, "conf"))
	t.Setenv("INCUS_GLOBAL_CONF", filepath.Join(dir, "etc"))
	t.Setenv("INCUS_STAR_PATH", filepath.Join(dir, "lib"))
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	return dir, fmt.Sprintf(`
load("a.star", "a")
load("b.star", "b")
load("c.star", "c")
for _ in range(2):
    incus.connect(remote = "r")
    incus.connect(remote = "own")
    incus.connect(endpoint = "https://127.0.0.1:1", cert = (%[1]q + "/mine.crt", %[1]q + "/mine.key"))
print("end")
`, dir)
}

// TestWarningsOfForeignFiles checks that each key, configuration or library that other users can read or change causes
// one warning and no error.
func TestWarningsOfForeignFiles(t *testing.T) {
	dir, script := trustedWorld(t)
	keys := []string{"conf/client.key", "conf/clientcerts/own.key", "mine.key"}
	trusted := []string{"conf", "conf/config.yml", "etc", "etc/config.yml", "lib", "data/incus-star/lib"}
	type trial struct {
		name  string
		mode  os.FileMode
		uid   int
		warns bool
	}
	var trials []trial
	for _, name := range keys {
		for mode, warns := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o602: true, 0o666: true} {
			trials = append(trials, trial{name, mode, os.Geteuid(), warns})
		}
		trials = append(trials, trial{name, 0o600, 4242, true})
	}
	for _, name := range trusted {
		for mode, warns := range map[os.FileMode]bool{0o700: false, 0o755: false, 0o775: false, 0o757: true, 0o777: true, 0o777 | os.ModeSticky: false} {
			trials = append(trials, trial{name, mode, os.Geteuid(), warns})
		}
		trials = append(trials, trial{name, 0o700, 4242, true})
	}
	for _, trial := range trials {
		path := filepath.Join(dir, trial.name)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if trial.uid != os.Geteuid() {
			if os.Geteuid() != 0 {
				continue
			}
			if err := os.Chown(path, trial.uid, -1); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, trial.mode); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"text", "json"} {
			got := runHere(t, "", nil, "--error-format", format, "-c", script)
			stdout, stderr, status := got.stdout, got.stderr, got.status
			what := fmt.Sprintf("%s %v uid %d %s", trial.name, trial.mode, trial.uid, format)
			if status != 0 || !strings.Contains(stdout, "end") {
				t.Errorf("%s: status %d, stderr %s", what, status, stderr)
			}
			due := 0
			if trial.warns {
				due = 1
			}
			if n := strings.Count(stderr, "\n"); n != due || due == 1 && !strings.Contains(stderr, path+" ") {
				t.Errorf("%s: %d lines, want %d: %s", what, n, due, stderr)
			}
			if format == "json" && due == 1 {
				var object struct{ Level, Message string }
				if err := json.Unmarshal([]byte(stderr), &object); err != nil || object.Level != "warning" || object.Message == "" {
					t.Errorf("%s: %s: %v", what, stderr, err)
				}
			}
		}
		if err := os.Chown(path, os.Geteuid(), -1); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, before.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPipesInTheConfiguration checks that a pipe without a writer in place of any file of the configuration is refused at once,
// and that one that a script names doesn't outlast the run.
func TestPipesInTheConfiguration(t *testing.T) {
	const own = "mine.key" // which the script names
	for _, name := range []string{"conf/config.yml", "etc/config.yml", "conf/client.crt", "conf/client.key", "conf/clientcerts/own.key", "conf/servercerts/r.crt", own} {
		dir, script := trustedWorld(t)
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		if name != own {
			command := start(t, "-c", script)
			_, status := command.rest()
			refused := status == 2 && strings.Contains(command.stderr.String(), path+": is a named pipe, not a regular file")
			if !refused && (name != "etc/config.yml" || status != 0) { // which the script doesn't need
				t.Errorf("%s: status %d: %s", name, status, command.stderr.String())
			}
			continue
		}
		began := time.Now()
		command := start(t, "--timeout", "300ms", "-c", script)
		if _, status := command.rest(); status != 124 || time.Since(began) > 50*time.Second {
			t.Errorf("%s: status %d after %v: %s", name, status, time.Since(began), command.stderr.String())
		}
		_, stderr, status := runAndSend(t, []string{"-c", `print("ready")` + "\n" + script}, []os.Signal{syscall.SIGTERM})
		if status != 143 {
			t.Errorf("%s: status %d: %s", name, status, stderr)
		}
	}
}
