package starlarkincus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// instance is the JSON of an instance.
func instance(name string) string {
	return `{"name":"` + name + `","status":"Stopped","status_code":102,"architecture":"x86_64","ephemeral":false,"stateful":false,
"profiles":["default"],"project":"default","location":"none","description":"","created_at":"2025-01-01T00:00:00Z","last_used_at":"1970-01-01T00:00:00Z","type":"container",
"config":{"image.architecture":"x86_64","image.os":"busybox","limits.cpu":"2","volatile.base_image":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","volatile.uuid":"` + name + `","volatile.idmap.base":"0"},
"devices":{"eth0":{"type":"nic","network":"incusbr0"}},
"expanded_config":{"image.architecture":"x86_64","image.os":"busybox","limits.cpu":"2","volatile.base_image":"0123456789abcdef","volatile.uuid":"` + name + `","volatile.idmap.base":"0"},
"expanded_devices":{"eth0":{"type":"nic","network":"incusbr0"},"root":{"type":"disk","path":"/","pool":"default"}}}`
}

// benchServer serves one instance and a list of 1,000 on a unix socket.
func benchServer(b *testing.B) (socket string) {
	b.Helper()
	var all []string
	for i := range 1000 {
		all = append(all, instance(fmt.Sprintf("c%d", i)))
	}
	reply := func(metadata string) []byte {
		return []byte(`{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":` + metadata + "}\n")
	}
	one, list := reply(instance("c0")), reply("["+strings.Join(all, ",")+"]")
	socket = filepath.Join(b.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/1.0/instances" {
			w.Write(list)
		} else {
			w.Write(one)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	b.Cleanup(func() { server.Close(); <-done })
	return socket
}

// plain does the same as a Go program without this module.
func plain(b *testing.B, socket string) (get func(path string), end func()) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	client := &http.Client{Transport: transport}
	return func(path string) {
		r, err := client.Get("http://incus" + path)
		if err != nil {
			b.Fatal(err)
		}
		data, err := io.ReadAll(r.Body)
		r.Body.Close()
		var v any
		if err != nil || json.Unmarshal(data, &v) != nil {
			b.Fatal(err)
		}
	}, transport.CloseIdleConnections
}

func module(b *testing.B, socket, expr string) (call func(), end func()) {
	env := remote.Environment{Getenv: func(name string) string {
		if name == "INCUS_SOCKET" {
			return socket
		}
		return ""
	}}
	client := starlarkincus.New(starlarkincus.Options{Environment: &env})
	thread := new(starlark.Thread)
	fn, err := starlark.EvalOptions(&syntax.FileOptions{}, thread, "bench", "lambda: "+expr, starlark.StringDict{"incus": client})
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, err := starlark.Call(thread, fn, nil, nil); err != nil {
			b.Fatal(err)
		}
	}, client.Close
}

// The budget on a real server is 1.1 times a plain net/http loop. With a server that answers at once, the benchmark
// shows the overhead of the module.
func BenchmarkGet(b *testing.B) {
	compare := func(b *testing.B, socket, expr, path string) {
		b.Run("incus", func(b *testing.B) {
			call, end := module(b, socket, expr)
			defer end()
			for b.Loop() {
				call()
			}
		})
		b.Run("net/http", func(b *testing.B) {
			get, end := plain(b, socket)
			defer end()
			for b.Loop() {
				get(path)
			}
		})
	}
	b.Run("at once", func(b *testing.B) {
		compare(b, benchServer(b), `incus.instances.get("c0")`, "/1.0/instances/c0")
	})
	b.Run("real", func(b *testing.B) {
		if os.Getenv("INCUS_STAR_TESTBED") == "" {
			b.Skip("needs a real Incus: run scripts/testbed.sh go test -bench Get ./starlarkincus")
		}
		compare(b, filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), `incus.profiles.get("default")`, "/1.0/profiles/default")
	})
}

// The budget is 1.15 times fetching the bytes and json.Unmarshal into any.
func BenchmarkList1000(b *testing.B) {
	socket := benchServer(b)
	b.Run("incus.instances.list", func(b *testing.B) {
		call, end := module(b, socket, `incus.instances.list()`)
		defer end()
		for b.Loop() {
			call()
		}
	})
	b.Run("net/http", func(b *testing.B) {
		get, end := plain(b, socket)
		defer end()
		for b.Loop() {
			get("/1.0/instances?recursion=1")
		}
	})
}
