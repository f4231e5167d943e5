//go:build unix

package remote

import "syscall"

// writable reports whether the user may write to a file.
func writable(path string) bool {
	const write = 2 // W_OK, which package syscall doesn't define
	return syscall.Access(path, write) == nil
}
