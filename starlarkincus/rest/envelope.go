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

// An envelope is the outer object of Incus's answers. The fields alias the body.
type envelope struct {
	kind      string // "sync", "async" or "error"
	code      int    // of an error
	message   string // of an error
	operation string // URL of an async answer's operation
	metadata  json.RawMessage
}

// readEnvelope checks the body's syntax and takes the envelope apart, in one pass and without a copy of the
// metadata. An error is about the syntax, the field "type", or a field that the type needs.
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
		// Both are read, because what can be read is still worth telling.
		return e, cmp.Or(fields.decode("error", "a string", &e.message), fields.decode("error_code", "a number", &e.code))
	case "":
		return e, errors.Plain(`the field "type" is missing`)
	default:
		return e, fmt.Errorf("the type %q is unknown", shorten(e.kind, 40))
	}
	return e, nil
}

// A syntaxError says what is wrong with a text, and not which library found it.
type syntaxError struct{ error }

func (e syntaxError) Error() string { return strings.TrimPrefix(e.error.Error(), "jsontext: ") }
func (e syntaxError) Unwrap() error { return e.error }

// fields are the envelope's, those that matter.
type fields map[string]json.RawMessage

// readFields takes the object apart. It lets double names and broken UTF-8 pass, as encoding/json does.
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
			found[name] = body[end-int64(len(raw)) : end : end] // no copy: lists are large
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

// kind names what a value is that begins with a byte. The value itself may be a secret.
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

// decode reads one field; a missing one stays as it is.
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
