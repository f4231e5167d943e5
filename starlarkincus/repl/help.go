package repl

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/reference"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
)

// helpEntry matches a call of help with an unquoted name.
var helpEntry = lazy(`^\s*help\(\s*([A-Za-z_][\w.]*)\s*\)\s*$`)

// hintHelp adds a hint to the error of an entry such as help(instance) if the name is undefined: help takes it in
// quotes.
func (p *prompt) hintHelp(entry string, err error) {
	var names resolve.ErrorList
	asked := helpEntry().FindStringSubmatch(entry)
	if asked == nil || !errors.As(err, &names) || newReference().HelpName(io.Discard, asked[1]) != nil {
		return
	}
	for i := range names {
		first, _, _ := strings.Cut(asked[1], ".")
		names[i].Msg = fmt.Sprintf("undefined: %s: write help(%q)", first, asked[1])
	}
}

// Declarations returns the declarations of the functions that only prompts have, by name.
func Declarations() map[string]*builtin.Decl { return new(prompt).own() }

// newReference returns a reference of all names of the prompt.
func newReference() *reference.Reference {
	all := maps.Clone(host.Declarations())
	maps.Copy(all, Declarations())
	return reference.New(all, starlarkincus.BareMethods())
}

// own returns the declarations of the functions that only prompts have, by name.
func (p *prompt) own() map[string]*builtin.Decl {
	out := make(map[string]*builtin.Decl)
	for _, d := range []*builtin.Decl{p.help(), p.watch()} {
		out[d.Name] = d
	}
	return out
}

// help returns the declaration of the prompt's help(x).
func (p *prompt) help() *builtin.Decl {
	return &builtin.Decl{
		Name: "help", Params: []builtin.Param{builtin.Opt("x", builtin.Any, "")}, Returns: builtin.None,
		Help: "Prints the help of x, a value or a name in quotes. help() lists all names. Only prompts have it.\n\n" +
			"The name may be that of a configuration key, or of a key of devices, which the server describes.",
		Call: p.showHelp,
	}
}

func (p *prompt) showHelp(c *builtin.Call) (starlark.Value, error) {
	if len(c.Kwargs) > 0 || len(c.Args) > 1 {
		return nil, c.Errorf("want one value or name, or nothing")
	}
	var text strings.Builder
	if err := p.tell(&text, c); err != nil {
		return nil, err
	}
	b := builtin.Of(c.Thread)
	var err error
	b.Block(func() { err = p.pageWrapped(b.Context, text.String()) })
	return starlark.None, err
}

// functionText returns lines about a declared function, which was probably meant to be called; "" for another value.
func functionText(v starlark.Value) string {
	b, ok := v.(*starlark.Builtin)
	if !ok || b.Receiver() != nil {
		return ""
	}
	d := cmp.Or(Declarations()[b.Name()], host.Declarations()[b.Name()], builtin.Native(b.Name()))
	if d == nil {
		return ""
	}
	does, _, _ := strings.Cut(d.Help, "\n\n")
	if first, _, several := strings.Cut(does, ". "); several {
		does = first + "."
	}
	return b.Name() + ": " + strings.Join(strings.Fields(does), " ") + "\n() calls it, ? shows its help\n"
}

// tell writes the help that a call asks for.
func (p *prompt) tell(w io.Writer, c *builtin.Call) error {
	if len(c.Args) == 0 {
		newReference().Overview(w)
		return nil
	}
	name, ok := starlark.AsString(c.Args[0])
	if !ok {
		newReference().Help(w, c.Args[0])
		return nil
	}
	b := builtin.Of(c.Thread)
	var client *starlarkincus.Client
	b.Block(func() { client = p.client() })
	if err := tellName(b.Context, w, name, client); err != nil {
		return c.Errorf("%w", err)
	}
	return nil
}

// keyName matches names that may be those of configuration keys.
var keyName = lazy(`^[a-z][A-Za-z0-9_<>*-]*(\.[A-Za-z0-9_<>*-]+)*$`)

// tellName writes the help of a name; of one that scripts don't have that of a configuration key, as the client's server
// describes it, and else what a search finds.
func tellName(ctx context.Context, w io.Writer, name string, client *starlarkincus.Client) error {
	r := newReference()
	err := r.HelpName(w, name)
	if err == nil {
		return nil
	}
	searched := new(strings.Builder)
	found := r.Search(searched, name)
	if keyName().MatchString(name) {
		keys := describedKeys(ctx, client)
		if ctx.Err() != nil {
			return causeOf(ctx)
		}
		switch told := r.TellKey(w, name, keys); {
		case told && (!found || strings.Contains(name, ".")):
			return nil
		case told:
			_, err = io.WriteString(w, "\n"+searched.String()) // the word may be another's
			return err
		}
		if near := reference.NearKey(name, keys); near != "" && !found {
			return fmt.Errorf("there is no help for %s (did you mean %s?)", name, near)
		}
	}
	if found {
		_, err = io.WriteString(w, searched.String())
	}
	return err
}

// helpTime is the time in which a server must describe its keys.
const helpTime = 3 * time.Second

// describedKeys returns the keys that the client's server describes; none if it can't be asked, or for a nil client.
func describedKeys(ctx context.Context, client *starlarkincus.Client) []spec.Key {
	if client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, helpTime)
	defer cancel()
	keys, err := client.DescribedKeys(ctx)
	if err != nil {
		return nil // then the name is unknown
	}
	return keys
}

// client returns the client that is named incus; nil if that is something else.
func (p *prompt) client() *starlarkincus.Client {
	client, _ := p.session.Get("incus").(*starlarkincus.Client)
	return client
}
