package terminal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A process is a process of the system.
type process struct {
	pid, parent, group, session int
	state                       string
}

// processes returns the processes of the system.
func processes() (all []process) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		var p process
		p.pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
		data, _ := os.ReadFile(file)
		rest := data[bytes.LastIndexByte(data, ')')+1:] // the name before may have any characters
		if n, _ := fmt.Sscan(string(rest), &p.state, &p.parent, &p.group, &p.session); n == 4 {
			all = append(all, p)
		}
	}
	return all
}

// startedBy returns the process groups of the descendants of a process, as far as they are in this process's session: those of
// the jobs of a shell that an editor runs, for example.
func startedBy(pid int) (groups []int) {
	session, _ := unix.Getsid(0)
	all := processes()
	family := map[int]bool{pid: true}
	for before := 0; before < len(family); {
		before = len(family)
		for _, p := range all {
			if family[p.parent] {
				family[p.pid] = true
			}
		}
	}
	for _, p := range all {
		if family[p.pid] && p.session == session {
			groups = append(groups, p.group)
		}
	}
	return groups
}

// startedHere reports whether a group comes from a program of this process, even one that was killed: its processes are neither
// those of the session from which this process descends, as the shell, nor started by these.
func startedHere(group int) bool {
	session, _ := unix.Getsid(0)
	all := make(map[int]process)
	for _, p := range processes() {
		all[p.pid] = p
	}
	above := make(map[int]bool)
	for p := all[os.Getppid()]; p.session == session && !above[p.pid]; p = all[p.parent] {
		above[p.pid] = true
	}
	for _, p := range all {
		if p.group != group {
			continue
		}
		for range all { // not without an end, as the processes change meanwhile
			if p.session == session && p.pid != os.Getpid() && !above[p.pid] {
				p = all[p.parent]
			}
		}
		if above[p.pid] {
			return false
		}
	}
	return true
}

// running reports whether a group has processes that haven't ended. Those that nobody has waited for yet have ended.
func running(group int) bool {
	if unix.Kill(-group, 0) == unix.ESRCH {
		return false
	}
	for _, p := range processes() {
		if p.group == group && p.state != "Z" && p.state != "X" {
			return true
		}
	}
	return false
}
