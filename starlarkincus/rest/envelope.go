package rest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"incus-star/errors"

	"github.com/go-json-experiment/json/jsontext"
)

// An envelope is the outer object of an answer of Incus. Its fields alias the body.
type envelope struct {
	kind      string // "sync", "async" or "error"
	code      int    // of an error
	message   string // of an error
	operation string // URL of an async answer's operation
	metadata  json.RawMessage
}

// readEnvelope checks the syntax of the body and decodes the envelope, in one pass and without copying the metadata. It
// returns an error for the syntax, the field "type", or a field required by the type.
func readEnvelope(body []byte) (envelope, error) {
	var e envelope
	fields, err := readFields(body)
	if err != nil {
		return e, syntaxError{err}
	}
	e.metadata = fields["metadata"]
	if err := fields.decode("type", "a string", &e.kind); err != nil {
		return e, err
	}
	switch e.kind {
	case "sync":
	case "async":
		return e, fields.decode("operation", "a string", &e.operation)
	case "error":
		// Read both, because a readable one is useful even if the other is invalid.
		return e, cmp.Or(fields.decode("error", "a string", &e.message), fields.decode("error_code", "a number", &e.code))
	case "":
		return e, errors.Plain(`the field "type" is missing`)
	default:
		return e, fmt.Errorf("the type %q is unknown", shorten(e.kind, 40))
	}
	return e, nil
}

// A syntaxError is an error in JSON, without the name of the JSON library.
type syntaxError struct{ error }

func (e syntaxError) Error() string { return strings.TrimPrefix(e.error.Error(), "jsontext: ") }
func (e syntaxError) Unwrap() error { return e.error }

// fields are the used fields of an envelope.
type fields map[string]json.RawMessage

// readFields decodes the object. Like encoding/json, it accepts duplicate names and invalid UTF-8.
func readFields(body []byte) (fields, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		raw, err := d.ReadValue()
		switch {
		case err == io.EOF:
			return nil, errors.Plain("the body is empty")
		case err != nil:
			return nil, err
		}
		return nil, fmt.Errorf("the body is %s, not an object", kind(raw[0]))
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	found := make(fields, 5)
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := key.String()
		raw, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		switch name {
		case "type", "error", "error_code", "operation", "metadata":
			end := d.InputOffset()
			found[name] = body[end-int64(len(raw)) : end : end] // not copied, because lists are large
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	if rest := bytes.TrimLeft(body[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, fmt.Errorf("more after the object (byte %d)", len(body)-len(rest))
	}
	return found, nil
}

// kind returns the kind of a JSON value from its first byte. Errors name the kind, because the value may be secret.
func kind(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// decode decodes one field. It leaves v unchanged if the field is missing.
func (f fields) decode(name, want string, to any) error {
	raw, ok := f[name]
	if !ok {
		return nil
	}
	if json.Unmarshal(raw, to) != nil {
		return fmt.Errorf("the field %q is %s, not %s", name, kind(raw[0]), want)
	}
	return nil
}
