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

// scriptSuffix is the end of the names of scripts in a folder.
const scriptSuffix = ".star"

var checkCommand = command{
	usage: `usage: incus-star check [flags] [paths]

Checks scripts without running them: the given files, and the *.star files below the given folders or, without
arguments, below the working directory. It finds syntax errors, undefined names, failing loads, unknown methods,
attributes and arguments of incus and its objects, values of the wrong type, wrong calls of the script's own functions,
and unused Results of try_, parallel and map. It reports only mistakes that are certain, one line each:

  deploy.star:12:17: instances.create: unknown argument confg (did you mean config?)
`,
	after: `
exit status: 0; 1 mistakes were found; 2 wrong usage, or a file can't be read
`,
}

func init() {
	var asJSON bool
	checkCommand.flags = func(_ *flags, set *pflag.FlagSet) {
		asJSON = false
		set.BoolVar(&asJSON, "json", false, "print the mistakes as a JSON list, for editors")
	}
	checkCommand.run = func(f *flags, _ *pflag.FlagSet, args []string, stdio stdio) int {
		return f.check(asJSON, args, stdio)
	}
}

// check runs the command check and returns its exit status.
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

// writeJSON writes the findings as a JSON list.
func writeJSON(w io.Writer, found []check.Finding) {
	if found == nil {
		found = []check.Finding{}
	}
	data, _ := json.MarshalIndent(found, "", "  ") // a Finding always encodes
	_, _ = w.Write(append(printable.JSON(data), '\n'))
}

// cannot reports an error that prevents a command from running, and returns the exit status.
func (f *flags) cannot(name string, err error, stderr io.Writer) int {
	return f.report(&host.UsageError{Path: "incus-star " + name, Message: err.Error()}, stderr)
}
