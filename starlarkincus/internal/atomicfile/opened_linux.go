package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// opened reports whether path leads to an open file, by a link of the proc file system as /dev/stdout does, and returns the
// number of the descriptor if it is one of this process, else -1.
func opened(path string) (number int, found bool) {
	for range 40 { // links, as many as Linux follows
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Type() != fs.ModeSymlink {
			break
		}
		dir, name := filepath.Split(path)
		if dir == "" {
			dir = "."
		}
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			break
		}
		var system unix.Statfs_t
		if unix.Statfs(dir, &system) == nil && system.Type == unix.PROC_SUPER_MAGIC {
			return ownDescriptor(dir, name), true
		}
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if path = target; !filepath.IsAbs(path) {
			path = dir + "/" + path
		}
	}
	return -1, false
}

// ownDescriptor returns the number of the descriptor that name is in a folder of the proc file system; -1 if it isn't one of
// this process.
func ownDescriptor(dir, name string) int {
	self, err := os.Readlink("/proc/self")
	process, ofDescriptors := strings.CutSuffix(dir, "/fd")
	number, failed := strconv.Atoi(name)
	if err != nil || failed != nil || !ofDescriptors || !strings.HasPrefix(process+"/", "/proc/"+self+"/") {
		return -1
	}
	return number
}

// duplicate returns a descriptor of the same open file.
func duplicate(number int, path string) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
