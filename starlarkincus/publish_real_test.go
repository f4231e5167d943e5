package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// A script that is stopped while it publishes a running instance leaves the instance running, and without the snapshot, in
// each of its steps.
func TestRealStoppedPublishing(t *testing.T) {
	needsIncus(t)
	name := fmt.Sprintf("published-%x", time.Now().UnixNano())
	run := func(ctx context.Context, trace func(rest.Trace), script string) error {
		client := starlarkincus.New(starlarkincus.Options{Trace: trace})
		defer client.Close()
		names := client.Names()
		names["testbed"], names["name"] = testbed(t), starlark.String(name)
		h := host.New(host.Options{Predeclared: names, Stderr: new(strings.Builder), Track: starlarkincus.Track})
		return h.RunSource(ctx, "script", []byte(script))
	}
	if err := run(t.Context(), count, `incus.instances.launch(name, image = testbed.image)`); err != nil {
		t.Fatal(err)
	}
	defer run(context.WithoutCancel(t.Context()), count, "wait_until(lambda: incus.operations.list() == [], timeout = 30, interval = 0.2)\nincus.instances.delete(name, force = True)\n[i.delete() for i in incus.images.list() if i.properties.get('user') == name]")
	for _, step := range []string{"force /state", "force /images", "snapshot /snapshots", "snapshot /images"} {
		how, at, _ := strings.Cut(step, " ")
		ctx, stop := context.WithCancelCause(t.Context())
		err := run(ctx, func(r rest.Trace) {
			if r.Method != "GET" && strings.HasSuffix(r.Path, at) {
				stop(host.ErrInterrupted)
			}
		}, fmt.Sprintf("incus.instances.get(name).publish(properties = {'user': name, 'step': %q}, compression_algorithm = 'none', %s = True)", step, how))
		stop(nil)
		if !errors.Is(err, host.ErrInterrupted) {
			t.Errorf("stopped at %s: %v", step, err)
		}
		if err := run(t.Context(), count, `
i = incus.instances.get(name)
wait_until(lambda: i.refresh().status == "Running" and i.snapshots.names() == [], timeout = 20, interval = 0.2)
`); err != nil {
			t.Errorf("stopped at %s: %v", step, err)
		}
	}
}

// Publishing with force leaves the instance running if the connection breaks at the request to stop it, which reaches the server a
// while later, at once, or not at all.
func TestRealPublishWithoutAnswerToItsStop(t *testing.T) {
	needsIncus(t)
	const never = -1
	delay := time.Duration(0)
	var late sync.WaitGroup
	dialer := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"))
	}
	transport := &http.Transport{DialContext: dialer}
	defer transport.CloseIdleConnections()
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "incus" }, FlushInterval: -1}
	socket, end := onSocket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "PUT" || !strings.HasSuffix(r.URL.Path, "/state") {
			proxy.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte(`"stop"`)) {
			proxy.ServeHTTP(w, r)
			return
		}
		later := r.Clone(context.WithoutCancel(r.Context()))
		if delay != never {
			late.Go(func() { time.Sleep(delay); proxy.ServeHTTP(new(recorder), later) })
		}
		panic(http.ErrAbortHandler)
	}))
	defer end()
	name := fmt.Sprintf("unanswered-%x", time.Now().UnixNano())
	run := func(script string) error {
		client := starlarkincus.New(starlarkincus.Options{Trace: count})
		defer client.Close()
		names := client.Names()
		names["testbed"], names["name"], names["socket"] = testbed(t), starlark.String(name), starlark.String(socket)
		return host.New(host.Options{Predeclared: names, Stderr: t.Output(), Track: starlarkincus.Track}).RunSource(t.Context(), "script", []byte(script))
	}
	if err := run(`incus.instances.launch(name, image = testbed.image)`); err != nil {
		t.Fatal(err)
	}
	defer run(`incus.instances.delete(name, force = True)`)
	for _, delay = range []time.Duration{0, 20 * time.Millisecond, 300 * time.Millisecond, time.Second, never} {
		err := run(`incus.connect(endpoint = socket).instances.get(name).publish(force = True)`)
		if !errors.Is(err, errors.Connection) {
			t.Errorf("after %v: %v", delay, err)
		}
		late.Wait()
		if err := run(`
wait_until(lambda: [o for o in incus.operations.list() if "ing instance" in o.description and o.status == "Running"] == [], timeout = 20, interval = 0.2)
status = incus.instances.get(name).status
status == "Running" or fail("it is " + status)
`); err != nil {
			t.Errorf("after %v: %v", delay, err)
		}
	}
}
