package starlarkincus

import (
	"fmt"
	"path"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"
)

// nameAdvice returns advice on a failure because an object is missing that an argument, or the client's project, names: the nearest
// name, for which it reads those that there are. It is empty for a method's own object: scripts ask for one that may be missing.
func (c *invocation) nameAdvice(e *errors.Error) string {
	if !errors.Is(e, errors.NotFound) || e.Object == nil || e.Object.Name == "" || c.ref.client == nil || c.ref.sample || c.args.has("to") {
		return ""
	}
	if c.ref.res != nil && e.Object.Kind == kindWords(c.ref.res) && c.decl.Does != spec.DoCreate {
		return ""
	}
	for to := spec.ToInstance; to < spec.References; to++ {
		if r := to.Resource(); r != nil && e.Object.Kind == kindWords(r) {
			if near := c.nearest(to, e.Object.Name); near != "" {
				return fmt.Sprintf("did you mean the %s %s?", e.Object.Kind, near)
			}
			return ""
		}
	}
	return ""
}

// kindWords returns the words for the resource's objects in errors.
func kindWords(r *spec.Resource) string { return errors.KindOf(path.Base(r.Path)) }

// nearest returns the name of an object of the server that is nearest to another name; empty if none is, or if there is one of the
// name itself.
func (c *invocation) nearest(to spec.Reference, name string) string {
	project := c.ref.project
	for _, arg := range []string{"to_project", "project"} {
		if spec.Find(c.decl.Arguments(), arg) != nil && c.args.string(arg) != "" {
			project = c.args.string(arg)
		}
	}
	list := c.ref.client.names(to, project)
	if list == nil {
		return ""
	}
	var known []Name
	var err error
	builtin.In(c.ctx).Block(func() { known, err = list.Read(c.ctx) })
	if err != nil || slices.ContainsFunc(known, func(n Name) bool { return n.Text == name }) {
		return "" // the failure says enough
	}
	texts := make([]string, len(known))
	for i, n := range known {
		texts[i] = n.Text
	}
	return errors.Nearest(name, texts)
}
