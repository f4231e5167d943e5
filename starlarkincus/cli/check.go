package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"incus-star/starlarkincus/check"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/suite"

	"github.com/spf13/pflag"
)

// scriptSuffix is how the names of scripts end that are found in folders.
const scriptSuffix = ".star"

var checkCommand = command{
	usage: `usage: incus-star check [flags] [paths]

Checks scripts without running them: the files given, and the *.star files below the folders given, or below this one.
It finds what doesn't parse, names that aren't there, files and names that can't be loaded, unknown methods, attributes
and arguments of incus and of what comes from it, wrong calls of the script's own functions, and results of try_ that
nobody looks at. It reports only what is certain, one line each:

  deploy.star:12:17: instances.create: unknown argument confg (did you mean config?)
`,
	after: `
exit status: 0; 1 it found something; 2 wrong usage, or a file can't be read
`,
}

func init() {
	var asJSON bool
	checkCommand.flags = func(_ *flags, set *pflag.FlagSet) {
		asJSON = false
		set.BoolVar(&asJSON, "json", false, "print a JSON list, for editors")
	}
	checkCommand.run = func(f *flags, _ *pflag.FlagSet, args []string, stdio stdio) int {
		return f.check(asJSON, args, stdio)
	}
}

// check checks scripts.
func (f *flags) check(asJSON bool, paths []string, stdio stdio) int {
	files, err := suite.Files(orHere(paths), scriptSuffix)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file below %q ends in %s", orHere(paths), scriptSuffix)
	}
	if err != nil {
		return f.cannot("check", err, stdio.err)
	}
	found, err := check.Run(files, check.Options{LibraryPath: libraryPath()})
	if asJSON {
		writeJSON(stdio.out, found)
	} else {
		for _, finding := range found {
			fmt.Fprintln(stdio.out, printable.Line(finding.String()))
		}
	}
	switch {
	case err != nil:
		return f.cannot("check", err, stdio.err)
	case len(found) > 0:
		return 1
	}
	return 0
}

func writeJSON(w io.Writer, found []check.Finding) {
	if found == nil {
		found = []check.Finding{}
	}
	data, _ := json.MarshalIndent(found, "", "  ") // nothing in it can't be written
	_, _ = w.Write(append(printable.JSON(data), '\n'))
}

// cannot reports what keeps a command from its work.
func (f *flags) cannot(name string, err error, stderr io.Writer) int {
	return f.report(&host.UsageError{Path: "incus-star " + name, Message: err.Error()}, stderr)
}
