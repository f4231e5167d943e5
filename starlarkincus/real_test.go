package starlarkincus_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	announceSkips()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if err := reportCalls(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = max(status, 1)
		}
		os.Exit(status)
	}))
}

// needsIncus skips a test outside of a testbed.
func needsIncus(t *testing.T) {
	t.Helper()
	if !strings.Contains(t.Name(), "Real") {
		t.Fatal("needs Real in its name, by which scripts/test.sh runs it on each line")
	}
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN") // the daemon differs at each run, so results must not be cached
}

// runScript runs a script of testdata on the testbed's daemon.
func runScript(t *testing.T, file string, extra starlark.StringDict) {
	t.Helper()
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	names := client.Names()
	names["testbed"] = testbed(t)
	maps.Copy(names, extra)
	var out, errs bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: names})
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := h.RunFile(ctx, file); err != nil {
		h.Report(&errs, err)
		t.Errorf("%s", errs.Bytes())
	}
	if out.Len() > 0 {
		t.Logf("%s", out.Bytes())
	}
}

// The scripts of testdata contain their own checks.
func TestScriptsOnARealServer(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	files, err := filepath.Glob("testdata/*.star")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Base(file) == "assert.star" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			runScript(t, file, nil)
		})
	}
}

// The scripts of testdata/cluster change the cluster, so they run one after another.
func TestScriptsOnARealCluster(t *testing.T) {
	members, _ := clusterMembers(t)
	files, err := filepath.Glob("testdata/cluster/*.star")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			runScript(t, file, starlark.StringDict{"members": members, "new_certificate": newCertificate(t)})
		})
	}
}

// clusterMembers returns the members of the testbed's cluster, and the sockets of the servers beside it. It skips the
// test if there is no cluster.
func clusterMembers(t *testing.T) (members, others *starlark.List) {
	t.Helper()
	n := len(memberDirs())
	if n == 0 {
		t.Skip("needs a real cluster: run scripts/test.sh")
	}
	members, others = starlark.NewList(nil), starlark.NewList(nil)
	endpoints := strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ",")
	for i, dir := range strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":") {
		socket := starlark.String(filepath.Join(dir, "unix.socket"))
		if i >= n {
			others.Append(socket)
			continue
		}
		members.Append(starlarkstruct.FromStringDict(starlark.String("member"), starlark.StringDict{
			"name":     starlark.String(filepath.Base(dir)),
			"socket":   socket,
			"endpoint": starlark.String(endpoints[i]),
		}))
	}
	return members, others
}

// memberDirs returns the folders of the members of the testbed's cluster; none if there is no cluster.
func memberDirs() []string {
	n, err := strconv.Atoi(os.Getenv("INCUS_STAR_TESTBED_CLUSTER"))
	if err != nil {
		return nil
	}
	return strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":")[:n]
}

// newCertificate returns a certificate for a cluster, and its key, as PEM.
func newCertificate(t *testing.T) starlark.Value {
	crt, key, _ := certificate(t)
	pair := make(starlark.Tuple, 2)
	for i, file := range []string{crt, key} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pair[i] = starlark.String(data)
	}
	return pair
}

// testbed returns the value testbed of scripts: details of the daemon, and a certificate unknown to it.
func testbed(t *testing.T) starlark.Value {
	crt, key, der := certificate(t)
	text := func(s string) starlark.Value { return starlark.String(s) }
	sum := sha256.Sum256(der)
	dir := os.Getenv("INCUS_DIR")
	unique := starlark.NewBuiltin("testbed.unique", func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var prefix string
		if err := starlark.UnpackArgs(b.Name(), args, kwargs, "prefix", &prefix); err != nil {
			return nil, err
		}
		n, err := rand.Int(rand.Reader, big.NewInt(1<<32))
		return text(fmt.Sprintf("%s-%08x", prefix, n)), err
	})
	heeds := starlark.NewList([]starlark.Value{text("sh"), text("-c"), text(`until grep -qE '^SigCgt:\s*[0-9a-f]*[2367abef][0-9a-f]{7}$' /proc/1/status; do sleep 0.05; done`)})
	heeds.Freeze()
	return starlarkstruct.FromStringDict(starlark.String("testbed"), starlark.StringDict{
		"heeds":            heeds, // waits until the instance's init handles SIGPWR, by which it is asked to stop
		"line":             text(os.Getenv("INCUS_STAR_TESTBED")),
		"image":            text(os.Getenv("INCUS_STAR_TESTBED_IMAGE")),
		"endpoint":         text(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT")),
		"socket":           text(filepath.Join(dir, "unix.socket")),
		"server_cert":      text(filepath.Join(dir, "server.crt")),
		"cert":             starlark.Tuple{text(crt), text(key)},
		"cert_base64":      text(base64.StdEncoding.EncodeToString(der)),
		"cert_fingerprint": text(hex.EncodeToString(sum[:])),
		"unique":           unique,
	})
}

// certificate creates a client certificate like those of the incus command, and its key.
func certificate(t *testing.T) (crt, key string, der []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "incus-star test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"incus-star"}, // members of a cluster verify a name
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, data []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("client.crt", "CERTIFICATE", der), write("client.key", "EC PRIVATE KEY", private), der
}

// When several clients ensure the same objects at once, none fails, and each object is created once.
func TestRealEnsureAtOnce(t *testing.T) {
	needsIncus(t)
	const clients = 4
	name := fmt.Sprintf("at-once-%x", time.Now().UnixNano())
	script := fmt.Sprintf(`
project = incus.projects.ensure(%[1]q, config = {"features.images": False, "features.profiles": False})
profile = incus.profiles.ensure(%[1]q, config = {"limits.cpu": 1})
inst = incus.instances.ensure(%[1]q, image = testbed.image, profiles = ["default", %[1]q], config = {"user.x": 1})
inst.refresh()
print(project.changed, profile.changed, inst.changed, inst.config["user.x"])
`, name)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	bed := testbed(t)
	outputs := make([]bytes.Buffer, clients)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			own := starlarkincus.New(starlarkincus.Options{Trace: count})
			defer own.Close()
			h := host.New(host.Options{Stdout: &outputs[i], Stderr: &outputs[i], Predeclared: starlark.StringDict{"incus": own, "testbed": bed}})
			if err := h.RunSource(context.Background(), "at-once", []byte(script)); err != nil {
				h.Report(&outputs[i], err)
				t.Errorf("client %d:\n%s", i, outputs[i].Bytes())
			}
		})
	}
	group.Wait()
	var changed [3]int
	for i := range outputs {
		for k, word := range strings.Fields(outputs[i].String()) {
			if k < len(changed) && word == "True" {
				changed[k]++
			}
		}
	}
	if changed != [3]int{1, 1, 1} {
		t.Errorf("%v of the clients changed the project, the profile and the instance; want one each", changed)
	}
	h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}})
	if err := h.RunSource(context.Background(), "clean-up", fmt.Appendf(nil, `
incus.instances.delete(%[1]q)
incus.profiles.delete(%[1]q)
incus.projects.delete(%[1]q)
`, name)); err != nil {
		t.Error(err)
	}
}
