package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// A world is a folder in place of a machine's root, with its environment variables.
type world struct {
	t    *testing.T
	root string
	vars map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, root: t.TempDir(), vars: map[string]string{}}
}

func (w *world) path(name string) string { return filepath.Join(w.root, filepath.FromSlash(name)) }

func (w *world) write(name, content string) string {
	w.t.Helper()
	path := w.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// folder creates a folder. In place of a file it is unreadable even for root.
func (w *world) folder(name string) {
	w.t.Helper()
	if err := os.MkdirAll(w.path(name), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) env() Environment {
	return Environment{
		Getenv:        func(name string) string { return w.vars[name] },
		HomeDir:       func() (string, error) { return w.path("home"), nil },
		UserConfigDir: func() (string, error) { return w.path("config"), nil },
		UID:           1000,
		SocketDirs:    []string{w.path("run"), w.path("var")},
		GlobalDir:     w.path("etc"),
		Writable:      exists,
	}
}

func (w *world) load() *Config {
	w.t.Helper()
	c, err := Load(w.t.Context(), w.env())
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// resolve loads the configuration and resolves a remote.
func (w *world) resolve(name string) *Target {
	w.t.Helper()
	target, err := w.load().Resolve(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return target
}

// check checks the class and the form of err, and that its message contains the parts, in which ROOT stands for the
// world's folder.
func (w *world) check(err error, parts ...string) {
	w.t.Helper()
	var e *errors.Error
	if !errors.As(err, &e) {
		w.t.Fatalf("got %T %v, want an *errors.Error", err, err)
	}
	if e.Class != errors.Config {
		w.t.Errorf("class %s, want %s", e.Class.Name(), errors.Config.Name())
	}
	if strings.Contains(e.Error(), "\n") {
		w.t.Errorf("more than one line: %q", e.Error())
	}
	if strings.HasSuffix(e.Message, ".") {
		w.t.Errorf("a full stop: %q", e.Message)
	}
	if cause := e.CauseMessage(); !strings.Contains(e.Message, cause) {
		w.t.Errorf("the message %q lacks its cause %q", e.Message, cause)
	}
	for _, part := range parts {
		if part = w.expand(part); !strings.Contains(e.Message, part) {
			w.t.Errorf("%q lacks %q", e.Message, part)
		}
	}
}

// A pair is a certificate and its key, both in PEM.
type pair struct {
	crt, key string
	parsed   *x509.Certificate
}

func newPair(t *testing.T, name string, until time.Time) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pairOf(t, key, name, until)
}

// pairOf returns a certificate of a key.
func pairOf(t *testing.T, key *ecdsa.PrivateKey, name string, until time.Time) pair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    until.Add(-24 * time.Hour),
		NotAfter:     until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{block("CERTIFICATE", der), block("PRIVATE KEY", secret), parsed}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

func block(kind string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
}

// expand replaces ROOT by the world's folder.
func (w *world) expand(text string) string { return strings.ReplaceAll(text, "ROOT", w.root) }
