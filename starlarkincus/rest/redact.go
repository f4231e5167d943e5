package rest

import (
	"bytes"
	"encoding/json"
	"net/url"
)

const redacted = "[redacted]"

// secretKeys are the names under which Incus keeps what gives access: an operation's websocket secrets, the tokens of
// certificates, clusters and images, and passwords.
var secretKeys = map[string]bool{
	"fds": true, "secret": true, "secrets": true, "token": true, "trust_token": true, "password": true,
}

// redact replaces secrets in decoded JSON, in place.
func redact(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if secretKeys[key] && inner != nil {
				v[key] = redacted
			} else {
				redact(inner)
			}
		}
	case []any:
		for _, inner := range v {
			redact(inner)
		}
	}
	return value
}

// redactQuery replaces secrets in a query, in place.
func redactQuery(query url.Values) url.Values {
	for key := range query {
		if secretKeys[key] {
			query[key] = []string{redacted}
		}
	}
	return query
}

// decodeObject decodes a JSON object for an error's Response, without secrets; nil where the body isn't one.
func decodeObject(body []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var object map[string]any
	if decoder.Decode(&object) != nil || object == nil {
		return nil
	}
	return redact(object)
}
