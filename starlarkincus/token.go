package starlarkincus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"go.starlark.net/starlark"
)

// startOperation starts what only somebody else can bring to its end, and returns the operation.
func startOperation(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	if reply.Operation == nil {
		return nil, unreadable(c.decl.HTTP, c.on.path, reply, fmt.Errorf("got no operation"))
	}
	reply.Operation.Watch()
	return c.on.client.operation(c.thread, reply)
}

// token makes the text that the incus command takes as a token of what the operation of that class tells: who it is
// for, where the server is, and the secret.
func token(c *call) (starlark.Value, error) {
	reply, err := c.do(c.request(c.on, c.decl.HTTP))
	if err != nil {
		return nil, err
	}
	if !c.args.flag("wait", true) {
		_, op, err := c.finish(reply)
		return op, err
	}
	var started struct {
		Metadata struct {
			Secret      string   `json:"secret"`
			Fingerprint string   `json:"fingerprint"`
			Addresses   []string `json:"addresses"`
			ServerName  string   `json:"serverName"`
			ExpiresAt   string   `json:"expiresAt"`
			Request     struct {
				Name string `json:"name"`
			} `json:"request"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(reply.Metadata, &started); err != nil || started.Metadata.Secret == "" {
		return nil, unreadable(c.decl.HTTP, c.on.path, reply, fmt.Errorf("the operation has no token"))
	}
	m := started.Metadata
	if m.ExpiresAt == "" {
		m.ExpiresAt = "0001-01-01T00:00:00Z"
	}
	text := map[string]any{"fingerprint": m.Fingerprint, "addresses": m.Addresses, "secret": m.Secret, "expires_at": m.ExpiresAt}
	if m.ServerName != "" {
		text["server_name"] = m.ServerName
	} else {
		text["client_name"] = m.Request.Name
	}
	data, err := json.Marshal(text)
	return starlark.String(base64.StdEncoding.EncodeToString(data)), err
}
