package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/fakesftp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a server of SFTP whose connections can be cut.
type fake struct {
	*testing.T
	dir    string // with its files
	server *fakesftp.Server
	dials  atomic.Int64
	serves sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	most  int // bytes to the server before a cut; 0 for no cut
}

func newFake(t *testing.T) *fake {
	f := &fake{T: t, dir: t.TempDir()}
	var err error
	if f.server, err = fakesftp.New(f.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.cut(); f.serves.Wait(); f.server.Close() })
	return f
}

// pool returns a pool whose connections are those of the fake.
func (f *fake) pool(readOnly bool) *Pool {
	p := NewPool(func(context.Context, string) (io.ReadWriteCloser, error) {
		f.dials.Add(1)
		here, there := net.Pipe()
		f.mu.Lock()
		f.conns = append(f.conns, there)
		most := f.most
		f.mu.Unlock()
		f.serves.Go(func() { f.server.Serve(there) })
		if most > 0 {
			return &cutter{here, atomic.Int64{}, int64(most)}, nil
		}
		return here, nil
	}, readOnly)
	f.Cleanup(p.Close)
	return p
}

// limit sets the number of bytes after which a later connection is cut; 0 for no cut.
func (f *fake) limit(most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = most
}

// cut ends all connections.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		conn.Close()
	}
	f.conns = nil
}

// A cutter is a connection that ends after a number of bytes in both directions.
type cutter struct {
	net.Conn
	passed atomic.Int64
	most   int64
}

var errCut = errors.Plain("cut")

func (c *cutter) pass(p []byte) ([]byte, error) {
	rest := c.most - c.passed.Add(int64(len(p)))
	if rest >= 0 {
		return p, nil
	}
	return p[:max(0, int64(len(p))+rest)], errCut
}

func (c *cutter) Write(p []byte) (int, error) {
	part, cut := c.pass(p)
	n, err := c.Conn.Write(part)
	if cut != nil {
		c.Close()
		return n, cut
	}
	return n, err
}

func (c *cutter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if _, cut := c.pass(p[:n]); cut != nil {
		c.Close()
		return 0, cut
	}
	return n, err
}

func do(t *testing.T, p *Pool, fn func(*Call) error) error {
	t.Helper()
	return p.Do(t.Context(), "place", true, fn)
}

// A tree is the content of a folder: the mode, the time, and the content or the target, by path.
type tree map[string]string

// treeOf returns the content of a folder without temporary files, and the number of these.
func treeOf(t *testing.T, dir string) (tree, int) {
	t.Helper()
	out, temporaries := make(tree), 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".tmp") {
			temporaries++
			return nil
		}
		text := fmt.Sprint(info.Mode(), " ", info.ModTime().Unix())
		switch info.Mode().Type() {
		case 0:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(data)
		case fs.ModeSymlink:
			target, _ := os.Readlink(path)
			text = "link " + target
		}
		out[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, temporaries
}

// differences returns the paths at which two trees differ.
func differences(a, b tree) (out []string) {
	for path := range a {
		if a[path] != b[path] {
			out = append(out, fmt.Sprintf("%q: %.80q and %.80q", path, a[path], b[path]))
		}
	}
	for path := range b {
		if _, has := a[path]; !has {
			out = append(out, fmt.Sprintf("%q: only there", path))
		}
	}
	slices.Sort(out)
	return out
}

