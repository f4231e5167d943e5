package remote

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

// TestKilledRenameThenTheCommand kills a renaming after it has made the new names of the files, lets the incus command change the old
// remote, or another one take the new name, and then makes another change: no file is left without a remote but the user's own.
func TestKilledRenameThenTheCommand(t *testing.T) {
	type files map[string]string // by path below the configuration
	for name, row := range map[string]struct {
		config func(string) string // what the command does to config.yml
		remove []string            // the remotes whose files it removes
		rename string              // the new name of the old remote's files
		write  []string            // the remotes whose files it writes
		want   []string            // the remotes that have files at the end
		own    []string            // the same of the user's own files
	}{
		"nothing":  {want: []string{"test"}, own: []string{"test"}},
		"removed":  {config: func(s string) string { return strings.Replace(s, "\n  test:", "\n  gone:", 1) }, remove: []string{"test"}, own: []string{"test"}},
		"renamed":  {config: func(s string) string { return strings.Replace(s, "\n  test:", "\n  other:", 1) }, rename: "other", want: []string{"other"}, own: []string{"other", "spare"}},
		"replaced": {write: []string{"test"}, want: []string{"test"}, own: []string{"test"}},
		"the new name is made": {config: func(s string) string {
			return strings.Replace(s, "\n  test:", "\n  spare:\n    addr: https://d.example\n  test:", 1)
		}, write: []string{"spare"}, want: []string{"spare", "test"}, own: []string{"spare", "test"}},
		"the new name alone": {config: func(s string) string { return strings.Replace(s, "\n  test:", "\n  spare:", 1) }, remove: []string{"test"}, write: []string{"spare"}, want: []string{"spare"}, own: []string{"spare"}},
		"its file is there":  {write: []string{"spare"}, want: []string{"spare", "test"}, own: []string{"test"}}, // the command hasn't written config.yml yet
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", written)
			past := time.Now().Add(-time.Hour)
			each := func(remotes []string, do func(at, path string, own bool)) {
				for _, remote := range remotes {
					for _, f := range perRemote {
						at := "config/incus/" + f.folder + "/" + remote + f.suffix
						do(at, w.path(at), f.own)
					}
				}
			}
			each([]string{"test"}, func(at, path string, _ bool) {
				w.write(at, at)
				if err := os.Chtimes(path, past, past); err != nil {
					t.Error(err)
				}
			})
			c := w.load()
			if err := c.begin(edition{Edit: renames, Old: "test", New: "spare"}); err != nil {
				t.Fatal(err)
			}
			begun := past.Add(time.Minute)
			if err := os.Chtimes(c.editionPath(), begun, begun); err != nil {
				t.Fatal(err)
			}
			var change change
			for _, f := range perRemote {
				change.copies = append(change.copies, [2]string{c.path(f.folder, "test"+f.suffix), c.path(f.folder, "spare"+f.suffix)})
			}
			if err := change.copy(); err != nil {
				t.Fatal(err)
			}
			if row.config != nil {
				w.write("config/incus/config.yml", row.config(written))
			}
			each(row.remove, func(_, path string, own bool) {
				if !own {
					os.Remove(path)
				}
			})
			if row.rename != "" {
				for _, f := range perRemote {
					os.Rename(c.path(f.folder, "test"+f.suffix), c.path(f.folder, row.rename+f.suffix))
				}
			}
			each(row.write, func(at, path string, own bool) {
				if !own {
					w.write(at, at+" anew") // into the file that is there
				}
			})
			if _, err := w.load().SetDefault(t.Context(), "images"); err != nil {
				t.Fatal(err)
			}
			got, want := files{}, files{}
			each([]string{"test", "spare", "other"}, func(at, path string, _ bool) {
				if content, err := os.ReadFile(path); err == nil {
					got[at] = string(content)
				}
			})
			content := func(at string) string {
				for _, remote := range row.write {
					if strings.Contains(at, "/"+remote) && !strings.Contains(at, "clientcerts") {
						return at + " anew"
					}
				}
				return strings.NewReplacer("/spare", "/test", "/other", "/test").Replace(at)
			}
			each(row.want, func(at, _ string, own bool) {
				if !own {
					want[at] = content(at)
				}
			})
			each(row.own, func(at, _ string, own bool) {
				if own {
					want[at] = content(at)
				}
			})
			if !maps.Equal(got, want) {
				t.Errorf("left  %q\nwant %q", got, want)
			}
			if exists(c.editionPath()) {
				t.Error("the change isn't ended")
			}
		})
	}
}
