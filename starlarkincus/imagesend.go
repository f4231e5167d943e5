package starlarkincus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// offered returns the image as a source for another server, without the address, and the addresses to try.
func (c *invocation) offered() (source map[string]any, addresses []string, err error) {
	own, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return nil, nil, err
	}
	source = map[string]any{"type": "image", "mode": "pull", "protocol": "incus", "fingerprint": c.obj.key(), "certificate": certificateText(own.ServerCertificate())}
	if server := imageServer(own); server != nil {
		source["protocol"], addresses = remote.SimpleStreams, []string{server.URL}
	} else {
		var about serverInfo
		if about, addresses, err = c.ref.client.reachable(c.ctx, own); err != nil {
			return nil, nil, err
		}
		if len(addresses) == 0 {
			return nil, nil, notListening("the server of the image")
		}
		if about.Environment.Certificate != "" { // servers don't tell it to unknown clients
			source["certificate"] = about.Environment.Certificate
		}
		if c.ref.project != "" {
			source["project"] = c.ref.project
		}
	}
	if source["certificate"] == "" {
		delete(source, "certificate")
	}
	return source, addresses, nil
}

// reachable returns the server's description of itself, and its addresses as URLs, those of the connection first.
func (c *Client) reachable(ctx context.Context, own *rest.Client) (about serverInfo, addresses []string, err error) {
	if err := c.collection(spec.Server).readInto(ctx, nil, &about); err != nil {
		return about, nil, err
	}
	addresses = slices.Clone(own.Endpoints())
	for _, address := range about.Environment.Addresses {
		if address = "https://" + address; !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return about, addresses, nil
}

// notListening returns the error for a server without an address.
func notListening(server string) error {
	e := errors.New(errors.State, "%s isn't reachable over the network, because its core.https_address isn't set; mode=\"relay\" sends the image through this client", server)
	e.Outcome = errors.NotSent
	return e
}

// pullImage lets the other server fetch the image, and returns its fingerprint there, if the server tells it.
func (c *invocation) pullImage(images ref, fields map[string]any) (string, error) {
	source, addresses, err := c.offered()
	if err != nil {
		return "", err
	}
	public, _, _ := c.obj.Get(starlark.String("public"))
	if fields["auto_update"] == true {
		alias := c.updatedAlias()
		if alias == "" || public != starlark.True {
			e := errors.New(errors.State, "auto_update=True needs a public image with an alias, by which the other server finds newer ones")
			e.Outcome = errors.NotSent
			return "", e
		}
		delete(source, "fingerprint")
		source["alias"], source["image_type"] = alias, c.obj.string("type")
	}
	if public != starlark.True {
		secret, offer, err := c.imageSecret()
		if err != nil {
			return "", err
		}
		source["secret"] = secret
		defer cancelOffer(c.ctx, offer)
	}
	body := maps.Clone(fields)
	body["source"] = source
	var made outcome
	err = tryEach(c.ctx, addresses, "the image can't be fetched from any address of its server", func(address string) error {
		source["server"] = address
		made, err = images.create(c.ctx, body, patience{})
		return err
	})
	if err != nil {
		return "", err
	}
	return chosenKey(spec.Images, images, made.reply, made.state), nil
}

// updatedAlias returns an alias of the image; empty if it has none.
func (c *invocation) updatedAlias() string {
	list, _, _ := c.obj.Get(starlark.String("aliases"))
	aliases, err := value.ToGo(cmp.Or[starlark.Value](list, starlark.None))
	if err != nil {
		return ""
	}
	all, _ := aliases.([]any)
	for _, alias := range all {
		if name, _ := mapOf(alias)["name"].(string); name != "" {
			return name
		}
	}
	return ""
}

// tryEach calls try with each address until it succeeds. A failure of the server's operation, whose reason may be the
// address, is no reason to stop.
func tryEach(ctx context.Context, addresses []string, failure string, try func(address string) error) (err error) {
	var failed []string
	for _, address := range addresses {
		e := (*errors.Error)(nil)
		if err = try(address); err == nil || !errors.As(err, &e) || e.Class != errors.Operation || ctx.Err() != nil {
			return err
		}
		failed = append(failed, address+": "+e.Message)
	}
	if e := (*errors.Error)(nil); len(failed) > 1 && errors.As(err, &e) {
		e.Message = failure + ": " + strings.Join(failed, "; ")
	}
	return err
}

// pushImage lets the image's server send the image to the other.
func (c *invocation) pushImage(images ref, fields map[string]any) (string, error) {
	own, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return "", err
	}
	other, _, err := images.client.conn.client(c.ctx)
	if err != nil {
		return "", err
	}
	if imageServer(own) != nil {
		return "", fmt.Errorf("%s: mode: an image server sends nothing: use %q or %q", c.name, modePull, modeRelay)
	}
	about, addresses, err := images.client.reachable(c.ctx, other)
	switch {
	case err != nil:
		return "", err
	case len(addresses) == 0:
		return "", notListening("the other server")
	}
	if err := c.keepFields(fields); err != nil {
		return "", err
	}
	expected := maps.Clone(fields)
	expected["source"] = map[string]any{"type": "image", "mode": "push", "fingerprint": c.obj.key()}
	secret, offer, err := c.offer(images, rest.Request{Method: "POST", Path: images.path, Query: images.query(spec.New), Body: expected})
	if err != nil {
		return "", err
	}
	defer cancelOffer(c.ctx, offer)
	body := map[string]any{"secret": secret, "certificate": cmp.Or(about.Environment.Certificate, certificateText(other.ServerCertificate()))}
	if images.project != "" {
		body["project"] = images.project
	}
	if profiles := fields["profiles"]; profiles != nil {
		body["profiles"] = profiles
	}
	return "", tryEach(c.ctx, addresses, "the image can't be sent to any address of the other server", func(address string) error {
		body["target"] = address
		_, err := c.ref.act(c.ctx, "POST", "export", body, patience{})
		return err
	})
}

