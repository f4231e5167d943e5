package cli

import (
	"fmt"

	"incus-star/starlarkincus/repl"

	"github.com/spf13/pflag"
)

var docCommand = command{
	usage: `usage: incus-star doc [name]...
       incus-star doc -k word...

Prints the reference: what there is, or of each name what it is, what it takes and which request it sends. Names are
those of scripts: try_, IncusNotFoundError, json.decode, incus.instances.launch, instance.backups.create, profiles.
A word that is no name is searched for.

`,
	flags: func(_ *flags, set *pflag.FlagSet) {
		set.BoolP("keyword", "k", false, "list the names that hold the word, or whose help does")
	},
	run: doc,
}

func doc(f *flags, set *pflag.FlagSet, names []string, stdio stdio) int {
	if len(names) == 0 {
		repl.Overview(stdio.out)
		return 0
	}
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(stdio.out)
		}
		keyword, _ := set.GetBool("keyword")
		if keyword && repl.Search(stdio.out, name) {
			continue
		}
		err := error(nil)
		if keyword {
			err = fmt.Errorf("nothing tells of %s", name)
		} else {
			err = repl.Tell(stdio.out, name)
		}
		if err != nil {
			return f.cannot("doc", err, stdio.err)
		}
	}
	return 0
}
