package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A NameList is a list of names that can be read with at most one request, for completion.
type NameList struct {
	// Key identifies the list.
	Key string
	// Server identifies the server that is asked; empty for none.
	Server string
	// Fixed reports whether the list changes only with the server's version.
	Fixed bool
	// Read reads the list. Its request isn't traced.
	Read func(context.Context) ([]Name, error)
}

// A Name is an element of a list of names.
type Name struct {
	Text string
	Kind string // words for the kind of object, or the type of a key
	Of   string // kind of object that a key of configuration belongs to
}

// maxNames bounds the answer to a list of names, in bytes.
const maxNames = 32 << 20

// Names returns the list of the names that a reference in the method's arguments may be. The function given returns the
// value of another argument; nil for an unknown one. The result is nil if the names are unknown without more requests.
func (m *Method) Names(to spec.Reference, given func(arg string) starlark.Value) *NameList {
	p := m.ref
	if client, ok := given("to").(*Client); ok && spec.Find(m.decl.Arguments(), "to") != nil {
		p = ref{client: client, project: client.project, target: client.target}
	}
	if project, ok := given("project").(starlark.String); ok && spec.Find(m.decl.Arguments(), "project") != nil {
		p.project = string(project)
	}
	switch {
	case to == spec.ToItself && !p.sample && p.res != nil:
		if s := p.res.Segment; s != nil && p.res.Lists != spec.Single {
			segment := s.Default
			if name, ok := given(s.Name).(starlark.String); ok {
				segment = string(name)
			}
			return p.item(segment).nameList()
		}
		return p.nameList()
	case to == spec.ToSnapshot && !p.sample && m.obj != nil:
		for _, child := range p.res.Children {
			if child.Name == spec.Snapshots.Name {
				return p.sub(child).nameList()
			}
		}
	case to.Resource() != nil:
		return p.client.names(to, p.project)
	case to == spec.ToExtension:
		return p.client.extensionNames()
	case to == spec.ToRemote:
		return p.client.RemoteNames()
	}
	return nil
}

// Names returns the list of the names of a collection's objects; nil if they are unknown without more requests.
func (c *Collection) Names() *NameList {
	get := c.kind.collection["get"]
	if get == nil {
		return nil
	}
	return (&Method{c.name + ".get", get, c.ref, nil}).Names(spec.ToItself, func(string) starlark.Value { return nil })
}

// NamesOf returns the list of the names that a reference may be, seen from the client's project.
func (c *Client) NamesOf(to spec.Reference) *NameList { return c.names(to, c.project) }

func (c *Client) names(to spec.Reference, project string) *NameList {
	r := to.Resource()
	if r == nil {
		return nil
	}
	p := c.collection(r)
	for _, parent := range spec.Collections {
		if slices.Contains(parent.Children, r) {
			p = c.collection(parent).sub(r)
		}
	}
	if r.Scope != spec.OfServer {
		p.project = project
	}
	return p.nameList()
}

// nameList returns the list of the names of the objects at p, which is a collection, or a segment of one.
func (p ref) nameList() *NameList {
	if p.sample || p.client == nil || p.res.Lists == spec.Elements || p.res.Lists == spec.Single {
		return nil
	}
	query := p.query(spec.List)
	kind := p.res.One()
	collection := p
	if p.res.Segment != nil {
		collection = p.parent()
	}
	return &NameList{
		Key: fmt.Sprintf("%p %s?%s", p.client.conn, p.path, query.Encode()), Server: p.client.server(),
		Read: func(ctx context.Context) ([]Name, error) {
			client, project, err := p.client.conn.client(ctx)
			if err != nil {
				return nil, err
			}
			if p.project == "" && p.res.Scope != spec.OfServer && project != "" {
				query.Set("project", project)
			}
			reply, err := client.Do(ctx, rest.Request{Method: "GET", Path: p.path, Query: query, MaxBytes: maxNames, Aside: true})
			if err != nil {
				return nil, err
			}
			v, err := value.DecodeContext(ctx, reply.Metadata)
			if err != nil {
				return nil, err
			}
			elems, ok := elements(p.res, v, "")
			texts, named := namesIn(collection, elems)
			if !ok || !named {
				return nil, unreadable("GET", p.path, reply, fmt.Errorf("got a %s instead of a list of URLs", v.Type()))
			}
			out := make([]Name, len(texts))
			for i, text := range texts {
				out[i] = Name{Text: text, Kind: kind}
			}
			return out, nil
		},
	}
}

// server identifies the client's server.
func (c *Client) server() string { return fmt.Sprintf("%p", c.conn) }

// read reads a JSON value, in the background of a prompt or in a call, whose trace it isn't in.
func (c *Client) read(ctx context.Context, path string, query url.Values, v any) error {
	client, project, err := c.conn.client(ctx)
	if err != nil {
		return err
	}
	if query != nil && c.project == "" && project != "" {
		query.Set("project", project)
	}
	var reply *rest.Reply
	builtin.In(ctx).Block(func() {
		reply, err = client.Do(ctx, rest.Request{Method: "GET", Path: path, Query: query, MaxBytes: maxNames, Aside: true})
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(reply.Metadata, v)
}

// RunningOperations returns the list of the operations that run on the server, with their descriptions.
func (c *Client) RunningOperations() *NameList {
	query := c.collection(spec.Operations).query(spec.List)
	query.Set("recursion", "1")
	return &NameList{Key: fmt.Sprintf("%p operations?%s", c.conn, query.Encode()), Server: c.server(), Read: func(ctx context.Context) ([]Name, error) {
		var byStatus map[string][]struct {
			ID          string `json:"id"`
			Description string `json:"description"`
			StatusCode  int    `json:"status_code"`
		}
		if err := c.read(ctx, "/1.0/operations", query, &byStatus); err != nil {
			return nil, err
		}
		var out []Name
		for _, group := range byStatus {
			for _, op := range group {
				if op.StatusCode < 200 {
					out = append(out, Name{Text: op.ID, Kind: op.Description})
				}
			}
		}
		return out, nil
	}}
}

// extensionNames returns the list of the server's API extensions.
func (c *Client) extensionNames() *NameList {
	return &NameList{Key: fmt.Sprintf("%p extensions", c.conn), Server: c.server(), Fixed: true, Read: func(ctx context.Context) ([]Name, error) {
		var server struct {
			Extensions []string `json:"api_extensions"`
		}
		if err := c.read(ctx, "/1.0", nil, &server); err != nil {
			return nil, err
		}
		out := make([]Name, len(server.Extensions))
		for i, text := range server.Extensions {
			out[i] = Name{Text: text, Kind: "API extension"}
		}
		return out, nil
	}}
}

// RemoteNames returns the list of the incus command's remotes. It sends nothing.
func (c *Client) RemoteNames() *NameList {
	return &NameList{Key: fmt.Sprintf("%p remotes", c.conn.family), Read: func(ctx context.Context) ([]Name, error) {
		config, err := c.conn.family.remotes(ctx)
		if err != nil {
			return nil, err
		}
		var out []Name
		for _, name := range config.Names() {
			out = append(out, Name{Text: name, Kind: "remote"})
		}
		return out, nil
	}}
}
