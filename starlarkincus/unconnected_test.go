package starlarkincus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// A client has the names of its remote and its project before it has connected, the same as afterwards. They come from the
// environment, the configuration of the incus command and its arguments, without a key.
func TestNamesBeforeConnecting(t *testing.T) {
	dir := t.TempDir()
	config := "default-remote: far\nremotes:\n  far: {addr: 'https://192.0.2.1:8443', protocol: incus, project: work}\n  near: {addr: 'https://192.0.2.2:8443', protocol: incus}\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	none := t.TempDir()
	for _, c := range []struct {
		env             map[string]string
		options         starlarkincus.Options
		remote, project string
	}{
		{map[string]string{"INCUS_CONF": none}, starlarkincus.Options{}, "local", "default"},
		{map[string]string{"INCUS_CONF": none, "INCUS_PROJECT": "p"}, starlarkincus.Options{}, "local", "p"},
		{map[string]string{"INCUS_CONF": none, "INCUS_SOCKET": none + "/s"}, starlarkincus.Options{}, "local", "default"},
		{map[string]string{"INCUS_CONF": dir}, starlarkincus.Options{}, "far", "work"},
		{map[string]string{"INCUS_CONF": dir, "INCUS_REMOTE": "near"}, starlarkincus.Options{}, "near", "default"},
		{map[string]string{"INCUS_CONF": dir, "INCUS_PROJECT": "p"}, starlarkincus.Options{}, "far", "p"},
		{map[string]string{"INCUS_CONF": dir}, starlarkincus.Options{Remote: "near"}, "near", "default"},
		{map[string]string{"INCUS_CONF": dir}, starlarkincus.Options{Project: "own"}, "far", "own"},
	} {
		c.options.Environment = &remote.Environment{Getenv: func(name string) string { return c.env[name] }}
		client := starlarkincus.New(c.options)
		names := func(client *starlarkincus.Client) string {
			name, err := client.Attr("remote")
			project, err2 := client.Attr("project")
			return fmt.Sprint(name, project, err, err2)
		}
		if got, want := names(client), fmt.Sprint(starlark.String(c.remote), starlark.String(c.project), nil, nil); got != want {
			t.Errorf("%v, %q, %q: got %s, want %s", c.env, c.options.Remote, c.options.Project, got, want)
		}
		client.Close()
	}
	// A configuration that can't be read is the error of the attribute.
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte("remotes: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	client := starlarkincus.New(starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_CONF": dir}[name] }}})
	defer client.Close()
	for _, name := range []string{"remote", "project"} {
		if v, err := client.Attr(name); err == nil {
			t.Errorf("%s of a broken configuration: %v", name, v)
		}
	}
}
