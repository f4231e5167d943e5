package cli

import (
	"context"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
)

// askSecret asks the user for a secret, such as a passphrase.
func askSecret(ctx context.Context, prompt string) (string, error) {
	return terminal.AskSecret(ctx, printable.Line(prompt))
}

// showMessage shows the user a message that asks for something.
func showMessage(_ context.Context, message string) error {
	return terminal.Show(printable.Line(message))
}
