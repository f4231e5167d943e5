package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// Images of simplestreams servers, from which the daemon downloads. The script writes the files that they serve.
func TestRealImageServers(t *testing.T) {
	needsIncus(t)
	root, config := t.TempDir(), t.TempDir()
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(root)))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // daemons try plain HTTP first
	server.StartTLS()
	defer server.Close()
	pin := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write := func(name string, content []byte) {
		path := filepath.Join(config, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	text.WriteString("remotes:\n")
	remotes := starlark.NewList(nil)
	for _, name := range []string{"one", "two", "three"} {
		fmt.Fprintf(&text, "  %s: {addr: %s/%s, protocol: simplestreams, public: true}\n", name, server.URL, name)
		write("servercerts/"+name+".crt", pin)
		remotes.Append(starlark.String(name))
	}
	fmt.Fprintf(&text, "  registry: {addr: %s, protocol: oci, public: true}\n", server.URL)
	fmt.Fprintf(&text, "  public: {addr: %s, public: true}\n", os.Getenv("INCUS_STAR_TESTBED_ENDPOINT"))
	write("config.yml", []byte(text.String()))
	own, err := os.ReadFile(filepath.Join(os.Getenv("INCUS_DIR"), "server.crt"))
	if err != nil {
		t.Fatal(err)
	}
	write("servercerts/public.crt", own)

	env := remote.OS()
	env.Getenv = func(name string) string {
		if name == "INCUS_CONF" {
			return config
		}
		return os.Getenv(name)
	}
	client := starlarkincus.New(starlarkincus.Options{Trace: count, Environment: &env})
	defer client.Close()
	names := client.Names()
	maps.Copy(names, starlark.StringDict{"testbed": testbed(t), "root": starlark.String(root), "remotes": remotes})
	var out, errs bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: names})
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := h.RunFile(ctx, "testdata/with/streams.star"); err != nil {
		h.Report(&errs, err)
		t.Errorf("%s", errs.Bytes())
	}
	if out.Len() > 0 {
		t.Logf("%s", out.Bytes())
	}
}
