package repl

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/internal/printable"
	values "incus-star/starlarkincus/show"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A command is a command of the prompt.
type command struct {
	name, args, help string
	words            func(p *prompt) []candidate // proposed for the argument by Tab
	run              func(p *prompt, ctx context.Context, arg string) error
}

// commands returns all commands, sorted.
func commands() []command {
	return []command{
		{"all", "[EXPR]", "Shows a value, by default the last one, with all its fields and lines.", nil, (*prompt).showAll},
		{"complete", "[local|live]", "Completes names of the server by asking it (live), or sends nothing (local).", words("live", "local"), (*prompt).setCompletion},
		{"edit", "[N]", "Edits the last entry, or the one N entries before it, in $EDITOR, and runs what that writes.", nil, (*prompt).editEntry},
		{"help", "", "Lists the commands.", nil, (*prompt).listCommands},
		{"ops", "[cancel ID]", "Lists the operations that run on the server, or cancels one.", (*prompt).operationIDs, (*prompt).showOperations},
		{"project", "NAME", "Makes incus a client of another project.", (*prompt).projectNames, (*prompt).useProject},
		{"reload", "", "Loads the files that have changed since they were loaded.", nil, (*prompt).reload},
		{"remote", "NAME", "Makes incus a client of another remote of the incus command.", (*prompt).remoteNames, (*prompt).useRemote},
		{"save", "FILE", "Writes the entries that worked as a script. :save! replaces the file.", nil, (*prompt).save},
		{"save!", "FILE", "Writes the script also if there is such a file.", nil, (*prompt).saveOver},
		{"time", "EXPR", "Shows how long an expression takes.", nil, (*prompt).timeEntry},
		{"trace", "on|off", "Prints each request, with its status and time.", words("off", "on"), (*prompt).setTrace},
	}
}

// words returns a function that returns these words.
func words(all ...string) func(*prompt) []candidate {
	return func(*prompt) (out []candidate) {
		for _, word := range all {
			out = append(out, candidate{word, ""})
		}
		return out
	}
}

// isCommand reports whether a line is a command of the prompt, such as :help.
func isCommand(line string) bool { return strings.HasPrefix(line, ":") }

// command runs a command.
func (p *prompt) command(ctx context.Context, line string) error {
	name, arg, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(line, ":"), " "), " ")
	var names []string
	for _, c := range commands() {
		if c.name == name {
			arg = strings.TrimSpace(arg)
			if required := c.args != "" && !strings.HasPrefix(c.args, "["); required && arg == "" {
				return usage("write :%s %s", c.name, c.args)
			}
			if c.args == "" && arg != "" {
				return usage(":%s takes nothing", c.name)
			}
			return c.run(p, ctx, arg)
		}
		names = append(names, c.name)
	}
	if name == "" {
		return usage(":help lists the commands")
	}
	if meant := otherCommands[name]; meant != "" {
		return usage("there is no command :%s: %s", name, meant)
	}
	if near := errors.Nearest(name, names); near != "" {
		return usage("there is no command :%s (did you mean :%s?)", printable.Line(name), near)
	}
	return usage("there is no command :%s: :help lists them", printable.Line(name))
}

// otherCommands are commands of other programs, with what does the same here.
var otherCommands = map[string]string{
	"q":       "exit() or Ctrl-D ends the prompt",
	"q!":      "exit() or Ctrl-D ends the prompt",
	"quit":    "exit() or Ctrl-D ends the prompt",
	"exit":    "exit() or Ctrl-D ends the prompt",
	"x":       "exit() or Ctrl-D ends the prompt",
	"wq":      ":save FILE writes the entries, exit() or Ctrl-D ends the prompt",
	"w":       ":save FILE writes the entries that worked",
	"e":       ":edit edits the last entry",
	"h":       ":help lists the commands",
	"?":       ":help lists the commands",
	"history": "the arrow keys and Ctrl-R find earlier entries, and :save FILE writes those that worked",
	"hist":    "the arrow keys and Ctrl-R find earlier entries, and :save FILE writes those that worked",
	"clear":   "Ctrl-L clears the screen",
	"ls":      `write fs.list("."), or incus.instances.list()`,
	"!":       `write run(["ls"]), or instance.exec(["ls"])`,
	"load":    `write load("FILE", "NAME"), and :reload after a change`,
	"doc":     "write help(x), or x?",
	"t":       "write type(x)",
	"type":    "write type(x)",
}

// A usageError is a mistake in a command.
type usageError string

