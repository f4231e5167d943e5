package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestLockedKeyAtATerminal checks that the passphrase of a key is asked for without showing it, once a script, and that
// Ctrl-C ends the script.
func TestLockedKeyAtATerminal(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"client.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "client.key": pem.EncodeToMemory(locked),
		"config.yml": []byte("remotes:\n  a: {addr: 'https://127.0.0.1:1'}\n  b: {addr: 'https://127.0.0.1:1'}\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("INCUS_CONF", dir)
	const script = "incus.connect('a')\nincus.connect('b')\nprint('both are open')"
	t.Run("typed", func(t *testing.T) {
		s := onScreen(t, "-c", script)
		s.expect("Passphrase of " + dir + "/client.key: ")
		s.typed("wrong\r")
		s.expect("Passphrase of ")
		s.typed("open sesamm\x7fe\r")
		s.expect("both are open")
		s.end(0)
		s.mu.Lock()
		defer s.mu.Unlock()
		if output := s.output.String(); strings.Contains(output, "sesam") || strings.Contains(output, "wrong") || strings.Count(output, "Passphrase") != 2 {
			t.Errorf("the screen has the passphrase, or other prompts than two: %q", output)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		s := onScreen(t, "-c", script)
		s.expect("Passphrase of ")
		s.typed("open\x03")
		s.end(130)
	})
	t.Run("given up", func(t *testing.T) {
		s := onScreen(t, "-c", script)
		s.expect("Passphrase of ")
		s.typed("\x04")
		s.expect("IncusConfigError")
		s.end(2)
	})
}
