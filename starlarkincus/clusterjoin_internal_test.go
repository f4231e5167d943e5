package starlarkincus

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"incus-star/errors"
)

// TestFollowToken checks that the certificate of the cluster is that of the token, and that the error of another one shows
// both fingerprints, but nothing of the token's secret.
func TestFollowToken(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	address := server.Listener.Addr().String()
	token := func(fingerprint string, addresses ...string) string {
		data, err := json.Marshal(map[string]any{"server_name": "m", "fingerprint": fingerprint, "addresses": addresses, "secret": "s3cretvalue", "expires_at": "0001-01-01T00:00:00Z"})
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(data)
	}
	own := fmt.Sprintf("%x", sha256.Sum256(server.Certificate().Raw))
	if at, certificate, err := followToken(t.Context(), "cluster.join", token(own, "127.0.0.1:1", address)); err != nil || at != address || !strings.HasPrefix(certificate, "-----BEGIN") {
		t.Error(at, certificate, err)
	}
	other := strings.Repeat("0a", 32)
	for _, test := range []struct {
		token   string
		class   *errors.Class
		message string
		hint    string
	}{
		{token(other, address), errors.TLS, fmt.Sprintf("the certificate of %s isn't the one that the token is for: its fingerprint is %s, expected %s", address, own, other), "cluster.members.create_token"},
		{token(own, "127.0.0.1:1"), errors.Connection, "can't reach any of the cluster's addresses: 127.0.0.1:1", "nothing listens there"},
	} {
		_, _, err := followToken(t.Context(), "cluster.join", test.token)
		var e *errors.Error
		if !errors.As(err, &e) || e.Class != test.class || e.Message != test.message || !strings.Contains(e.Hint, test.hint) || e.Outcome != errors.NotSent || strings.Contains(fmt.Sprintf("%v %+v", err, *e), "s3cretvalue") {
			t.Errorf("%#v", err)
		}
	}
}
