package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

const indexPath = "/streams/v1/index.json"

// maxBytes limits the size of all files that describe the images. Those of the public image servers have about 10 MB.
var maxBytes int64 = 64 << 20

// load reads the index and the products files.
func (s *Server) load(ctx context.Context, files rest.Files) ([]*Image, error) {
	var index struct {
		Index map[string]struct {
			DataType string   `json:"datatype"`
			Path     string   `json:"path"`
			Products []string `json:"products"`
		} `json:"index"`
	}
	left := maxBytes
	if err := s.read(ctx, files, indexPath, &left, func(d *json.Decoder) error { return d.Decode(&index) }); err != nil {
		return nil, err
	}
	if index.Index == nil {
		return nil, s.unreadable(indexPath, errors.Plain(`the field "index" is missing`))
	}
	var images []*Image
	for _, name := range slices.Sorted(maps.Keys(index.Index)) {
		entry := index.Index[name]
		if entry.DataType != "image-downloads" || len(entry.Products) == 0 {
			continue
		}
		err := s.read(ctx, files, "/"+entry.Path, &left, func(d *json.Decoder) error {
			return readProducts(d, func(p *product) { images = append(images, p.images()...) })
		})
		if err != nil {
			return nil, err
		}
	}
	return images, nil
}

// read decodes a file of the server, and subtracts its size from left.
func (s *Server) read(ctx context.Context, files rest.Files, path string, left *int64, decode func(*json.Decoder) error) error {
	file, err := files(ctx, s.root+path)
	if err != nil {
		return err
	}
	defer file.Close()
	limited := &limitedReader{file, left}
	err = decode(json.NewDecoder(limited))
	if err == nil || errors.As(err, new(*errors.Error)) || ctx.Err() != nil {
		return err
	}
	return s.unreadable(path, err)
}

// unreadable returns the error for a file with unexpected content.
func (s *Server) unreadable(path string, cause error) error {
	if errors.Is(cause, io.EOF) || errors.Is(cause, io.ErrUnexpectedEOF) {
		cause = errors.Plain("it ends early")
	}
	return &errors.Error{Class: errors.Connection, Message: fmt.Sprintf("%s%s isn't a file of an image server (simplestreams): %s", s.URL, path, cause),
		Method: "GET", Path: s.root + path, Cause: cause}
}

// A limitedReader reads no more than left bytes.
type limitedReader struct {
	io.Reader
	left *int64
}

func (r *limitedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if *r.left -= int64(n); *r.left < 0 {
		return 0, fmt.Errorf("the files that describe the images are larger than %d MiB", maxBytes>>20)
	}
	return n, err
}

// readProducts decodes a products file, one product at a time.
func readProducts(d *json.Decoder, add func(*product)) error {
	return members(d, func(name string) error {
		if name != "products" {
			return d.Decode(new(json.RawMessage))
		}
		return members(d, func(name string) error {
			p := new(product)
			if err := d.Decode(p); err != nil {
				return fmt.Errorf("the product %q: %w", name, err)
			}
			add(p)
			return nil
		})
	})
}

// members calls each for the members of an object, with the decoder before the value.
func members(d *json.Decoder, each func(name string) error) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return fmt.Errorf("an object is due where %v is", token)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		text, _ := name.(string) // names are strings
		if err := each(text); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
