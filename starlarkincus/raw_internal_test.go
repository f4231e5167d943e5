package starlarkincus

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A resource of bytes, with the key in the query and attributes in headers, needs no code of its own.
func TestBytesWithAttributesInHeaders(t *testing.T) {
	const binary = "\x00\xff{\"name\": 1}\n"
	var got []string
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %s %q mode=%s %s", r.Method, r.URL.RequestURI(), body, r.Header.Get("X-Incus-mode"), r.Header.Get("Content-Type")))
		if r.Method == "GET" {
			io.WriteString(w, binary)
			return
		}
		io.WriteString(w, `{"type":"sync","status":"Success","status_code":200,"metadata":null}`)
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	defer func() { server.Close(); <-done }()
	client := New(Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": listener.Addr().String()}[name]
	}}})
	defer client.Close()

	key := spec.Field{Name: "name", Type: spec.String, In: spec.Local, Required: true, Positional: true}
	things := &spec.Resource{Name: "things", Kind: "Thing", Path: "/1.0/things", Key: "path", KeyType: spec.String, KeyQuery: "path", Content: spec.PlainText,
		Methods: []spec.Method{
			{Name: "read", Collection: true, Does: spec.DoGetRaw, HTTP: "GET", Returns: spec.Returns{Shape: spec.Text}, Effect: spec.Reads, Args: []spec.Field{key}},
			{Name: "write", Collection: true, Does: spec.DoCreateRaw, HTTP: "POST", Returns: spec.Returns{Shape: spec.Nothing}, Effect: spec.Creates, Args: []spec.Field{key,
				{Name: "content", Type: spec.Raw, In: spec.Whole, Required: true, Positional: true}, {Name: "mode", Type: spec.Int, In: spec.Header}}},
		}}
	collection := newCollection(client.collection(things))
	call := func(method string, args starlark.Tuple, kwargs ...starlark.Tuple) (starlark.Value, error) {
		fn, err := collection.Attr(method)
		if err != nil {
			t.Fatal(err)
		}
		return starlark.Call(new(starlark.Thread), fn, args, kwargs)
	}
	path := starlark.String("/etc/a b")
	if v, err := call("read", starlark.Tuple{path}); v != starlark.String(binary) || err != nil {
		t.Error(v, err)
	}
	for _, content := range []starlark.Value{starlark.Bytes(binary), starlark.String("text")} {
		if v, err := call("write", starlark.Tuple{path, content}, starlark.Tuple{starlark.String("mode"), starlark.MakeInt(420)}); v != starlark.None || err != nil {
			t.Error(v, err)
		}
	}
	for args, want := range map[*starlark.Tuple]string{
		{starlark.String(""), path}: "things.write: name: the name is empty",
		{path, starlark.MakeInt(1)}: "things.write: content: got int, want string or bytes",
	} {
		if _, err := call("write", *args); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	want := []string{`GET /1.0/things?path=%2Fetc%2Fa+b "" mode= `,
		fmt.Sprintf("POST /1.0/things?path=%%2Fetc%%2Fa+b %q mode=420 application/octet-stream", binary),
		`POST /1.0/things?path=%2Fetc%2Fa+b "text" mode=420 application/octet-stream`}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}
