//go:build !unix || solaris || aix || illumos

package atomicfile

import (
	"io/fs"
	"os"
)

// keepOwner does nothing on these systems.
func keepOwner(*os.File, fs.FileInfo) {}

// lock does nothing on these systems, where abandoned files are recognized by their age.
func lock(*os.File) lockState { return unknown }

// openNoFollow opens a file.
func openNoFollow(name string) (*os.File, error) { return os.Open(name) }
