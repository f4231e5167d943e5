package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"incus-star/starlarkincus/internal/fakeexec"
)

// A repeater is a server that repeats each request in its answers, and has secrets of its own.
type repeater struct {
	mode string
	own  string
	mu   sync.Mutex
	got  []string // the texts of requests, for the results of operations
}

const repeatedOperation = "/1.0/operations/0a6b2ae5-4f0c-4f0b-9d3c-1f3c1c6d1a11"

func (s *repeater) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	query, _ := url.QueryUnescape(r.URL.RawQuery)
	text := fmt.Sprintf("can't do %s %s %s with %v and %s", r.Method, r.RequestURI, query, r.Header, body)
	var values func(v any)
	values = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if text, ok := inner.(string); ok {
					s.got = append(s.got, fmt.Sprintf("Invalid value %q for %s", text, name))
				}
				values(inner)
			}
		case []any:
			for _, inner := range v {
				values(inner)
			}
		case string:
			s.got = append(s.got, v, "<"+v+">")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/1.0/operations/") {
		text = strings.Join(s.got, "; ")
	} else {
		var v any
		s.got = []string{text}
		json.Unmarshal(body, &v)
		values(v)
		for _, list := range r.Header {
			s.got = append(s.got, list...)
		}
		for _, list := range r.URL.Query() {
			s.got = append(s.got, list...)
		}
		text = strings.Join(s.got, "; ")
	}
	operation := func(code int, err string) map[string]any {
		status := map[int]string{103: "Running", 200: "Success", 400: "Failure", 401: "Cancelled"}[code]
		return map[string]any{"id": strings.TrimPrefix(repeatedOperation, "/1.0/operations/"), "class": "token", "status": status, "status_code": code,
			"description": "Executing command", "err": err, "may_cancel": false, "location": "none", "resources": nil,
			"metadata": map[string]any{"secret": s.own + "-secret", "fds": fakeexec.Fds(false, func(name string) string { return s.own + "-fd" + name }),
				"request": json.RawMessage(`{"name": "n"}`), "command": []string{text}, "return": 1, "environment": map[string]any{"DB_PASSWORD": s.own + "-env"},
				"addresses": []string{"127.0.0.1:1"}, "fingerprint": "f", "output": map[string]any{"1": "/1.0/instances/i/logs/exec-output/1.stdout", "2": "/1.0/instances/i/logs/exec-output/2.stderr"}}}
	}
	answer := func(status int, v map[string]any) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	metadata := map[string]any{"core.trust_password": s.own + "-config", "nested": []any{map[string]any{"api_key": s.own + "-key"}}, "said": text}
	isOperation := strings.HasPrefix(r.URL.Path, "/1.0/operations/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/websocket") && strings.HasPrefix(s.mode, "operation"):
		var output []byte
		if secret := r.URL.Query().Get("secret"); strings.HasSuffix(secret, "-fd1") || strings.HasSuffix(secret, "-fd2") {
			output = []byte(text)
		}
		s.mu.Unlock()
		defer s.mu.Lock()
		fakeexec.Serve(w, r, output)
	case r.Method == "GET" && r.URL.Path == "/1.0":
		answer(200, map[string]any{"type": "sync", "metadata": map[string]any{"auth": "trusted", "api_extensions": []string{}, "config": metadata, "environment": map[string]any{}}})
	case r.Method == "GET" && r.URL.Path == "/1.0/instances/i":
		answer(200, map[string]any{"type": "sync", "metadata": map[string]any{"name": "i", "status": "Running", "config": metadata}})
	case isOperation && strings.HasPrefix(s.mode, "operation"):
		switch code := map[string]int{"operation succeeds": 200, "operation fails": 400, "operation is cancelled": 401}[s.mode]; code {
		case 0:
			if strings.HasSuffix(r.URL.Path, "/wait") {
				s.mu.Unlock()
				select {
				case <-r.Context().Done():
				case <-time.After(2 * time.Second):
				}
				s.mu.Lock()
			}
			answer(200, map[string]any{"type": "sync", "metadata": operation(103, "")})
		default:
			answer(200, map[string]any{"type": "sync", "metadata": operation(code, text)})
		}
	case strings.HasPrefix(s.mode, "operation"):
		answer(202, map[string]any{"type": "async", "operation": repeatedOperation, "metadata": operation(103, "")})
	case s.mode == "error":
		answer(400, map[string]any{"type": "error", "error_code": 400, "error": text, "metadata": metadata})
	case s.mode == "page":
		w.WriteHeader(502)
		io.WriteString(w, text)
	case s.mode == "elsewhere":
		w.Header().Set("Location", "https://u:"+s.own+"-location@h/?"+r.URL.RawQuery)
		w.WriteHeader(302)
		io.WriteString(w, text)
	case s.mode == "broken JSON":
		io.WriteString(w, `{"type": "sync", "metadata": {"password": "`+s.own+`-broken", `+text)
	case s.mode == "unknown type":
		answer(200, map[string]any{"type": text, "metadata": metadata})
	case s.mode == "wrong types":
		answer(200, map[string]any{"type": "sync", "metadata": text})
	case s.mode == "cut":
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, `{"type": "sync", "metadata": {"password": "`+s.own+`-cut", `+text)
	case s.mode == "garbage":
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			io.WriteString(c, "HTTP/1.1 "+text+"\r\n\r\n")
			c.Close()
		}
	}
}

var repeaterModes = []string{"error", "page", "elsewhere", "broken JSON", "unknown type", "wrong types", "cut", "garbage",
	"operation succeeds", "operation fails", "operation is cancelled", "operation goes on"}
