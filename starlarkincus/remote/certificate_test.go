package remote

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"
)

const https = "remotes: {r: {addr: 'https://r:8443'}, p: {addr: 'https://p', public: true}, s: {addr: 'https://s', protocol: simplestreams}}"

func TestLoadCertificate(t *testing.T) {
	mine, other := newPair(t, "mine", tomorrow()), newPair(t, "other", tomorrow())
	expired := newPair(t, "expired", time.Now().Add(-time.Hour))
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("a secret, a secret, and a secret"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00000000000000000000000000000000"}}))
	for _, test := range []struct {
		name, crt, key string // empty for no file, "/" for a folder
		parts          []string
	}{
		{name: "good", crt: mine.crt, key: mine.key},
		{name: "text around", crt: "words\n" + block("X509 CRL", []byte("x")) + mine.crt + other.crt, key: block("EC PARAMETERS", []byte("x")) + mine.key},
		{name: "expired", crt: expired.crt, key: expired.key},
		{name: "no certificate", key: mine.key, parts: []string{"can't read ROOT/c.crt: no such file"}},
		{name: "no key", crt: mine.crt, parts: []string{"can't read ROOT/c.key: no such file"}},
		{name: "a folder for a certificate", crt: "/", key: mine.key, parts: []string{"can't read ROOT/c.crt: is a directory"}},
		{name: "a folder for a key", crt: mine.crt, key: "/", parts: []string{"can't read ROOT/c.key: is a directory"}},
		{name: "not PEM", crt: "words", key: mine.key, parts: []string{"ROOT/c.crt holds no PEM certificate", "BEGIN CERTIFICATE"}},
		{name: "swapped", crt: mine.key, key: mine.crt, parts: []string{"ROOT/c.crt holds no PEM certificate"}},
		{name: "damaged", crt: block("CERTIFICATE", []byte("x")), key: mine.key, parts: []string{"ROOT/c.crt holds a damaged certificate: x509: "}},
		{name: "key is not PEM", crt: mine.crt, key: "words", parts: []string{"ROOT/c.key holds no PEM private key", "BEGIN PRIVATE KEY"}},
		{name: "key is damaged", crt: mine.crt, key: block("PRIVATE KEY", []byte("x")), parts: []string{"ROOT/c.key holds no usable private key: tls: "}},
		{name: "another's key", crt: mine.crt, key: other.key, parts: []string{"ROOT/c.key is not the key of the certificate ROOT/c.crt: tls: "}},
		{name: "encrypted", crt: mine.crt, key: block("ENCRYPTED PRIVATE KEY", []byte("secret")), parts: []string{"ROOT/c.key is a key encrypted in a form that neither", "openssl pkey -in ROOT/c.key"}},
		{name: "encrypted, the older way", crt: mine.crt, key: encrypted, parts: []string{"the key ROOT/c.key is encrypted, and needs its passphrase"}},
		{name: "OpenSSH's", crt: mine.crt, key: block("OPENSSH PRIVATE KEY", []byte("secret")), parts: []string{"ROOT/c.key holds no usable private key"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			for name, content := range map[string]string{"c.crt": test.crt, "c.key": test.key} {
				switch content {
				case "":
				case "/":
					w.folder(name)
				default:
					w.write(name, content)
				}
			}
			certificate, err := Environment{}.LoadCertificate(t.Context(), w.path("c.crt"), w.path("c.key"))
			if test.parts == nil {
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(test.crt, block("CERTIFICATE", certificate.Leaf.Raw)) {
					t.Error("another certificate")
				}
				return
			}
			w.check(err, test.parts...)
			for line := range strings.Lines(test.key) {
				if line = strings.TrimSpace(line); len(line) > 4 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
					t.Errorf("the message holds a part of the key: %v", err)
				}
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	mine, own := newPair(t, "mine", tomorrow()), newPair(t, "own", tomorrow())
	for _, test := range []struct {
		name  string
		files map[string]string
		want  *x509.Certificate
		parts []string
	}{
		{name: "the user's", files: map[string]string{"client.crt": mine.crt, "client.key": mine.key}, want: mine.parsed},
		{name: "the remote's own", files: map[string]string{"client.crt": mine.crt, "client.key": mine.key,
			"clientcerts/r.crt": own.crt, "clientcerts/r.key": own.key}, want: own.parsed},
		{name: "only the remote's own", files: map[string]string{"clientcerts/r.crt": own.crt, "clientcerts/r.key": own.key}, want: own.parsed},
		{name: "half of the remote's own", files: map[string]string{"client.crt": mine.crt, "client.key": mine.key, "clientcerts/r.crt": own.crt}, want: mine.parsed},
		{name: "another remote's", files: map[string]string{"clientcerts/q.crt": own.crt, "clientcerts/q.key": own.key}, parts: []string{
			`remote "r": a client certificate is needed, but there is neither ROOT/config/incus/client.crt nor ROOT/config/incus/clientcerts/r.crt`, "incus remote generate-certificate"}},
		{name: "no key", files: map[string]string{"client.crt": mine.crt}, parts: []string{`remote "r": the certificate ROOT/config/incus/client.crt lacks its key, ROOT/config/incus/client.key`}},
		{name: "no certificate", files: map[string]string{"client.key": mine.key}, parts: []string{`remote "r": the key ROOT/config/incus/client.key lacks its certificate`}},
		{name: "mismatch", files: map[string]string{"client.crt": mine.crt, "client.key": own.key}, parts: []string{`remote "r": ROOT/config/incus/client.key is not the key of`}},
		{name: "encrypted", files: map[string]string{"client.crt": mine.crt, "client.key": block("ENCRYPTED PRIVATE KEY", nil)}, parts: []string{`remote "r": ROOT/config/incus/client.key is a key encrypted in a form`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", https)
			for name, content := range test.files {
				w.write("config/incus/"+name, content)
			}
			target, err := w.load().Resolve(t.Context(), "r")
			if test.parts != nil {
				w.check(err, test.parts...)
			} else if err != nil {
				t.Fatal(err)
			} else if !target.Certificate.Leaf.Equal(test.want) {
				t.Errorf("the certificate of %s", target.Certificate.Leaf.Subject)
			}
		})
	}
}

func TestImageNeedsNoCertificate(t *testing.T) {
	mine := newPair(t, "mine", tomorrow())
	w := newWorld(t)
	w.write("config/incus/config.yml", https)
	c := w.load()
	target, _, err := c.Image(t.Context(), "r:x")
	if err != nil || target.Certificate != nil {
		t.Fatalf("got %+v, %v", target, err)
	}
	w.write("config/incus/client.crt", mine.crt)
	w.write("config/incus/client.key", mine.key)
	if target, _, err = c.Image(t.Context(), "r:x"); err != nil || target.Certificate == nil {
		t.Fatalf("got %+v, %v", target, err)
	}
	w.write("config/incus/client.key", "words")
	_, _, err = c.Image(t.Context(), "r:x")
	w.check(err, `remote "r": ROOT/config/incus/client.key holds no PEM private key`)
}

func TestServerCertificate(t *testing.T) {
	mine, pin := newPair(t, "mine", tomorrow()), newPair(t, "pin", tomorrow())
	expired := newPair(t, "expired", time.Now().Add(-time.Hour))
	for _, test := range []struct {
		name, remote string
		content      string // "/" for a folder
		want         *x509.Certificate
		part         string
	}{
		{"none", "r", "", nil, ""},
		{"pinned", "r", "words\n" + pin.crt, pin.parsed, ""},
		{"public", "p", pin.crt, pin.parsed, ""},
		{"simplestreams", "s", pin.crt, pin.parsed, ""},
		{"expired", "r", expired.crt, expired.parsed, ""},
		{"words", "r", "words", nil, `remote "r": ROOT/config/incus/servercerts/r.crt holds no PEM certificate`},
		{"damaged", "s", block("CERTIFICATE", []byte("x")), nil, `remote "s": ROOT/config/incus/servercerts/s.crt holds a damaged certificate`},
		{"folder", "r", "/", nil, `remote "r": can't read ROOT/config/incus/servercerts/r.crt: is a folder, not a regular file`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", https)
			w.write("config/incus/client.crt", mine.crt)
			w.write("config/incus/client.key", mine.key)
			switch file := "config/incus/servercerts/" + test.remote + ".crt"; test.content {
			case "":
			case "/":
				w.folder(file)
			default:
				w.write(file, test.content)
			}
			target, err := w.load().Resolve(t.Context(), test.remote)
			if test.part != "" {
				w.check(err, test.part)
			} else if err != nil {
				t.Fatal(err)
			} else if !target.ServerCertificate.Equal(test.want) {
				t.Errorf("another pin: %v", target.ServerCertificate)
			}
		})
	}
}

func TestGlobalServerCertificate(t *testing.T) {
	mine, pin, wrong := newPair(t, "mine", tomorrow()), newPair(t, "pin", tomorrow()), newPair(t, "wrong", tomorrow())
	w := newWorld(t)
	w.write("config/incus/config.yml", "{}")
	w.write("config/incus/client.crt", mine.crt)
	w.write("config/incus/client.key", mine.key)
	w.write("config/incus/servercerts/r.crt", wrong.crt)
	w.write("etc/config.yml", https)
	w.write("etc/servercerts/r.crt", pin.crt)
	target := w.resolve("r")
	if !target.ServerCertificate.Equal(pin.parsed) || !target.Certificate.Leaf.Equal(mine.parsed) {
		t.Errorf("got %v", target.ServerCertificate.Subject)
	}
}

func TestCA(t *testing.T) {
	mine, ca := newPair(t, "mine", tomorrow()), newPair(t, "ca", tomorrow())
	for _, test := range []struct {
		name, remote, file, content string
		want                        bool
		part                        string
	}{
		{"none", "r", "other.ca", ca.crt, false, ""},
		{"the user's", "r", "client.ca", ca.crt, true, ""},
		{"public", "p", "client.ca", ca.crt, true, ""},
		{"simplestreams", "s", "client.ca", ca.crt, false, ""},
		{"words", "r", "client.ca", "words", false, `remote "r": ROOT/config/incus/client.ca holds no certificate of an authority`},
		{"folder", "r", "client.ca", "/", false, `remote "r": can't read ROOT/config/incus/client.ca: is a folder, not a regular file`},
		{"the remote's own", "r", "clientcerts/r.ca", ca.crt, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", https)
			base := strings.TrimSuffix(test.file, ".ca")
			w.write("config/incus/client.crt", mine.crt)
			w.write("config/incus/client.key", mine.key)
			w.write("config/incus/"+base+".crt", mine.crt)
			w.write("config/incus/"+base+".key", mine.key)
			if test.content == "/" {
				w.folder("config/incus/" + test.file)
			} else {
				w.write("config/incus/"+test.file, test.content)
			}
			target, err := w.load().Resolve(t.Context(), test.remote)
			if test.part != "" {
				w.check(err, test.part)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (target.CA != nil) != test.want {
				t.Fatalf("an authority: %v, want %v", target.CA != nil, test.want)
			}
			want := x509.NewCertPool()
			want.AddCert(ca.parsed)
			if test.want && !target.CA.Equal(want) {
				t.Error("another authority")
			}
		})
	}
}

// TestCertificatesAreReadLate checks that bad certificates fail only the remote that is resolved.
func TestCertificatesAreReadLate(t *testing.T) {
	w := newWorld(t)
	w.write("config/incus/config.yml", https)
	w.write("config/incus/client.crt", "words")
	w.folder("config/incus/client.key")
	w.folder("config/incus/servercerts/r.crt")
	c := w.load()
	for _, name := range []string{"", "local", "p", "s"} {
		if _, err := c.Resolve(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Resolve(t.Context(), "r"); err == nil {
		t.Error("r has no usable certificates")
	}
	if err := os.Remove(w.path("config/incus/servercerts/r.crt")); err != nil {
		t.Fatal(err)
	}
	_, err := c.Resolve(t.Context(), "r")
	w.check(err, `remote "r": ROOT/config/incus/client.crt holds no PEM certificate`)
}
