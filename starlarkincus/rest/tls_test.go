package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// TestCertificateOfAnotherName checks that the message about a certificate for another name says that pinning ignores names.
func TestCertificateOfAnotherName(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	const note = "; once it is pinned, the name doesn't matter)"
	for name, trusts := range map[string]bool{"trusted": true, "not trusted": false} {
		t.Run(name, func(t *testing.T) {
			c := newTLSFake(t, ours).client(func(c *Config) {
				if trusts {
					c.CA = x509.NewCertPool()
					c.CA.AddCert(ours.Leaf)
				}
			})
			_, err := c.Do(t.Context(), Request{Path: "/1.0"})
			e := asError(t, err)
			var other x509.HostnameError
			if e.Class != errors.TLS || errors.As(err, &other) != strings.HasSuffix(e.Message, note) || trusts && !strings.HasSuffix(e.Message, note) {
				t.Errorf("got %v", e)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	ours, other, elsewhere := newCertificate(t, "incus.example"), newCertificate(t, "incus.example"), newCertificate(t, "elsewhere.example")
	client := newCertificate(t, "client")
	pin := func(c tls.Certificate) func(*Config) {
		return func(config *Config) { config.ServerCertificate = c.Leaf }
	}
	for name, test := range map[string]struct {
		change  func(*Config)
		message string // empty for success
	}{
		"pinned":  {pin(ours), ""},
		"other":   {pin(other), "the certificate of SERVER isn't the one expected: its fingerprint is " + fingerprint(ours.Leaf) + ", expected " + fingerprint(other.Leaf)},
		"renamed": {pin(elsewhere), "the certificate of SERVER isn't the one expected: its fingerprint is " + fingerprint(ours.Leaf) + ", expected " + fingerprint(elsewhere.Leaf)},
		"unknown": {nil, "the certificate of SERVER can't be trusted: its fingerprint is " + fingerprint(ours.Leaf) + ", and none is pinned here (x509: "},
		"unsafe":  {func(c *Config) { c.InsecureSkipVerify = true }, ""},
		"unsafe but pinned": {func(c *Config) { c.InsecureSkipVerify, c.ServerCertificate = true, other.Leaf },
			"the certificate of SERVER isn't the one expected: "},
		"an authority": {func(c *Config) {
			c.CA = x509.NewCertPool()
			c.CA.AddCert(other.Leaf)
			c.ServerCertificate = ours.Leaf
		}, ""},
		"with a certificate": {func(c *Config) { c.ServerCertificate, c.Certificate = ours.Leaf, &client }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTLSFake(t, ours)
			c := f.client(test.change)
			if test.message == "" {
				f.add(step{want: "GET /1.0", body: syncBody("{}"), check: func(t *testing.T, r *http.Request, _ string) {
					sent := len(r.TLS.PeerCertificates) == 1 && r.TLS.PeerCertificates[0].Equal(client.Leaf)
					if sent != (c.config.Certificate != nil) || r.TLS.Version != tls.VersionTLS13 {
						t.Errorf("certificate sent: %v, version: %x", sent, r.TLS.Version)
					}
				}})
			}
			_, err := c.Do(t.Context(), Request{Path: "/1.0"})
			if test.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := strings.ReplaceAll(test.message, "SERVER", f.server.URL)
			if e := asError(t, err); e.Class != errors.TLS || !strings.HasPrefix(e.Message, want) || e.Cause == nil {
				t.Errorf("got  %v\nwant %v", e, want)
			}
		})
	}
}

// TestPin checks that no other certificate is accepted beside a pinned one.
func TestPin(t *testing.T) {
	pin := newCertificate(t, "incus.example")
	expired := signedCertificate(t, "incus.example", -time.Hour, nil)
	authority := newCertificate(t, "authority")
	for name, test := range map[string]struct {
		serves, pin tls.Certificate
		message     string // empty for success
	}{
		"the pin":                         {pin, pin, ""},
		"signed by a trusted authority":   {signedCertificate(t, "127.0.0.1", time.Hour, &authority), pin, "isn't the one expected"},
		"signed by the pin":               {signedCertificate(t, "incus.example", time.Hour, &pin), pin, "isn't the one expected"},
		"a trusted authority's own":       {authority, pin, "isn't the one expected"},
		"the same name and another key":   {newCertificate(t, "incus.example"), pin, "isn't the one expected"},
		"the pin, which has expired":      {expired, expired, "certificate has expired"},
		"another one, the pin is expired": {pin, expired, "isn't the one expected"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTLSFake(t, test.serves)
			if test.message == "" {
				f.add(step{want: "GET /1.0", body: syncBody("{}")})
			}
			// These stand for the authorities of the system.
			roots := x509.NewCertPool()
			root := *authority.Leaf
			root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
			roots.AddCert(&root)
			_, err := f.client(func(c *Config) { c.ServerCertificate, c.CA = test.pin.Leaf, roots }).Do(t.Context(), Request{Path: "/1.0"})
			if test.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			if e.Class != errors.TLS || !strings.Contains(e.Message, test.message) || !strings.Contains(e.Message, fingerprint(test.serves.Leaf)) ||
				!strings.Contains(e.Message, fingerprint(test.pin.Leaf)) {
				t.Error(e)
			}
		})
	}
}

// TestTLSVersion checks that TLS 1.2 is accepted only if the environment allows it.
func TestTLSVersion(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	for _, test := range []struct {
		value   string
		allowed bool
	}{{"", false}, {"false", false}, {"true", true}, {"1", true}} {
		t.Setenv("INCUS_INSECURE_TLS", test.value)
		f := newTLSFake(t, ours)
		f.server.TLS.MaxVersion = tls.VersionTLS12
		if test.allowed {
			f.add(step{want: "GET /1.0", body: syncBody("{}")})
		}
		_, err := f.client(func(c *Config) { c.ServerCertificate = ours.Leaf }).Do(t.Context(), Request{Path: "/1.0"})
		if test.allowed != (err == nil) {
			t.Errorf("%q: %v", test.value, err)
		}
		if err != nil && asError(t, err).Class != errors.TLS {
			t.Error(err)
		}
	}
}