func (e usageError) Error() string { return string(e) }

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// commandWords returns the candidates at the end of a command, as [completer.words] does for code.
func (p *prompt) commandWords(text, tail string, code func(text, tail string) (int, []candidate)) (keep int, found []candidate) {
	name, arg, hasArg := strings.Cut(text[1:], " ")
	for _, c := range commands() {
		switch {
		case !hasArg && strings.HasPrefix(c.name, name):
			text := c.name
			if c.args != "" {
				text += " "
			}
			found = append(found, candidate{text, ""})
		case hasArg && c.name == name && c.words != nil:
			return len(text) - len(arg), matching(arg, c.words(p))
		case hasArg && c.name == name && c.args == "FILE" && p.live != nil:
			files := completion{completer: completer{live: p.live}, deadline: time.Now().Add(answerTime)}
			return len(text) - len(arg), matching(arg, files.files(arg, false))
		case hasArg && c.name == name && strings.Contains(c.args, "EXPR"):
			start := len(text) - len(arg)
			keep, found = code(arg, tail)
			return start + keep, found
		}
	}
	return 1, found
}

// completion returns the completion of a line of an entry.
func (p *prompt) completion(c completer) func(text, tail string) (keep int, found []candidate) {
	return func(text, tail string) (int, []candidate) {
		if isCommand(text) {
			return p.commandWords(text, tail, c.words)
		}
		return c.words(text, tail)
	}
}

func (p *prompt) say(format string, args ...any) error {
	_, err := fmt.Fprint(p.Stdout, wrapped(p.Stdout, fmt.Sprintf(format+"\n", args...)))
	return err
}

func (p *prompt) listCommands(ctx context.Context, _ string) error {
	return p.pageWrapped(ctx, commandsText())
}

// commandsText returns the list of the commands.
func commandsText() string {
	var text strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&text, "%-22s %s\n", strings.TrimSpace(":"+c.name+" "+c.args), c.help)
	}
	fmt.Fprintf(&text, "%-22s %s\n", "x?  ?x.method", "Shows the help of a value.")
	fmt.Fprintf(&text, "%-22s %s\n", "_  _1 …  err_", "The last value, the one before it, and so on; the last error.")
	fmt.Fprintf(&text, "%-22s %s\n", "Ctrl-X Ctrl-E", "Edits the entry in $EDITOR; Ctrl-O takes it line by line.")
	return text.String()
}

func (p *prompt) showAll(ctx context.Context, arg string) error {
	if arg == "" {
		arg = "_"
	}
	return p.run(ctx, arg, true)
}

func (p *prompt) timeEntry(ctx context.Context, arg string) error {
	took := stopwatch()
	v, err := p.eval(ctx, arg)
	spent := took()
	if err != nil {
		return err
	}
	how := values.Style{OneLine: p.changes(arg)}
	p.keep(arg, v)
	if v != starlark.None {
		if err := p.print(ctx, ctx, v, how); err != nil {
			return err
		}
	}
	return p.say("%s", tookText(spent))
}

func (p *prompt) setTrace(_ context.Context, arg string) error {
	switch {
	case arg != "on" && arg != "off":
		return usage("write :trace on, or :trace off")
	case p.Trace == nil:
		return usage("requests can't be traced here")
	}
	p.Trace(arg == "on")
	return nil
}

// editEntry edits an earlier entry, and runs it.
func (p *prompt) editEntry(ctx context.Context, arg string) error {
	n := 0
	if arg != "" {
		var err error
		if n, err = strconv.Atoi(arg); err != nil || n < 0 {
			return usage("write :edit, or :edit 2 for the entry two before the last")
		}
	}
	for _, text := range slices.Backward(p.past) {
		if isCommand(text) {
			continue
		}
		if n--; n >= 0 {
			continue
		}
		e, err := p.edited(ctx, text, false)
		if endsPrompt(ctx, err) {
			return err
		}
		if err != nil || strings.TrimSpace(e.text) == "" {
			return nil // what went wrong has been said
		}
		p.remember(e.text)
		err = p.enter(ctx, e.code())
		p.bringBack(e, err)
		return err
	}
	return usage("there is no such entry")
}

// useProject makes incus a client of another project, which must exist.
func (p *prompt) useProject(ctx context.Context, name string) error {
	exists, err := p.evalOwn(ctx, fmt.Sprintf("incus.projects.exists(%s)", starlark.String(name)))
	if err != nil {
		return err
	}
	if exists != starlark.True {
		return usage("there is no project %s: incus.projects.names() lists them", printable.Line(name))
	}
	if err := p.use(ctx, fmt.Sprintf("incus.use(project = %s)", starlark.String(name))); err != nil {
		return err
	}
	p.place.Project = name
	return nil
}

