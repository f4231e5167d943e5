package starlarkincus_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"

	"incus-star/errors"
)

// A sender is a fake server that sends the backup of an instance while it makes it.
type sender struct {
	warehouse
	failure string // of the operation; empty for success
	hidden  bool   // doesn't list the operation
}

func (s *sender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(v any) {
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": v})
	}
	operation := func(id, status string, code int, failure string) map[string]any {
		return map[string]any{"id": id, "class": "task", "description": "Backing up instance", "status": status, "status_code": code, "err": failure,
			"created_at": "2026-01-02T03:04:05.678Z", "resources": map[string]any{"instances": []string{"/1.0/instances/c1?project=default"}}}
	}
	older := operation("00000000-0000-0000-0000-00000000aaaa", "Failure", 400, "another one, long ago")
	older["created_at"] = "2025-12-31T00:00:00Z"
	other := operation("00000000-0000-0000-0000-00000000bbbb", "Failure", 400, "of another instance")
	other["resources"] = map[string]any{"instances": []string{"/1.0/instances/c11"}}
	switch path := r.URL.Path; {
	case path == "/1.0":
		answer(map[string]any{"api_extensions": []string{"direct_backup"}})
	case r.Method == "POST" && r.Header.Get("Accept") == "application/octet-stream":
		w.Header().Set("Content-Type", "application/octet-stream")
		w.(http.Flusher).Flush()
		(&cutter{ResponseWriter: w, left: s.cut}).Write(s.content)
	case path == "/1.0/operations":
		lists := map[string]any{"failure": []any{other}}
		if !s.hidden {
			lists["failure"] = []any{older, other}
			lists["running"] = []any{operation(operationID, "Running", 103, "")}
		}
		answer(lists)
	case strings.HasSuffix(path, "/wait") && s.failure != "":
		answer(operation(operationID, "Failure", 400, s.failure))
	case strings.HasSuffix(path, "/wait"):
		answer(operation(operationID, "Success", 200, ""))
	default:
		s.warehouse.ServeHTTP(w, r)
	}
}

// A backup that a server sends while it makes it is whole only if the connection and the server's operation say so, or the
// end of the archive where the server doesn't list the operation. Otherwise no file is left, and an old one doesn't change.
func TestSentBackups(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var plain, zipped bytes.Buffer
	files := tar.NewWriter(&plain)
	between := 0
	for i := range 3 {
		data := make([]byte, 50_000)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		files.WriteHeader(&tar.Header{Name: fmt.Sprint("backup/", i), Size: int64(len(data))})
		files.Write(data)
		if files.Flush(); i == 1 {
			between = plain.Len()
		}
	}
	files.Close()
	compress := gzip.NewWriter(&zipped)
	compress.Write(plain.Bytes())
	compress.Close()
	cut := int64(1 + random.IntN(zipped.Len()-1))
	raw := []byte("another format")
	for name, c := range map[string]*struct {
		sender
		class *errors.Class // nil for success
		text  string
	}{
		"whole":                          {sender: sender{warehouse: warehouse{content: plain.Bytes(), cut: -1}}},
		"whole, compressed":              {sender: sender{warehouse: warehouse{content: zipped.Bytes(), cut: -1}}},
		"whole, hidden":                  {sender: sender{warehouse: warehouse{content: zipped.Bytes(), cut: -1}, hidden: true}},
		"another format":                 {sender: sender{warehouse: warehouse{content: raw, cut: -1}}},
		"another format, hidden":         {sender{warehouse: warehouse{content: raw, cut: -1}, hidden: true}, errors.Connection, "doesn't show the operation"},
		"the connection breaks":          {sender{warehouse: warehouse{content: zipped.Bytes(), cut: cut}}, errors.Connection, ""},
		"it breaks, hidden":              {sender{warehouse: warehouse{content: zipped.Bytes(), cut: cut}, hidden: true}, errors.Connection, ""},
		"it breaks, and the server says": {sender{warehouse: warehouse{content: zipped.Bytes(), cut: cut}, failure: "no space left"}, errors.Operation, "no space left"},
		"it fails with a clean end":      {sender{warehouse: warehouse{content: plain.Bytes()[:between], cut: -1}, failure: "rsync: gone"}, errors.Operation, "rsync: gone"},
		"another format fails":           {sender{warehouse: warehouse{content: raw, cut: -1}, failure: "rsync: gone"}, errors.Operation, "rsync: gone"},
		"the end is missing":             {sender{warehouse: warehouse{content: plain.Bytes()[:between], cut: -1}, hidden: true}, errors.Connection, "its end is missing (tar)"},
		"a compressed end is missing":    {sender{warehouse: warehouse{content: zipped.Bytes()[:cut], cut: -1}, hidden: true}, errors.Connection, "may not be whole"},
		"nothing comes":                  {sender{warehouse: warehouse{cut: -1}, failure: "no pool"}, errors.Operation, "no pool"},
		"nothing comes, without a word":  {sender{warehouse: warehouse{cut: -1}, hidden: true}, errors.Connection, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			hash := fmt.Sprintf("%x", sha256.Sum256(c.content))
			if err := os.WriteFile(dir+"/old", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, script := range []string{
				fmt.Sprintf("x = incus.instances.get('c1').export(%q)\nif (x.size, x.sha256) != (%d, %q): fail(x)", dir+"/old", len(c.content), hash),
				fmt.Sprintf("x = incus.instances.get('c1').export(%q)", dir+"/new"),
				fmt.Sprintf("x = incus.instances.get('c1').export(%q, sha256=False)\nif (x.size, x.sha256, fs.stat(x.path).size) != (%d, None, %d): fail(x)", dir+"/new", len(c.content), len(c.content)),
				fmt.Sprintf("s = incus.instances.get('c1').export_stream()\nn = [len(x) for x in s]\nif (s.size, s.sha256) != (%d, %q): fail(s)", len(c.content), hash),
				fmt.Sprintf("run(['cat'], stdin=incus.instances.get('c1').export_stream(), stdout_file=%q)", dir+"/new"),
			} {
				s := &c.sender
				err := s.serve(t, s)(script)
				var e *errors.Error
				switch {
				case c.class == nil && err != nil:
					t.Errorf("%s: %v", script, err)
				case c.class != nil && (!errors.As(err, &e) || !e.Class.IsA(c.class) || !strings.Contains(err.Error(), c.text)):
					t.Errorf("%s: %v", script, err)
				case c.class != nil && e.Outcome != errors.NotSent && !strings.HasPrefix(script, "run"):
					t.Errorf("%s: nothing is kept, but the outcome is %s", script, e.Outcome)
				}
			}
			left, _ := os.ReadDir(dir)
			old, _ := os.ReadFile(dir + "/old")
			if c.class != nil && (len(left) != 1 || string(old) != "old") {
				t.Errorf("left %v", left)
			}
		})
	}
}
