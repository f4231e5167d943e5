package starlarkincus_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

var (
	treeFiles = flag.Int("tree-files", 300, "the number of files in the tree of TestRealTree and of BenchmarkFiles")
	largeFile = flag.Int64("large-file", 64, "the size of the file of TestRealLargeFile, in MiB")
)

// oddNames are the beginnings of names in a tree.
var oddNames = []string{"a", " ", "\n", "\xff\xfe", "-rf", "é", "*", "'", `"`, `\`, "..x", "$(x)", "\t", "~", ".hidden", strings.Repeat("é", 120), strings.Repeat("x", 240)}

// plantTree creates a folder of n files and links with odd names, modes and times, and returns its content.
func plantTree(t testing.TB, r *rand.Rand, dir string, n int) {
	t.Helper()
	must := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	times := make(map[string]time.Time)
	modes := make(map[string]fs.FileMode)
	place := func(path string, modeOf ...fs.FileMode) {
		times[path] = time.Unix(1_000_000_000+int64(r.IntN(700_000_000)), 0)
		modes[path] = modeOf[r.IntN(len(modeOf))]
	}
	must(os.Mkdir(dir, 0o755))
	place(dir, 0o755)
	folders := []string{dir}
	for i := range n {
		path := filepath.Join(folders[r.IntN(len(folders))], oddNames[r.IntN(len(oddNames))]+fmt.Sprint(i))
		switch {
		case i%40 == 0:
			must(os.Mkdir(path, 0o755))
			place(path, 0o755, 0o700, 0o555)
			if r.IntN(4) > 0 {
				folders = append(folders, path)
			}
		case i%20 == 1:
			must(os.Symlink([]string{"../x", "nowhere", "/etc/passwd", "."}[r.IntN(4)], path))
		default:
			data := make([]byte, []int{0, 1, 3000, 32 << 10, 32<<10 + 1, 200_000}[max(0, r.IntN(40)-34)]+r.IntN(100))
			for k := range data {
				data[k] = byte(r.Uint32())
			}
			must(os.WriteFile(path, data, 0o600))
			place(path, 0o644, 0o600, 0o755, 0o400)
		}
	}
	paths := make([]string, 0, len(times))
	for path := range times {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(b, a) }) // what is in a folder before it
	for _, path := range paths {
		must(os.Chmod(path, modes[path]), os.Chtimes(path, time.Time{}, times[path]))
	}
}

// sameTrees compares the names, types, modes, times, targets and contents of two folders.
func sameTrees(t *testing.T, a, b string) {
	t.Helper()
	describe := func(dir string) map[string]string {
		out := make(map[string]string)
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(dir, path)
			switch out[name] = fmt.Sprint(info.Mode(), info.ModTime().Unix()); info.Mode().Type() {
			case fs.ModeSymlink:
				out[name], err = os.Readlink(path)
			case 0:
				var data []byte
				data, err = os.ReadFile(path)
				out[name] += string(data)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	x, y := describe(a), describe(b)
	if len(x) != len(y) {
		t.Errorf("%d and %d files", len(x), len(y))
	}
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%q: %.80q and %.80q", name, x[name], y[name])
		}
	}
}

// runOn runs a script with an instance of the testbed as inst, and returns its output.
func runOn(t testing.TB, script string, names starlark.StringDict) string {
	t.Helper()
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	predeclared := client.Names()
	for name, v := range names {
		predeclared[name] = v
	}
	var out, errs bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: predeclared})
	if err := h.RunSource(context.Background(), "files", []byte(script)); err != nil {
		h.Report(&errs, err)
		t.Fatalf("%s", errs.Bytes())
	}
	return out.String()
}

// launched launches an instance for a test, and returns its name.
func launched(t testing.TB) starlark.String {
	name := starlark.String(fmt.Sprintf("files-%x", time.Now().UnixNano()))
	names := starlark.StringDict{"name": name, "image": starlark.String(os.Getenv("INCUS_STAR_TESTBED_IMAGE"))}
	runOn(t, `incus.instances.launch(name, image = image)`, names)
	t.Cleanup(func() { runOn(t, `incus.instances.delete(name, force = True)`, names) })
	return name
}

// A tree with odd names, modes, links and times is the same after it was pushed and pulled.
func TestRealTree(t *testing.T) {
	needsIncus(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	here := t.TempDir()
	plantTree(t, rand.New(rand.NewPCG(seed, 1)), filepath.Join(here, "a"), *treeFiles)
	name := launched(t)
	out := runOn(t, `
files = incus.instances.get(name).files
pushed = files.push(here + "/a", "/root/deep/a", parents = True)
pulled = files.pull("/root/deep/a", here + "/b")
again = files.push(here + "/a", "/root/deep/a"), files.pull("/root/deep/a", here + "/b")
print(pushed.bytes == pulled.bytes, len(pushed.paths) - len(pulled.paths), [r.paths for r in again])
print([s.path for s in files.list("/root/deep", recursive = True) if s.uid or s.gid or s.name.endswith(".tmp")])
`, starlark.StringDict{"name": name, "here": starlark.String(here)})
	if out != "True 0 [[], []]\n[]\n" {
		t.Error(out)
	}
	sameTrees(t, filepath.Join(here, "a"), filepath.Join(here, "b"))
}

// A large file takes little memory on both ways, whatever its size, and arrives as it is.
func TestRealLargeFile(t *testing.T) {
	needsIncus(t)
	here := t.TempDir()
	file := filepath.Join(here, "large")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1<<20)
	for i := range *largeFile {
		for k := 0; k < len(part); k += 8 {
			part[k], part[k+1], part[k+2] = byte(i), byte(i>>8), byte(k>>10)
		}
		if _, err := f.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	name := launched(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	took := time.Now()
	runOn(t, `
files = incus.instances.get(name).files
files.push(here + "/large", "/root/large")
files.pull("/root/large", here + "/back")
`, starlark.StringDict{"name": name, "here": starlark.String(here)})
	elapsed := time.Since(took)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 60<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	} else {
		t.Logf("%d MiB there and back in %v; the heap grew by %d MiB", *largeFile, elapsed, grown>>20)
	}
	if out, err := exec.Command("cmp", file, filepath.Join(here, "back")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// BenchmarkFiles compares push and pull of many small files with the incus command. On a busy disk the creation of the local
// files takes most of the time of both; TMPDIR may name a folder in memory.
func BenchmarkFiles(b *testing.B) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		b.Skip("needs a real Incus: run scripts/testbed.sh go test -run '^$' -bench Files ./starlarkincus")
	}
	here := b.TempDir()
	source := filepath.Join(here, "a")
	for i := range *treeFiles {
		dir := filepath.Join(source, fmt.Sprint(i/50))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), bytes.Repeat([]byte{byte(i)}, i%2000), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	name := launched(b)
	names := starlark.StringDict{"name": name, "here": starlark.String(here)}
	for _, way := range []struct {
		name   string
		script string
		args   []string
	}{
		{"push", `files.push(here + "/a", "/root/a%d")`, []string{"push", source, string(name) + "/root/b%d"}},
		{"pull", `files.pull("/root/a0", here + "/pulled%d")`, []string{"pull", string(name) + "/root/a0", here + "/other%d"}},
	} {
		var ours, theirs time.Duration
		n := 0
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				runOn(b, "files = incus.instances.get(name).files\n"+fmt.Sprintf(way.script, n), names)
				ours += time.Since(start)
				args := slices.Clone(way.args)
				for i := range args {
					if strings.Contains(args[i], "%d") {
						args[i] = fmt.Sprintf(args[i], n)
					}
				}
				if way.name == "pull" {
					if err := os.Mkdir(args[2], 0o755); err != nil {
						b.Fatal(err)
					}
				} else {
					runOn(b, fmt.Sprintf(`incus.instances.get(name).files.mkdir("/root/b%d")`, n), names)
				}
				start = time.Now()
				if out, err := exec.Command("incus", append([]string{"file", args[0], "-r", "-q"}, args[1:]...)...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				theirs += time.Since(start)
				n++
			}
			b.ReportMetric(float64(theirs)/float64(ours), "times-as-fast")
			b.ReportMetric(float64(ours.Milliseconds())/float64(n), "ms")
		})
	}
}
