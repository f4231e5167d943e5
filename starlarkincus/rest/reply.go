package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"incus-star/errors"
)

// maxText is how many characters a message has at most where the server's answer isn't Incus's.
const maxText = 500

func newReply(response *http.Response) *Reply {
	return &Reply{Status: response.StatusCode, Header: response.Header, ETag: response.Header.Get("ETag")}
}

// readReply tells an answer, an operation and an error apart.
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
	}
	reply.Metadata = e.metadata
	if e.kind == "async" {
		if reply.Operation, err = c.newOperation(ctx, k, e); err != nil {
			return nil, k.notIncus(err)
		}
	}
	return reply, nil
}

// replyError makes the error of an answer that is one: by its status, by its body, or both. A proxy's page has no
// Incus body: then the status alone tells the class, because the text is about something else.
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
	if k.trust {
		trusted = nil
	}
	failure := errors.NewReply(errors.Failure{Status: status, Message: e.message, Request: k.described()}, decodeObject(body), trusted)
	// The question about trust may have been cancelled along with this request.
	if err := cancelled(ctx); err != nil {
		return err
	}
	if !isIncus {
		failure.Message = pageText(response, body)
	}
	failure.Method, failure.Path = k.method, k.url.Path
	if k.changes() {
		failure.Outcome = errors.OutcomeOfReply(failure.Class, failure.Message, isIncus)
	}
	return failure
}

// pageText is the text of an error that didn't come from Incus, or that has none.
func pageText(response *http.Response, body []byte) string {
	if location := response.Header.Get("Location"); location != "" && response.StatusCode < 400 {
		return "the server sends this request elsewhere, which is not followed"
	}
	if object := decodeObject(body); object != nil {
		// Decoding took the secrets out.
		body, _ = json.Marshal(object)
	}
	if text := shorten(string(body), maxText); text != "" {
		return text
	}
	if text := http.StatusText(response.StatusCode); text != "" {
		return text
	}
	return "the server gives no reason"
}

// shorten trims foreign text to at most limit characters that are safe to print.
func shorten(text string, limit int) string {
	// Cut before going through it all: the text may be as large as an answer may be.
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
