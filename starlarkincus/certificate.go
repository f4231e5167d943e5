package starlarkincus

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// certificatePEM encodes a certificate as PEM, the form in which servers return and change it. It also accepts the
// base64 in it.
func certificatePEM(path string, v starlark.Value) (string, error) {
	text, err := value.String(path, v)
	if err != nil {
		return "", err
	}
	var der []byte
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der = block.Bytes
	} else {
		der, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	}
	if err == nil {
		_, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return "", fmt.Errorf("%s: it isn't a certificate as PEM: %w", path, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// bareCertificates reduces the certificates in the body of a create to the base64 of their PEM, which all servers
// accept, and returns the body.
func bareCertificates(r *spec.Resource, body map[string]any) map[string]any {
	for _, f := range r.Fields {
		text, _ := body[f.Name].(string)
		if block, _ := pem.Decode([]byte(text)); block != nil && f.Type == spec.Certificate {
			body[f.Name] = base64.StdEncoding.EncodeToString(block.Bytes)
		}
	}
	return body
}

// rekey updates the path of an object that is named by its certificate's fingerprint, after a change of the
// certificate.
func (o *Object) rekey(body map[string]any) {
	for _, f := range o.ref.res.Fields {
		text, _ := body[f.Name].(string)
		if block, _ := pem.Decode([]byte(text)); block != nil && f.Type == spec.Certificate && o.ref.res.Named == spec.ByServer {
			sum := sha256.Sum256(block.Bytes)
			o.ref = o.ref.parent().item(hex.EncodeToString(sum[:]))
		}
	}
}
