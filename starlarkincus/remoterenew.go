package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/remote"
)

// renew makes the server of a remote that is there trust this client again. Nothing of the configuration changes. If the call
// is for another server, or has no token, renew returns the error of a name that is taken.
func (a *addition) renew(ctx context.Context, config *remote.Config) error {
	taken := config.CheckNew(a.name)
	target, err := config.Trusting(ctx, a.name)
	switch {
	case err != nil:
		return err
	case target == nil:
		return taken
	case a.token == nil:
		if e := (*errors.Error)(nil); errors.As(taken, &e) {
			e.Hint = fmt.Sprintf("incus.remotes.add(%q, token=…) makes its server trust this client again; %s", a.name, e.Hint)
		}
		return taken
	case !a.isOf(target, config.Info(a.name)):
		return taken
	}
	if target.Certificate == nil {
		if _, err := config.MakeCertificate(ctx); err != nil {
			return err
		}
	}
	f := a.ref.client.conn.family
	client, _, err := f.dialRemote(ctx, a.name, f.options.Timeout, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	var server struct {
		Auth string `json:"auth"`
	}
	if err := readJSON(ctx, client, "/1.0", &server); err != nil || server.Auth == "trusted" {
		return err
	}
	if err := a.enroll(ctx, client); err != nil {
		return err
	}
	if ctx.Err() != nil {
		client.Leave(ctx, fmt.Sprintf("the server's trust in this client, which %s(%q) has renewed", a.invocation.name, a.name))
	}
	return nil
}

// isOf reports whether the call describes a remote as it is. The token is for the server if the pinned certificate is the
// token's; without one, the token has one of the remote's addresses. The certificate is checked when the server is asked.
func (a *addition) isOf(target *remote.Target, info remote.Info) bool {
	known := func(address string) bool {
		address = remote.New{Addresses: []string{address}}.Normal().Addresses[0]
		return slices.ContainsFunc(target.Endpoints, func(endpoint string) bool { return strings.EqualFold(endpoint, address) })
	}
	switch pin := target.ServerCertificate; {
	case a.new.Project != "" && a.new.Project != cmp.Or(info.Project, "default"):
		return false
	case pin != nil && digest(pin) != a.expected, pin == nil && a.explicit:
		return false
	case len(a.new.Addresses) > 0:
		return !slices.ContainsFunc(a.new.Addresses, func(address string) bool { return !known(address) })
	}
	return target.ServerCertificate != nil || slices.ContainsFunc(a.token.Addresses, known)
}
