package streams

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"

	"incus-star/starlarkincus/rest"
)

// export returns the files of the image, in the form of a server's export. Each is opened when the one before has ended.
func (i *Image) export(ctx context.Context, root string, files rest.Files) *rest.Answer {
	parts := make([]io.Reader, 0, 2*len(i.files)+1)
	body := new(exported)
	add := func(f item) {
		part := &lazy{open: func() (*rest.File, error) { return files(ctx, root+"/"+f.Path) }}
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

// A lazy is a file that is opened by the first read, and closed at its end.
type lazy struct {
	open func() (*rest.File, error)
	file *rest.File
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.file == nil {
		file, err := l.open()
		if err != nil {
			return 0, err
		}
		l.file = file
	}
	n, err := l.file.Read(p)
	if err != nil {
		l.close()
	}
	return n, err
}

func (l *lazy) close() {
	if l.file != nil {
		l.file.Close()
	}
}
