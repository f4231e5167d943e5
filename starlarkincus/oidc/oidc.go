// Package oidc logs in to servers of Incus by OpenID Connect: with saved tokens, with a refresh of them, and with the device
// flow, where the user logs in with a browser on any device.
package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/remote"
)

// A Session is a login to a server. Its methods are safe for concurrent use.
type Session struct {
	// Remote is the name of the server, for messages.
	Remote string
	// File keeps the tokens.
	File *remote.TokenFile
	// Show shows the user the page and the code of a login; nil, or an error, if there is no user.
	Show func(ctx context.Context, message string) error
	// HTTP reaches the provider; nil for http.DefaultClient.
	HTTP *http.Client

	mu     sync.Mutex
	turn   chan struct{} // holds a value during a renewal; made with the first
	loaded bool
	tokens remote.Tokens
}

// Bearer returns the token to send; empty for none.
func (s *Session) Bearer(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		tokens, err := s.File.Read(ctx)
		if err != nil {
			return "", err
		}
		s.tokens, s.loaded = tokens, true
	}
	return s.tokens.Access, nil
}

// Challenged reports whether a refusal with these headers asks for a login.
func (s *Session) Challenged(header http.Header) bool {
	return header.Get("X-Incus-OIDC-issuer") != "" && header.Get("X-Incus-OIDC-clientid") != ""
}

// Renew replaces the token used, which the server refused with the headers.
func (s *Session) Renew(ctx context.Context, header http.Header, used string) error {
	s.mu.Lock()
	if s.turn == nil {
		s.turn = make(chan struct{}, 1)
	}
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	s.mu.Lock()
	now := s.tokens
	s.mu.Unlock()
	if now.Access != used {
		return nil // renewed meanwhile
	}
	p, err := s.discover(ctx, header)
	if err != nil {
		return err
	}
	renewed, err := s.File.Change(ctx, now, func(now remote.Tokens) (remote.Tokens, error) { return p.refresh(ctx, now) })
	var why *needsLogin
	if errors.As(err, &why) {
		// The file isn't locked while the user logs in.
		var made remote.Tokens
		if made, err = p.logIn(ctx, why); err == nil {
			renewed, err = s.File.Change(ctx, now, func(remote.Tokens) (remote.Tokens, error) { return made, nil })
		}
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.tokens = renewed
	s.mu.Unlock()
	return nil
}

// A provider is the provider of a server's logins.
type provider struct {
	session  *Session
	issuer   string
	audience string
	config   oauth2.Config
}

// discover reads the provider's description of itself.
func (s *Session) discover(ctx context.Context, header http.Header) (*provider, error) {
	p := &provider{session: s, issuer: header.Get("X-Incus-OIDC-issuer"), audience: header.Get("X-Incus-OIDC-audience")}
	scopes := header.Get("X-Incus-OIDC-scopes")
	if scopes == "" {
		scopes = "openid,offline_access"
	}
	request, err := http.NewRequestWithContext(ctx, "GET", strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, p.failed(err)
	}
	response, err := s.client().Do(request)
	if err != nil {
		return nil, p.failed(err)
	}
	defer response.Body.Close()
	var found struct {
		Token  string `json:"token_endpoint"`
		Device string `json:"device_authorization_endpoint"`
	}
	if response.StatusCode != http.StatusOK {
		return nil, p.failed(errors.Plain("it answers " + response.Status))
	}
	content, err := input.All(ctx, response.Body, input.Key)
	if err == nil {
		err = json.Unmarshal(content, &found)
	}
	if err != nil || found.Token == "" {
		return nil, p.failed(errors.Plain("it doesn't answer as one of OpenID Connect"))
	}
	p.config = oauth2.Config{ClientID: header.Get("X-Incus-OIDC-clientid"), Scopes: strings.Split(scopes, ","),
		Endpoint: oauth2.Endpoint{TokenURL: found.Token, DeviceAuthURL: found.Device, AuthStyle: oauth2.AuthStyleInParams}}
	return p, nil
}

func (s *Session) client() *http.Client {
	if s.HTTP != nil {
		return s.HTTP
	}
	return http.DefaultClient
}

// A needsLogin is the error of tokens that can't be refreshed.
type needsLogin struct{ reason string }

func (e *needsLogin) Error() string { return e.reason }

// refresh returns new tokens for old ones.
func (p *provider) refresh(ctx context.Context, old remote.Tokens) (remote.Tokens, error) {
	if old.Refresh == "" {
		return old, &needsLogin{"no tokens are saved"}
	}
	source := p.config.TokenSource(p.context(ctx), &oauth2.Token{RefreshToken: old.Refresh})
	token, err := source.Token()
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode != "":
		return old, &needsLogin{"the saved tokens are refused: " + described(refused)}
	case err != nil:
		return old, p.failed(err)
	}
	return tokensOf(token, old), nil
}

