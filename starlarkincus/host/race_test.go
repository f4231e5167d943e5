//go:build race

package host

func init() { raced = true }
