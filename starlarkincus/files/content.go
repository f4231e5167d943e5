package files

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
)

// buffers holds buffers of the size of a packet.
var buffers = sync.Pool{New: func() any { return new([packetSize]byte) }}

// errEnd is the end of a file before the size that the server lists.
var errEnd = errors.Plain("the file is shorter")

// parts calls do for each part of the size, several at a time, with a buffer of the part's length. It begins no further
// part after do returned errEnd, because servers may list any size.
func parts(ctx context.Context, size int64, do func(part []byte, at int64) error) error {
	var ended atomic.Bool
	one := func(at int64) error {
		buffer := buffers.Get().(*[packetSize]byte)
		defer buffers.Put(buffer)
		err := do(buffer[:min(size-at, packetSize)], at)
		if err == errEnd {
			ended.Store(true)
			return nil
		}
		return err
	}
	if size <= packetSize {
		if size == 0 {
			return nil
		}
		return one(0)
	}
	g := newGroup(ctx, chunks)
	for at := int64(0); at < size && !ended.Load(); at += packetSize {
		if !g.start(func(context.Context) error { return one(at) }) {
			break
		}
	}
	return g.wait()
}

// open opens a regular file for reading. Opening any other file could block the connection.
func (c *Call) open(path string) (*sftp.File, Info, error) {
	info, err := c.Stat(path, true)
	if err != nil {
		return nil, info, err
	}
	if !info.isRegular() {
		return nil, info, notA(path, info, "file")
	}
	f, err := c.openRegular(path)
	return f, info, err
}

func (c *Call) openRegular(path string) (f *sftp.File, err error) {
	err = c.ask(path, func(client *sftp.Client) error {
		f, err = client.OpenFile(path, os.O_RDONLY)
		return err
	})
	return f, err
}

// notA returns the error for a file of a type other than due.
func notA(path string, info Info, due string) error {
	if info.isDir() && due == "file" {
		return errors.NewFile(path, 0, "is a directory")
	}
	return &errors.Error{Class: errors.BadRequest, Message: path + " is a " + input.Kind(info.Mode) + ", not a " + due, Object: &errors.Object{Kind: "file", Name: path}}
}

// download copies the content of a remote file of the given size, and returns the size of the copy. It is smaller if
// the file has become shorter, and larger for a given size of 0 if the content is generated when it is read, as in
// /proc.
func (c *Call) download(ctx context.Context, f *sftp.File, size int64, to io.WriterAt) (int64, error) {
	read := func(part []byte, at int64) (int, error) {
		n, err := c.readPart(f, part, at)
		if err == nil && n > 0 {
			_, err = to.WriteAt(part[:n], at)
			c.count(n)
		}
		return n, err
	}
	if size == 0 { // or unknown, as in /proc
		buffer := buffers.Get().(*[packetSize]byte)
		defer buffers.Put(buffer)
		for {
			n, err := read(buffer[:], size)
			if size += int64(n); err != nil || n < packetSize {
				return size, err
			}
		}
	}
	var mu sync.Mutex
	end := size
	err := parts(ctx, size, func(part []byte, at int64) error {
		n, err := read(part, at)
		if err == nil && n < len(part) {
			mu.Lock()
			defer mu.Unlock()
			end = min(end, at+int64(n))
			return errEnd
		}
		return err
	})
	return end, err
}

// readPart reads a part of a remote file, less at its end.
func (c *Call) readPart(f *sftp.File, part []byte, at int64) (n int, err error) {
	err = c.ask(f.Name(), func(*sftp.Client) (err error) {
		if n, err = f.ReadAt(part, at); err == io.EOF {
			return nil
		}
		return err
	})
	return n, err
}

// upload writes the source's content to a new remote file.
func (c *Call) upload(ctx context.Context, f *sftp.File, from source) error {
	return parts(ctx, from.size, func(part []byte, at int64) error {
		if err := from.read(part, at); err != nil {
			return err
		}
		err := c.change(f.Name(), func(*sftp.Client) error {
			_, err := f.WriteAt(part, at)
			return err
		})
		if err == nil {
			c.count(len(part))
		}
		return err
	})
}

// errDiffers stops a comparison at the first difference.
var errDiffers = errors.Plain("the contents differ")

// same reports whether the remote file at path, of the source's size, has the source's content.
func (c *Call) same(ctx context.Context, path string, from source) (bool, error) {
	if from.size == 0 {
		return true, nil
	}
	f, err := c.openRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var equal atomic.Int64
	err = parts(ctx, from.size, func(part []byte, at int64) error {
		if err := from.read(part, at); err != nil {
			return err
		}
		there := buffers.Get().(*[packetSize]byte)
		defer buffers.Put(there)
		n, err := c.readPart(f, there[:len(part)], at)
		if err == nil && !bytes.Equal(there[:n], part) {
			return errDiffers
		}
		equal.Add(int64(n))
		c.count(n)
		return err
	})
	if errors.Is(err, errDiffers) {
		c.count(-int(equal.Load())) // they will be written
		return false, nil
	}
	return err == nil, err
}

// A source is the content and the attributes of a file to write.
type source struct {
	io.ReaderAt
	local string // path; empty for none
	size  int64
	attributes
}

// read fills a part with the content at an offset.
func (s source) read(part []byte, at int64) error {
	n, err := s.ReadAt(part, at)
	if n == len(part) {
		return nil
	}
	if err == io.EOF {
		err = errors.Plain("it was changed while it was read")
	}
	return &LocalError{Path: s.local, Err: err}
}
