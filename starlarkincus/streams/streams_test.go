package streams

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// A folder is a server's files by path, without the network.
type folder map[string]io.Reader

func (f folder) open(ctx context.Context, path string) (*rest.File, error) {
	file, ok := f[path]
	if !ok {
		return nil, errors.New(errors.Connection, "the server has no %s", path)
	}
	return &rest.File{ReadCloser: io.NopCloser(file), Size: -1}, nil
}

const testIndex = `{"index": {"images": {"datatype": "image-downloads", "path": "streams/v1/images.json", "products": ["a"]}}}`

func newServer(t *testing.T) *Server {
	t.Helper()
	s, endpoint, err := New("test", "https://server.example:8443/folder/", "")
	if err != nil || endpoint != "https://server.example:8443" || s.URL != "https://server.example:8443/folder" {
		t.Fatal(s, endpoint, err)
	}
	return s
}

// serve returns the files of a server with a products file.
func serve(products io.Reader) folder {
	return folder{"/folder/streams/v1/index.json": strings.NewReader(testIndex), "/folder/streams/v1/images.json": products}
}

// answer returns the answer to a GET, as JSON.
func answer[T any](t *testing.T, s *Server, files folder, path string, query url.Values) (out T, err error) {
	t.Helper()
	a, err := s.Answer(t.Context(), path, query, files.open)
	if err != nil {
		return out, err
	}
	data, err := json.Marshal(a.Metadata)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, nil
}

func fingerprintOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// Of random products all images are listed, and each alias is that of the newest image of its product and type.
func TestRandomProducts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	native := architecture(runtime.GOARCH)
	for range 50 {
		products, newest := make(map[string]any), make(map[string]string)
		kinds := map[string]string{"squashfs": "combined_squashfs_sha256", "root.tar.xz": "combined_rootxz_sha256", "disk-kvm.img": "combined_disk-kvm-img_sha256",
			"uefi1.img": "combined_uefi1-img_sha256", "disk1.img": "combined_disk1-img_sha256"}
		count := 0
		for n := range 1 + r.IntN(8) {
			alias, versions := fmt.Sprintf("os%d/é b", n), make(map[string]any)
			root := roots[r.IntN(len(roots))]
			for range 1 + r.IntN(4) {
				serial := fmt.Sprintf("2024%02d%02d_05:00", 1+r.IntN(12), 1+r.IntN(28))
				print := fingerprintOf(alias + serial)
				versions[serial] = map[string]any{"items": map[string]any{
					"m": map[string]any{"ftype": "incus.tar.xz", "path": "m", "size": 1, kinds[root]: print},
					"r": map[string]any{"ftype": root, "path": "r", "size": 2}, "x": map[string]any{"ftype": "manifest"}}}
				if serial > newest[alias] {
					newest[alias] = serial
				}
			}
			count += len(versions)
			products[alias] = map[string]any{"aliases": alias + ", ," + alias + "2", "arch": native, "os": "Os", "versions": versions, "new field": []int{1}}
		}
		data, _ := json.Marshal(map[string]any{"format": "products:1.0", "products": products})
		files := serve(strings.NewReader(string(data)))
		s := newServer(t)
		images, err := answer[[]Image](t, s, files, "/1.0/images", url.Values{"recursion": {"1"}})
		if err != nil || len(images) != count {
			t.Fatalf("%d images, %v; want %d", len(images), err, count)
		}
		for alias, serial := range newest {
			for _, name := range []string{alias, alias + "2", alias + "/" + native} {
				got, err := answer[Alias](t, s, files, "/1.0/images/aliases/"+url.PathEscape(name), nil)
				if err != nil || got.Target != fingerprintOf(alias+serial) {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			}
			if _, err := answer[Alias](t, s, files, "/1.0/images/aliases/"+url.PathEscape(alias+"x"), nil); !errors.Is(err, errors.NotFound) || !strings.Contains(err.Error(), "did you mean") {
				t.Error(err)
			}
		}
		for _, image := range images {
			for _, n := range []int{64, 20} {
				if got, err := answer[Image](t, s, files, "/1.0/images/"+image.Fingerprint[:n], nil); err != nil || got.Fingerprint != image.Fingerprint || got.Size != 3 {
					t.Errorf("%v, %v", got, err)
				}
			}
		}
	}
}

