package cli

import (
	"fmt"
	"maps"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/reference"
	"incus-star/starlarkincus/repl"

	"github.com/spf13/pflag"
)

var docCommand = command{
	usage: `usage: incus-star doc [name]...
       incus-star doc -k word...

Prints the reference: an overview, or the description, the arguments and the requests of each name. Names are those of
scripts: try_, IncusNotFoundError, json.decode, incus.instances.launch, instance.backups.create, profiles. Any other
word is searched for.
`,
	flags: func(_ *flags, set *pflag.FlagSet) {
		set.BoolP("keyword", "k", false, "list the names that contain the word, in the name or the help")
	},
	run: doc,
}

// doc runs the command doc and returns its exit status.
func doc(f *flags, set *pflag.FlagSet, names []string, stdio stdio) int {
	declared := maps.Clone(host.Declarations())
	maps.Copy(declared, repl.Declarations())
	r := reference.New(declared, starlarkincus.BareMethods())
	if len(names) == 0 {
		r.Overview(stdio.out)
		return 0
	}
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(stdio.out)
		}
		keyword, _ := set.GetBool("keyword")
		if keyword && r.Search(stdio.out, name) {
			continue
		}
		err := error(nil)
		if keyword {
			err = fmt.Errorf("no name or help contains %s", name)
		} else {
			err = r.Tell(stdio.out, name)
		}
		if err != nil {
			return f.cannot("doc", err, stdio.err)
		}
	}
	return 0
}
