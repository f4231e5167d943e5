package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"incus-star/starlarkincus/check"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/suite"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/pflag"
)

var fmtCommand = command{
	usage: `usage: incus-star fmt [flags] [paths]

Formats scripts: the given files, and the *.star files below the given folders or, without arguments, below the working
directory. It rewrites those that aren't formatted and prints their names; - formats standard input to standard output.
The format is that of Bazel's buildifier, without reordering. Scripts with while or b"" can't be formatted and stay as
they are.
`,
	after: `
exit status: 0; 1 a file can't be formatted, or with --check isn't; 2 wrong usage, or a file can't be read
`,
}

type fmtFlags struct{ diff, list, check bool }

func init() {
	var o fmtFlags
	fmtCommand.flags = func(_ *flags, set *pflag.FlagSet) {
		o = fmtFlags{}
		set.BoolVarP(&o.diff, "diff", "d", false, "print the changes instead of making them")
		set.BoolVarP(&o.list, "list", "l", false, "print the names of the files to change instead of changing them")
		set.BoolVar(&o.check, "check", false, "like --list, with exit status 1 if there are any")
	}
	fmtCommand.run = func(f *flags, _ *pflag.FlagSet, args []string, stdio stdio) int { return f.format(o, args, stdio) }
}

// format runs the command fmt and returns its exit status.
func (f *flags) format(o fmtFlags, paths []string, stdio stdio) int {
	if len(paths) == 1 && paths[0] == "-" {
		return f.formatStdin(o, stdio)
	}
	files, err := suite.Files(orHere(paths), scriptSuffix)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file below %q ends in %s", orHere(paths), scriptSuffix)
	}
	if err != nil {
		return f.cannot("fmt", err, stdio.err)
	}
	status := 0
	for _, path := range files {
		before, after, err := check.Formatted(path)
		switch {
		case before == nil && err != nil:
			status = f.cannot("fmt", err, stdio.err)
			continue
		case err != nil:
			status = max(status, f.report(unformatted{err}, stdio.err))
			continue
		case bytes.Equal(before, after):
			continue
		case o.check:
			status = max(status, 1)
		}
		if !o.diff && !o.list && !o.check {
			if err := check.Replace(path, after); err != nil {
				status = f.cannot("fmt", err, stdio.err)
				continue
			}
		}
		o.print(stdio.out, path, before, after)
	}
	return status
}

// An unformatted is the error of a script that can't be formatted.
type unformatted struct{ error }

func (unformatted) ExitStatus() int { return 1 }

// ReportClass returns the class under --error-format json.
func (unformatted) ReportClass() string { return "SyntaxError" }

// print prints the changes of formatting a file, or just the file's name.
func (o fmtFlags) print(stdout io.Writer, path string, before, after []byte) {
	if o.diff {
		_, _ = io.WriteString(stdout, differences(path, before, after))
	} else {
		_, _ = fmt.Fprintln(stdout, printable.Line(path))
	}
}

// differences returns the changes of formatting a file, as a diff that is safe to print.
func differences(path string, before, after []byte) string {
	path = printable.Line(path)
	return printable.Text(string(diff.Diff(path+".orig", before, path, after)))
}

// formatStdin formats standard input and returns the exit status. Input that can't be formatted is not printed.
func (f *flags) formatStdin(o fmtFlags, stdio stdio) int {
	before, err := input.All(context.Background(), stdio.in, input.Script)
	if err != nil {
		return f.cannot("fmt", fmt.Errorf("<stdin>: %w", err), stdio.err)
	}
	after, err := check.Format("<stdin>", before)
	same := bytes.Equal(before, after)
	switch {
	case err != nil:
		return f.report(unformatted{err}, stdio.err)
	case !o.diff && !o.list && !o.check:
		_, _ = stdio.out.Write(after)
	case !same:
		o.print(stdio.out, "<stdin>", before, after)
		if o.check {
			return 1
		}
	}
	return 0
}