// keepFields adds the image's fields that its file may lack or have otherwise.
func (c *invocation) keepFields(fields map[string]any) error {
	for _, name := range []string{"properties", "expires_at"} {
		v, _, err := c.obj.Get(starlark.String(name))
		if err != nil {
			return err
		}
		if v == nil || v == starlark.None { // an unset time
			continue
		}
		if fields[name], err = value.ToGo(v); err != nil {
			return err
		}
	}
	return nil
}

// imageSecret returns a secret for one download of the image, and the operation that offers it.
func (c *invocation) imageSecret() (string, *rest.Operation, error) {
	return c.offer(c.ref, rest.Request{Method: "POST", Path: c.ref.join("secret").path, Query: c.ref.query(0)})
}

// offer sends a request whose operation has a secret, and returns both. If the script is stopped meanwhile, its end cancels
// the operation.
func (c *invocation) offer(r ref, q rest.Request) (string, *rest.Operation, error) {
	part := new(rest.Part)
	release := builtin.Of(c.thread).Keep(func(ctx context.Context) { part.Settle(ctx) })
	reply, err := r.client.sendAside(part.Track(c.ctx), q)
	if c.ctx.Err() == nil {
		release()
	}
	if err != nil {
		return "", nil, err
	}
	var offered struct {
		Metadata struct {
			Secret string `json:"secret"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(reply.Metadata, &offered); err != nil || reply.Operation == nil || offered.Metadata.Secret == "" {
		return "", nil, unreadable(q.Method, q.Path, reply, err)
	}
	return offered.Metadata.Secret, reply.Operation, nil
}

// cancelOffer ends an offer that may be unused, even while the script is being stopped. A lost request is repeated.
func cancelOffer(ctx context.Context, offer *rest.Operation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	builtin.In(ctx).Block(func() {
		undo(ctx, func() (over bool, err error) {
			err = offer.Cancel(ctx)
			return !away(err), err
		})
	})
}

// relayImage copies the image through this client, without storing it.
func (c *invocation) relayImage(images ref, fields map[string]any) (string, error) {
	if err := c.keepFields(fields); err != nil {
		return "", err
	}
	from, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return "", err
	}
	other, _, err := images.client.conn.client(c.ctx)
	if err != nil {
		return "", err
	}
	q := rest.Request{Method: "POST", Path: images.path, Query: images.query(spec.New), Header: make(map[string][]string)}
	if name := c.obj.string("filename"); name != "" {
		q.Header.Set("X-Incus-filename", name)
	}
	var made *rest.Reply
	b := builtin.In(c.ctx)
	b.Block(func() {
		var body io.ReadCloser
		var reply *rest.Reply
		if body, reply, err = from.Open(c.ctx, rest.Request{Path: c.ref.join("export").path, Query: c.ref.query(spec.Get)}); err != nil {
			return
		}
		defer body.Close()
		transfer := from.Transfer("Copying image "+c.imageName(), reply.Size)
		defer transfer.Done()
		q.Size = max(reply.Size, 0)
		q.Header.Set("Content-Type", reply.Header.Get("Content-Type"))
		q.Body = transfer.Reader(body)
		made, err = other.Do(c.ctx, q)
	})
	took(b, q, made, err)
	if err != nil {
		return "", err
	}
	out, err := images.client.finish(c.ctx, made, patience{})
	switch key := chosenKey(spec.Images, images, made, out.state); {
	case err != nil:
		return "", err
	case key != c.obj.key():
		e := errors.New(errors.Connection, "the image that came isn't the one with the fingerprint %s: its content has %s", c.obj.key(), key)
		return "", c.withoutWrong(images, key, e, q)
	}
	return "", nil
}

// withoutWrong deletes an image that this call made from the wrong content, and returns the error with the outcome.
func (c *invocation) withoutWrong(images ref, made string, e *errors.Error, q rest.Request) error {
	left := error(nil)
	if made != "" {
		_, left = images.item(made).remove(c.ctx, patience{})
	}
	e.Method, e.Path, e.Cause, e.Outcome = q.Method, q.Path, left, errors.Refused
	if made == "" || left != nil && !errors.Is(left, errors.NotFound) {
		e.Outcome = errors.Unknown
		e.Message += "; the wrong image may be left"
	}
	c.due = dueChanges{} // nothing follows
	return e
}
