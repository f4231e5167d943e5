package terminal

import (
	"context"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"incus-star/errors"
)

// maxSecret is the length from which typed bytes are dropped.
const maxSecret = 4096

// AskSecret writes a prompt to the user's terminal, and returns the line that is typed, which isn't shown. It asks where
// standard input and output are files, too.
func AskSecret(ctx context.Context, prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errors.Plain("there is no terminal")
	}
	defer tty.Close()
	return askSecret(ctx, tty, prompt)
}

func askSecret(ctx context.Context, tty *os.File, prompt string) (string, error) {
	t, err := Take(tty, tty)
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = t.Close() })
	_, err = io.WriteString(t, prompt)
	var secret string
	if err == nil {
		secret, err = readSecret(t)
		_, _ = io.WriteString(t, "\r\n")
	}
	stop()
	t.Release()
	if err == errInterrupted {
		interrupt(ctx)
	}
	return secret, err
}

var errInterrupted = errors.Plain("none was given")

// interrupt sends this process the signal that Ctrl-C would be outside of raw mode, and waits for its effect.
func interrupt(ctx context.Context) {
	own, err := os.FindProcess(os.Getpid())
	if err == nil && own.Signal(os.Interrupt) == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// readSecret reads a line from a terminal in raw mode.
func readSecret(t io.Reader) (string, error) {
	var secret []byte
	one := make([]byte, 1)
	for {
		if n, err := t.Read(one); n == 0 || err != nil {
			return "", errors.Plain("the terminal is closed")
		}
		switch c := one[0]; c {
		case '\r', '\n':
			return string(secret), nil
		case 3: // Ctrl-C
			return "", errInterrupted
		case 4: // Ctrl-D
			return "", errors.Plain("none was given")
		case 8, 127: // Backspace
			_, last := utf8.DecodeLastRune(secret)
			secret = secret[:len(secret)-last]
		case 21: // Ctrl-U
			secret = secret[:0]
		default:
			if len(secret) < maxSecret {
				secret = append(secret, c)
			}
		}
	}
}

// Show writes a line to the user's terminal. It writes where standard output and error are files, too.
func Show(line string) error {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errors.Plain("there is no terminal")
	}
	defer tty.Close()
	_, err = io.WriteString(tty, line+"\r\n")
	return err
}
