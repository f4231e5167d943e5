// Package fakeoidc is a provider of OpenID Connect for tests. Its only client is "incus", its only user "id1".
package fakeoidc

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"incus-star/errors"
)

// ClientID is the id of the provider's client.
const ClientID = "incus"

// A Provider is a running provider.
type Provider struct {
	*httptest.Server
	store *store

	// Forgetful makes the provider refuse all refresh tokens, as expired ones.
	Forgetful atomic.Bool
	// Logins and Refreshes count the tokens that were issued.
	Logins, Refreshes atomic.Int64
}

// New starts a provider, which must be closed.
func New() (*Provider, error) {
	p := &Provider{Server: httptest.NewServer(nil)}
	p.store = &store{Storage: storage.NewStorageWithClients(storage.NewUserStore(p.URL), map[string]*storage.Client{ClientID: storage.NativeClient(ClientID)}), provider: p}
	handler, err := op.NewProvider(&op.Config{
		CryptoKey:             [32]byte{1},
		CryptoKeyId:           "key",
		GrantTypeRefreshToken: true,
		DeviceAuthorization:   op.DeviceAuthorizationConfig{Lifetime: time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20},
	}, p.store, op.StaticIssuer(p.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		p.Close()
		return nil, err
	}
	p.Config.Handler = handler
	return p, nil
}

// Confirm logs the user in, by the code at the end of a message.
func (p *Provider) Confirm(ctx context.Context, message string) error {
	return p.store.CompleteDeviceAuthorization(ctx, code(message), "id1")
}

// Deny refuses the login, by the code at the end of a message.
func (p *Provider) Deny(ctx context.Context, message string) error {
	return p.store.DenyDeviceAuthorization(ctx, code(message))
}

func code(message string) string { return message[strings.LastIndexByte(message, ' ')+1:] }

// Revoke revokes all tokens of the user.
func (p *Provider) Revoke(ctx context.Context) error {
	return p.store.TerminateSession(ctx, "id1", "")
}

// Verify returns the user of an access token, as a server of Incus does.
func (p *Provider) Verify(ctx context.Context, token string) (string, error) {
	keys := rp.NewRemoteKeySet(http.DefaultClient, p.URL+"/keys")
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token, op.NewAccessTokenVerifier(p.URL, keys))
	if err != nil {
		return "", err
	}
	return claims.Subject, nil
}

// A store is the provider's storage.
type store struct {
	*storage.Storage
	provider *Provider
}

// A client is the provider's client, which has no secret, gets tokens of the form JWT, and logs in by codes.
type client struct{ op.Client }

func (client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeDeviceCode, oidc.GrantTypeRefreshToken}
}

func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

func (s *store) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, old string) (id, refresh string, expires time.Time, err error) {
	if old == "" {
		s.provider.Logins.Add(1)
	} else {
		s.provider.Refreshes.Add(1)
	}
	return s.Storage.CreateAccessAndRefreshTokens(ctx, r, old)
}

// A refreshRequest is a request with a refresh token. The storage knows no client of tokens from logins by codes.
type refreshRequest struct{ op.RefreshTokenRequest }

func (refreshRequest) GetClientID() string { return ClientID }

func (s *store) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	if s.provider.Forgetful.Load() {
		return nil, errors.Plain("the refresh token has expired")
	}
	r, err := s.Storage.TokenRequestByRefreshToken(ctx, token)
	return refreshRequest{r}, err
}
