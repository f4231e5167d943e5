//go:build linux

package remote

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestEndlessCertificate checks that a certificate without an end is refused. The script names it, so it may be a pipe.
func TestEndlessCertificate(t *testing.T) {
	w := newWorld(t)
	_, err := Environment{}.LoadCertificate(t.Context(), "/dev/zero", "")
	w.check(err, "can't read /dev/zero: is larger than the limit of 1 MiB")
}

// strange makes files that aren't regular ones, by the words for them.
var strange = map[string]func(path string) error{
	"named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"socket": func(path string) error {
		listener, err := net.Listen("unix", path)
		if err == nil {
			listener.(*net.UnixListener).SetUnlinkOnClose(false)
			listener.Close()
		}
		return err
	},
	"device": func(path string) error { return os.Symlink("/dev/zero", path) },
	"folder": func(path string) error { return os.Mkdir(path, 0o700) },
}

// TestStrangeFiles puts another file than a regular one, and a link to one, in the place of each file that the
// configuration reads: it is refused at once.
func TestStrangeFiles(t *testing.T) {
	w := newWorld(t)
	mine := newPair(t, "mine", tomorrow())
	w.write("config/incus/config.yml", "remotes:\n  own: {addr: 'https://a:1'}\n  r: {addr: 'https://b:1'}\n  o: {addr: 'https://c:1', auth_type: oidc}\n")
	w.write("etc/config.yml", "remotes:\n  g: {addr: 'https://d:1'}\n")
	w.write("config/incus/oidctokens/o.json", "{}")
	for _, name := range []string{"config/incus/servercerts/r", "config/incus/client", "config/incus/clientcerts/own", "etc/servercerts/g"} {
		w.write(name+".crt", mine.crt)
		if !strings.Contains(name, "servercerts") {
			w.write(name+".ca", mine.crt)
			w.write(name+".key", mine.key)
		}
	}
	// use reads all files, and returns the first error.
	use := func(ctx context.Context) error {
		c, err := Load(ctx, w.env())
		if err != nil {
			return err
		}
		for _, name := range []string{"own", "r", "o", "g"} {
			target, err := c.Resolve(ctx, name)
			if err == nil && target.Tokens != nil {
				_, err = target.Tokens.Read(ctx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	var files []string
	err := filepath.WalkDir(w.root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err := use(t.Context()); err != nil || len(files) != 11 {
		t.Fatal(err, files)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, path := range files {
		for kind, create := range strange {
			for _, linked := range []bool{false, true} {
				if err := os.Rename(path, path+".kept"); err != nil {
					t.Fatal(err)
				}
				place := path
				if linked {
					place = path + ".strange"
					if err := os.Symlink(place, path); err != nil {
						t.Fatal(err)
					}
				}
				if err := create(place); err != nil {
					t.Fatal(err)
				}
				w.check(use(ctx), "can't read "+path+": is a "+kind+", not a regular file")
				for _, name := range []string{place, path} {
					if err := remove(name); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Rename(path+".kept", path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// The file of a change that was interrupted is no one's: it is replaced.
	if err := syscall.Mkfifo(w.load().editionPath(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.load().Rename(ctx, "r", "s"); err != nil {
		t.Error(err)
	}
}

// TestFilesAreReadByOneFunction checks that no other function of the package opens files but those that lock and replace them.
func TestFilesAreReadByOneFunction(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	opens := 0
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"os.Open", "os.ReadFile", "input.File", "input.Regular"} {
			opens += strings.Count(string(content), call+"(")
		}
	}
	if opens != 3 { // read, LoadCertificate and lock
		t.Errorf("%d calls open files", opens)
	}
}
