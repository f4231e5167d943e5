package rest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

const imagesPost = "POST /1.0/images"

// postStream sends a body that is read from r.
func postStream(ctx context.Context, c *Client, r io.Reader, size int64) (*Reply, error) {
	return c.Do(ctx, Request{Method: "POST", Path: "/1.0/images", Body: r, Size: size})
}

// plain hides all methods of a reader but Read.
type plain struct{ io.Reader }

// TestUpload checks that streamed bodies of random lengths arrive whole, with their length if that is known.
func TestUpload(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	certificate := newCertificate(t, "server")
	for n := range 12 {
		content := make([]byte, 1+random.IntN(1<<(2*(n+1))))
		_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(content)
		known := random.IntN(2) == 0
		answer := step{want: imagesPost, body: syncBody("{}"), check: func(t *testing.T, r *http.Request, body string) {
			if want := int64(len(content)); body != string(content) || known && r.ContentLength != want || !known && r.ContentLength != -1 {
				t.Errorf("%d of %d bytes arrived, announced as %d", len(body), len(content), r.ContentLength)
			}
		}}
		var c *Client
		if n%2 == 0 {
			c = newFake(t, answer).client(nil)
		} else {
			f := newTLSFake(t, certificate, answer)
			c = newClient(t, Config{Endpoints: []string{closedPort(t), f.server.URL}, ServerCertificate: certificate.Leaf})
		}
		size := int64(0)
		if known {
			size = int64(len(content))
		}
		ctx, w := Track(t.Context())
		if _, err := postStream(ctx, c, plain{bytes.NewReader(content)}, size); err != nil {
			t.Error(err)
		}
		w.Close()
	}
}

// TestCutUpload checks the outcome of an upload whose connection breaks: a server that hasn't received all of it can't
// have done anything.
func TestCutUpload(t *testing.T) {
	const size = 4 << 20
	cut := func(after int64) step {
		return step{want: imagesPost, serve: func(w http.ResponseWriter, r *http.Request) {
			io.CopyN(io.Discard, r.Body, after)
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				connection.Close()
			}
		}}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for n := range 20 {
		after, want := random.Int64N(size-1<<20), errors.NotSent
		if n == 0 {
			after, want = size+1, errors.Unknown
		}
		c := newFake(t, cut(after)).client(nil)
		known := int64(n%2) * size
		_, err := postStream(t.Context(), c, plain{io.LimitReader(zeros{}, size)}, known)
		if e := asError(t, err); !e.Class.IsA(errors.Connection) || e.Outcome != want {
			t.Errorf("cut after %d of %d bytes: %v, outcome %q, want %q", after, size, e, e.Outcome, want)
		}
	}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestRefusedUpload checks that the answer of a server that doesn't read the whole body isn't lost.
func TestRefusedUpload(t *testing.T) {
	certificate := newCertificate(t, "server")
	answer := step{want: imagesPost, serve: func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 100_000)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, errorBody(400, "Invalid image"))
	}}
	for n := range 20 {
		var c *Client
		if n%2 == 0 {
			c = newFake(t, answer).client(nil)
		} else {
			c = newTLSFake(t, certificate, answer).client(func(config *Config) { config.ServerCertificate = certificate.Leaf })
		}
		_, err := postStream(t.Context(), c, plain{io.LimitReader(zeros{}, 64<<20)}, int64(n%3)*(32<<20))
		if e := asError(t, err); e.Status != 400 || e.Outcome != errors.Refused {
			t.Errorf("%d: %v, outcome %q", n, e, e.Outcome)
		}
	}
}

