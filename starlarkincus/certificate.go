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

// certificatePEM returns a certificate as PEM, which is how servers tell and change one. It takes the base64 in it too.
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

// bareCertificates takes the lines of PEM off certificates in the body of a create, which it returns: all servers take
// the base64 there.
func bareCertificates(r *spec.Resource, body map[string]any) map[string]any {
	for _, f := range r.Fields {
		text, _ := body[f.Name].(string)
		if block, _ := pem.Decode([]byte(text)); block != nil && f.Type == spec.Certificate {
			body[f.Name] = base64.StdEncoding.EncodeToString(block.Bytes)
		}
	}
	return body
}

// rekey follows an object that is named by the fingerprint of its certificate, after a change to another certificate.
func (o *Object) rekey(body map[string]any) {
	for _, f := range o.ref.res.Fields {
		text, _ := body[f.Name].(string)
		if block, _ := pem.Decode([]byte(text)); block != nil && f.Type == spec.Certificate && o.ref.res.Named == spec.ByServer {
			sum := sha256.Sum256(block.Bytes)
			o.ref = o.ref.parent().item(hex.EncodeToString(sum[:]))
		}
	}
}
