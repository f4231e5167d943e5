package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// listRemotes describes all remotes.
func listRemotes(c *invocation) (starlark.Value, error) {
	config, err := c.ref.client.conn.family.remotes(c.ctx)
	if err != nil {
		return nil, err
	}
	var all []starlark.Value
	for _, info := range config.List() {
		all = append(all, remoteStruct(info))
	}
	return starlark.NewList(all), nil
}

// remoteNames returns the names of all remotes.
func remoteNames(c *invocation) (starlark.Value, error) {
	config, err := c.ref.client.conn.family.remotes(c.ctx)
	if err != nil {
		return nil, err
	}
	var names []starlark.Value
	for _, name := range config.Names() {
		names = append(names, starlark.String(name))
	}
	return starlark.NewList(names), nil
}

func remoteExists(c *invocation) (starlark.Value, error) {
	config, err := c.ref.client.conn.family.remotes(c.ctx)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(slices.Contains(config.Names(), c.args.string("name"))), nil
}

// remoteStruct returns a remote as a struct.
func remoteStruct(info remote.Info) starlark.Value {
	addresses := make([]starlark.Value, len(info.Addresses))
	for i, address := range info.Addresses {
		addresses[i] = starlark.String(address)
	}
	list := starlark.NewList(addresses)
	list.Freeze()
	return starlarkstruct.FromStringDict(starlark.String("Remote"), starlark.StringDict{
		"name": starlark.String(info.Name), "addresses": list, "protocol": starlark.String(info.Protocol), "auth_type": starlark.String(info.AuthType),
		"project": starlark.String(info.Project), "public": starlark.Bool(info.Public), "static": starlark.Bool(info.Static),
		"global": starlark.Bool(info.Global), "default": starlark.Bool(info.Default)})
}

// changeRemotes changes the incus command's configuration, while other threads run, and keeps the result for later calls, also
// that of a change whose last step failed. If the script was stopped meanwhile, its report says that the change is made.
func (c *invocation) changeRemotes(change func(ctx context.Context, config *remote.Config) (*remote.Config, error)) (*remote.Config, error) {
	f := c.ref.client.conn.family
	config, err := f.remotes(c.ctx)
	if err != nil {
		return nil, err
	}
	builtin.In(c.ctx).Block(func() { config, err = change(c.ctx, config) })
	if config != nil {
		if c.ctx.Err() != nil {
			name := cmp.Or(c.args.string("name"), c.args.string("old"))
			rest.Leave(c.ctx, fmt.Sprintf("the change of the configuration by %s(%q), which is made", c.name, name))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.config = config
	}
	return config, err
}

func removeRemote(c *invocation) (starlark.Value, error) {
	_, err := c.changeRemotes(func(ctx context.Context, config *remote.Config) (*remote.Config, error) {
		return config.Remove(ctx, c.args.string("name"))
	})
	return starlark.None, err
}

func renameRemote(c *invocation) (starlark.Value, error) {
	config, err := c.changeRemotes(func(ctx context.Context, config *remote.Config) (*remote.Config, error) {
		return config.Rename(ctx, c.args.string("old"), c.args.string("new"))
	})
	if err != nil {
		return nil, err
	}
	return remoteStruct(config.Info(c.args.string("new"))), nil
}

func setDefaultRemote(c *invocation) (starlark.Value, error) {
	_, err := c.changeRemotes(func(ctx context.Context, config *remote.Config) (*remote.Config, error) {
		return config.SetDefault(ctx, c.args.string("name"))
	})
	return starlark.None, err
}
