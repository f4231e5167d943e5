package cli

import (
	"fmt"
	"os"
	"syscall"
)

// refuseBeyond makes the kernel refuse the process more than that many bytes of address space besides what it has now.
// The watch can't see one allocation of many times the limit in time: while a builtin fills it, Go may stop all else.
// Go's runtime ends the process where it is refused.
func refuseBeyond(bytes uint64) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return
	}
	var pages uint64
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		return
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return
	}
	limit.Cur = min(limit.Max, pages*uint64(os.Getpagesize())+bytes)
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &limit)
}
