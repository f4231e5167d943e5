package repl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/remote"
)

// A Place is the server and project that the incus module uses.
type Place struct{ Remote, Server, Project string }

// The names of the place that the prompt doesn't say.
const (
	plainRemote  = "local"
	plainProject = "default"
)

func (p Place) String() string {
	if p.Remote == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s), project %s", p.Remote, p.Server, p.Project)
}

// Target returns the place of a remote for [Options.Target]. It reads the configuration without connecting. It returns the
// zero value if the configuration is invalid, which the first call will report. An empty name is the default remote, an
// empty project the remote's own.
func Target(ctx context.Context, env remote.Environment, name, project string) Place {
	config, err := remote.Load(ctx, env)
	if err != nil {
		return Place{}
	}
	target, err := config.Locate(ctx, name)
	if err != nil || target.Connectable() != nil {
		return Place{}
	}
	where := target.Socket
	if where == "" {
		where = strings.Join(target.Endpoints, ", ")
	}
	if project == "" {
		project = target.Project
	}
	if project == "" {
		project = plainProject
	}
	return Place{target.Name, where, project}
}

func (p *prompt) greet() {
	greeting := "incus-star"
	if p.Version != "" {
		greeting += " " + p.Version
	}
	if target := p.place.String(); target != "" {
		greeting += " for " + target
	}
	fmt.Fprint(p.Stdout, wrapped(p.Stdout, greeting+". help() lists all names, :help the commands, Ctrl-D ends.\n"))
}

// promptFor returns the text before the cursor, given the part of the entry read so far: the remote, the project and
// whether nothing can be changed, where they aren't the plain ones.
func (p *prompt) promptFor(before string) string {
	if before != "" {
		return "... "
	}
	var words []string
	place := p.place
	if place.Remote != "" && (place.Remote != plainRemote || place.Project != plainProject) {
		where := place.Remote
		if place.Project != plainProject {
			where += ":" + place.Project
		}
		words = append(words, printable.Line(where))
	}
	if p.ReadOnly {
		words = append(words, "READ-ONLY")
	}
	text := strings.Join(words, " ")
	if width, _ := terminal.Size(p.Stdout); width > 0 {
		text = printable.Cut(text, max(10, width/3))
	}
	if text != "" {
		text += " "
	}
	return text + ">>> "
}

// Times of the look at the server when the prompt starts.
const (
	quickAnswer = 10 * time.Millisecond // that the first prompt waits for
	slowAnswer  = 10 * time.Second      // after which it is no server
)

// lookAround asks the server in the background for its version and its running instances, and says what it answers, or
// that it doesn't. The returned function waits for the answer, until quickAnswer after the question at most.
func (p *prompt) lookAround() (wait func()) {
	client, ok := p.session.Get("incus").(*starlarkincus.Client)
	if !ok {
		return func() {}
	}
	patience := time.After(quickAnswer)
	answered := make(chan struct{})
	p.aside.Go(func() {
		defer close(answered)
		ctx, cancel := context.WithTimeout(p.background, slowAnswer)
		defer cancel()
		about, err := client.About(ctx)
		if p.background.Err() == nil {
			p.notices.add(aboutText(about, err))
		}
	})
	return func() {
		select {
		case <-answered:
		case <-patience:
		}
	}
}

// aboutText returns the line about a server.
func aboutText(about starlarkincus.About, err error) string {
	switch {
	case err == nil && about.Running < 0:
		return "Incus " + about.Version
	case err == nil:
		instances := "instances run"
		if about.Running == 1 {
			instances = "instance runs"
		}
		return fmt.Sprintf("Incus %s, %s %s", about.Version, printable.Count(about.Running), instances)
	}
	message := err.Error()
	var failed *errors.Error
	if errors.As(err, &failed) {
		message = failed.Message
	}
	if !strings.HasSuffix(message, "?") {
		message += ";"
	}
	return "no server: " + message + " :remote NAME goes to another one"
}
