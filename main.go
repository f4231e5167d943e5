// Incus-star runs Starlark scripts, or an interactive prompt, against Incus: incus-star --help describes its usage.
package main

import (
	"os"

	"incus-star/starlarkincus/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
