package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"incus-star/errors"
)

// maxText limits the characters of a message from an answer that isn't in the format of Incus.
const maxText = 500

func newReply(response *http.Response) *Reply {
	return &Reply{Status: response.StatusCode, Header: response.Header, ETag: response.Header.Get("ETag")}
}

// readReply decodes an answer, which may be a result, an operation or an error.
func (c *Client) readReply(ctx context.Context, k *outgoing, response *http.Response, body []byte) (*Reply, error) {
	if response.StatusCode >= 300 {
		return nil, c.replyError(ctx, k, response, body)
	}
	reply := newReply(response)
	if k.method == http.MethodHead {
		return reply, nil
	}
	e, err := readEnvelope(body)
	switch {
	case err != nil:
		return nil, k.notIncus(err)
	case e.kind == "error":
		return nil, c.replyError(ctx, k, response, body)
	case e.kind == "async" && strings.HasPrefix(k.url.Path, "/1.0/operations/"):
		// The new one might be answered by another one, and so on.
		return nil, k.notIncus(errors.Plain("an answer about an operation begins another one"))
	}
	reply.Metadata = e.metadata
	if e.kind == "async" {
		if reply.Operation, err = c.newOperation(ctx, k, e); err != nil {
			return nil, k.notIncus(err)
		}
	}
	return reply, nil
}

// replyError returns the error of an answer with an error status or an error in its body. If the body isn't in the
// format of Incus, such as the page of a proxy, the class depends on the status alone.
func (c *Client) replyError(ctx context.Context, k *outgoing, response *http.Response, body []byte) error {
	status := response.StatusCode
	e, err := readEnvelope(body)
	isIncus := e.kind == "error" && e.message != ""
	if e.code >= 400 && e.code <= 599 {
		status = e.code
	}
	if status < 300 {
		if err == nil {
			err = fmt.Errorf("the error code is %d: %s", e.code, shorten(e.message, maxText))
		}
		return k.notIncus(err)
	}
	trusted := func() bool {
		trusted, err := c.Trusted(ctx)
		return err != nil || trusted
	}
	if k.trust || k.aside {
		trusted = nil
	}
	failure := errors.NewReply(errors.Failure{Status: status, Message: e.message, Request: k.described(), Client: c.identity()}, decodeObject(body), trusted)
	// The request about trust may have been cancelled together with this one.
	if err := cancelled(ctx); err != nil {
		return err
	}
	if !isIncus {
		failure.Message = pageText(response, body)
	}
	failure.Method, failure.Path = k.method, k.url.Path
	failure.Proxied = !isIncus || status == http.StatusBadGateway || status == http.StatusGatewayTimeout // Incus has neither status
	if k.changes() {
		failure.Outcome = errors.OutcomeOfReply(failure.Class, failure.Message, !failure.Proxied)
	}
	return failure
}

// pageText returns the message for an error that isn't from Incus or has no text.
func pageText(response *http.Response, body []byte) string {
	if location := response.Header.Get("Location"); location != "" && response.StatusCode < 400 {
		return "the server sends this request elsewhere, which is not followed"
	}
	if object := decodeObject(body); object != nil {
		// Decoding has removed the secrets.
		body, _ = json.Marshal(object)
	}
	if text := shorten(cmp.Or(title(response.Header, body), string(body)), maxText); text != "" {
		return text
	}
	if text := http.StatusText(response.StatusCode); text != "" {
		return text
	}
	return "the server gives no reason"
}

// shorten returns at most limit characters of a foreign text, safe to print.
func shorten(text string, limit int) string {
	// Cut first, because the text may be as large as an answer.
	if most := limit * utf8.UTFMax; len(text) > most*2 {
		text = strings.TrimSpace(text)
		text = text[:min(len(text), most)]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// identity returns the client as a server on the network sees it; nil for a unix socket.
func (c *Client) identity() *errors.Client {
	if c.config.Socket != "" {
		return nil
	}
	client := &errors.Client{ByAddress: c.config.Remote == ""}
	if own := c.config.Certificate; own != nil && len(own.Certificate) > 0 {
		client.Certificate = fmt.Sprintf("%x", sha256.Sum256(own.Certificate[0]))
	}
	return client
}
