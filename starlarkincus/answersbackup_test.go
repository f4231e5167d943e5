package starlarkincus_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// streamBackup sends a backup that the server doesn't keep.
func (a *answers) streamBackup(w http.ResponseWriter, path string) {
	a.started++
	a.streamed = strings.TrimSuffix(path, "/backups")
	w.Header().Set("Content-Type", "application/octet-stream")
	io.WriteString(w, "text 1")
}

// streaming returns the operations while a backup is sent.
func (a *answers) streaming() any {
	return map[string]any{"running": []any{map[string]any{"id": idOf(a.started), "class": "task", "description": "Backing up", "status": "Running", "status_code": 103,
		"created_at": "2026-01-02T03:04:05Z", "resources": map[string]any{"instances": []string{a.streamed}}}}}
}

// sendBackup sends a backup that the server doesn't keep, in two parts. If the client goes, the operation ends a moment later.
// The lock is held, but not while it waits.
func (s *temporaryServer) sendBackup(w http.ResponseWriter, r *http.Request) {
	o := &temporaryOperation{id: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.ops)+1), found: make(chan struct{})}
	s.ops[o.id] = o
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/octet-stream")
	io.WriteString(w, "the first part, ")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-o.found: // else the client may find an operation that has ended, and not wait for it
	case <-r.Context().Done():
	}
	time.Sleep(s.world.lingers)
	io.WriteString(w, "and the second")
	s.mu.Lock()
	s.end(o)
}

// sending returns the list of operations, which has those of backups that aren't kept. The lock is held.
func (s *temporaryServer) sending() any {
	list := []any{}
	for _, o := range s.ops {
		if o.found != nil {
			if !o.listed {
				o.listed = true
				close(o.found)
			}
			state := s.state(o)
			state["description"], state["created_at"], state["resources"] = "Backing up", "2026-01-02T03:04:05Z", map[string]any{"all": []string{"/1.0/instances/abc123",
				"/1.0/storage-pools/abc123/volumes/custom/abc123", "/1.0/storage-pools/abc123/buckets/abc123"}}
			list = append(list, state)
		}
	}
	return map[string]any{"running": list}
}

// sendText sends the content of a file.
func (a *answers) sendText(w http.ResponseWriter, path string, text rawText) {
	if own, has := a.texts[path[strings.LastIndex(path, "/")+1:]]; has {
		text = rawText(own)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Incus-Type", "oci") // its fingerprint isn't that of its content
	io.WriteString(w, string(text))
}
