package suite

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// nameTaken is Incus's message about an instance whose name another one on the same bridge has, whatever their projects.
var nameTaken = regexp.MustCompile(`DNS name "([a-zA-Z0-9-]+)" already used on network`)

// forLook is the time that looking for the other instance may take.
const forLook = 10 * time.Second

// clash returns a note about the instance that has the name which a test's report says is taken; empty where the report
// says no such thing. What helps depends on whose the other instance is.
func (r *Runner) clash(p *project, report string) string {
	found := nameTaken.FindStringSubmatch(report)
	if found == nil || p.client == nil {
		return ""
	}
	name := found[1]
	ctx, cancel := context.WithTimeout(context.Background(), forLook)
	defer cancel()
	var instances []struct{ Name, Project string }
	query := url.Values{"all-projects": {"true"}, "recursion": {"1"}, "filter": {"name eq " + name}}
	_ = p.client.Path("/1.0/instances", "").Read(ctx, query, &instances) // not all may be shown to this client
	var others, tests []string
	r.mu.Lock()
	for _, i := range instances {
		switch {
		case i.Name != name || i.Project == p.name:
		case r.projects[i.Project]:
			tests = append(tests, i.Project)
		default:
			others = append(others, i.Project)
		}
	}
	r.mu.Unlock()
	const rule = "note: instances on one bridge need different names, whatever their projects: "
	switch {
	case others != nil:
		return rule + fmt.Sprintf("%s is also in the project %s,\nwhich is not of this run: name the test's differently\n", name, strings.Join(others, " and "))
	case tests != nil:
		return rule + fmt.Sprintf("a test that ran at the same time has %s too:\nname one of them differently, or run one file at a time with -p 1\n", name)
	case r.options.Parallel > 1:
		return rule + fmt.Sprintf("the other %s is gone by now, or hidden.\nIf it was a test's, name it differently, or run one file at a time with -p 1\n", name)
	}
	return rule + fmt.Sprintf("the other %s is gone by now, or hidden:\nname the test's differently\n", name)
}