// random returns a source of random numbers, whose seed it prints.
func random(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// plant fills a new folder with about n files, folders and links with odd names, modes, times and sizes.
func plant(t testing.TB, r *rand.Rand, dir string, n int) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Mkdir(dir, 0o755))
	folders := []string{dir}
	type planted struct {
		path string
		mode fs.FileMode
	}
	var all []planted
	odd := []string{"a", " ", "\n", "\xff\xfe", "-rf", "é", "*", "'", `"`, `\`, "..x", "$(x)", "\t", "~", ".hidden", strings.Repeat("é", 120), strings.Repeat("x", 240)}
	for i := range n {
		name := odd[r.IntN(len(odd))] + fmt.Sprint(i)
		path := filepath.Join(folders[r.IntN(len(folders))], name)
		switch r.IntN(12) {
		case 0:
			check(os.Mkdir(path, 0o755))
			folders = append(folders, path)
			all = append(all, planted{path, []fs.FileMode{0o755, 0o700, 0o775, 0o555}[r.IntN(4)]})
		case 1:
			check(os.Symlink([]string{"../x", "nowhere", "/etc", name}[r.IntN(4)], path))
		default:
			size := []int{0, 1, r.IntN(1000), packetSize - 1, packetSize, packetSize + 1, r.IntN(300_000)}[min(r.IntN(40), 6)]
			if i%10 != 0 {
				size = r.IntN(200)
			}
			data := make([]byte, size)
			for k := range data {
				data[k] = byte(r.Uint32())
			}
			check(os.WriteFile(path, data, 0o600))
			all = append(all, planted{path, []fs.FileMode{0o644, 0o600, 0o755, 0o400, 0o444, 0}[r.IntN(6)]})
		}
	}
	all = append(all, planted{dir, 0o755})
	for _, one := range slices.Backward(all) { // what is below a folder first
		check(os.Chtimes(one.path, time.Time{}, time.Unix(1_000_000_000+int64(r.IntN(700_000_000)), 0)))
		check(os.Chmod(one.path, one.mode))
	}
	for _, folder := range slices.Backward(folders) {
		check(os.Chtimes(folder, time.Time{}, time.Unix(1_000_000_000+int64(r.IntN(700_000_000)), 0)))
	}
}

// A tree that is pushed and pulled is the same at all three places, and again nothing is changed.
func TestTrees(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the trees have files that only root can read")
	}
	r := random(t)
	for range 5 {
		f := newFake(t)
		p := f.pool(false)
		here := t.TempDir()
		plant(t, r, filepath.Join(here, "a"), 300)
		for again := range 2 {
			var pushed, pulled Transfer
			if err := do(t, p, func(c *Call) (err error) {
				if pushed, err = c.Push(filepath.Join(here, "a"), "/a", Attributes{}); err == nil {
					pulled, err = c.Pull("/a", filepath.Join(here, "b"))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			a, _ := treeOf(t, filepath.Join(here, "a"))
			there, n := treeOf(t, filepath.Join(f.dir, "a"))
			b, m := treeOf(t, filepath.Join(here, "b"))
			if d := differences(a, there); d != nil || n > 0 {
				t.Fatalf("pushed, with %d temporary files: %v", n, d)
			}
			if d := differences(a, b); d != nil || m > 0 {
				t.Fatalf("pulled, with %d temporary files: %v", m, d)
			}
			if want := []int{len(a), 0}[again]; len(pushed.Paths) != want || len(pulled.Paths) != want {
				t.Errorf("pushed %d and pulled %d of %d", len(pushed.Paths), len(pulled.Paths), len(a))
			}
		}
	}
}

// Changed content, modes and types are noticed on both ways, and only they.
func TestChanges(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	here := filepath.Join(t.TempDir(), "a")
	for _, dir := range []string{here, filepath.Join(here, "d")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(here, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	write("x", "1")
	write("d/y", "2")
	write("large", string(large))
	push := func() []string {
		t.Helper()
		var out Transfer
		if err := do(t, p, func(c *Call) (err error) { out, err = c.Push(here, "/a", Attributes{}); return err }); err != nil {
			t.Fatal(err)
		}
		return out.Paths
	}
	push()
	for _, step := range []struct {
		change func() error
		want   []string
	}{
		{func() error { return nil }, nil},
		{func() error { write("x", "3"); return nil }, []string{"/a/x"}},
		{func() error { return os.Chtimes(filepath.Join(here, "x"), time.Time{}, time.Unix(1e9, 0)) }, nil},
		{func() error { return os.Chmod(filepath.Join(here, "x"), 0o600) }, []string{"/a/x"}},
		{func() error { large[310_000]++; write("large", string(large)); return nil }, []string{"/a/large"}},
		{func() error { return os.Chmod(filepath.Join(here, "d"), 0o700) }, []string{"/a/d"}},
		{func() error { return os.Symlink("x", filepath.Join(here, "l")) }, []string{"/a/l"}},
		{func() error {
			return errors.Join(os.Remove(filepath.Join(here, "x")), os.Symlink("y", filepath.Join(here, "x")))
		}, []string{"/a/x"}},
		{func() error { return errors.Join(os.Remove(filepath.Join(here, "l"))) }, nil},
		{func() error { write("l", "file"); return nil }, []string{"/a/l"}},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if got := push(); !slices.Equal(got, step.want) {
			t.Errorf("pushed %v, want %v", got, step.want)
		}
	}
	a, _ := treeOf(t, here)
	there, n := treeOf(t, filepath.Join(f.dir, "a"))
	if d := differences(a, there); d != nil || n > 0 {
		t.Errorf("%d temporary files, %v", n, d)
	}
}
