//go:build unix && !linux && !solaris && !aix && !illumos

package terminal

import "golang.org/x/sys/unix"

// startedBy returns nothing: only the process's own group is known on these systems.
func startedBy(int) []int { return nil }

// startedHere returns false: who has started a group isn't known on these systems.
func startedHere(int) bool { return false }

// running reports whether a group has processes.
func running(group int) bool { return unix.Kill(-group, 0) != unix.ESRCH }
