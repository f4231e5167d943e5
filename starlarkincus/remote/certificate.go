package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"

	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/owner"
)

// LoadCertificate reads a client certificate and its key, both in PEM, which may be pipes. The passphrase of an encrypted
// key comes from the environment or from Keys.
func (e Environment) LoadCertificate(ctx context.Context, crtFile, keyFile string) (*tls.Certificate, error) {
	return e.loadCertificate(ctx, crtFile, keyFile, func(ctx context.Context, path string) ([]byte, error) { return input.File(ctx, path, input.Key) })
}

func (e Environment) loadCertificate(ctx context.Context, crtFile, keyFile string, read func(context.Context, string) ([]byte, error)) (*tls.Certificate, error) {
	crt, err := read(ctx, crtFile)
	if err != nil {
		return nil, unreadable(ctx, crtFile, err)
	}
	if _, err := parseCertificate(crtFile, crt); err != nil {
		return nil, err
	}
	e.warn(owner.Key(keyFile, e.UID))
	key, err := read(ctx, keyFile)
	if err != nil {
		return nil, unreadable(ctx, keyFile, err)
	}
	if key, err = e.complete().decrypted(ctx, keyFile, key); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(crt, key)
	switch {
	case err == nil:
		return &pair, nil
	case strings.Contains(err.Error(), "does not match"):
		return nil, failure(err, "%s is not the key of the certificate %s", keyFile, crtFile)
	}
	return nil, failure(err, "%s holds no usable private key", keyFile)
}

// parseCertificate returns the first certificate of a PEM file, ignoring other content.
func parseCertificate(path string, content []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, failure(err, "%s holds a damaged certificate", path)
		}
		return certificate, nil
	}
	return nil, failure(nil, "%s holds no PEM certificate: a block that starts with BEGIN CERTIFICATE", path)
}

// checkKey returns an error for a key that is encrypted in an unknown form or missing, because the parser's message doesn't name the problem.
func checkKey(path string, content []byte) error {
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return failure(nil, "%s is a key encrypted in a form that neither this program nor the incus command can use: openssl pkey -in %s -aes256 -traditional -out COPY makes one that they can", path, path)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return nil
		}
	}
	return failure(nil, "%s holds no PEM private key: a block that starts with BEGIN PRIVATE KEY", path)
}

// addCertificates reads the certificates for a TLS connection to the remote. Global selects the folder of the pinned
// certificate of a remote for all users; needed makes a missing client certificate an error.
func (c *Config) addCertificates(ctx context.Context, t *Target, global, needed bool) error {
	pinDir := c.dir
	if global {
		pinDir = c.globalDir
	}
	if pin := filepath.Join(pinDir, "servercerts", t.Name+".crt"); !c.noPins && pinDir != "" && exists(pin) {
		content, err := read(ctx, pin)
		if err != nil {
			return unreadable(ctx, pin, err)
		}
		// An expired certificate is fine here: the connection checks it.
		if t.ServerCertificate, err = parseCertificate(pin, content); err != nil {
			return err
		}
	}
	if t.Protocol != Incus {
		return nil
	}
	// Like the incus command, use a remote's own certificate and key only if both exist, and then its own authority
	// only.
	own := c.path("clientcerts", t.Name)
	base := own
	if !exists(own+".crt") || !exists(own+".key") {
		base = c.path("client")
	}
	if ca := base + ".ca"; exists(ca) {
		content, err := read(ctx, ca)
		if err != nil {
			return unreadable(ctx, ca, err)
		}
		t.CA = x509.NewCertPool()
		if !t.CA.AppendCertsFromPEM(content) {
			return failure(nil, "%s holds no certificate of an authority: a block that starts with BEGIN CERTIFICATE", ca)
		}
	}
	if t.Public || t.Tokens != nil {
		return nil
	}
	crt, key := base+".crt", base+".key"
	hasCrt, hasKey := exists(crt), exists(key)
	var err error
	switch {
	case hasCrt && hasKey:
		t.Certificate, err = c.env.loadCertificate(ctx, crt, key, read)
	case !needed:
	case hasCrt:
		err = failure(nil, "the certificate %s lacks its key, %s", crt, key)
	case hasKey:
		err = failure(nil, "the key %s lacks its certificate, %s", key, crt)
	default:
		err = failure(nil, "a client certificate is needed, but there is neither %s nor %s; the command incus remote generate-certificate makes one", crt, own+".crt")
	}
	return err
}
