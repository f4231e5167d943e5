package suite

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files returns the given files, and the files below given folders whose names end in suffix, except hidden ones. Each
// file is listed once, in the order of the paths; the files of a folder are sorted by name.
func Files(paths []string, suffix string) ([]string, error) {
	var files []string
	seen := make(map[string]bool)
	add := func(path string) {
		if path = filepath.Clean(path); !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, reason(err))
		case !info.IsDir():
			add(path)
			continue
		}
		var below []string
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(entry.Name(), ".") && name != path
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", name, reason(err))
			case entry.IsDir() && hidden:
				return filepath.SkipDir
			case !entry.IsDir() && !hidden && strings.HasSuffix(name, suffix):
				below = append(below, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		slices.Sort(below)
		for _, name := range below {
			add(name)
		}
	}
	return files, nil
}

// reason returns an error without its path, for messages that have the path already.
func reason(err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		return pathErr.Err
	}
	return err
}
