package starlarkincus

import (
	"cmp"
	"net/url"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// checkProjects returns an error if a project in the body isn't there, because servers make a token for any.
func (c *invocation) checkProjects() error {
	wanted, _ := c.args.body["projects"].([]string)
	if len(wanted) == 0 {
		return nil
	}
	there, err := c.ref.client.collection(spec.Projects).keys(c.ctx)
	if err != nil {
		return err
	}
	for _, name := range wanted {
		if slices.Contains(there, name) {
			continue
		}
		near := ""
		if other := errors.Nearest(name, there); other != "" {
			near = " (did you mean " + other + "?)"
		}
		e := errors.New(errors.NotFound, "%s: projects: there is no project %s%s", c.name, name, near)
		e.Object, e.Outcome = &errors.Object{Kind: "project", Name: name}, errors.NotSent
		return e
	}
	return nil
}

// A tokenOperation is an operation that lasts until its token is used.
type tokenOperation struct {
	ID        string `json:"id"`
	Class     string `json:"class"`
	Status    int    `json:"status_code"`
	CreatedAt string `json:"created_at"`
	Metadata  struct {
		ServerName string `json:"serverName"` // of a token for a member of the cluster
		ExpiresAt  string `json:"expiresAt"`
		Request    *struct {
			Name       string   `json:"name"`
			Restricted bool     `json:"restricted"`
			Projects   []string `json:"projects"`
		} `json:"request"` // of a token for a client
	} `json:"metadata"`
}

// statusRunning is the code of an operation that hasn't ended.
const statusRunning = 103

// openTokens returns the operations of the tokens for clients or for members. Servers make them in the project default.
func (c *invocation) openTokens() ([]tokenOperation, error) {
	var byStatus map[string][]tokenOperation
	operations := c.ref.client.collection(spec.Operations)
	if err := operations.readInto(c.ctx, url.Values{"recursion": {"1"}}, &byStatus); err != nil {
		return nil, err
	}
	var out []tokenOperation
	for _, all := range byStatus {
		for _, op := range all {
			ours := op.Metadata.ServerName != ""
			if c.ref.res == spec.Certificates {
				ours = op.Metadata.Request != nil && op.Metadata.Request.Name != ""
			}
			if ours && op.Class == "token" && op.Status == statusRunning {
				out = append(out, op)
			}
		}
	}
	slices.SortFunc(out, func(a, b tokenOperation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// name returns the name of the newcomer that a token is for.
func (op *tokenOperation) name() string {
	if op.Metadata.Request != nil {
		return op.Metadata.Request.Name
	}
	return op.Metadata.ServerName
}

// listTokens returns the open tokens without their secrets.
func listTokens(c *invocation) (starlark.Value, error) {
	open, err := c.openTokens()
	if err != nil {
		return nil, err
	}
	out := make([]starlark.Value, len(open))
	for i, op := range open {
		fields := starlark.StringDict{"name": starlark.String(op.name()), "restricted": starlark.None, "projects": starlark.None,
			"created_at": starlark.String(op.CreatedAt), "expires_at": starlark.None}
		if r := op.Metadata.Request; r != nil {
			projects := stringList(r.Projects)
			projects.Freeze()
			fields["restricted"], fields["projects"] = starlark.Bool(r.Restricted), projects
		}
		if at := op.Metadata.ExpiresAt; at != "" && at != zeroTime {
			fields["expires_at"] = starlark.String(at)
		}
		out[i] = starlarkstruct.FromStringDict(starlark.String("Token"), fields)
	}
	return starlark.NewList(out), nil
}

// revokeTokens ends the operations of the open tokens of a name.
func revokeTokens(c *invocation) (starlark.Value, error) {
	open, err := c.openTokens()
	if err != nil {
		return nil, err
	}
	name, revoked := c.args.string("name"), 0
	for _, op := range open {
		if op.name() != name {
			continue
		}
		operation := c.ref.client.collection(spec.Operations).item(op.ID)
		_, err := c.ref.client.send(c.ctx, rest.Request{Method: "DELETE", Path: operation.path})
		if err != nil && !errors.Is(err, errors.NotFound) { // it may be used, or expire, meanwhile
			return nil, err
		}
		if err == nil {
			revoked++
		}
	}
	if revoked == 0 {
		e := errors.New(errors.NotFound, "%s: there is no open token for %s", c.name, name)
		e.Object, e.Outcome = &errors.Object{Kind: "token", Name: name}, errors.Refused
		return nil, e
	}
	return starlark.None, nil
}
