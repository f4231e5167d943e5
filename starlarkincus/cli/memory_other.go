//go:build !linux

package cli

// refuseBeyond does nothing on these systems.
func refuseBeyond(uint64) {}
