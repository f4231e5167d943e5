package starlarkincus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// A warehouse is a fake server with one image and one instance, which sends files and may break the connection.
type warehouse struct {
	content     []byte
	split       int    // length of the first of two files; 0 for one file
	name        string // of the image's file
	fingerprint string // of the image; empty for the content's
	cut         int64  // bytes of an answer after which the connection breaks; negative for never
	size        int64  // instead of content: the length of zeros
	deleted     atomic.Int32
	received    atomic.Int64
}

func (s *warehouse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(kind string, v any) {
		json.NewEncoder(w).Encode(map[string]any{"type": kind, "status": "Success", "status_code": 200, "metadata": v, "operation": "/1.0/operations/" + operationID})
	}
	operation := map[string]any{"id": operationID, "class": "task", "status": "Success", "status_code": 200, "metadata": map[string]any{"fingerprint": s.fingerprint}}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/export"):
		s.export(w)
	case strings.HasPrefix(path, "/1.0/images/aliases/"):
		answer("sync", map[string]any{"target": s.fingerprint})
	case strings.HasSuffix(path, "/snapshots"):
		answer("sync", []any{})
	case r.Method == "POST":
		n, _ := io.Copy(io.Discard, r.Body)
		s.received.Store(n)
		answer("async", operation)
	case r.Method == "DELETE":
		s.deleted.Add(1)
		answer("async", operation)
	case path == "/1.0/instances/new" && s.received.Load() == 0:
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "Instance not found"})
	case path == "/1.0/instances/c1":
		answer("sync", map[string]any{"name": "c1", "status": "Stopped"})
	default:
		answer("sync", map[string]any{"fingerprint": s.fingerprint})
	}
}

// export sends the content, up to the cut.
func (s *warehouse) export(w http.ResponseWriter) {
	out := &cutter{ResponseWriter: w, left: s.cut}
	if s.size > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(s.size))
		io.Copy(out, io.LimitReader(zeros{}, s.size))
		return
	}
	if s.split == 0 {
		w.Header().Set("Content-Disposition", "inline;filename="+s.name)
		w.Header().Set("Content-Length", fmt.Sprint(len(s.content)))
		out.Write(s.content)
		return
	}
	parts := multipart.NewWriter(out)
	w.Header().Set("Content-Type", parts.FormDataContentType())
	for i, name := range []string{"metadata", "rootfs"} {
		part, _ := parts.CreateFormFile(name, s.name+name)
		part.Write([][]byte{s.content[:s.split], s.content[s.split:]}[i])
	}
	parts.Close()
}