// useRemote makes incus a client of another remote.
func (p *prompt) useRemote(ctx context.Context, name string) error {
	name = strings.TrimSuffix(name, ":") // as the incus command writes it
	if err := p.use(ctx, fmt.Sprintf("incus.connect(remote = %s)", starlark.String(name))); err != nil {
		return err
	}
	p.place = Place{Remote: name, Project: plainProject}
	if client, ok := p.session.Get("incus").(*starlarkincus.Client); ok {
		if project, err := client.Project(ctx); err == nil {
			p.place.Project = project
		}
	}
	p.lookAround()()
	return nil
}

// use sets incus and the names that go with it to a client.
func (p *prompt) use(ctx context.Context, code string) error {
	v, err := p.evalOwn(ctx, code)
	if err != nil {
		return err
	}
	client, ok := v.(*starlarkincus.Client)
	if !ok {
		return usage("%s is no client", v.Type())
	}
	for name, v := range client.Names() {
		p.session.Set(name, v)
	}
	p.worked = append(p.worked, worked{text: "incus = " + code + "\n", switched: true})
	return nil
}

// remoteNames returns the names of the remotes, for Tab.
func (p *prompt) remoteNames() []candidate {
	return p.known((*starlarkincus.Client).RemoteNames)
}

// projectNames returns the names of the server's projects, for Tab.
func (p *prompt) projectNames() []candidate {
	return p.known(func(c *starlarkincus.Client) *starlarkincus.NameList { return c.NamesOf(spec.ToProject) })
}

// known returns the names of a list of the client, as far as they are known in time.
func (p *prompt) known(list func(*starlarkincus.Client) *starlarkincus.NameList) []candidate {
	client, ok := p.session.Get("incus").(*starlarkincus.Client)
	if !ok || p.live == nil {
		return nil
	}
	var out []candidate
	for _, n := range p.live.names(sourceOf(list(client)), time.Now().Add(answerTime)) {
		out = append(out, candidate{n.Text, n.Kind})
	}
	return out
}

// dottedPath matches a name with attributes, or a configuration key, perhaps in quotes, and itemOf the item of a dict.
var (
	dottedPath = lazy(`^[\pL_][\pL\pN_]*(\s*\.\s*[\pL_][\pL\pN_]*)*$`)
	itemOf     = lazy(`^[^?]*\[\s*("[^"]*"|'[^']*')\s*\]$`)
)

// questioned returns what a line asks for, such as x.method in x.method? or ?x.method, or the key limits.cpu in
// "limits.cpu"? and x.config["limits.cpu"]?; "" for all names.
func questioned(text string) (about string, asks bool) {
	line := strings.TrimSpace(text)
	about, before := strings.CutPrefix(line, "?")
	about, after := strings.CutSuffix(about, "?")
	about = strings.TrimSpace(strings.Trim(about, "?")) // x?? is x?
	if item := itemOf().FindStringSubmatch(about); item != nil {
		about = item[1]
	}
	if n := len(about); n > 2 && strings.ContainsAny(about[:1], `"'`) && about[0] == about[n-1] {
		about = about[1 : n-1]
		return about, (before || after) && keyName().MatchString(about)
	}
	return about, (before || after) && (about == "" || dottedPath().MatchString(about) || keyName().MatchString(about))
}

// ask shows the help of a value or, for another word, of a name.
func (p *prompt) ask(ctx context.Context, path string) error {
	var text strings.Builder
	if path == "" {
		newReference().Overview(&text)
	} else if v := p.valueAt(strings.Split(path, ".")); v != nil {
		newReference().Help(&text, v)
	} else if err := p.withinEntry(ctx, func(ctx context.Context) error { return tellName(ctx, &text, path, p.client()) }); err != nil {
		return usageError(err.Error())
	}
	return p.pageWrapped(ctx, text.String())
}

// valueAt returns the value of a dotted path; nil if it is unknown.
func (p *prompt) valueAt(path []string) starlark.Value {
	v := p.session.Get(strings.TrimSpace(path[0]))
	for _, name := range path[1:] {
		attrs, ok := v.(starlark.HasAttrs)
		if !ok {
			return nil
		}
		var err error
		if v, err = attrs.Attr(strings.TrimSpace(name)); err != nil {
			return nil
		}
	}
	return v
}
