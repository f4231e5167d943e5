package starlarkincus

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/oidc"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/streams"

	"go.starlark.net/starlark"
)

// environment returns the location of configuration and keys.
func (f *family) environment() remote.Environment {
	env := remote.OS()
	if f.options.Environment != nil {
		env = *f.options.Environment
	}
	if f.options.Warn != nil {
		env.Warn = f.options.Warn
	}
	env.Keys = &f.keys
	return env
}

// remotes returns the incus command's configuration, which it reads again if another program has changed it.
func (f *family) remotes(ctx context.Context) (*remote.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	config, err := f.config, error(nil)
	switch {
	case config == nil:
		config, err = remote.Load(ctx, f.environment())
	case !config.Current():
		config, err = config.Reload(ctx)
	}
	if err != nil {
		return nil, err
	}
	f.config = config
	return config, nil
}

// The time for which the files of a remote are read again, while another program changes them, and the pause between two readings.
const (
	readingTime  = time.Second
	readingPause = 10 * time.Millisecond
)

// resolve returns the target of a remote from files that belong together, and the configuration.
func (f *family) resolve(ctx context.Context, name string) (*remote.Config, *remote.Target, error) {
	for begun := time.Now(); ; {
		config, err := f.remotes(ctx)
		if err != nil {
			return nil, nil, err
		}
		target, err := config.Resolve(ctx, name)
		switch {
		case ctx.Err() != nil, config.Settled(target):
			return config, target, err
		case time.Since(begun) > readingTime:
			return nil, nil, errors.New(errors.Config, "another program changes the files of the remote %q all the time", cmp.Or(name, config.Default()))
		}
		select { // other threads may wait for this connection, so they wait meanwhile
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(readingPause):
		}
	}
}

// locate returns the target of a remote without its certificates, whose keys may need a password.
func (f *family) locate(name string) (*remote.Target, error) {
	ctx := context.Background() // the files are small
	config, err := f.remotes(ctx)
	if err != nil {
		return nil, err
	}
	return config.Locate(ctx, name)
}

// known returns the configuration if it was read; otherwise nil.
func (f *family) known() *remote.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config
}

func (f *family) base(timeout time.Duration, breaker *rest.Breaker) rest.Config {
	return rest.Config{Timeout: timeout, Breaker: breaker, ReadOnly: f.options.ReadOnly, Trace: f.options.Trace, Progress: f.options.Progress, UserAgent: f.options.UserAgent}
}

// dialRemote returns a client of a remote of the incus command, and the project of that remote.
func (f *family) dialRemote(ctx context.Context, name string, timeout time.Duration, breaker *rest.Breaker) (*rest.Client, string, error) {
	config, target, err := f.resolve(ctx, name)
	if err != nil {
		return nil, "", err
	}
	if err := target.Connectable(); err != nil {
		return nil, "", err
	}
	c := f.base(timeout, breaker)
	c.Remote, c.Default = target.Name, target.Name == cmp.Or(f.options.Remote, config.Default())
	c.Socket, c.Endpoints = target.Socket, target.Endpoints
	if target.Protocol == remote.SimpleStreams {
		server, endpoint, err := streams.New(target.Name, target.Endpoints[0], certificateText(target.ServerCertificate))
		if err != nil {
			return nil, "", err
		}
		c.Backend, c.Endpoints = server, []string{endpoint}
	}
	c.Certificate, c.ServerCertificate, c.CA = target.Certificate, target.ServerCertificate, target.CA
	c.Login = f.login(target)
	client, err := rest.New(c)
	return client, target.Project, err
}

// login returns the login to a remote by OpenID Connect; nil for another one.
func (f *family) login(target *remote.Target) rest.Login {
	if target.Tokens == nil {
		return nil
	}
	return &oidc.Session{Remote: target.Name, File: target.Tokens, Show: f.show}
}

