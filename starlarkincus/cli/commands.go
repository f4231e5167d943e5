package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"incus-star/starlarkincus/host"

	"github.com/spf13/pflag"
)

// A command is a subcommand of incus-star, such as test. A script named test is run as ./test.
type command struct {
	usage string // the help before the list of flags
	after string // the help after it
	run   func(f *flags, set *pflag.FlagSet, args []string, stdio stdio) (status int)
	flags func(f *flags, set *pflag.FlagSet)
}

type stdio struct {
	in  *os.File
	out *output
	err *os.File
}

var commands = map[string]*command{"test": &testCommand, "check": &checkCommand, "fmt": &fmtCommand, "doc": &docCommand}

// command runs the subcommand of the command line and returns its exit status. Ok is false if there is none.
func (f *flags) command(stdio stdio) (status int, ok bool) {
	if f.hasCode || len(f.args) == 0 || commands[f.args[0]] == nil {
		return 0, false
	}
	name, c := f.args[0], commands[f.args[0]]
	set := pflag.NewFlagSet("incus-star "+name, pflag.ContinueOnError)
	set.SortFlags = false
	set.Usage = func() {}
	c.flags(f, set)
	help := set.BoolP("help", "h", false, "print this")
	switch err := set.Parse(withDashes(set, f.args[1:])); {
	case err != nil:
		return f.wrongCommand(stdio.err, name, err), true
	case *help:
		fmt.Fprint(stdio.out, c.usage+"\nflags:\n"+set.FlagUsages()+c.after)
		return 0, true
	}
	return c.run(f, set, set.Args(), stdio), true
}

// withDashes replaces -run by --run, because -run is the form of go test.
func withDashes(set *pflag.FlagSet, args []string) []string {
	out := slices.Clone(args)
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "-") && len(name) > 1 && set.Lookup(name) != nil {
			out[i] = "-" + arg
		}
	}
	return out
}

// wrongCommand reports a wrong command line of a subcommand, and returns the exit status.
func (f *flags) wrongCommand(stderr io.Writer, name string, err error) int {
	usage := &host.UsageError{Path: "incus-star " + name, Message: fmt.Sprintf("%v (incus-star %s --help lists the flags)", err, name)}
	return f.report(usage, stderr)
}

// orHere returns paths, or the working directory if there are none.
func orHere(paths []string) []string {
	if len(paths) == 0 {
		return []string{"."}
	}
	return paths
}

// commandsHelp lists the subcommands in the help of incus-star.
var commandsHelp = strings.TrimPrefix(`
       incus-star test [flags] [paths]         run the tests in *_test.star files, each in an Incus project of its own
       incus-star check [flags] [paths]        find mistakes in scripts without running them
       incus-star fmt [flags] [paths]          format scripts
       incus-star doc [name]                   the reference
`, "\n")
