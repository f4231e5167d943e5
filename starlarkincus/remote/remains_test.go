package remote

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
)

// TestFilesThatCantBeRemoved puts a folder that isn't empty in the place of each file of a remote. A change then is made or isn't, as
// its error says, and doesn't stand in the way of the next one.
func TestFilesThatCantBeRemoved(t *testing.T) {
	pin := newPair(t, "incus.example", tomorrow())
	pinned := func(name string) editing {
		return func(ctx context.Context, c *Config) (*Config, error) {
			return c.Add(ctx, name, server.Normal(), pin.parsed)
		}
	}
	for name, test := range map[string]struct {
		edit    editing
		remotes []string
		made    func(names []string) bool
	}{
		"add":        {adding("new", server), []string{"new"}, func(names []string) bool { return slices.Contains(names, "new") }},
		"add pinned": {pinned("new"), []string{"new"}, func(names []string) bool { return slices.Contains(names, "new") }},
		"rename":     {renaming("test", "new"), []string{"test", "new"}, func(names []string) bool { return slices.Contains(names, "new") }},
		"remove":     {removing("test"), []string{"test"}, func(names []string) bool { return !slices.Contains(names, "test") }},
	} {
		for _, remote := range test.remotes {
			for i, f := range append(perRemote, perRemote[0]) {
				for _, journal := range []bool{false, true} {
					where := fmt.Sprintf("%s, %s/%s%s, interrupted %t", name, f.folder, remote, f.suffix, journal)
					w := newWorld(t)
					w.write("config/incus/config.yml", written)
					at := "config/incus/" + f.folder + "/" + remote + f.suffix
					if i == len(perRemote) {
						w.write("config/incus/"+f.folder, "a file instead of the folder")
					} else {
						w.write(at+"/file", "")
					}
					c := w.load()
					if journal {
						if err := c.begin(edition{Edit: map[string]string{"remove": removes, "rename": renames}[name], Old: "gone", New: remote}); err != nil {
							t.Fatal(err)
						}
					}
					before := w.load().Names()
					_, err := test.edit(t.Context(), c)
					after := w.load().Names()
					made := test.made(after)
					var e *errors.Error
					switch errors.As(err, &e); {
					case err == nil && !made, err != nil && e == nil:
						t.Errorf("%s: made %t, %v", where, made, err)
					case err != nil && made != (e.Outcome == errors.Done):
						t.Errorf("%s: made %t, outcome %q: %v", where, made, e.Outcome, err)
					case !made && !slices.Equal(before, after):
						t.Errorf("%s: it isn't made, but the remotes were %q and are %q", where, before, after)
					}
					if exists(c.editionPath()) {
						t.Errorf("%s: the change isn't ended", where)
					}
					if _, err := w.load().SetDefault(t.Context(), "images"); err != nil {
						t.Errorf("%s: the next change: %v", where, err)
					}
				}
			}
		}
	}
}

// TestLongNames makes changes of remotes with names of all lengths, of which the incus command may have made any. A new one is refused
// where a file can't have it in its name.
func TestLongNames(t *testing.T) {
	for _, n := range []int{200, maxName - 1, maxName, maxName + 1, 250, 251, 252, 255, 256, 299} {
		name := strings.Repeat("x", n)
		w := newWorld(t)
		for _, f := range perRemote {
			w.folder("config/incus/" + f.folder)
		}
		for change, edit := range map[string]editing{"default": choosing(name), "rename": renaming(name, "test"), "rename to it": renaming("test", name), "remove": removing(name), "add": adding(name, server)} {
			if change == "remove" || change == "rename" || change == "default" {
				w.write("config/incus/config.yml", strings.Replace(written, "  test:", "  "+name+":", 1))
			} else {
				w.write("config/incus/config.yml", written)
			}
			_, err := edit(t.Context(), w.load())
			if refused := n > maxName && (change == "add" || change == "rename to it"); refused != (err != nil) {
				t.Errorf("%s, %d bytes: %v", change, n, err)
			} else if refused && !strings.Contains(err.Error(), fmt.Sprintf("it has %d bytes, more than %d", n, maxName)) {
				t.Error(err)
			}
			if _, err := w.load().SetDefault(t.Context(), "images"); err != nil {
				t.Errorf("after %s, %d bytes: %v", change, n, err)
			}
		}
	}
}

// TestRefusedAddKeepsFiles checks that an addition that can't be made leaves what is in the place of its file.
func TestRefusedAddKeepsFiles(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a dangling link": func(path string) error { return os.Symlink("nowhere", path) },
		"a folder":        func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		w := newWorld(t)
		w.write("config/incus/config.yml", written)
		w.folder("config/incus/servercerts")
		path := w.path("config/incus/servercerts/new.crt")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		_, err := adding("new", server)(t.Context(), w.load())
		w.check(err, "ROOT/config/incus/servercerts/new.crt exists, and is no file of its own")
		if !exists(path) || slices.Contains(w.load().Names(), "new") {
			t.Errorf("%s is gone, or the remote is there", name)
		}
	}
}
