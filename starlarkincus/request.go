package starlarkincus

import (
	"fmt"
	"net/http"
	"strings"

	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// request sends an arbitrary request.
func request(c *invocation) (starlark.Value, error) {
	method, path := strings.ToUpper(c.args.string("method")), c.args.string("path")
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE":
	default:
		return nil, fmt.Errorf("%s: method: %q is not one of GET, HEAD, POST, PUT, PATCH, DELETE", c.name, c.args.string("method"))
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("%s: path: %q does not begin with a slash, as /1.0/instances does", c.name, path)
	}
	if strings.ContainsAny(path, "?#") {
		return nil, fmt.Errorf("%s: path: %q has a query: give it as query={…}", c.name, path)
	}
	query := c.ref.query(0)
	if c.ref.target != "" {
		query.Set("target", c.ref.target)
	}
	r := rest.Request{Method: method, Path: path, Query: query, Body: c.args.local["body"], MaxBytes: maxList, Header: make(map[string][]string)}
	for name, v := range texts(c.args.local["query"]) {
		r.Query.Set(name, v)
	}
	for name, v := range texts(c.args.local["headers"]) {
		r.Header.Set(name, v)
	}
	out, err := c.ref.submit(c.ctx, r, c.patience())
	if err != nil {
		return nil, err
	}
	return response(r, out)
}

// texts returns the string values of encoded configuration.
func texts(config any) map[string]string {
	out := make(map[string]string)
	m, _ := config.(map[string]any)
	for name, v := range m {
		if s, ok := v.(string); ok {
			out[name] = s
		}
	}
	return out
}

// response returns the result of request.
func response(r rest.Request, out outcome) (starlark.Value, error) {
	metadata, reply := starlark.Value(starlark.None), out.reply
	var err error
	switch {
	case out.going != nil:
		metadata = out.going
	case out.state != nil:
		metadata, err = value.Decode(out.state.Raw)
	case len(reply.Metadata) > 0:
		metadata, err = value.Decode(reply.Metadata)
	}
	if err != nil {
		return nil, unreadable(r.Method, r.Path, reply, err)
	}
	headers := new(starlark.Dict)
	for name := range reply.Header {
		headers.SetKey(starlark.String(http.CanonicalHeaderKey(name)), starlark.String(strings.Join(reply.Header[name], ", ")))
	}
	return starlarkstruct.FromStringDict(starlark.String("Response"), starlark.StringDict{
		"status": starlark.MakeInt(reply.Status), "metadata": metadata, "etag": starlark.String(reply.ETag), "headers": headers,
	}), nil
}
