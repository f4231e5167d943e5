//go:build !linux

package atomicfile

import "os"

// opened reports false: the links to open files of these systems aren't followed to the file's name.
func opened(string) (int, bool) { return -1, false }

func duplicate(int, string) (*os.File, error) { return nil, nil }
