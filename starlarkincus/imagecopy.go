package starlarkincus

import (
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
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// copyImage implements image.copy.
func copyImage(c *invocation) (starlark.Value, error) {
	to := c.args.client("to")
	_, project, err := to.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	images := to.collection(spec.Images)
	if images.project == "" {
		images.project = project
	}
	aliases, err := c.aliases(images)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any)
	for _, name := range []string{"public", "profiles"} {
		if v := c.args.local[name]; v != nil {
			fields[name] = v
		}
	}
	send := c.pullImage
	switch mode := c.args.string("mode"); mode {
	case "", modePull:
	case modeRelay:
		send = c.relayImage
	default:
		return nil, fmt.Errorf("%s: mode: %q is neither %s nor %s", c.name, mode, modePull, modeRelay)
	}
	if err := aliases.look(); err != nil {
		return nil, err
	}
	o := newObject(images.item(c.obj.key()))
	switch err := o.read(c.ctx); {
	case err == nil: // it is there already; servers would fail to give it the aliases that it has
	case !errors.Is(err, errors.NotFound):
		return nil, err
	default:
		if err := send(images, fields); err != nil {
			return nil, err
		}
		if err := o.read(c.ctx); err != nil {
			return nil, err
		}
	}
	if _, err := o.conform(c.ctx, c.name, fields, patience{}); err != nil {
		return nil, err
	}
	return o, aliases.give(o)
}

// pullImage lets the other server fetch the image.
func (c *invocation) pullImage(images ref, fields map[string]any) error {
	var about serverInfo
	if err := c.ref.client.collection(spec.Server).readInto(c.ctx, nil, &about); err != nil {
		return err
	}
	own, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return err
	}
	addresses := slices.Clone(own.Endpoints())
	for _, address := range about.Environment.Addresses {
		if address = "https://" + address; !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		e := errors.New(errors.State, "the server of the image isn't reachable over the network, because its core.https_address isn't set; mode=\"relay\" sends the image through this client")
		e.Outcome = errors.NotSent
		return e
	}
	source := map[string]any{"type": "image", "mode": "pull", "protocol": "incus", "fingerprint": c.obj.key(), "certificate": about.Environment.Certificate}
	if c.ref.project != "" {
		source["project"] = c.ref.project
	}
	if public, _, _ := c.obj.Get(starlark.String("public")); public != starlark.True {
		secret, offer, err := c.imageSecret()
		if err != nil {
			return err
		}
		source["secret"] = secret
		defer cancelOffer(c.ctx, offer)
	}
	body := maps.Clone(fields)
	body["source"] = source
	var failed []string
	for _, address := range addresses {
		source["server"] = address
		_, err = images.create(c.ctx, body, patience{})
		e := (*errors.Error)(nil)
		if err == nil || !errors.As(err, &e) || e.Class != errors.Operation || c.ctx.Err() != nil {
			return err
		}
		failed = append(failed, address+": "+e.Message)
	}
	if e := (*errors.Error)(nil); len(failed) > 1 && errors.As(err, &e) {
		e.Message = "the image can't be fetched from any address of its server: " + strings.Join(failed, "; ")
	}
	return err
}

// imageSecret returns a secret for one download of the image, and the operation that offers it.
func (c *invocation) imageSecret() (string, *rest.Operation, error) {
	q := rest.Request{Method: "POST", Path: c.ref.join("secret").path, Query: c.ref.query(0)}
	reply, err := c.ref.client.sendAside(c.ctx, q)
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

// cancelOffer ends an offer that may be unused, even while the script is being stopped.
func cancelOffer(ctx context.Context, offer *rest.Operation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	builtin.In(ctx).Block(func() { _ = offer.Cancel(ctx) })
}

// relayImage copies the image through this client, without storing it.
func (c *invocation) relayImage(images ref, fields map[string]any) error {
	if properties, _, _ := c.obj.Get(starlark.String("properties")); properties != nil {
		given, err := value.ToGo(properties)
		if err != nil {
			return err
		}
		fields["properties"] = given // they may have been changed since the file was made
	}
	from, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return err
	}
	other, _, err := images.client.conn.client(c.ctx)
	if err != nil {
		return err
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
		return err
	}
	out, err := images.client.finish(c.ctx, made, patience{})
	switch key := chosenKey(spec.Images, images, made, out.state); {
	case err != nil:
		return err
	case key != c.obj.key():
		e := errors.New(errors.Connection, "the image that came isn't the one with the fingerprint %s: its content has %s", c.obj.key(), key)
		e.Method, e.Path, e.Outcome = q.Method, q.Path, errors.Done
		return e
	}
	return nil
}
