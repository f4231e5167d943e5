package remote

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSocket(t *testing.T) {
	for _, test := range []struct {
		name    string
		files   []string
		vars    map[string]string
		socket  string
		project string
	}{
		{name: "nothing", socket: "ROOT/var/unix.socket"},
		{name: "first folder", files: []string{"run/unix.socket", "var/unix.socket"}, socket: "ROOT/run/unix.socket"},
		{name: "second folder", files: []string{"var/unix.socket"}, socket: "ROOT/var/unix.socket"},
		{name: "INCUS_DIR", files: []string{"run/unix.socket"}, vars: map[string]string{"INCUS_DIR": "ROOT/dir"}, socket: "ROOT/dir/unix.socket"},
		{name: "INCUS_SOCKET", files: []string{"run/unix.socket", "dir/unix.socket", "s.user"},
			vars: map[string]string{"INCUS_DIR": "ROOT/dir", "INCUS_SOCKET": "ROOT/s"}, socket: "ROOT/s"},
		{name: "incus-user", files: []string{"dir/unix.socket.user"}, vars: map[string]string{"INCUS_DIR": "ROOT/dir"},
			socket: "ROOT/dir/unix.socket.user", project: "user-1000"},
		{name: "incus-user not needed", files: []string{"dir/unix.socket", "dir/unix.socket.user"},
			vars: map[string]string{"INCUS_DIR": "ROOT/dir"}, socket: "ROOT/dir/unix.socket"},
		{name: "incus-user and a project", files: []string{"var/unix.socket.user"}, vars: map[string]string{"INCUS_PROJECT": "web"},
			socket: "ROOT/var/unix.socket.user", project: "web"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			for _, file := range test.files {
				w.write(file, "")
			}
			for name, value := range test.vars {
				w.vars[name] = w.expand(value)
			}
			target := w.resolve("")
			if want := w.expand(test.socket); target.Socket != want {
				t.Errorf("socket %s, want %s", target.Socket, want)
			}
			if target.Project != test.project {
				t.Errorf("project %q, want %q", target.Project, test.project)
			}
			if target.Name != "local" || target.Protocol != Incus || target.Public || target.Endpoints != nil {
				t.Errorf("not the local daemon: %+v", target)
			}
		})
	}
}

func TestUnwritableSocketFallsBackToUsers(t *testing.T) {
	w := newWorld(t)
	w.write("run/unix.socket", "")
	w.write("run/unix.socket.user", "")
	env := w.env()
	env.Writable = func(path string) bool { return filepath.Ext(path) == ".user" }
	c, err := Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	target, err := c.Resolve(t.Context(), "local")
	if err != nil {
		t.Fatal(err)
	}
	if target.Socket != w.path("run/unix.socket.user") || target.Project != "user-1000" {
		t.Errorf("got %s in %q", target.Socket, target.Project)
	}
}

func TestConfigDir(t *testing.T) {
	none := func() (string, error) { return "", os.ErrNotExist }
	for _, test := range []struct {
		name    string
		folders []string
		vars    map[string]string
		change  func(*Environment)
		want    string
	}{
		{name: "user's", want: "ROOT/config/incus"},
		{name: "only the older one", folders: []string{"home/.config/incus"}, want: "ROOT/home/.config/incus"},
		{name: "both", folders: []string{"home/.config/incus", "config/incus"}, want: "ROOT/config/incus"},
		{name: "INCUS_CONF", folders: []string{"config/incus"}, vars: map[string]string{"INCUS_CONF": "ROOT/conf"}, want: "ROOT/conf"},
		{name: "INCUS_CONF with a variable", vars: map[string]string{"INCUS_CONF": "$BASE/conf", "BASE": "/base"}, want: "/base/conf"},
		{name: "home only", change: func(e *Environment) { e.UserConfigDir = none }, want: "ROOT/home/.config/incus"},
		{name: "no home", change: func(e *Environment) { e.HomeDir = none }, want: "ROOT/config/incus"},
		{name: "neither", change: func(e *Environment) { e.HomeDir, e.UserConfigDir = none, none }, want: ""},
		{name: "bare", change: func(e *Environment) { *e = Environment{} }, want: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			for _, folder := range test.folders {
				w.folder(folder)
			}
			for name, value := range test.vars {
				w.vars[name] = w.expand(value)
			}
			env := w.env()
			if test.change != nil {
				test.change(&env)
			}
			c, err := Load(t.Context(), env)
			if err != nil {
				t.Fatal(err)
			}
			if want := w.expand(test.want); c.dir != want {
				t.Errorf("got %q, want %q", c.dir, want)
			}
			if _, err := c.Resolve(t.Context(), ""); err != nil {
				t.Error(err)
			}
			if _, err := c.Resolve(t.Context(), "images"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOS(t *testing.T) {
	w := newWorld(t)
	t.Setenv("HOME", w.path("home"))
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("INCUS_CONF", w.path("conf"))
	t.Setenv("INCUS_SOCKET", w.path("s"))
	t.Setenv("INCUS_REMOTE", "")
	t.Setenv("INCUS_PROJECT", "")
	c, err := Load(t.Context(), OS())
	if err != nil {
		t.Fatal(err)
	}
	target, err := c.Resolve(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if target.Socket != w.path("s") {
		t.Errorf("socket %s", target.Socket)
	}
	if home, err := homeDir(); err != nil || home != w.path("home") {
		t.Errorf("home %q, %v", home, err)
	}
	t.Setenv("HOME", "")
	if home, err := homeDir(); err == nil && home == "" {
		t.Error("neither a home nor an error")
	}
	if !writable(w.write("file", "")) || writable(w.path("missing")) {
		t.Error("writable is wrong")
	}
}
