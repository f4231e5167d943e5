package cli

import (
	"os"

	"incus-star/starlarkincus/host"
)

func prompt(options host.Options, stdin *os.File) int { return 0 }
