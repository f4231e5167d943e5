package starlarkincus

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// A download is the body of an answer while it is read.
type download struct {
	body   io.ReadCloser
	reply  *rest.Reply
	client *rest.Client
	cancel context.CancelCauseFunc // ends a read that waits
}

// open sends a GET and returns the body of the answer, which the caller must close. The context ends only the wait for the
// answer.
func (c *Client) open(ctx context.Context, r rest.Request) (*download, error) {
	return c.openWith(ctx, func(ctx context.Context, client *rest.Client) (io.ReadCloser, *rest.Reply, error) {
		return client.Open(ctx, r)
	})
}

// openWith is open with a function that sends the request.
func (c *Client) openWith(ctx context.Context, open func(context.Context, *rest.Client) (io.ReadCloser, *rest.Reply, error)) (*download, error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, err
	}
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	d := &download{client: client, cancel: cancel}
	stop := d.until(ctx)
	builtin.In(ctx).Block(func() { d.body, d.reply, err = open(own, client) })
	stop()
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return d, nil
}

// until makes the end of a context end the download, until stop is called.
func (d *download) until(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { d.cancel(context.Cause(ctx)) })
}

// transfer begins to show the progress of the download. Label describes it.
func (d *download) transfer(label string) (io.Reader, *rest.Transfer) {
	t := d.client.Transfer(label, d.reply.Size)
	return t.Reader(d.body), t
}

func (d *download) close() {
	d.cancel(nil)
	d.body.Close()
}

// save calls fn with the download, and closes it, while other threads run.
func (d *download) save(ctx context.Context, label string, fn func(body io.Reader, reply *rest.Reply) error) (err error) {
	builtin.In(ctx).Block(func() {
		defer d.until(ctx)()
		defer d.close()
		r, transfer := d.transfer(label)
		defer transfer.Done()
		err = fn(r, d.reply)
	})
	return err
}

// fetch opens a download and calls save with it, while other threads run.
func (c *Client) fetch(ctx context.Context, r rest.Request, label string, save func(body io.Reader, reply *rest.Reply) error) error {
	d, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	return d.save(ctx, label, save)
}

// The part of a stream is at least minPart long, except the last one, so as not to run the script's side for a few bytes.
const (
	minPart = 64 << 10
	maxPart = 128 << 10
)

// An exportStream is a backup or an image while a script reads it.
type exportStream struct {
	builtin.OneReader
	c       *invocation
	down    *download
	label   string        // of the transfer
	backup  *backupExport // nil for an image
	from    io.Reader     // nil before the first read, like shown
	shown   *rest.Transfer
	over    atomic.Bool // whether it was ended before its end
	hash    hash.Hash
	size    int64
	buffer  []byte
	whole   bool // it was read to its end, and is right
	closed  bool
	release func()
}

var (
	_ builtin.Stream    = (*exportStream)(nil)
	_ starlark.HasAttrs = (*exportStream)(nil)
)

// newStream returns the stream of a download. Label describes it for its progress, which is shown while it is read. The
// end of the script, or of the prompt's session, closes it.
func (c *invocation) newStream(down *download, label string, backup *backupExport) *exportStream {
	s := &exportStream{c: c, down: down, label: label, backup: backup, hash: newHash(), buffer: make([]byte, maxPart)}
	s.release = builtin.Of(c.thread).Keep(func(context.Context) {
		s.over.Store(true)
		down.close()
	})
	return s
}

func (s *exportStream) String() string        { return "<stream of " + s.c.subject() + ">" }
func (s *exportStream) Type() string          { return "stream" }
func (s *exportStream) Freeze()               {}
func (s *exportStream) Truth() starlark.Bool  { return true }
func (s *exportStream) Hash() (uint32, error) { return 0, builtin.Unhashable(s) }

// Iterate returns the only iterator.
func (s *exportStream) Iterate() starlark.Iterator {
	return builtin.Iterate(s, builtin.Of(s.c.thread))
}

// AttrNames returns the names of the attributes, which are None before the stream's end.
func (s *exportStream) AttrNames() []string { return StreamAttrs[s.Type()] }