// logIn returns the tokens of a new login by the user. Why says why one is needed.
func (p *provider) logIn(ctx context.Context, why error) (remote.Tokens, error) {
	s := p.session
	if s.Show == nil {
		return remote.Tokens{}, p.needed(why)
	}
	if p.config.Endpoint.DeviceAuthURL == "" {
		return remote.Tokens{}, p.failed(errors.Plain("it has no login by a code (device flow)"))
	}
	var options []oauth2.AuthCodeOption
	if p.audience != "" {
		options = append(options, oauth2.SetAuthURLParam("audience", p.audience))
	}
	device, err := p.config.DeviceAuth(p.context(ctx), options...)
	if err != nil {
		return remote.Tokens{}, p.refused(err)
	}
	page := device.VerificationURIComplete
	if page == "" {
		page = device.VerificationURI
	}
	if err := s.Show(ctx, fmt.Sprintf("To log in to %s, open %s and confirm the code %s", s.Remote, page, device.UserCode)); err != nil {
		return remote.Tokens{}, p.needed(why)
	}
	token, err := p.config.DeviceAccessToken(p.context(ctx), device)
	if err != nil {
		return remote.Tokens{}, p.refused(err)
	}
	return tokensOf(token, remote.Tokens{}), nil
}

// context returns a context with the client that reaches the provider.
func (p *provider) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.session.client())
}

// tokensOf returns a new token, with what it leaves out as it was.
func tokensOf(token *oauth2.Token, old remote.Tokens) remote.Tokens {
	now := remote.Tokens{Access: token.AccessToken, Type: token.TokenType, Refresh: token.RefreshToken, Expiry: token.Expiry.Round(time.Second), ID: old.ID}
	if now.Refresh == "" {
		now.Refresh = old.Refresh
	}
	if id, ok := token.Extra("id_token").(string); ok {
		now.ID = id
	}
	return now
}

// needed returns the error of a login that needs the user.
func (p *provider) needed(why error) error {
	advice := fmt.Sprintf("a script at a terminal, or \"incus list %s:\", asks for a login", p.session.Remote)
	return &errors.Error{Class: errors.Authentication, Hint: advice, Cause: why, Message: fmt.Sprintf("a new login to %s at %s is needed (%s); %s", p.session.Remote, p.issuer, why, advice)}
}

// refused returns the error of a login that the provider or the user refused.
func (p *provider) refused(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode == "" {
		return p.failed(err)
	}
	why := errors.Plain(described(refused))
	return &errors.Error{Class: errors.Authentication, Cause: why, Message: fmt.Sprintf("the login to %s at %s was refused: %s", p.session.Remote, p.issuer, why)}
}

// described returns the provider's words for a refusal.
func described(refused *oauth2.RetrieveError) string {
	text := refused.ErrorCode
	if refused.ErrorDescription != "" {
		text += ", " + refused.ErrorDescription
	}
	return text
}

// failed returns the error of a provider that isn't reached, or answers otherwise than one.
func (p *provider) failed(err error) error {
	class := errors.OfTransport(err)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		err = errors.Plain("it answers " + refused.Response.Status) // without the body, which may have secrets
	}
	return &errors.Error{Class: class, Cause: err, Message: fmt.Sprintf("can't log in to %s at %s: %s", p.session.Remote, p.issuer, err)}
}