// Expressions select as on a server: from left to right, without case.
func TestExpressions(t *testing.T) {
	image := &Image{Fingerprint: "abc", Type: "container", Architecture: "x86_64", Public: true, Size: 10, Properties: map[string]string{"os": "Debian", "a b": "c d"}}
	c := &catalog{server: "test", images: []*Image{image}}
	for expression, want := range map[string]bool{
		"": true, "type eq container": true, "type eq contain": false, "type eq cont.*": true, "type eq ^cont": true, "type ne container": false,
		"not type eq container": false, "properties.os eq debian": true, "properties.os eq ubuntu,debian": true, "properties.nope eq x": false,
		"size ge 10 and size le 10": true, "size gt 10": false, "size lt 11 and not size ne 10": true, "public eq true": true, "public ne true": false,
		"type eq x and type eq x or public eq true": true, "public eq true or type eq x and type eq x": false, `type eq "a b"`: false,
	} {
		if got, err := c.filter(expression); err != nil || (len(got) == 1) != want {
			t.Errorf("%s: %v, %v", expression, len(got) == 1, err)
		}
	}
	for _, expression := range []string{"type", "type eq", "not", "type is x", "type eq x and", "type eq x but type eq y", `type eq "a`, "size eq x", "size eq", "type gt a", "public eq maybe", "aliases eq x"} {
		if _, err := c.filter(expression); !errors.Is(err, errors.BadRequest) {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// Each beginning of a products file is an error, and so is a value of another type.
func TestBadFiles(t *testing.T) {
	whole := `{"a": [1, {}], "products": {"p": {"aliases": "x", "versions": {"20240101": {"items": {"i": {"size": 1}}}}}}}`
	for n := range len(whole) {
		_, err := answer[any](t, newServer(t), serve(strings.NewReader(whole[:n])), "/1.0/images", nil)
		if !errors.Is(err, errors.Connection) || !strings.Contains(err.Error(), "https://server.example:8443/folder/streams/v1/images.json isn't a file of an image server") {
			t.Errorf("%q: %v", whole[:n], err)
		}
	}
	for _, text := range []string{`[]`, `1`, `null`, `{"products": []}`, `{"products": {"p": 1}}`, `{"products": {"p": {"versions": {"x": {"items": {"i": {"size": "1"}}}}}}}`} {
		if _, err := answer[any](t, newServer(t), serve(strings.NewReader(text)), "/1.0/images", nil); !errors.Is(err, errors.Connection) {
			t.Errorf("%s: %v", text, err)
		}
	}
	s := newServer(t)
	if _, err := answer[any](t, s, folder{}, "/1.0/images", nil); !errors.Is(err, errors.Connection) || s.known != nil {
		t.Error(err)
	}
	if images, err := answer[[]any](t, s, serve(strings.NewReader(whole)), "/1.0/images", nil); err != nil || len(images) != 0 {
		t.Error(images, err) // the failure before wasn't kept
	}
	for _, path := range []string{"/1.0/instances", "/1.0/imagesx", "/1.0/images/a/b/c", "/1.0/images/%zz", "/"} {
		if _, err := answer[any](t, s, nil, path, nil); !errors.Is(err, errors.Unsupported) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// An endless is a products file without an end, of one product after another.
type endless struct {
	n    int
	left string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == "" {
		e.left = fmt.Sprintf(`"p%d": {"os": "%s"},`, e.n, strings.Repeat("x", 1000))
		if e.n == 0 {
			e.left = `{"products": {` + e.left
		}
		e.n++
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

// A file without an end is an error, and isn't kept in memory.
func TestEndlessFile(t *testing.T) {
	defer func(usual int64) { maxBytes = usual }(maxBytes)
	maxBytes = 12 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := answer[any](t, newServer(t), serve(new(endless)), "/1.0/images", nil)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "larger than 12 MiB") {
		t.Error(err)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 9<<20 {
		t.Errorf("the memory grew by %d KiB", grown>>10)
	}
}

// A reader of the list waits for another one's, unless it is cancelled.
func TestCancelledWhileLoading(t *testing.T) {
	s := newServer(t)
	s.busy <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Answer(ctx, "/1.0/images", nil, folder{}.open); err != context.Canceled {
		t.Error(err)
	}
}

func TestBadAddresses(t *testing.T) {
	for _, address := range []string{"", "https://", "https://user:secret@a", "https://a?x", "https://a#x", "://"} {
		if _, _, err := New("test", address, ""); !errors.Is(err, errors.Config) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
