package rest

import (
	"context"
	"maps"
	"net/http"

	"incus-star/errors"
)

// A Login provides the tokens by which a server knows this client. Its methods are called from any goroutine.
type Login interface {
	// Bearer returns the token to send; empty for none yet.
	Bearer(ctx context.Context) (string, error)
	// Challenged reports whether a refusal with these headers can be answered by another token.
	Challenged(header http.Header) bool
	// Renew replaces a token that the server refused with these headers. It may ask the user.
	Renew(ctx context.Context, header http.Header, used string) error
}

// An authorizing sends a token with each request, and sends a request whose token was refused once more with another one:
// the server has done nothing for it.
type authorizing struct {
	client *Client
	next   sender
}

func (s authorizing) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	login := s.client.config.Login
	fail := func(err error) error {
		var e *errors.Error
		if errors.As(err, &e) && k.changes() {
			e.Outcome = errors.NotSent
		}
		return k.clean(then(nil, err))
	}
	if k.stream != nil { // which can be sent only once: the token is tried before
		if _, err := s.client.Do(ctx, Request{Path: "/1.0", Aside: true}); err != nil {
			return fail(err)
		}
	}
	used, err := s.authorize(ctx, k)
	if err != nil {
		return fail(err)
	}
	return s.next.send(ctx, k, func(response *http.Response, err error) error {
		if err != nil || response.StatusCode != http.StatusUnauthorized || k.stream != nil || !login.Challenged(response.Header) {
			return then(response, err)
		}
		response.Body.Close()
		caller := ctx
		if k.caller != nil { // a login by the user takes longer than an answer may
			caller = k.caller
		}
		if err := login.Renew(caller, response.Header, used); err != nil {
			return fail(err)
		}
		if _, err := s.authorize(caller, k); err != nil {
			return fail(err)
		}
		k.handed.Store(false)
		if k.caller == nil {
			return s.next.send(ctx, k, then)
		}
		bounded, cancel := s.client.bound(caller, k)
		defer cancel()
		return s.next.send(bounded, k, then)
	})
}

// authorize sets the token of a request, and returns it.
func (s authorizing) authorize(ctx context.Context, k *outgoing) (string, error) {
	bearer, err := s.client.config.Login.Bearer(ctx)
	if err != nil {
		return "", err
	}
	header := maps.Clone(k.header)
	if header == nil {
		header = make(http.Header)
	}
	header.Set("Authorization", "Bearer "+bearer)
	k.header = header
	return bearer, nil
}
