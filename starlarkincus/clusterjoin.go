package starlarkincus

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	enchex "encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// join adds a server to a cluster. Without the address and the certificate of the cluster, the server would form a
// cluster of its own. A token holds the addresses, and a fingerprint to verify the certificate.
func join(c *invocation) (starlark.Value, error) {
	body := c.body()
	text, _ := body["cluster_token"].(string)
	if text == "" && (body["cluster_address"] == nil || body["cluster_certificate"] == nil) {
		return nil, fmt.Errorf("%s: say which cluster: cluster_token=, or cluster_address= and cluster_certificate=", c.name)
	}
	if text != "" {
		address, certificate, err := followToken(c.ctx, c.name, text)
		if err != nil {
			return nil, err
		}
		if body["cluster_address"] == nil {
			body["cluster_address"] = address
		}
		if body["cluster_certificate"] == nil {
			body["cluster_certificate"] = certificate
		}
	}
	return c.act(body)
}

// followToken returns the address and the certificate, as PEM, of the cluster that issued a token.
func followToken(ctx context.Context, method, text string) (address, certificate string, err error) {
	var token struct {
		Fingerprint string   `json:"fingerprint"`
		Addresses   []string `json:"addresses"`
		Secret      string   `json:"secret"`
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || json.Unmarshal(data, &token) != nil || token.Secret == "" || len(token.Addresses) == 0 {
		return "", "", fmt.Errorf("%s: cluster_token: that is no token of members.create_token", method)
	}
	var failed error
	for _, address := range token.Addresses {
		var der []byte
		builtin.In(ctx).Block(func() { der, failed = serverCertificate(ctx, address) })
		if failed != nil {
			continue
		}
		if sum := sha256.Sum256(der); enchex.EncodeToString(sum[:]) != strings.ToLower(token.Fingerprint) {
			return "", "", &errors.Error{Class: errors.TLS, Outcome: errors.NotSent,
				Message: fmt.Sprintf("the certificate of %s isn't the one that the token is for: its fingerprint is %x, expected %s", address, sum, strings.ToLower(token.Fingerprint)),
				Hint:    "if the cluster has a new certificate, cluster.members.create_token makes a token for it; if not, another server answers there"}
		}
		return address, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
	}
	return "", "", &errors.Error{Class: errors.OfTransport(failed), Message: fmt.Sprintf("can't reach any of the cluster's addresses: %s", strings.Join(token.Addresses, ", ")),
		Cause: failed, Hint: errors.Hint(failed, false), Outcome: errors.NotSent}
}

// greetTimeout bounds the request for one address's certificate.
const greetTimeout = 10 * time.Second

// serverCertificate returns the certificate that a server presents, unverified.
func serverCertificate(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw, nil
}
