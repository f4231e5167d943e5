// Package streams offers the images of a simplestreams server as those of an Incus server.
//
// A [Server] is the backend of a rest.Client. It answers GETs of /1.0/images and of the paths below, from the index and
// the products files of the simplestreams server, which it keeps for a few minutes.
package streams

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// keep is the time for which the images are kept. The incus command keeps them as long.
const keep = 5 * time.Minute

// A Server is a simplestreams server.
type Server struct {
	// Name is the name of the remote.
	Name string
	// URL is the address of the folder of streams/v1, without a final slash.
	URL string
	// Certificate is the only certificate to accept, as PEM; empty for those of the system's authorities.
	Certificate string

	root   string // path in URL
	busy   chan struct{}
	loaded time.Time
	known  *catalog
}

var _ rest.Backend = (*Server)(nil)

// New returns the server at an address, and the address without its path, for rest.Config.
func New(name, address, certificate string) (s *Server, endpoint string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, "", errors.New(errors.Config, "remote %q: the address of an image server is https://host:port/folder and nothing more", name)
	}
	s = &Server{Name: name, URL: strings.TrimRight(address, "/"), Certificate: certificate, root: strings.TrimRight(u.Path, "/"), busy: make(chan struct{}, 1)}
	return s, u.Scheme + "://" + u.Host, nil
}

// Refusal implements rest.Backend.
func (s *Server) Refusal(method, path string) error {
	e := errors.New(errors.Permission, "%s %s wasn't sent: the remote %q is an image server (simplestreams), whose images can only be read", method, path, s.Name)
	e.Outcome = errors.NotSent
	return e
}

// Answer implements rest.Backend.
func (s *Server) Answer(ctx context.Context, path string, query url.Values, files rest.Files) (*rest.Answer, error) {
	if path == "/1.0" {
		return &rest.Answer{Metadata: map[string]any{"api_version": "1.0", "auth": "untrusted", "public": true, "api_extensions": []string{}}}, nil
	}
	below, found := strings.CutPrefix(path, "/1.0/images")
	if !found || below != "" && below[0] != '/' {
		return nil, s.lacks()
	}
	all, err := s.catalog(ctx, files)
	if err != nil {
		return nil, err
	}
	names := strings.Split(below, "/")[1:]
	for i := range names {
		if names[i], err = url.PathUnescape(names[i]); err != nil {
			return nil, s.lacks()
		}
	}
	nested := query.Get("recursion") != "" && query.Get("recursion") != "0"
	switch {
	case len(names) == 0:
		images, err := all.filter(query.Get("filter"))
		if err != nil || nested {
			return &rest.Answer{Metadata: images}, err
		}
		return &rest.Answer{Metadata: paths(path, images, func(i *Image) string { return i.Fingerprint })}, nil
	case len(names) == 1 && names[0] == "aliases":
		if nested {
			return &rest.Answer{Metadata: all.aliases}, nil
		}
		return &rest.Answer{Metadata: slices.Compact(paths(path, all.aliases, func(a *Alias) string { return a.Name }))}, nil
	case len(names) == 2 && names[0] == "aliases":
		alias, err := all.alias(names[1])
		return &rest.Answer{Metadata: alias}, err
	case len(names) == 1:
		image, err := all.image(names[0])
		return &rest.Answer{Metadata: image}, err
	case len(names) == 2 && names[1] == "export":
		image, err := all.image(names[0])
		if err != nil {
			return nil, err
		}
		return image.export(ctx, s.root, files), nil
	}
	return nil, s.lacks()
}

// paths returns the paths of the elements of a list.
func paths[T any](below string, all []T, name func(T) string) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = below + "/" + url.PathEscape(name(v))
	}
	return out
}

// lacks returns the error for anything but images.
func (s *Server) lacks() error {
	return errors.New(errors.Unsupported, "the remote %q is an image server (simplestreams), which has images and their aliases, and nothing else", s.Name)
}

// catalog returns the images of the server, which it reads unless it has them.
func (s *Server) catalog(ctx context.Context, files rest.Files) (*catalog, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.known != nil && time.Since(s.loaded) < keep {
		return s.known, nil
	}
	images, err := s.load(ctx, files)
	if err != nil {
		return nil, err
	}
	s.known, s.loaded = newCatalog(s.Name, images), time.Now()
	return s.known, nil
}
