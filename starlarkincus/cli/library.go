package cli

import (
	"os"
	"path/filepath"

	"incus-star/starlarkincus/internal/xdg"
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
	data := xdg.Data()
	if data == "" {
		return folders
	}
	return append(folders, filepath.Join(data, "incus-star", "lib"))
}