// certificateText returns a certificate as PEM; empty for nil.
func certificateText(certificate *x509.Certificate) string {
	if certificate == nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// connect returns a client of another server. It reads the named files, and sends nothing.
func connect(c *invocation) (starlark.Value, error) {
	a, f := c.args, c.ref.client.conn.family
	timeout := a.duration("timeout")
	if !a.has("timeout") {
		timeout = f.options.Timeout
	}
	conn := &connection{family: f, breaker: new(rest.Breaker)}
	switch {
	case a.has("endpoint"):
		config, err := endpoint(c, f.base(timeout, conn.breaker))
		if err != nil {
			return nil, err
		}
		conn.dial = func(context.Context, *family) (*rest.Client, string, error) {
			client, err := rest.New(config)
			return client, "", err
		}
		conn.name = config.Name()
	default:
		// Check the name and the certificates of the remote now, not at the first call.
		client, project, err := f.dialRemote(c.ctx, a.string("remote"), timeout, conn.breaker)
		if err != nil {
			return nil, err
		}
		conn.name = client.Remote()
		conn.dial = func(context.Context, *family) (*rest.Client, string, error) { return client, project, nil }
	}
	conn.given = conn.name
	return &Client{conn: conn, project: a.string("project"), target: a.string("target")}, nil
}

// endpoint returns the configuration for a server given by its address.
func endpoint(c *invocation, config rest.Config) (rest.Config, error) {
	a := c.args
	text := a.string("endpoint")
	path, isSocket := strings.CutPrefix(text, "unix:")
	if isSocket {
		path = strings.TrimPrefix(path, "//")
	}
	if isSocket || strings.HasPrefix(text, "/") {
		if a.has("cert") || a.has("verify") {
			return config, fmt.Errorf("%s: cert= and verify= are for https endpoints, not for a unix socket", c.name)
		}
		config.Socket = path
		return config, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return config, fmt.Errorf("%s: endpoint: %q is neither https://host:port nor the path of a unix socket", c.name, text)
	}
	if u.Port() == "" {
		u.Host += ":8443"
	}
	config.Endpoints = []string{"https://" + u.Host}
	if files, ok := a.local["cert"].([]string); ok {
		if len(files) != 2 {
			return config, fmt.Errorf("%s: cert: got %d files, want two: (certificate, key)", c.name, len(files))
		}
		builtin.In(c.ctx).Block(func() {
			config.Certificate, err = c.ref.client.conn.family.environment().LoadCertificate(c.ctx, files[0], files[1])
		})
		if err != nil {
			return config, err
		}
	}
	switch verify := a.local["verify"].(type) {
	case nil:
	case bool:
		config.InsecureSkipVerify = !verify
	case string:
		if config.ServerCertificate, config.CA, err = trusted(c, verify); err != nil {
			return config, err
		}
	default:
		return config, fmt.Errorf("%s: verify: want a file's name or a bool", c.name)
	}
	return config, nil
}

// trusted reads the certificate of a server, or those of certificate authorities.
func trusted(c *invocation, file string) (_ *x509.Certificate, _ *x509.CertPool, err error) {
	var data []byte
	builtin.In(c.ctx).Block(func() { data, err = input.File(c.ctx, file, input.Key) })
	if c.ctx.Err() != nil {
		return nil, nil, context.Cause(c.ctx)
	}
	if err != nil {
		return nil, nil, &errors.Error{Class: errors.Config, Message: fmt.Sprintf("can't read the certificate %s", file), Cause: err}
	}
	pool := x509.NewCertPool()
	var pin *x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, &errors.Error{Class: errors.Config, Message: fmt.Sprintf("%s holds something else than certificates", file), Cause: err}
		}
		pool.AddCert(certificate)
		if !certificate.IsCA {
			pin = certificate
		}
	}
	switch {
	case pin != nil:
		return pin, nil, nil
	case pool.Equal(x509.NewCertPool()):
		return nil, nil, errors.New(errors.Config, "%s holds no PEM certificate", file)
	}
	return nil, pool, nil
}

// use returns a client of another project on the same connection.
func use(c *invocation) (starlark.Value, error) {
	client := *c.ref.client
	if c.args.has("project") {
		client.project = c.args.string("project")
	}
	if c.args.has("target") {
		client.target = c.args.string("target")
	}
	return &client, nil
}

func hasExtension(c *invocation) (starlark.Value, error) {
	ok, err := c.ref.client.hasExtension(c.ctx, c.args.string("name"))
	return starlark.Bool(ok), err
}
