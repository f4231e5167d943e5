package cli

import (
	"os"
	"path/filepath"
)

// libraryPath returns the folders that load searches after the loading file's own: those of INCUS_STAR_PATH, then the
// user's.
func libraryPath() []string {
	var folders []string
	for _, folder := range filepath.SplitList(os.Getenv("INCUS_STAR_PATH")) {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) { // a relative path is invalid by the XDG specification
		home, err := os.UserHomeDir()
		if err != nil {
			return folders
		}
		data = filepath.Join(home, ".local", "share")
	}
	return append(folders, filepath.Join(data, "incus-star", "lib"))
}
