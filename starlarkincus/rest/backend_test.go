package rest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"incus-star/errors"
)

// A passing is a backend that answers each path with the file of that path.
type passing struct{}

func (passing) Answer(ctx context.Context, path string, _ url.Values, files Files) (*Answer, error) {
	f, err := files(ctx, path)
	if err != nil {
		return nil, err
	}
	return &Answer{Body: f, Size: f.Size, Header: http.Header{}}, nil
}

func (passing) Refusal(_, path string) error { return errors.New(errors.Permission, "%s", path) }

// Files are followed to other addresses, by which nothing is told of the client.
func TestMovedFiles(t *testing.T) {
	mirror := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Authorization"])+len(r.Header["Cookie"])+len(r.TLS.PeerCertificates) > 0 {
			t.Errorf("the mirror was told %v", r.Header)
		}
		switch r.URL.Path {
		case "/again":
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		case "/lost":
			http.NotFound(w, r)
		default:
			fmt.Fprint(w, "mirrored "+r.RequestURI)
		}
	}))
	defer mirror.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { t.Error("sent without TLS") }))
	defer plain.Close()
	places := map[string]string{
		"relative": "/here?x=1", "absolute": mirror.URL + "/there?x=1", "again": mirror.URL + "/again?to=" + mirror.URL + "/end",
		"forever": "/forever", "lost": mirror.URL + "/lost", "plain": plain.URL + "/x", "none": "", "bad": "https://%zz/", "file": "file:///etc/passwd",
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, moved := places[strings.Trim(r.URL.Path, "/")]
		switch {
		case !moved:
			fmt.Fprint(w, "direct "+r.RequestURI)
		case to == "":
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}))
	server.TLS = mirror.TLS.Clone()
	server.StartTLS()
	defer server.Close()
	c := newClient(t, Config{Endpoints: []string{server.URL}, CA: mirror.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, Backend: passing{}})
	for name, want := range map[string]string{
		"there": "direct /there", "relative": "direct /here?x=1", "absolute": "mirrored /there?x=1", "again": "mirrored /end",
		"forever": "or too often", "lost": "status 404, Not Found", "plain": "not to another HTTPS address", "none": "not to another HTTPS address",
		"bad": "not to another HTTPS address", "file": "not to another HTTPS address",
	} {
		body, _, err := c.Open(t.Context(), Request{Path: "/" + name})
		if err != nil {
			if e := asError(t, err); !strings.Contains(e.Message, want) || e.Class != errors.Connection {
				t.Errorf("%s: %v, want %q", name, e, want)
			}
			continue
		}
		text, err := io.ReadAll(body)
		if body.Close(); string(text) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, text, err, want)
		}
	}
}

// TestMovedOnPinnedServer checks that a pinned certificate holds for other files of its server, and for no other server.
func TestMovedOnPinnedServer(t *testing.T) {
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "other") }))
	defer other.Close()
	var own string
	certificate := newCertificate(t, "server")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/relative":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/absolute":
			http.Redirect(w, r, own+"/file", http.StatusMovedPermanently)
		case "/upper":
			http.Redirect(w, r, strings.Replace(own, "https", "HTTPS", 1)+"/relative", http.StatusSeeOther)
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			fmt.Fprint(w, "own")
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	own = server.URL
	c := newClient(t, Config{Endpoints: []string{own}, ServerCertificate: certificate.Leaf, Backend: passing{}})
	for path, want := range map[string]string{"/file": "", "/relative": "", "/absolute": "", "/upper": "", "/other": "certificate", "/broken": "the server doesn't give /broken: status 500"} {
		body, _, err := c.Open(t.Context(), Request{Path: path})
		if want != "" {
			if e := asError(t, err); !strings.Contains(e.Message, want) {
				t.Errorf("%s: %v", path, e)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text, err := io.ReadAll(body)
		if body.Close(); string(text) != "own" || err != nil {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
}
