package cli

import (
	"fmt"

	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/repl"

	"github.com/spf13/pflag"
)

var docCommand = command{
	usage: `usage: incus-star doc [name]...

Prints the reference: what there is, or of each name what it is, what it takes and which request it sends. Names are
those of scripts: try_, IncusNotFoundError, json.decode, incus.instances.launch, instance.exec, profiles.
`,
	flags: func(*flags, *pflag.FlagSet) {},
	run:   doc,
}

func doc(f *flags, _ *pflag.FlagSet, names []string, stdio stdio) int {
	if len(names) == 0 {
		repl.Overview(stdio.out)
		return 0
	}
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(stdio.out)
		}
		if err := repl.HelpName(stdio.out, name); err != nil {
			usage := &host.UsageError{Path: "incus-star doc", Message: err.Error()}
			host.New(host.Options{JSON: f.errorFormat == "json"}).Report(stdio.err, usage)
			return host.ExitStatus(usage)
		}
	}
	return 0
}
