package atomicfile

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

var (
	seed  = flag.Uint64("seed", 0, "of the moments of a kill; 0 chooses one")
	kills = flag.Int("kills", 20, "how many writers are killed")
)

// TestMain runs the tests, or, if ATOMICFILE_WRITER names a file, a writer, which writes two contents in turn until it
// is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("ATOMICFILE_WRITER"); path != "" {
		fmt.Println("ready")
		for i := 0; ; i++ {
			if err := Write(path, content(i), Mode{Perm: 0o640}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

// content returns one of two long contents, in turn.
func content(i int) []byte { return bytes.Repeat([]byte{'a' + byte(i%2)}, 300_000) }

func whole(data []byte) bool { return bytes.Equal(data, content(0)) || bytes.Equal(data, content(1)) }

// TestKilledWriters checks that writers that are killed at random moments, alone and among others, leave the old
// content or the new, and that the next write removes their temporary files.
func TestKilledWriters(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Write(path, content(0), Mode{Perm: 0o640, Exact: true}); err != nil {
		t.Fatal(err)
	}
	left := 0
	for n := 0; n < *kills; {
		writers := make([]*exec.Cmd, 1+random.IntN(4))
		for i := range writers {
			writers[i] = exec.Command(os.Args[0])
			writers[i].Env = append(os.Environ(), "ATOMICFILE_WRITER="+path)
			out, err := writers[i].StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := writers[i].Start(); err != nil {
				t.Fatal(err)
			}
			out.Read(make([]byte, 6))
		}
		for _, w := range writers {
			time.Sleep(time.Duration(random.IntN(20_000)) * time.Microsecond)
			_ = w.Process.Kill()
			_ = w.Wait()
			if w.ProcessState.ExitCode() == 1 {
				t.Fatal("a writer failed")
			}
			n++
		}
		if data, err := os.ReadFile(path); err != nil || !whole(data) {
			t.Fatalf("after a kill there are %d bytes, %v", len(data), err)
		}
		if len(names(t, dir)) > 1 {
			left++
		}
		if err := Write(path, content(n), Mode{Perm: 0o600}); err != nil {
			t.Fatal(err)
		}
		if found := names(t, dir); len(found) != 1 {
			t.Fatalf("the next write leaves %q", found)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode is %v, %v, want 0640", info.Mode(), err)
	}
	if left == 0 && *kills >= 40 {
		t.Error("no kill left a temporary file: the test tests nothing")
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

// TestWritersAtOnce checks that many concurrent writers all succeed, which they don't if one removes another's file,
// and that readers see whole contents.
func TestWritersAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("long", 60))
	var writers sync.WaitGroup
	for i := range 70 {
		writers.Go(func() {
			for range 2 {
				if err := Write(path, content(i), Mode{Perm: 0o600}); err != nil {
					t.Error(err)
				}
				if data, err := os.ReadFile(path); err != nil || !whole(data) {
					t.Errorf("read %d bytes, %v", len(data), err)
				}
			}
		})
	}
	writers.Wait()
	if found := names(t, dir); len(found) != 1 {
		t.Errorf("left %q", found)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	check := func(what string, err error, want string, mode fs.FileMode) {
		t.Helper()
		data, readErr := os.ReadFile(file)
		info, statErr := os.Stat(file)
		if err != nil || readErr != nil || statErr != nil || string(data) != want || info.Mode() != mode {
			t.Errorf("%s: %v, %q, %v", what, err, data, info)
		}
	}
	check("a new file", Write(file, "1", Mode{Perm: 0o604}), "1", 0o604)
	check("a mode is kept", Write(file, "2", Mode{Perm: 0o600}), "2", 0o604)
	check("an exact mode", Write(file, "3", Mode{Perm: 0o666, Exact: true}), "3", 0o666)
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	check("a link", Write(link, "4", Mode{Perm: 0o600}), "4", 0o666)
	if target, err := os.Readlink(link); err != nil || target != "file" {
		t.Errorf("the link is %q, %v", target, err)
	}
	// A folder with the name of a temporary file stays.
	fifo := temporary(file, 0)
	if err := os.Mkdir(fifo, 0o700); err != nil {
		t.Fatal(err)
	}
	check("a folder in the way", Write(file, "5", Mode{}), "5", 0o666)
	if found := names(t, dir); len(found) != 3 {
		t.Errorf("left %q", found)
	}
	for path, want := range map[string]error{dir: nil, filepath.Join(dir, "no", "file"): fs.ErrNotExist, filepath.Join(file, "x"): nil} {
		if err := Write(path, "x", Mode{}); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
