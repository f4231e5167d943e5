//go:build ignore

// Record runs a command beside the daemons of a testbed, and records all failures that the daemons return, with their
// requests:
//
//	scripts/testbed.sh --incus 7.0 go run starlarkincus/rest/record.go -o FILE go test -count=1 ./...
//
// It replaces the sockets of the daemons by proxies, so the command needs no change. Each line of FILE is a failure in
// JSON, in the format of testdata/failures.jsonl, but without the expected class, which has to be added by hand.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// A failure is a line of the file.
type failure struct {
	Line      string              `json:"line"`
	Method    string              `json:"method"`
	Path      string              `json:"path"`
	Query     string              `json:"query,omitempty"`
	Header    map[string][]string `json:"header,omitempty"`
	Body      json.RawMessage     `json:"body,omitempty"`
	Text      string              `json:"text,omitempty"` // body that isn't JSON
	Operation bool                `json:"operation,omitempty"`
	Status    int                 `json:"status"`
	Message   string              `json:"message"`
	Class     string              `json:"class"`
}

// maxBody is the size of the largest recorded body.
const maxBody = 8 << 10

type recorder struct {
	mu      sync.Mutex
	out     *os.File
	seen    map[string]bool
	started map[string]failure // the request that started each operation, by its id
}

func (r *recorder) write(f failure) {
	f.Line = os.Getenv("INCUS_STAR_TESTBED")
	if f.Status == 0 || f.Message == "" {
		return
	}
	line, err := json.Marshal(f)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[string(line)] {
		r.seen[string(line)] = true
		r.out.Write(append(line, '\n'))
	}
}

// answered records the failure in an answer, if any. The failure of an operation is recorded with the request that
// started it.
func (r *recorder) answered(request failure, status int, body []byte) {
	var answer struct {
		Type      string
		Code      int    `json:"error_code"`
		Error     string `json:"error"`
		Operation string
		Metadata  json.RawMessage
	}
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	about := strings.TrimSuffix(strings.TrimPrefix(request.Path, "/1.0/operations/"), "/wait")
	switch {
	case answer.Type == "async":
		r.mu.Lock()
		r.started[path.Base(answer.Operation)] = request
		r.mu.Unlock()
		r.ended(path.Base(answer.Operation), answer.Metadata)
	case answer.Type == "error" && status == http.StatusOK && strings.HasSuffix(request.Path, "/wait"):
		r.failed(about, answer.Error) // an operation of an older server
	case answer.Type == "error":
		if request.Status = answer.Code; answer.Code == 0 {
			request.Status = status
		}
		request.Message = answer.Error
		r.write(request)
	case strings.HasPrefix(request.Path, "/1.0/operations/"):
		r.ended(about, answer.Metadata)
	}
}

func (r *recorder) ended(id string, state []byte) {
	var operation struct {
		Code int    `json:"status_code"`
		Err  string `json:"err"`
	}
	if json.Unmarshal(state, &operation) == nil && operation.Code == 400 {
		r.failed(id, operation.Err)
	}
}

// failed records the failure of an operation with the request that started it.
func (r *recorder) failed(id, message string) {
	r.mu.Lock()
	began, ok := r.started[id]
	r.mu.Unlock()
	if ok {
		began.Operation, began.Status, began.Message = true, 400, message
		r.write(began)
	}
}

// proxy replaces the socket of a daemon.
func (r *recorder) proxy(socket string) error {
	real := socket + ".real"
	if err := os.Rename(socket, real); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: "incus"}) },
		Transport:     &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return newSocketConn(real), nil }},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		// If one side closes its connection, close the other too.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		f := failure{Method: q.Method, Path: q.URL.EscapedPath(), Query: q.URL.RawQuery}
		for key, values := range q.Header {
			if strings.HasPrefix(key, "X-Incus-") {
				if f.Header == nil {
					f.Header = make(map[string][]string)
				}
				f.Header[key] = values
			}
		}
		if q.ContentLength > 0 && q.ContentLength <= maxBody {
			body, _ := io.ReadAll(q.Body)
			q.Body = io.NopCloser(bytes.NewReader(body))
			if json.Valid(body) {
				var small bytes.Buffer
				json.Compact(&small, body)
				f.Body = small.Bytes()
			} else {
				f.Text = string(body)
			}
		}
		watched := &watched{ResponseWriter: w, status: http.StatusOK}
		proxy.ServeHTTP(watched, q)
		r.answered(f, watched.status, watched.body.Bytes())
	}))
	return nil
}

// A watched is a body that keeps its beginning.
type watched struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.body.Len() < 1<<20 {
		w.body.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func main() {
	out := flag.String("o", "", "the file to add to")
	flag.Parse()
	file, err := os.OpenFile(*out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	r := &recorder{out: file, seen: make(map[string]bool), started: make(map[string]failure)}
	dirs := filepath.SplitList(os.Getenv("INCUS_STAR_TESTBED_DIRS"))
	if len(dirs) == 0 {
		dirs = []string{os.Getenv("INCUS_DIR")}
	}
	for _, dir := range dirs {
		if err := r.proxy(filepath.Join(dir, "unix.socket")); err != nil {
			log.Fatal(err)
		}
	}
	command := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}
