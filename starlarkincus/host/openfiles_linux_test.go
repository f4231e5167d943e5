package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteOpenFiles checks that write_file adds to an open file, as /dev/stdout is, and that a command's output doesn't
// replace it.
func TestWriteOpenFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintln(f, "before")
	code := fmt.Sprintf(`
for path in ["/dev/fd/%[1]d", "/proc/self/fd/%[1]d"]:
    write_file(path, "one\n")
    write_file(path, "two\n", append=True)
    expect(try_(run, ["echo", "lost"], stdout_file=path).error.message, "run: " + path + ": is no regular file")
`, f.Fd())
	s := New(Options{}).NewSession()
	if _, err := s.Eval(t.Context(), "def expect(got, want):\n    if got != want: fail(got)\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Eval(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "after")
	const want = "before\none\ntwo\none\ntwo\nafter\n"
	if data, err := os.ReadFile(name); err != nil || string(data) != want {
		t.Errorf("the file has %q, %v, want %q", data, err, want)
	}
}
