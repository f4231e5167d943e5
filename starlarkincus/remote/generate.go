package remote

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/user"
	"time"
)

// lifetime is the time for which a new client certificate is valid.
const lifetime = 10 * 365 * 24 * time.Hour

// MakeCertificate makes the user's client certificate, client.crt and client.key, if there is neither. A key without a
// certificate, as a killed process leaves it, gets one. It reports whether it made a certificate.
func (c *Config) MakeCertificate(ctx context.Context) (bool, error) {
	crt, key := c.path("client.crt"), c.path("client.key")
	if exists(crt) {
		return false, nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if exists(crt) {
		return false, nil
	}
	var private crypto.Signer
	alone := exists(key)
	if alone {
		if private = plainKey(ctx, key); private == nil {
			return false, nil
		}
	} else if private, err = c.makeKey(key); err != nil {
		return false, err
	}
	certificate, err := newCertificate(private, time.Now())
	if err != nil {
		return false, failure(err, "can't make a client certificate")
	}
	if err := c.writePEM(crt, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}, 0o644); err != nil {
		if !alone {
			_ = os.Remove(key)
		}
		return false, err
	}
	return true, nil
}

// makeKey makes the client's key.
func (c *Config) makeKey(path string) (crypto.Signer, error) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, failure(err, "can't make a client key")
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, failure(err, "can't make a client key")
	}
	return private, c.writePEM(path, &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}, 0o600)
}

// plainKey returns the key in a file; nil if there is none that isn't encrypted.
func plainKey(ctx context.Context, path string) crypto.Signer {
	content, err := read(ctx, path)
	block, _ := pem.Decode(content)
	if err != nil || block == nil || opener(path, content) != nil {
		return nil
	}
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	return private
}

// newCertificate returns a certificate of the form that the incus command makes for a client.
func newCertificate(private crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, err
	}
	name, host := "UNKNOWN", "UNKNOWN"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"Linux Containers"}, CommonName: name + "@" + host},
		NotBefore:             now,
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
}
