//go:build !linux

package cli

func refuseBeyond(uint64) {}
