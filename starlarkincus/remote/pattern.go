package remote

import (
	"path"
	"slices"
	"strings"

	"incus-star/errors"
)

// Default returns the name of the default remote.
func (c *Config) Default() string { return c.defaultRemote }

// Match returns the names of the remotes that match a pattern, sorted. A pattern has *, ? or [, and matches no remote that
// only has images; any other text is the name of a remote.
func (c *Config) Match(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		if _, ok := c.remotes[pattern]; !ok {
			err := c.unknown(pattern, "")
			if strings.Contains(pattern, ",") {
				err.Message += "; several are given as a list"
			}
			return nil, err
		}
		return []string{pattern}, nil
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, failure(nil, "the pattern %q is malformed", pattern)
	}
	names, sources := []string{}, []string{}
	for _, name := range c.Names() {
		e := c.remotes[name]
		matches, _ := path.Match(pattern, strings.ReplaceAll(name, "/", "_")) // where / would end what * matches
		switch images := e.Public || e.Protocol != "" && e.Protocol != Incus; {
		case images:
			sources = append(sources, name)
		case matches:
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	return nil, c.unmatched(pattern, sources)
}

// unmatched returns the error for a pattern without a match, which lists the remotes.
func (c *Config) unmatched(pattern string, sources []string) error {
	servers := slices.DeleteFunc(c.Names(), func(name string) bool { return slices.Contains(sources, name) })
	err := errors.New(errors.Config, "no remote matches %q (known: %s", pattern, strings.Join(servers, ", "))
	if len(sources) > 0 {
		err.Message += "; left out, because they only have images: " + strings.Join(sources, ", ")
	}
	err.Message += ")"
	if strings.Contains(pattern, ",") {
		err.Message += "; a comma doesn't part names or patterns: several are a list"
	}
	if c.globalErr != nil {
		err.Message += "; " + c.globalErr.Message
		err.Cause = c.globalErr
	}
	return err
}

// Place returns the addresses of a remote and its project, by which two remotes of one server are told from others; none
// for an unknown one.
func (c *Config) Place(name string) (addresses []string, project string) {
	e, ok := c.remotes[name]
	t := &Target{Name: name, Protocol: Incus, Public: e.Public}
	if !ok || c.addAddresses(t, e) != nil {
		return nil, ""
	}
	c.addProject(t, e)
	if t.Socket != "" {
		return []string{t.Socket}, t.Project
	}
	return t.Endpoints, t.Project
}
