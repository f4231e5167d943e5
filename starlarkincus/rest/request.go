package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"incus-star/errors"
)

// defaultMaxBytes is the default limit of an answer's body: far above any list, far below the memory.
const defaultMaxBytes = 16 << 20

// A Request is a request for [Client.Do], [Client.Raw] or [Client.Open].
type Request struct {
	// Method is GET, POST and so on; empty for GET.
	Method string
	// Path begins with "/1.0". Names in it must be escaped with url.PathEscape if they may contain a slash. A query in
	// it is merged with Query.
	Path  string
	Query url.Values
	// Header may be nil.
	Header http.Header
	// Body is sent as JSON. A json.RawMessage, a []byte and an io.Reader are sent unchanged, the latter two without a
	// Content-Type unless Header sets it. Nil sends no body. The reader isn't used after the request, and must end when
	// the request's context does.
	Body any
	// Size is the length in bytes of a Body that is an io.Reader; 0 if unknown.
	Size int64
	// MaxBytes limits the answer's body; 0 for 16 MiB. Open has no limit.
	MaxBytes int64
	// IfMatch is the required ETag of the object; empty for none.
	IfMatch string
	// Steps means that the server makes several changes one after another, so that a failed operation may have made
	// some of them.
	Steps bool
	// Migration is the migration whose copy the request creates; nil for another request.
	Migration *Migration
	// Aside leaves the request out of the trace, and sends no other one to find the class of its failure.
	Aside bool
}

// A Reply is the server's answer to a successful request.
type Reply struct {
	// Status is the HTTP status.
	Status int
	Header http.Header
	// Metadata is the content of the answer as valid JSON; for an operation, the operation itself.
	Metadata json.RawMessage
	// ETag is the object's version, for Request.IfMatch; empty if the server sends none.
	ETag string
	// Operation is the background operation; nil if the request is complete.
	Operation *Operation
	// Size is the length of the body that [Client.Open] returns; negative if unknown.
	Size int64
}

// An outgoing is a prepared request.
type outgoing struct {
	method    string
	url       url.URL // without scheme and host, which are those of the endpoint
	header    http.Header
	body      []byte
	stream    *upload // instead of body
	limit     int64
	unbounded bool        // Config.Timeout doesn't apply
	broke     breakage    // failure of the connection, because of which there was no answer
	cut       bool        // the answer broke off
	handed    atomic.Bool // it has a connection, so some of it may have been sent
	attaches  bool        // it starts a command that waits for websockets
	trust     bool        // it is the request about trust, so its failure must not send another
	raw       bool        // it is sent by Connect
	steps     bool        // Request.Steps
	migration *Migration  // Request.Migration
	aside     bool        // Request.Aside
	client    *Client

	caller context.Context // without Config.Timeout; nil if that doesn't apply
}

// A breakage is the fate of the connection of a request.
type breakage int

const (
	unbroken   breakage = iota // it didn't fail
	notReached                 // there was none
	cutOff                     // it failed after a part of the request may have been sent
)

// prepare checks a request and encodes its body.
func (c *Client) prepare(r Request) (*outgoing, error) {
	k := &outgoing{method: r.Method, limit: r.MaxBytes, steps: r.Steps, migration: r.Migration, aside: r.Aside, client: c}
	err := c.fill(k, r)
	if err != nil {
		return nil, k.judge(err, true)
	}
	return k, nil
}

func (c *Client) fill(k *outgoing, r Request) error {
	if k.method == "" {
		k.method = http.MethodGet
	}
	if k.limit <= 0 {
		k.limit = defaultMaxBytes
	}
	u, err := url.ParseRequestURI(r.Path)
	if err != nil || r.Path[0] != '/' {
		k.url.Path, _, _ = strings.Cut(r.Path, "?")
		return k.fail(errors.Incus, trimURL(err), "%q can't be the path of a request: want /1.0/…", k.url.Path)
	}
	k.url = *u
	if len(r.Query) > 0 {
		query := u.Query()
		for key, values := range r.Query {
			query[key] = append(query[key], values...)
		}
		k.url.RawQuery = query.Encode()
	}
	k.header = make(http.Header, len(r.Header)+3)
	k.header["User-Agent"] = []string{c.config.userAgent()}
	switch body := r.Body.(type) {
	case nil:
	case io.Reader:
		// The length is unknown, so the time can't be limited.
		k.stream, k.unbounded = &upload{source: body, size: r.Size}, true
	case []byte:
		k.body = body
	case json.RawMessage:
		k.body = body
		k.header["Content-Type"] = []string{"application/json"}
	default:
		if k.body, err = json.Marshal(body); err != nil {
			return k.fail(errors.Incus, err, "the body of %s %s can't be written as JSON", k.method, k.url.Path)
		}
		k.header["Content-Type"] = []string{"application/json"}
	}
	if r.IfMatch != "" {
		k.header["If-Match"] = []string{r.IfMatch}
	}
	for key, values := range r.Header {
		k.header[http.CanonicalHeaderKey(key)] = values
	}
	return nil
}

