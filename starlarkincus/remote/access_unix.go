//go:build unix

package remote

import "syscall"

func writable(path string) bool {
	const write = 2 // W_OK, which package syscall doesn't name
	return syscall.Access(path, write) == nil
}
