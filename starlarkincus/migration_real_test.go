package starlarkincus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// serverDirs returns the folders of the testbed's servers. It skips the test if there is only one.
func serverDirs(t *testing.T) []string {
	t.Helper()
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		t.Skip("needs two servers: run scripts/test.sh")
	}
	return strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":")
}

// The scripts of testdata/servers copy and move between two servers.
func TestRealServersScripts(t *testing.T) {
	var sockets []starlark.Value
	for _, dir := range serverDirs(t) {
		sockets = append(sockets, starlark.String(filepath.Join(dir, "unix.socket")))
	}
	files, err := filepath.Glob("testdata/servers/*.star")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			runScript(t, file, starlark.StringDict{"sockets": starlark.NewList(sockets)})
		})
	}
}

// The scripts of testdata/mixed are for a cluster with other servers beside it. They run before those of
// testdata/cluster, which replace its certificate.
func TestRealClusterAndServerScripts(t *testing.T) {
	members, others := clusterMembers(t)
	if others.Len() == 0 {
		t.Skip("needs a server beside the cluster: run scripts/test.sh")
	}
	files, err := filepath.Glob("testdata/mixed/*.star")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			runScript(t, file, starlark.StringDict{"members": members, "others": others})
		})
	}
}

// The scripts of testdata/lines are for two servers of different lines. They run once for each direction.
func TestRealMixedScripts(t *testing.T) {
	dirs := serverDirs(t)
	lines := strings.Split(os.Getenv("INCUS_STAR_TESTBED_LINES"), ",")
	if len(dirs) != 2 || lines[0] == lines[1] {
		t.Skip("needs a server of each line: run scripts/test.sh")
	}
	files, err := filepath.Glob("testdata/lines/*.star")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, from := range []int{0, 1} {
		sockets := starlark.NewList(nil)
		for _, n := range []int{from, 1 - from} {
			sockets.Append(starlark.String(filepath.Join(dirs[n], "unix.socket")))
		}
		sockets.Freeze() // scripts iterate over it at the same time
		for _, file := range files {
			t.Run(filepath.Base(file)+" from "+lines[from], func(t *testing.T) {
				t.Parallel()
				runScript(t, file, starlark.StringDict{"sockets": sockets})
			})
		}
	}
}