// StreamAttrs lists the attributes of streams by their types.
var StreamAttrs = map[string][]string{"stream": {"sha256", "size"}}

// Attr returns an attribute.
func (s *exportStream) Attr(name string) (starlark.Value, error) {
	switch {
	case name != "sha256" && name != "size":
		return nil, nil
	case !s.whole:
		return starlark.None, nil
	case name == "size":
		return starlark.MakeInt64(s.size), nil
	}
	return starlark.String(sum(s.hash)), nil
}

// Read returns the next part. At the end it checks that a backup is whole, and an image's fingerprint; the length was checked
// by the transport.
func (s *exportStream) Read(ctx context.Context) ([]byte, error) {
	if s.whole {
		return nil, io.EOF
	}
	if s.closed {
		return nil, errors.Plain("this stream is closed")
	}
	if s.from == nil {
		s.from, s.shown = s.down.transfer(s.label)
	}
	var n int
	var err error
	builtin.In(ctx).Block(func() {
		defer s.down.until(ctx)()
		n, err = io.ReadAtLeast(s.from, s.buffer, minPart)
		s.hash.Write(s.buffer[:n])
		if s.backup == nil {
			return
		}
		s.backup.Write(s.buffer[:n])
		switch {
		case err == io.EOF:
			if failed := s.backup.whole(ctx, nil); failed != nil {
				err = failed
			}
		case err != nil && err != io.ErrUnexpectedEOF && !s.over.Load():
			err = s.backup.whole(ctx, err)
		}
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && s.over.Load():
		return nil, builtin.StreamOver()
	case n > 0 && (err == nil || err == io.ErrUnexpectedEOF):
		s.size += int64(n)
		return s.buffer[:n], nil
	case err == io.EOF && s.backup == nil:
		if err := s.c.checkImage(sum(s.hash), s.down.reply); err != nil {
			return nil, s.judged(err)
		}
	case err != io.EOF:
		return nil, s.judged(err)
	default:
		if err := s.backup.sentUnchanged(ctx); err != nil {
			return nil, s.judged(err)
		}
	}
	s.whole = true
	return nil, io.EOF
}

// judged returns an error as one of the method that made the stream.
func (s *exportStream) judged(err error) error {
	return rest.Clean(s.c.judge(*builtin.Of(s.c.thread).Changes, err))
}

// Close ends the download, and deletes the backup on the server.
func (s *exportStream) Close(ctx context.Context, failure error) error {
	if s.closed {
		return failure
	}
	s.closed = true
	s.down.close()
	s.shown.Done()
	s.release()
	if s.backup == nil {
		return failure
	}
	return rest.Clean(s.backup.end(ctx, "was read", failure))
}

// streamBackup implements export_stream of instances, volumes and buckets.
func streamBackup(c *invocation) (starlark.Value, error) {
	x, down, err := c.beginExport()
	switch {
	case x == nil:
		return nil, err
	case err != nil:
		return nil, x.end(c.ctx, "", err)
	}
	return c.newStream(down, "Exporting "+x.subject(), x), nil
}

// streamImage implements export_stream of images.
func streamImage(c *invocation) (starlark.Value, error) {
	request := c.request(c.ref, "GET", nil)
	down, err := c.ref.client.open(c.ctx, request)
	if err != nil {
		return nil, err
	}
	if kind := mediaType(down.reply); kind == "multipart/form-data" {
		down.close()
		return nil, errors.New(errors.Base, "%s: image %s consists of two files, and is no single stream: export(path) saves both", c.name, c.imageName())
	}
	return c.newStream(down, "Exporting image "+c.imageName(), nil), nil
}

// checkImage compares the hash of an image's content with its fingerprint.
func (c *invocation) checkImage(got string, reply *rest.Reply) error {
	if want := c.obj.key(); got != want && reply.Header.Get("X-Incus-Type") != "oci" {
		return &errors.Error{Class: errors.Connection, Method: "GET", Path: c.ref.join("export").path,
			Message: fmt.Sprintf("the image that came isn't the one with the fingerprint %s: its content has %s", want, got)}
	}
	return nil
}
