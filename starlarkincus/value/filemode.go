package value

import (
	"io/fs"
	"strconv"

	"go.starlark.net/starlark"
)

// FileMode encodes the permissions of a file, an int or a string of octal digits.
func FileMode(path string, v starlark.Value) (fs.FileMode, error) {
	switch v := v.(type) {
	case starlark.Int:
		if n, ok := v.Int64(); ok && n >= 0 && n <= 0o777 {
			return fs.FileMode(n), nil
		}
	case starlark.String:
		if n, err := strconv.ParseUint(string(v), 8, 12); err == nil && len(v) >= 3 {
			return Mode(uint32(n)), nil
		}
	}
	return 0, mismatch(path, v, "int from 0 to 0o777, or string of octal digits such as \"0644\"")
}

// specialBits are the special bits of a mode, as systems and as package fs have them.
var specialBits = []struct {
	system uint32
	mode   fs.FileMode
}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}

// Mode returns the mode for the permissions and special bits of a system.
func Mode(system uint32) fs.FileMode {
	mode := fs.FileMode(system & 0o777)
	for _, b := range specialBits {
		if system&b.system != 0 {
			mode |= b.mode
		}
	}
	return mode
}

// SystemMode returns the permissions and special bits of a mode, as systems have them.
func SystemMode(mode fs.FileMode) int {
	system := int(mode.Perm())
	for _, b := range specialBits {
		if mode&b.mode != 0 {
			system |= int(b.system)
		}
	}
	return system
}
