package rest

import (
	"bytes"
	"encoding/json"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// maxShown is the size of the largest answer that an error keeps as Response, and of the largest body that is searched
// for secrets. It exceeds the server's limit for JSON.
const maxShown = 1 << 20

// decodeObject decodes a JSON object, without secrets, for the Response of an error. It returns nil if the body isn't
// an object, or is too large.
func decodeObject(body []byte) any {
	object, _ := decodeAny(body).(map[string]any)
	if object == nil {
		return nil
	}
	return secret.Hide(object)
}

func decodeAny(body []byte) any {
	if len(body) > maxShown {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	return v
}

// secrets returns the secrets in the request, because the server may repeat them.
func (k *outgoing) secrets() []string {
	list := secret.Values(nil, decodeAny(k.body))
	for _, named := range []map[string][]string{k.url.Query(), k.header} {
		for name, values := range named {
			for _, value := range values {
				list = secret.Values(list, map[string]any{name: value})
				list = secret.Values(list, decodeAny([]byte(value)))
			}
		}
	}
	return list
}

// clean removes secrets from the error of a request: those in the request, and anything that looks like a secret.
func (k *outgoing) clean(err error) error {
	if err == nil {
		return nil
	}
	return clean(err, k.secrets())
}

// Clean removes anything that looks like a secret from an error and the errors that it wraps.
func Clean(err error) error {
	if err == nil {
		return nil
	}
	if e := new(errors.Error); !errors.As(err, &e) {
		if text := err.Error(); secret.Text(text) != text {
			return &cleaned{secret.Text(text), err}
		}
		return err
	}
	return clean(err, nil)
}

// clean removes secrets from an error of this package and the errors that it wraps.
func clean(err error, secrets []string) error {
	remove := func(text string) string { return secret.Text(secret.Remove(text, secrets)) }
	var e *errors.Error
	if !errors.As(err, &e) {
		return err
	}
	for e != nil {
		e.Message = remove(e.Message)
		e.Response = secret.RemoveAll(e.Response, secrets)
		if inner, ok := e.Cause.(*errors.Error); ok {
			e = inner
			continue
		}
		if e.Cause != nil {
			if text := e.Cause.Error(); remove(text) != text {
				e.Cause = &cleaned{remove(text), e.Cause}
			}
		}
		return err
	}
	return err
}

// A cleaned is an error without its secrets. It doesn't unwrap the original, which has them, but matches the same
// errors.
type cleaned struct {
	text string
	err  error
}

func (e *cleaned) Error() string        { return e.text }
func (e *cleaned) Is(target error) bool { return errors.Is(e.err, target) }

// As doesn't expose an *errors.Error, whose message has the secrets.
func (e *cleaned) As(target any) bool {
	if _, ok := target.(**errors.Error); ok {
		return false
	}
	return errors.As(e.err, target)
}
