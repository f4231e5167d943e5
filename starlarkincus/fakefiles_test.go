package starlarkincus_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/fakesftp"
	"incus-star/starlarkincus/remote"
)

// takeFile keeps an image from a request whose body is a file, and sets the metadata of its operation.
func (a *answers) takeFile(path string, header http.Header, content []byte) {
	if path != "/1.0/images" {
		return
	}
	fingerprint := fmt.Sprintf("%x", sha256.Sum256(content))
	if header.Get("X-Incus-filename") == "x" { // an image from here
		fingerprint = "abc123"
	}
	list := func(name, key string) []string {
		values, _ := url.ParseQuery(header.Get("X-Incus-" + name))
		return values[key]
	}
	image := map[string]any{"fingerprint": fingerprint, "public": header.Get("X-Incus-public") == "true"}
	if profiles := list("profiles", "profile"); profiles != nil {
		image["profiles"] = profiles
	}
	if v := list("properties", "user.b"); v != nil {
		image["properties"] = map[string]string{"user.b": v[0]}
	}
	a.made[path+"/"+fingerprint] = image
	a.result = map[string]any{"fingerprint": fingerprint}
}

// takeParts is takeFile for a body of several files.
func (a *answers) takeParts(path string, header http.Header, data []byte) {
	_, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	var content []byte
	for parts := multipart.NewReader(bytes.NewReader(data), params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		one, _ := io.ReadAll(part)
		content = append(content, one...)
	}
	a.takeFile(path, header, content)
}

// testFile returns the path of a local file.
func testFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testPEM returns a certificate.
func testPEM(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// serve starts the server, and returns an environment whose local remote is that server.
func (a *answers) serve(t *testing.T) *remote.Environment {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	a.dir = t.TempDir()
	if a.sftp, err = fakesftp.New(a.dir); err != nil {
		t.Fatal(err)
	}
	a.restoreFiles()
	server := &http.Server{Handler: a}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
		a.mu.Lock()
		defer a.mu.Unlock()
		a.closeFiles()
		a.sftp.Close()
	})
	return &remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_SOCKET": socket}[name] }}
}

// closeFiles closes the connections to files.
func (a *answers) closeFiles() {
	for _, conn := range a.files {
		conn.Close()
	}
	a.files = nil
}

// serves reports whether there was a connection to files since the last reset.
func (a *answers) serves() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.files) > 0
}

// restoreFiles makes the files those of the beginning.
func (a *answers) restoreFiles() {
	for _, name := range []string{"file", "folder", "made"} {
		os.RemoveAll(filepath.Join(a.dir, name))
	}
	if err := errors.Join(os.WriteFile(filepath.Join(a.dir, "file"), []byte("text"), 0o644), os.Mkdir(filepath.Join(a.dir, "folder"), 0o755)); err != nil {
		panic(err)
	}
}
