package cli

import (
	"fmt"
	"os"
	"syscall"
)

// arenas is the address space that Go's runtime reserves beyond what it uses: 64 MiB at a time, and for a moment twice as
// much, to align it.
const arenas = 512 << 20

// refuseBeyond limits the growth of the process's address space to a number of bytes. Beyond it the kernel refuses
// memory, and Go's runtime ends the process. The watch would notice a single allocation of many times the limit too
// late, because Go may stop all other goroutines while a builtin fills it.
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
	limit.Cur = min(limit.Max, pages*uint64(os.Getpagesize())+bytes+arenas)
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &limit)
}