// A cutter breaks the connection after a number of bytes.
type cutter struct {
	http.ResponseWriter
	left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left < 0 || int64(len(p)) <= c.left {
		c.left = max(c.left-int64(len(p)), min(c.left, 0))
		return c.ResponseWriter.Write(p)
	}
	c.ResponseWriter.Write(p[:c.left])
	http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// start starts the server, and returns a function that runs a script with a client of it.
func (s *warehouse) start(t *testing.T) func(script string) error { return s.serve(t, s) }

// serve is start with another handler.
func (s *warehouse) serve(t *testing.T, handler http.Handler) func(script string) error {
	if s.fingerprint == "" {
		s.fingerprint = fmt.Sprintf("%x", sha256.Sum256(s.content))
	}
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	env := &remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_SOCKET": socket}[name] }}
	return func(script string) error {
		client := starlarkincus.New(starlarkincus.Options{Environment: env})
		defer client.Close()
		return host.New(host.Options{Predeclared: client.Names()}).RunSource(t.Context(), "script", []byte(script))
	}
}

// Connections that break at random places, and files with other content, leave no file, and no old file changes.
func TestBrokenExports(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	content := make([]byte, 300_000)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	for n := range 60 {
		s := &warehouse{content: content, name: "image.tar", cut: random.Int64N(int64(len(content)))}
		script := fmt.Sprintf("incus.images.get('testbox').export(%q)", dir+"/file")
		switch n % 4 {
		case 1:
			s.split = 1 + random.IntN(len(content)-1)
		case 2:
			script = fmt.Sprintf("incus.instances.get('c1').export(%q)", dir+"/file")
		case 3:
			s.cut, s.fingerprint = -1, strings.Repeat("0", 64)
		}
		old := n%8 < 4
		if old {
			if err := os.WriteFile(dir+"/file", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := s.start(t)(script)
		var e *errors.Error
		if !errors.As(err, &e) || !e.Class.IsA(errors.Connection) {
			t.Errorf("%d: cut after %d bytes: %v", n, s.cut, err)
		}
		left, _ := os.ReadDir(dir)
		switch data, _ := os.ReadFile(dir + "/file"); {
		case old && (len(left) != 1 || string(data) != "old"), !old && len(left) > 0:
			t.Errorf("%d: left %v", n, left)
		}
		if want := int32(0); n%4 == 2 {
			if want = 1; s.deleted.Load() != want {
				t.Errorf("%d: the backup was deleted %d times", n, s.deleted.Load())
			}
		}
		os.Remove(dir + "/file")
	}
}

// Names that a server gives files can't leave the folder.
func TestHostileFileNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"../x", "/tmp/x", "a/b", "..", ".", "", `a\b`, "%2e%2e"} {
		for _, split := range []int{0, 3} {
			s := &warehouse{content: []byte("content"), name: `"` + strings.ReplaceAll(name, `\`, `\\`) + `"`, split: split, cut: -1}
			if split > 0 {
				s.name = name
			}
			folder, err := os.MkdirTemp(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			err = s.start(t)(fmt.Sprintf("incus.images.get('testbox').export(%q)", folder))
			files, _ := filepath.Glob(folder + "/*")
			for _, file := range files {
				if filepath.Dir(file) != folder {
					t.Errorf("%q wrote %s", name, file)
				}
			}
			if err != nil && len(files) > 0 {
				t.Errorf("%q left %v after %v", name, files, err)
			}
			os.RemoveAll(folder)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// The memory doesn't grow with the size of a file.
func TestLargeFilesStream(t *testing.T) {
	const size = 256 << 20
	s := &warehouse{size: size, cut: -1, fingerprint: strings.Repeat("0", 64)}
	file := filepath.Join(t.TempDir(), "large")
	var highest atomic.Uint64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			highest.Store(max(highest.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	run := s.start(t)
	if err := run("incus.instances.get('c1').export('/dev/null')"); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
	if err := run(fmt.Sprintf("incus.images.get('testbox').export(%q)", file)); !errors.Is(err, errors.Connection) || !strings.Contains(err.Error(), "isn't the one with the fingerprint 0000") {
		t.Error(err)
	}
	sparse, err := os.Create(file)
	if err == nil {
		err = errors.Join(sparse.Truncate(size), sparse.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := run(fmt.Sprintf("incus.instances.import_backup(%q, name='new')", file)); err != nil || s.received.Load() != size {
		t.Errorf("%v, %d bytes", err, s.received.Load())
	}
	close(done)
	<-stopped
	if mib := highest.Load() >> 20; mib > 60 {
		t.Errorf("the heap grew to %d MiB", mib)
	} else {
		t.Logf("the heap grew to %d MiB", mib)
	}
}

// A script that is stopped while it exports leaves neither a file nor a backup, in each of its steps.
func TestRealStoppedExports(t *testing.T) {
	needsIncus(t)
	name := fmt.Sprintf("stopped-%x", time.Now().UnixNano())
	names := func(client *starlarkincus.Client) starlark.StringDict {
		all := client.Names()
		all["testbed"] = testbed(t)
		return all
	}
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	run := func(ctx context.Context, client *starlarkincus.Client, script string) error {
		var errs bytes.Buffer
		h := host.New(host.Options{Predeclared: names(client), Stderr: &errs, Track: starlarkincus.Track})
		return h.RunSource(ctx, "script", []byte(script))
	}
	ctx := t.Context()
	if err := run(ctx, client, fmt.Sprintf(`
inst = incus.instances.launch(%q, image = testbed.image)
inst.exec(["sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=30 2>/dev/null"])
inst.stop(force = True)
`, name)); err != nil {
		t.Fatal(err)
	}
	defer run(context.WithoutCancel(ctx), client, fmt.Sprintf("incus.instances.delete(%q, force = True)", name))
	steps := []string{"POST /backups", "/wait", "/export"}
	if os.Getenv("INCUS_STAR_TESTBED") == "7.0" {
		steps = []string{"POST /backups", "/operations"}
	}
	for _, at := range steps {
		dir := t.TempDir()
		ctx, stop := context.WithCancelCause(ctx)
		var posted atomic.Bool
		client := starlarkincus.New(starlarkincus.Options{Trace: func(r rest.Trace) {
			posted.Store(posted.Load() || r.Method == "POST" && strings.HasSuffix(r.Path, "/backups"))
			if posted.Load() && strings.HasSuffix(r.Path, at[max(0, strings.Index(at, "/")):]) {
				stop(host.ErrInterrupted)
			}
		}})
		err := run(ctx, client, fmt.Sprintf("incus.instances.get(%q).export(%q, compression_algorithm = 'none')", name, dir+"/file"))
		client.Close()
		stop(nil)
		if !errors.Is(err, host.ErrInterrupted) {
			t.Errorf("stopped after %s: %v", at, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("stopped after %s: left %v", at, left)
		}
	}
	if err := run(ctx, client, fmt.Sprintf(`
backups = incus.instances.get(%q).backups
wait_until(lambda: backups.names() == [], timeout = 20, interval = 0.2)
`, name)); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("INCUS_DIR"), "backups", "*", name, "*"))
	if len(left) > 0 || err != nil {
		t.Errorf("the server keeps %v, %v", left, err)
	}
}
