//go:build !unix || solaris || aix || illumos

package terminal

import (
	"io"
	"os"

	"incus-star/errors"
)

type input struct{}

func (*input) open(*os.File) error {
	return errors.Plain("there is no terminal for this on this system")
}
func (*input) Read([]byte) (int, error) { return 0, io.EOF }
func (*input) Close() error             { return nil }
func (*input) close()                   {}

type changes struct{}

func (*changes) watch(*Terminal)          {}
func (*changes) unwatch()                 {}
func (*changes) Resized() <-chan struct{} { return nil }
