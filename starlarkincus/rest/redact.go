package rest

import (
	"bytes"
	"encoding/json"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// maxShown is the size of the largest answer that an error keeps as its Response, and of the largest body in which
// secrets are looked for: above what the server takes as JSON.
const maxShown = 1 << 20

// decodeObject decodes a JSON object for an error's Response, without secrets; nil where the body isn't one, or is
// larger than any that tells of a failure.
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

// secrets returns the secrets that the request holds, which the server may repeat.
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

// clean takes secrets out of the error of a request: those that the request sent, and what looks like one.
func (k *outgoing) clean(err error) error {
	if err == nil {
		return nil
	}
	return clean(err, k.secrets())
}

// Clean takes out of an error, and those behind it, what looks like a secret.
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

// clean takes secrets out of an error of this package and of those behind it.
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

// A cleaned error is another without its secrets. It doesn't unwrap, because what is in it has them; but it is what
// that is.
type cleaned struct {
	text string
	err  error
}

func (e *cleaned) Error() string        { return e.text }
func (e *cleaned) Is(target error) bool { return errors.Is(e.err, target) }

// As doesn't give an error of ours away: its message has the secrets.
func (e *cleaned) As(target any) bool {
	if _, ok := target.(**errors.Error); ok {
		return false
	}
	return errors.As(e.err, target)
}
