//go:build !unix || solaris || aix || illumos

package atomicfile

import (
	"io/fs"
	"os"
)

// keepOwner does nothing here.
func keepOwner(*os.File, fs.FileInfo) {}

// lock does nothing here: what was left is told by its age.
func lock(*os.File) lockState { return unknown }

func openNoFollow(name string) (*os.File, error) { return os.Open(name) }
