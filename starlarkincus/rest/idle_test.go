package rest

import (
	"io"
	"net/http"
	"testing"
	"time"

	"incus-star/errors"
)

// TestStalledBody checks that a long pause in a body is an error, except in a wait.
func TestStalledBody(t *testing.T) {
	before := idleBody
	idleBody = 400 * time.Millisecond
	defer func() { idleBody = before }()
	stall := func(status int, first, rest string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, first)
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(1200 * time.Millisecond):
				io.WriteString(w, rest)
			}
		}
	}
	late := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(700 * time.Millisecond) // a pause before the answer is no error
		io.WriteString(w, syncBody("{}"))
	}
	slow := func(w http.ResponseWriter, r *http.Request) {
		for _, letter := range syncBody("{}") {
			io.WriteString(w, string(letter))
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
	}
	f := newFake(t,
		step{want: "GET /1.0/a", serve: stall(200, `{"type":`, `"sync","metadata":{}}`)},
		step{want: "GET /1.0/b", serve: stall(500, `{"type":`, `"error","error":"x"}`)},
		step{want: "GET /1.0/c", serve: stall(200, "abc", "def")},
		step{want: "GET /1.0/d", serve: late},
		step{want: "GET /1.0/e", serve: slow},
		step{want: "GET " + opPath + "/wait?timeout=-1", serve: stall(200, "", syncBody(`{"id":"`+opID+`","status_code":200,"status":"Success"}`))},
	)
	c := f.client(nil)
	want := func(err error) {
		t.Helper()
		if e := asError(t, err); e.Class != errors.Timeout || e.Message != "the answer of the Incus socket "+f.socket+" stopped coming: nothing came for 400ms" {
			t.Error(e)
		}
	}
	_, err := c.Do(t.Context(), Request{Path: "/1.0/a"})
	want(err)
	_, _, err = c.Raw(t.Context(), Request{Path: "/1.0/b"})
	want(err)
	body, _, err := c.Open(t.Context(), Request{Path: "/1.0/c"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(body)
	want(err)
	body.Close()
	for _, path := range []string{"/1.0/d", "/1.0/e"} {
		if _, err := c.Do(t.Context(), Request{Path: path}); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Operation(opID).Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
