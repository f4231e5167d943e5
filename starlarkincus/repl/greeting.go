package repl

import (
	"context"
	"fmt"
	"strings"

	"incus-star/starlarkincus/remote"
)

// Target returns a description of a remote's server and project for [Options.Target]. It reads the configuration
// without connecting. It returns the empty string if the configuration is invalid, which the first call will report. An
// empty name is the default remote, an empty project the remote's own.
func Target(ctx context.Context, env remote.Environment, name, project string) string {
	config, err := remote.Load(ctx, env)
	if err != nil {
		return ""
	}
	target, err := config.Resolve(ctx, name)
	if err != nil || target.Connectable() != nil {
		return ""
	}
	where := target.Socket
	if where == "" {
		where = strings.Join(target.Endpoints, ", ")
	}
	if project == "" {
		project = target.Project
	}
	if project == "" {
		project = "default"
	}
	return fmt.Sprintf("%s (%s), project %s", target.Name, where, project)
}

func (p *prompt) greet() {
	greeting := "incus-star"
	if p.Version != "" {
		greeting += " " + p.Version
	}
	if p.Target != "" {
		greeting += " for " + p.Target
	}
	fmt.Fprintf(p.Stdout, "%s. help() lists all names, Ctrl-D ends.\n", greeting)
}
