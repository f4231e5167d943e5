package host

import (
	"testing"

	"incus-star/errors"
)

// TestFileAdvice checks the advice on failures with local files.
func TestFileAdvice(t *testing.T) {
	dir := t.TempDir()
	for code, want := range map[string]string{
		`fs.mkdir(dir + "/no/where")`:                    "parents=True makes missing folders above it",
		`write_file(dir + "/no/where", "x")`:             `fs.mkdir("` + dir + `/no", parents=True) makes the folder`,
		`run(["true"], stdout_file = dir + "/no/where")`: `fs.mkdir("` + dir + `/no", parents=True) makes the folder`,
		`write_file(dir, "x")`:                           `name a file in the folder, as "` + dir + `/name"`,
		`write_file("/dev/fd/1000", "x")`:                "",
		`run(["true"], stdout_file = "/dev/fd/1000")`:    "",
		`run(["true"], stdout_file = "/dev/null")`:       "stream=print prints the output, line by line",
		`read_file(dir)`:                                 `fs.list("` + dir + `") lists the folder`,
		`fs.remove(dir + "/full")`:                       "recursive=True removes it with its content",
		`fs.rename(dir + "/full", dir + "/no/where")`:    `fs.mkdir("` + dir + `/no", parents=True) makes the folder`,
		`fs.rename(dir + "/missing", dir + "/no/where")`: "",
		`read_file(dir + "/missing")`:                    "",
		`fs.remove(dir + "/missing")`:                    "",
	} {
		s := New(Options{}).NewSession()
		if _, err := s.Eval(t.Context(), `fs.mkdir("`+dir+`/full/x", parents = True)`); err != nil {
			t.Fatal(err)
		}
		_, err := s.Eval(t.Context(), "dir = \""+dir+"\"\n"+code)
		var e *errors.Error
		if !errors.As(err, &e) || e.Hint != want {
			t.Errorf("%s: %v, hint %q, want %q", code, err, e.Hint, want)
		}
	}
}
