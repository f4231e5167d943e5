// Package xdg finds the user's folders of the XDG base directory specification.
package xdg

import (
	"os"
	"path/filepath"
)

// Data returns the folder for the user's data, such as ~/.local/share; empty if there is none.
func Data() string { return folder("XDG_DATA_HOME", "share") }

// State returns the folder for the state of programs, such as ~/.local/state; empty if there is none.
func State() string { return folder("XDG_STATE_HOME", "state") }

// folder returns the folder that a variable names, or the one below ~/.local. The specification wants relative paths
// ignored.
func folder(variable, local string) string {
	if path := os.Getenv(variable); filepath.IsAbs(path) {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", local)
}
