package starlarkincus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"go.starlark.net/starlark"
)

// startOperation starts an operation that another party completes, and returns it.
func startOperation(c *invocation) (starlark.Value, error) {
	out, err := c.ref.submit(c.ctx, c.request(c.ref, c.decl.HTTP, c.body()), patience{away: true})
	if err == nil && out.going == nil {
		err = unreadable(c.decl.HTTP, c.ref.path, out.reply, fmt.Errorf("got no operation"))
	}
	return out.going, err
}

// token builds the text of a token for the incus command from an operation of the class token: the name of the client,
// the addresses of the server, and the secret.
func token(c *invocation) (starlark.Value, error) {
	for _, f := range c.decl.Args {
		if f.Required && c.args.body[f.Name] == "" { // the token couldn't be revoked by its name
			return nil, fmt.Errorf("%s: %s: the name is empty", c.name, f.Name)
		}
	}
	if err := c.checkProjects(); err != nil {
		return nil, err
	}
	reply, err := c.ref.client.send(c.ctx, c.request(c.ref, c.decl.HTTP, c.body()))
	if err != nil {
		return nil, err
	}
	if w := c.patience(); w.away {
		out, err := c.ref.client.finish(c.ctx, reply, w)
		return out.going, err
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
		return nil, unreadable(c.decl.HTTP, c.ref.path, reply, fmt.Errorf("the operation has no token"))
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
