package starlarkincus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// localPath checks the path of a local file.
func localPath(path string, v starlark.Value) (any, error) {
	name, ok := starlark.AsString(v)
	switch {
	case !ok:
		return nil, &value.TypeError{Path: path, Got: builtin.Described(v), Want: "string (a path)"}
	case name == "":
		return nil, fmt.Errorf("%s: the path is empty", path)
	case strings.Contains(name, "\x00"):
		return nil, fmt.Errorf("%s: the path has a zero byte", path)
	}
	return name, nil
}

// A sink is a local file that is being written, and the hash of its content.
type sink struct {
	*atomicfile.File
	method, path string
	size         int64
}

// newSink creates a sink for the file at path.
func (c *invocation) newSink(path string) (*sink, error) {
	file, err := atomicfile.Create(path, atomicfile.Mode{Perm: 0o666})
	if err != nil {
		failed := builtin.FileError(c.name, path, err)
		var e *errors.Error
		switch refused := errors.Is(err, atomicfile.ErrNotReplaced); {
		case !errors.As(failed, &e) || e.Hint != "":
		case refused && c.args.has("stdout_file"):
			e.Hint = builtin.StreamPrints
		case refused:
			e.Hint = "name a regular file, or a new one"
		case errors.Is(err, fs.ErrNotExist):
			e.Hint = builtin.MakesFolder(path)
		}
		return nil, failed
	}
	return &sink{File: file, method: c.name, path: path}, nil
}

// Write writes to the file. Its errors contain the final path.
func (s *sink) Write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	s.size += int64(n)
	if err != nil {
		err = builtin.FileError(s.method, s.path, err)
	}
	return n, err
}

// commit gives the file its final name.
func (s *sink) commit() error {
	if err := s.Commit(); err != nil {
		return builtin.FileError(s.method, s.path, err)
	}
	return nil
}

// The number and the size of the buffers of fill.
const (
	fillBuffers = 8
	fillSize    = 128 << 10
)

// fill copies src to the file, and concurrently to a hash. The buffers are filled, because handing a part to another
// goroutine takes as long as copying some ten kilobytes. The hash may lag behind by all of them: else the reader, the hash and
// a server on the same machine often wait for each other.
func (s *sink) fill(h io.Writer, src io.Reader) error {
	free, filled, done := make(chan []byte, fillBuffers), make(chan []byte, fillBuffers), make(chan struct{})
	for range fillBuffers {
		free <- make([]byte, fillSize)
	}
	go func() {
		defer close(done)
		for part := range filled {
			h.Write(part)
			free <- part[:fillSize]
		}
	}()
	defer func() { close(filled); <-done }()
	for {
		buffer, n, err := <-free, 0, error(nil)
		for n < fillSize && err == nil {
			var more int
			more, err = src.Read(buffer[n:])
			n += more
		}
		if n > 0 {
			if _, err := s.Write(buffer[:n]); err != nil {
				return err
			}
		}
		filled <- buffer[:n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// A source is a local file to send.
type source struct {
	*os.File
	method, path string
	size, left   int64 // left is the part of size that wasn't read
}

// newSource opens a local file, which must be a regular one.
func (c *invocation) newSource(path string) (*source, error) {
	file, info, err := input.OpenRegular(os.OpenFile, path)
	if err == nil && info.Size() == 0 {
		file.Close()
		err = errors.Plain("is empty")
	}
	if err != nil {
		return nil, builtin.FileError(c.name, path, err)
	}
	return &source{File: file, method: c.name, path: path, size: info.Size(), left: info.Size()}, nil
}

// Read reads the file. It fails if the size of the file has changed.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.File.Read(p)
	s.left -= int64(n)
	if s.left < 0 || err == io.EOF && s.left > 0 {
		return 0, builtin.FileError(s.method, s.path, errors.Plain("was changed while it was sent"))
	}
	if err != nil && err != io.EOF {
		err = builtin.FileError(s.method, s.path, err)
	}
	return n, err
}

// rewind moves back to the beginning of the file.
func (s *source) rewind() error {
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return builtin.FileError(s.method, s.path, err)
	}
	s.left = s.size
	return nil
}

// sendFile sends a request with the body r, and waits for its operation. Label describes the transfer for its progress.
func (p ref) sendFile(ctx context.Context, q rest.Request, r io.Reader, label string, w patience) (outcome, error) {
	client, _, err := p.client.conn.client(ctx)
	if err != nil {
		return outcome{}, err
	}
	transfer := client.Transfer(label, q.Size)
	defer transfer.Done()
	q.Body = transfer.Reader(r)
	reply, err := p.client.send(ctx, q)
	if err != nil {
		return outcome{}, err
	}
	transfer.Done()
	return p.client.finish(ctx, reply, w)
}

// sendFed is sendFile for a body that a script yields. If the script's side fails, the request is abandoned.
func (p ref) sendFed(ctx context.Context, q rest.Request, supply *feed.Supplier, label string, w patience) (outcome, error) {
	client, _, err := p.client.conn.client(ctx)
	if err != nil {
		return outcome{}, err
	}
	supply.Content = true
	transfer := client.Transfer(label, 0)
	defer transfer.Done()
	q.Body = transfer.Reader(supply.Pipe)
	done := make(chan struct{})
	var reply *rest.Reply
	go func() {
		defer close(done)
		reply, err = client.Do(ctx, q)
	}()
	failed := supply.Serve(ctx, done)
	if failed != nil {
		supply.Pipe.Fail(failed)
	}
	b := builtin.In(ctx)
	b.Block(func() { <-done })
	supply.Pipe.Close()
	if failed != nil && ctx.Err() == nil {
		return outcome{}, unmade(b, q, supply, failed, reply, err)
	}
	took(b, q, reply, err)
	switch {
	case err != nil:
		return outcome{}, err
	}
	transfer.Done()
	return p.client.finish(ctx, reply, w)
}

// unmade returns the error of a body's source with the outcome of the request that it broke. A server makes nothing of a
// body without an end.
func unmade(b *builtin.Binding, q rest.Request, supply *feed.Supplier, failed error, reply *rest.Reply, err error) error {
	var refused *errors.Error
	switch {
	case err == nil: // the server answered without the end
		took(b, q, reply, nil)
	case errors.As(err, &refused) && refused.Outcome == errors.Refused:
		supply.Judge(failed, errors.Refused)
	default:
		supply.Judge(failed, errors.NotSent)
	}
	return failed
}

// sum returns a hash in hexadecimal.
func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// newHash returns the hash of images' fingerprints.
func newHash() hash.Hash { return sha256.New() }
