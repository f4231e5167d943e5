//go:build !unix

package remote

// writable returns true: it is called only for a local daemon's socket, and no daemon runs on these systems.
func writable(string) bool { return true }
