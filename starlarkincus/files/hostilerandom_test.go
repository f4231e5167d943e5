package files

import (
	"flag"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/errors"
)

var (
	listingSeed = flag.Uint64("listing-seed", 0, "the seed of TestRandomListings; 0 takes another each time")
	listings    = flag.Int("listings", 200, "how many listings TestRandomListings tries")
)

// pieces are the parts of random names: those of the real files, and those that a path is built of.
var pieces = []string{"f", "d", "g", "here", "..", ".", "/", "../", "/..", "out", "\x00", "\n", "\xff", "\\", "~", "-", "*", "é", "etc", "x", strings.Repeat("y", 200)}

// randomName returns a name of a few pieces, mostly one that is allowed.
func randomName(r *rand.Rand) string {
	var name strings.Builder
	for range 1 + r.IntN(1+r.IntN(4)) {
		n := len(pieces)
		if r.IntN(3) > 0 {
			n = 4 // a real file
		}
		name.WriteString(pieces[r.IntN(n)])
	}
	return name.String()
}

// randomListing returns lies beside some of the found files.
func randomListing(r *rand.Rand, found []fs.FileInfo) []fs.FileInfo {
	types := []fs.FileMode{0, 0, 0, fs.ModeDir, fs.ModeDir, fs.ModeSymlink, fs.ModeSymlink, fs.ModeNamedPipe, fs.ModeSocket, fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice,
		fs.ModeSetuid, fs.ModeDir | fs.ModeSticky}
	sizes := []int64{0, 4, 5, 1 << 20, 1 << 40, 1<<63 - 1, -1, -1 << 63}
	var out []fs.FileInfo
	for _, info := range found {
		if r.IntN(3) > 0 {
			out = append(out, info)
		}
	}
	for range r.IntN(4) {
		out = append(out, lie{name: randomName(r), mode: types[r.IntN(len(types))] | fs.FileMode(r.IntN(0o1000)), size: sizes[r.IntN(len(sizes))]})
	}
	if len(out) > 0 && r.IntN(6) == 0 {
		out = append(out, out[r.IntN(len(out))])
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Whatever a server lists, a pull writes only into its folder. It ends with an error, or what it wrote are files of the
// server.
func TestRandomListings(t *testing.T) {
	seed := *listingSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-listing-seed=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	f := newFake(t)
	there := filepath.Join(f.dir, "a")
	mustDo(t, os.MkdirAll(filepath.Join(there, "d/d"), 0o755), os.WriteFile(filepath.Join(there, "f"), []byte("evil"), 0o644), os.WriteFile(filepath.Join(there, "d/f"), []byte("evil"), 0o600),
		os.WriteFile(filepath.Join(f.dir, "x"), []byte("evil"), 0o644), os.Symlink("../../out", filepath.Join(there, "g")), os.Symlink("/etc", filepath.Join(there, "d/g")))
	pulled, listed, failed := 0, 0, 0
	for n := range *listings {
		f.server.Tamper = func(folder string, found []fs.FileInfo) []fs.FileInfo {
			h := fnv.New64()
			h.Write([]byte(folder)) // folders may be listed at the same time
			return randomListing(rand.New(rand.NewPCG(seed+uint64(n), h.Sum64())), found)
		}
		here := filepath.Join(t.TempDir(), "here")
		out, to := filepath.Join(here, "out"), filepath.Join(here, "to")
		mustDo(t, os.MkdirAll(out, 0o755), os.WriteFile(filepath.Join(out, "kept"), []byte("kept"), 0o644), os.WriteFile(filepath.Join(out, "f"), []byte("kept"), 0o644), os.Mkdir(to, 0o755))
		if r.IntN(2) == 0 {
			mustDo(t, os.Symlink("../out", filepath.Join(to, "here")), os.Symlink(out, filepath.Join(to, "d")))
		}
		before, _ := treeOf(t, out)
		p := f.pool(false)
		for _, pull := range []bool{true, false} {
			err := do(t, p, func(c *Call) (err error) {
				if pull {
					_, err = c.Pull("/a", to)
				} else {
					_, err = c.List("/a", true)
				}
				return err
			})
			var local *LocalError
			var ours *errors.Error
			switch {
			case err == nil && pull:
				pulled++
			case err == nil:
				listed++
			case !errors.As(err, &local) && !errors.As(err, &ours):
				t.Errorf("listing %d, pull %v: an error of no class: %q", n, pull, err)
			default:
				failed++
			}
		}
		if after, _ := treeOf(t, out); differences(before, after) != nil {
			t.Errorf("listing %d: outside: %v", n, differences(before, after))
		}
		if entries, _ := os.ReadDir(here); len(entries) != 2 {
			t.Errorf("listing %d: beside the folder: %v", n, entries)
		}
		if inside, temporary := treeOf(t, to); temporary > 0 {
			t.Errorf("listing %d: temporary files are left: %v", n, inside)
		}
		mustDo(t, filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "evil" {
				t.Errorf("listing %d: %s has %q, %v", n, path, data, err)
			}
			return nil
		}))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d pulled, %d listed, %d failed", pulled, listed, failed)
	if pulled == 0 || failed == 0 {
		t.Error("the listings are all of one kind")
	}
}

// A file has its content whatever size the server lists, and no read goes on without end.
func TestWrongSizes(t *testing.T) {
	for _, size := range []int64{-1 << 63, -1, 0, 1, 5, packetSize + 1, 1 << 40, 1<<63 - 1} {
		f := newFake(t)
		mustDo(t, os.Mkdir(filepath.Join(f.dir, "a"), 0o755), os.WriteFile(filepath.Join(f.dir, "a/f"), []byte("evil"), 0o644))
		f.server.Tamper = func(string, []fs.FileInfo) []fs.FileInfo {
			return []fs.FileInfo{lie{name: "f", mode: 0o644, size: size}}
		}
		to := t.TempDir()
		mustDo(t, do(t, f.pool(false), func(c *Call) error { _, err := c.Pull("/a", to); return err }))
		want := "evil"
		if size == 1 {
			want = "e" // it may have grown since
		}
		if data, err := os.ReadFile(filepath.Join(to, "f")); err != nil || string(data) != want {
			t.Errorf("listed with the size %d: %q, %v", size, data, err)
		}
	}
}
