package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// tokenScript makes tokens with the function make, gives them and their secrets to keep, and prints everything about them
// but the values themselves.
const tokenScript = `
events = incus.events(types = ["operation"])
token = make(name)
keep(token)
keep(json.decode(base64.decode(token))["secret"])
op = make(name + "2", wait = False)
keep(op.metadata["secret"])

def tell(v):
    print(v, repr(v), [v], {"v": v}, str(v))
    table([{"v": v}])
    log("made", v = v)

tell(op)
for o in incus.operations.list():
    tell(o)
waited = try_(op.wait, timeout = 0.05)
tell(waited)
tell(waited.error)
tell(waited.error.response)
op.cancel()
cancelled = try_(op.wait)
tell(cancelled.error)
tell(cancelled.error.response)
print(cancelled.error.is_a(IncusOperationCancelledError))
seen = 0
for e in events:
    tell(e)
    seen += 1
    if seen == 4:
        break
for o in incus.operations.list():
    if o["class"] == "token" and o.status == "Running":
        catch(IncusError, o.cancel)
`

// tokensStayHidden runs tokenScript with a function of the client that makes tokens.
func tokensStayHidden(t *testing.T, makes string) {
	t.Helper()
	var secrets []string
	var mu sync.Mutex
	var traced strings.Builder
	client := starlarkincus.New(starlarkincus.Options{Trace: func(r rest.Trace) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&traced, "%+v\n", r)
	}})
	defer client.Close()
	names := client.Names()
	keep := starlark.NewBuiltin("keep", func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var text string
		err := starlark.UnpackArgs(b.Name(), args, kwargs, "text", &text)
		secrets = append(secrets, text)
		return starlark.None, err
	})
	maps.Copy(names, starlark.StringDict{"keep": keep, "name": starlark.String("hidden")})
	var out, errs bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: names})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := h.RunSource(ctx, "tokens.star", []byte("make = "+makes+"\n"+tokenScript)); err != nil {
		h.Report(&errs, err)
		t.Errorf("%s", errs.Bytes())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(secrets) != 3 || !strings.Contains(out.String(), "\nTrue\n") || traced.Len() == 0 {
		t.Fatalf("%d secrets, output %s", len(secrets), out.Bytes())
	}
	for _, secret := range secrets {
		for where, text := range map[string]string{"output": out.String(), "log": errs.String(), "trace": traced.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s of %s holds a token", where, makes)
			}
		}
	}
}

func TestRealTokensStayHidden(t *testing.T) {
	needsIncus(t)
	tokensStayHidden(t, "incus.certificates.create_token")
}

func TestRealClusterTokensStayHidden(t *testing.T) {
	clusterMembers(t)
	tokensStayHidden(t, "incus.cluster.members.create_token")
}