// TestStalledUpload checks that a server that stops reading is an error, and a source that pauses isn't.
func TestStalledUpload(t *testing.T) {
	before := idleBody
	idleBody = 300 * time.Millisecond
	defer func() { idleBody = before }()
	over := make(chan struct{})
	f := newFake(t, step{want: imagesPost, serve: func(w http.ResponseWriter, r *http.Request) { <-over }})
	_, err := postStream(t.Context(), f.client(nil), plain{io.LimitReader(zeros{}, 64<<20)}, 64<<20)
	close(over)
	want := "the Incus socket " + f.socket + " stopped taking what is sent: nothing was taken for 300ms"
	if e := asError(t, err); e.Class != errors.Timeout || e.Message != want || e.Outcome != errors.NotSent {
		t.Errorf("%v, outcome %q", e, e.Outcome)
	}
	f = newFake(t, step{want: imagesPost, body: syncBody("{}"), check: func(t *testing.T, r *http.Request, body string) {
		if body != "abc" {
			t.Errorf("got %q", body)
		}
	}})
	if _, err := postStream(t.Context(), f.client(nil), &pausing{strings.NewReader("abc"), 500 * time.Millisecond}, 0); err != nil {
		t.Error(err)
	}
}

// A pausing reads one byte at a time, with pauses before.
type pausing struct {
	source io.Reader
	pause  time.Duration
}

func (p *pausing) Read(b []byte) (int, error) {
	time.Sleep(p.pause)
	return p.source.Read(b[:1])
}

// TestFailedSource checks that the error of a body's source is that of the request, and that the server gets no whole
// body.
func TestFailedSource(t *testing.T) {
	for _, size := range []int64{0, 1 << 20} {
		ended := make(chan error, 1)
		f := newFake(t, step{want: imagesPost, serve: func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			ended <- err
		}})
		broken := &errors.Error{Class: errors.Base, Message: "the disk is broken", Path: "/file"}
		_, err := postStream(t.Context(), f.client(nil), io.MultiReader(io.LimitReader(zeros{}, 1000), brokenSource{broken}), size)
		if e := asError(t, err); e.Message != broken.Message || e.Path != "/file" || e.Outcome != errors.NotSent {
			t.Errorf("%v about %s, outcome %q", e, e.Path, e.Outcome)
		}
		if err := <-ended; err == nil {
			t.Error("the server got a whole body")
		}
	}
}

type brokenSource struct{ err error }

func (f brokenSource) Read([]byte) (int, error) { return 0, f.err }

// TestStoppedUpload checks an upload whose caller is stopped: before its end it is cut, after its end the server's
// answer counts as work.
func TestStoppedUpload(t *testing.T) {
	const size = 8 << 20
	for _, whole := range []bool{false, true} {
		ctx, stop := context.WithCancel(t.Context())
		ctx, w := Track(ctx)
		ended := make(chan error, 1)
		f := newFake(t, step{want: imagesPost, serve: func(response http.ResponseWriter, r *http.Request) {
			if !whole {
				io.CopyN(io.Discard, r.Body, 1<<20)
				stop()
			}
			_, err := io.Copy(io.Discard, r.Body)
			if whole {
				stop()
				time.Sleep(50 * time.Millisecond)
				response.WriteHeader(http.StatusAccepted)
				io.WriteString(response, asyncBody(operation(103, "", "null")))
			}
			ended <- err
		}})
		source := &endless{}
		_, err := postStream(ctx, f.client(nil), io.LimitReader(source, size), size)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		source.over = true // a race where somebody still reads
		if err := <-ended; (err == nil) != whole {
			t.Errorf("the server got %v at the end of the body", err)
		}
		if whole {
			f.add(step{want: "GET " + opPath + "/wait?timeout=-1", body: syncBody(operation(200, "", "null"))})
		}
		settle, cancel := context.WithTimeout(t.Context(), time.Minute)
		w.Settle(settle, time.Minute)
		if got := w.Running(settle); len(got) > 0 != whole || whole && !got[0].Ended {
			t.Errorf("whole=%v: left %v", whole, got)
		}
		cancel()
		w.Close()
	}
}

// An endless is a zeros for the race detector.
type endless struct {
	zeros
	over bool
}

func (e *endless) Read(p []byte) (int, error) {
	if e.over {
		return 0, io.EOF
	}
	return e.zeros.Read(p)
}
