package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
)

// A Backend answers requests in place of a server that lacks Incus's API, and reads that server's files for it.
type Backend interface {
	// Answer returns the answer to a GET of an escaped path.
	Answer(ctx context.Context, path string, query url.Values, files Files) (*Answer, error)
	// Refusal returns the error for a request that may change something.
	Refusal(method, path string) error
}

// Files opens a file of the server by its unescaped path below the root. The caller must close it.
type Files func(ctx context.Context, path string) (*File, error)

// A File is an open file of the server.
type File struct {
	io.ReadCloser
	Size int64 // negative if unknown
}

// An Answer is the answer of a [Backend].
type Answer struct {
	// Metadata is sent as JSON, unless there is a Body.
	Metadata any
	// Body is the body of an answer that isn't JSON, and Header its header.
	Body   io.ReadCloser
	Header http.Header
	// Size is the length of Body; negative if unknown.
	Size int64
}

// Backend returns the client's backend; nil for a server of Incus.
func (c *Client) Backend() Backend { return c.config.Backend }

// An answering answers requests by the backend. Next sends the backend's own requests.
type answering struct {
	client  *Client
	backend Backend
	next    sender
}

func (s answering) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	if k.changes() || len(k.header["Upgrade"]) > 0 {
		return k.clean(then(nil, s.backend.Refusal(k.method, k.url.Path)))
	}
	answer, err := s.backend.Answer(ctx, k.url.EscapedPath(), k.url.Query(), s.open)
	if err != nil {
		return k.clean(then(nil, err))
	}
	response := &http.Response{StatusCode: http.StatusOK, Header: answer.Header, Body: answer.Body, ContentLength: answer.Size, Request: new(http.Request).WithContext(ctx)}
	if answer.Body == nil {
		body, err := json.Marshal(map[string]any{"type": "sync", "status_code": http.StatusOK, "metadata": answer.Metadata})
		if err != nil {
			return k.clean(then(nil, err))
		}
		response.Header = http.Header{"Content-Type": {"application/json"}}
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return k.clean(then(response, nil))
}

// open implements Files. It follows the server to other addresses, such as mirrors, which see nothing of the client's
// configuration but the certificate authority.
func (s answering) open(ctx context.Context, path string) (*File, error) {
	at := &url.URL{Path: "/" + strings.TrimLeft(path, "/")}
	file, moved, err := s.client.file(ctx, s.next, at.RequestURI())
	for range maxMoves {
		if moved == nil {
			return file, err
		}
		if s.client.serves(moved) { // with its own certificate
			file, moved, err = s.client.file(ctx, s.next, moved.RequestURI())
			continue
		}
		mirror, failed := New(Config{Endpoints: []string{(&url.URL{Scheme: moved.Scheme, Host: moved.Host}).String()},
			CA: s.client.config.CA, Timeout: s.client.config.Timeout, Trace: s.client.config.Trace, UserAgent: s.client.config.UserAgent})
		if failed != nil {
			return nil, err
		}
		file, moved, err = mirror.file(ctx, mirror.sender, moved.RequestURI())
		if file == nil {
			mirror.Close()
			continue
		}
		file.ReadCloser = closing{file.ReadCloser, mirror}
	}
	return file, err
}

// serves reports whether an HTTPS address has the host and port of the server.
func (c *Client) serves(address *url.URL) bool {
	return slices.ContainsFunc(c.Endpoints(), func(text string) bool {
		own, err := url.Parse(text)
		return err == nil && own.Scheme == address.Scheme && strings.EqualFold(own.Hostname(), address.Hostname()) &&
			cmp.Or(own.Port(), "443") == cmp.Or(address.Port(), "443")
	})
}

// maxMoves is the number of addresses to which a server may send one request.
const maxMoves = 5

// A closing is a body that closes its client too.
type closing struct {
	io.ReadCloser
	client *Client
}

func (c closing) Close() error {
	defer c.client.Close()
	return c.ReadCloser.Close()
}

// file opens a file of the server. If the file is elsewhere, it returns the address, and an error for a caller that
// doesn't go there.
func (c *Client) file(ctx context.Context, s sender, path string) (*File, *url.URL, error) {
	k, err := c.prepare(Request{Path: path})
	if err != nil {
		return nil, nil, err
	}
	start := time.Now()
	bounded, cancel := context.WithCancel(ctx)
	fail := func(err error) error { return k.clean(c.transportError(ctx, k, err, time.Since(start))) }
	var response *http.Response
	var moved *url.URL
	err = s.send(bounded, k, func(r *http.Response, err error) error {
		switch {
		case err != nil:
			return c.transportError(ctx, k, err, time.Since(start))
		case r.StatusCode != http.StatusOK:
			r.Body.Close()
			moved = movedTo(r)
			return k.noFile(r)
		}
		response = r
		return nil
	})
	if err != nil {
		cancel()
		return nil, moved, err
	}
	return &File{&stream{k.steady(response), cancel, fail}, response.ContentLength}, nil, nil
}

// movedTo returns the HTTPS address to which a server sends a request; nil for none.
func movedTo(r *http.Response) *url.URL {
	switch r.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	to, err := r.Location() // relative to the request's address
	if err != nil || to.Scheme != "https" {
		return nil
	}
	return to
}

// noFile returns the error for an answer without the file. It is never of class NotFound, which would be about an object.
func (k *outgoing) noFile(r *http.Response) error {
	class := errors.Connection
	switch {
	case r.StatusCode == http.StatusServiceUnavailable:
		class = errors.Unavailable
	case r.StatusCode >= http.StatusInternalServerError:
		class = errors.Server
	}
	text := cmp.Or(http.StatusText(r.StatusCode), "no reason is given")
	if r.StatusCode >= 300 && r.StatusCode < 400 {
		text = "the server sends this request elsewhere, but not to another HTTPS address, or too often"
	}
	lacks := "doesn't give"
	if r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusGone {
		lacks = "has no"
	}
	e := k.fail(class, nil, "the server "+lacks+" %s: status %d, %s", k.url.Path, r.StatusCode, text)
	e.Status = r.StatusCode
	return e
}
