// Package archive finds out whether the content of an archive, such as a backup, is whole. A program that fails while it
// writes an archive may end the output without an error, so that only the content shows it.
//
//	check := archive.New()
//	io.Copy(check, body)
//	known, err := check.End()
package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"

	"incus-star/errors"
)

// A Check reads an archive while it is written. One goroutine may use it; End or Stop must be called.
type Check struct {
	content *io.PipeWriter
	result  chan error
	known   bool // the format, set before the result
	ended   bool
}

// New returns a check of an archive that begins with what is written first.
func New() *Check {
	read, write := io.Pipe()
	c := &Check{content: write, result: make(chan error, 1)}
	go func() {
		in := bufio.NewReaderSize(read, 64<<10)
		known, err := whole(in)
		c.known = known
		io.Copy(io.Discard, in)
		c.result <- err
	}()
	return c
}

// Write takes the next part. It never fails.
func (c *Check) Write(p []byte) (int, error) {
	c.content.Write(p)
	return len(p), nil
}

// End returns an error unless the archive is whole. Known reports whether its format is known here; nothing is wrong with
// other content.
func (c *Check) End() (known bool, err error) {
	if c.ended {
		return c.known, nil
	}
	c.ended = true
	c.content.Close()
	err = <-c.result
	return c.known, err
}

// Stop ends the check of an archive that isn't of use. It has no effect after End.
func (c *Check) Stop() { c.End() }

// The beginnings of the formats, and the place of that of tar.
var (
	gzipMagic     = []byte{0x1f, 0x8b}
	bzip2Magic    = []byte("BZh")
	xzMagic       = []byte("\xfd7zXZ\x00")
	zstdMagic     = []byte{0x28, 0xb5, 0x2f, 0xfd}
	squashfsMagic = []byte("hsqs")
	tarMagic      = []byte("ustar")
)

const tarMagicAt = 257

// whole reads an archive to its end, unless its format isn't known.
func whole(in *bufio.Reader) (known bool, err error) {
	begin, _ := in.Peek(tarMagicAt + len(tarMagic))
	has := func(magic []byte) bool { return bytes.HasPrefix(begin, magic) }
	switch {
	case len(begin) == 0:
		return true, errors.Plain("it is empty")
	case has(gzipMagic):
		plain, err := gzip.NewReader(in)
		if err != nil {
			return true, broken("gzip", err)
		}
		return true, inside("gzip", plain)
	case has(bzip2Magic):
		return true, inside("bzip2", bzip2.NewReader(in))
	case has(xzMagic):
		return true, wholeXz(in)
	case has(zstdMagic):
		return true, broken("zstd", wholeZstd(in))
	case has(squashfsMagic):
		return true, wholeSquashfs(in)
	case len(begin) == tarMagicAt+len(tarMagic) && bytes.HasSuffix(begin, tarMagic):
		return true, wholeTar(in)
	}
	return false, nil
}

// broken returns an error of a format; nil for nil.
func broken(format string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("its end is missing (%s)", format)
	}
	if err != nil {
		return fmt.Errorf("it is damaged (%s: %w)", format, err)
	}
	return nil
}

// inside checks the plain content of a compressed archive.
func inside(format string, plain io.Reader) error {
	watched := &watch{Reader: plain}
	in := bufio.NewReaderSize(watched, 64<<10)
	begin, _ := in.Peek(tarMagicAt + len(tarMagic))
	var missing error
	if bytes.HasSuffix(begin, tarMagic) {
		missing = wholeTar(in)
	}
	io.Copy(io.Discard, in) // the checksum comes last
	if watched.err != io.EOF {
		return broken(format, watched.err)
	}
	return missing
}

// A watch keeps the error that ended a reader.
type watch struct {
	io.Reader
	err error
}

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// wholeTar reads a tar archive to the two empty blocks at its end, without which the standard library accepts one that ends
// between two files.
func wholeTar(in io.Reader) error {
	watched := &watch{Reader: in}
	for files := tar.NewReader(watched); ; {
		switch _, err := files.Next(); {
		case err == io.EOF && watched.err == nil:
			return nil
		case err != nil && err != tar.ErrInsecurePath:
			return broken("tar", err)
		}
	}
}
