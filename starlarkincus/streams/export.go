package streams

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// export returns the files of the image, in the form of a server's export. Each is opened when the one before has ended.
func (i *Image) export(ctx context.Context, root string, files rest.Files) *rest.Answer {
	parts := make([]io.Reader, 0, 2*len(i.files)+1)
	body := new(exported)
	add := func(f item) {
		part := &lazy{open: func() (*rest.File, error) { return files(ctx, root+"/"+f.Path) }, path: root + "/" + f.Path, size: f.Size}
		parts, body.files = append(parts, part), append(body.files, part)
	}
	answer := &rest.Answer{Header: make(http.Header), Body: body, Size: -1}
	if len(i.files) == 1 {
		add(i.files[0])
		answer.Header.Set("Content-Type", "application/octet-stream")
		answer.Header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": i.Filename}))
		if i.Size > 0 {
			answer.Size = i.Size
		}
		body.Reader = io.MultiReader(parts...)
		return answer
	}
	var frame bytes.Buffer
	w := multipart.NewWriter(&frame)
	size := i.Size
	next := func() {
		size += int64(frame.Len())
		parts = append(parts, strings.NewReader(frame.String()))
		frame.Reset()
	}
	names := []string{"metadata", "rootfs"}
	if i.Type == "virtual-machine" {
		names[1] = "rootfs.img"
	}
	for n, f := range i.files {
		_, _ = w.CreateFormFile(names[n], path.Base(f.Path)) // writing to a buffer can't fail
		next()
		add(f)
	}
	_ = w.Close()
	next()
	answer.Header.Set("Content-Type", w.FormDataContentType())
	if i.files[0].Size > 0 && i.files[1].Size > 0 {
		answer.Size = size
	}
	body.Reader = io.MultiReader(parts...)
	return answer
}

// An exported is the body of an export.
type exported struct {
	io.Reader
	files []*lazy
}

func (e *exported) Close() error {
	for _, f := range e.files {
		f.close()
	}
	return nil
}

// A lazy is a file that is opened by the first read, and closed at its end. A file that hasn't its size is an error, before
// its last bytes are read: so nobody takes it for a whole one, and no more than the size is read.
type lazy struct {
	open func() (*rest.File, error)
	file *rest.File
	path string
	size int64 // 0 if unknown
	read int64
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.file == nil {
		file, err := l.open()
		if err != nil {
			return 0, err
		}
		l.file = file
		if l.size > 0 && file.Size >= 0 && file.Size != l.size {
			l.close()
			return 0, l.wrong(fmt.Sprintf("has %d bytes", file.Size))
		}
	}
	n, err := l.readChecked(p)
	if err != nil {
		l.close()
	}
	return n, err
}

func (l *lazy) readChecked(p []byte) (int, error) {
	n, err := l.file.Read(p)
	l.read += int64(n)
	switch {
	case l.size <= 0:
		return n, err
	case l.read > l.size:
		return 0, l.wrong("has more")
	case err == io.EOF && l.read < l.size:
		return 0, l.wrong(fmt.Sprintf("has %d bytes", l.read))
	case l.read == l.size && err == nil: // the last bytes
		if more, _ := io.ReadFull(l.file, make([]byte, 1)); more > 0 {
			return 0, l.wrong("has more")
		}
		return n, io.EOF
	}
	return n, err
}

// wrong returns the error of a file that hasn't its size.
func (l *lazy) wrong(what string) error {
	return &errors.Error{Class: errors.Connection, Method: "GET", Path: l.path,
		Message: fmt.Sprintf("the image server's file isn't the one in its index: it should have %d bytes, and %s", l.size, what)}
}

func (l *lazy) close() {
	if l.file != nil {
		l.file.Close()
	}
}