// http returns the HTTP request for an endpoint.
func (k *outgoing) http(ctx context.Context, e *endpoint) *http.Request {
	u := k.url
	u.Scheme, u.Host = e.scheme, e.host
	r := &http.Request{Method: k.method, URL: &u, Host: e.host, Header: k.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	switch {
	case k.stream != nil:
		r.Body, r.ContentLength = k.stream.body(), cmp.Or(k.stream.size, -1)
	case k.body != nil:
		r.ContentLength = int64(len(k.body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(k.body)), nil }
		r.Body, _ = r.GetBody()
	case !k.changes() && !k.repeatable():
		// The transport sends a GET again, unless it has a body. Without the encoding it would wait for 0.2 seconds to see whether
		// that is empty, and then, on a busy machine, send the end of a chunked body after the handshake of a websocket.
		r.Body, r.TransferEncoding = io.NopCloser(strings.NewReader("")), []string{"identity"}
	}
	if k.changes() || k.patience() != deadPeer {
		ctx = httptrace.WithClientTrace(ctx, k.watched())
	}
	return r.WithContext(ctx)
}

// Changes reports whether requests with an HTTP method may change anything. An empty method is GET.
func Changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != ""
}

// changes reports whether the request may change anything.
func (k *outgoing) changes() bool { return Changes(k.method) }

// repeatable reports whether the request may be sent again after it may have reached the server: it only reads, and is no
// connection to an operation.
func (k *outgoing) repeatable() bool {
	return !k.changes() && (len(k.header["Upgrade"]) == 0 || k.url.Path == eventsPath)
}

// judge sets the remote and the outcome of the request's error and, if there was no answer and the error has no object, the object of
// the request. Unsent reports that the server can't have received the request.
func (k *outgoing) judge(err error, unsent bool) error {
	unsent = unsent || !k.handed.Load() || k.stream.partial()
	var e *errors.Error
	if !errors.As(err, &e) {
		if k.changes() && !unsent && errors.Is(err, context.Canceled) {
			return underWay{err}
		}
		return err
	}
	if e.Object == nil && e.Class.IsA(errors.Connection) {
		e.Object = errors.About(k.described())
	}
	k.client.Identify(e)
	if !k.changes() || e.Outcome != "" {
		return err
	}
	if e.Outcome = errors.Unknown; unsent {
		e.Outcome = errors.NotSent
	}
	return err
}

// An underWay is the error of a change that may have been sent when its caller was stopped.
type underWay struct{ error }

func (u underWay) Unwrap() error { return u.error }

// Unanswered reports whether a request that failed with err may have been made, or may still be.
func Unanswered(err error) bool {
	var e *errors.Error
	return errors.As(err, new(underWay)) || errors.As(err, &e) && e.Outcome == errors.Unknown
}

// described returns the request in the form that the classification of a failure needs.
func (k *outgoing) described() *errors.Request {
	d := &errors.Request{Method: k.method, Path: k.url.EscapedPath(), Query: k.url.Query()}
	if k.header.Get("Content-Type") == "application/json" && len(k.body) <= maxDescribed {
		d.Body = k.body
	}
	for key, values := range k.header {
		if strings.HasPrefix(key, "X-Incus-") {
			if d.Header == nil {
				d.Header = make(map[string][]string)
			}
			d.Header[key] = values
		}
	}
	return d
}

// maxDescribed is the size of the largest body to examine after a failure. It exceeds the server's limit for JSON.
const maxDescribed = 4 << 20

// fail returns an error that names the request.
func (k *outgoing) fail(class *errors.Class, cause error, format string, args ...any) *errors.Error {
	e := errors.New(class, format, args...)
	e.Method, e.Path, e.Cause = k.method, k.url.Path, cause
	clean(e, nil)
	return e
}
