// Incus-star runs Starlark scripts, and a prompt, against Incus.
package main

import (
	"os"

	"incus-star/starlarkincus/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
