package remote

import (
	"context"
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

// MakeCertificate makes the user's client certificate, client.crt and client.key, if there is neither. It reports whether
// it made one.
func (c *Config) MakeCertificate(ctx context.Context) (bool, error) {
	crt, key := c.path("client.crt"), c.path("client.key")
	if exists(crt) || exists(key) {
		return false, nil
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if exists(crt) || exists(key) {
		return false, nil
	}
	secret, certificate, err := newCertificate(time.Now())
	if err != nil {
		return false, failure(err, "can't make a client certificate")
	}
	// The key without its certificate is useless, and the other way round, so a key alone is removed again.
	if err := c.writePEM(key, &pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}, 0o600); err != nil {
		return false, err
	}
	if err := c.writePEM(crt, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}, 0o644); err != nil {
		_ = os.Remove(key)
		return false, err
	}
	return true, nil
}

// newCertificate returns a key and a certificate of the form that the incus command makes for a client.
func newCertificate(now time.Time) (key, certificate []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, nil, err
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
	if certificate, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private); err != nil {
		return nil, nil, err
	}
	key, err = x509.MarshalECPrivateKey(private)
	return key, certificate, err
}
