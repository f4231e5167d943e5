package suite

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// nameTaken matches Incus's message about an instance name already in use on a bridge, perhaps in another project.
var nameTaken = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`DNS name "([a-zA-Z0-9-]+)" already used on network`) })

// lookTimeout limits the search for the other instance.
const lookTimeout = 10 * time.Second

// clash returns advice for a test whose report says that an instance name is in use; empty for another report. The
// advice depends on the owner of the other instance.
func (r *Runner) clash(p *project, report string) string {
	found := nameTaken().FindStringSubmatch(report)
	if found == nil || p.client == nil {
		return ""
	}
	name := found[1]
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	var instances []struct{ Name, Project string }
	query := url.Values{"all-projects": {"true"}, "recursion": {"1"}, "filter": {"name eq " + name}}
	_ = p.client.Path("/1.0/instances", "").Read(ctx, query, &instances) // the client may not see all of them
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
		return rule + fmt.Sprintf("%s is also in the project %s,\nwhich is not of this run: rename the test's instance\n", name, strings.Join(others, " and "))
	case tests != nil:
		return rule + fmt.Sprintf("a test that ran at the same time has %s too:\nrename one of them, or run one file at a time with -p 1\n", name)
	case r.options.Parallel > 1:
		return rule + fmt.Sprintf("the other %s is gone by now, or hidden.\nIf it was a test's, rename one of them, or run one file at a time with -p 1\n", name)
	}
	return rule + fmt.Sprintf("the other %s is gone by now, or hidden:\nrename the test's instance\n", name)
}
