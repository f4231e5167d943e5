package rest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

var manyWatches = flag.Int("many-watches", 300, "how many operations TestManyWatches begins at once")

// An endingServer is a server whose operations end after some time, and are forgotten some time later.
type endingServer struct {
	events bool // has the stream
	mu     sync.Mutex
	ends   map[string]time.Time
	hear   map[chan string]bool
	breaks *rand.Rand // ends the stream at some of the events; nil for never
	open   int
	most   int
}

const remembers = 5 * time.Second

func (s *endingServer) begin(id string, after time.Duration) {
	s.mu.Lock()
	s.ends[id] = time.Now().Add(after)
	s.mu.Unlock()
	time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.hear {
			c <- event(s.render(id))
		}
	})
}

// render returns the JSON of an operation. Those with odd numbers fail.
func (s *endingServer) render(id string) string {
	code, text := 103, ""
	if !time.Now().Before(s.ends[id]) {
		if code = 200; strings.ContainsAny(id[len(id)-1:], "13579") {
			code, text = 400, "oh"
		}
	}
	return fmt.Sprintf(`{"id":%q,"status_code":%d,"err":%q}`, id, code, text)
}

func (s *endingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch id := strings.TrimPrefix(r.URL.Path, "/1.0/operations/"); {
	case r.Method == "POST":
		name := r.URL.Query().Get("name")
		s.begin(name, time.Duration(len(name)*7919%2000)*time.Millisecond)
		w.WriteHeader(202)
		fmt.Fprintf(w, `{"type":"async","operation":"/1.0/operations/%s","metadata":{"id":"%s","status_code":103}}`, name, name)
	case r.URL.Path == "/1.0/events" && !s.events:
		w.WriteHeader(400)
		fmt.Fprint(w, "Bad Request")
	case r.URL.Path == "/1.0/events":
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer connection.CloseNow()
		heard := make(chan string, 100_000)
		s.mu.Lock()
		s.hear[heard] = true
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.hear, heard)
		}()
		ctx := connection.CloseRead(context.Background())
		for {
			select {
			case <-ctx.Done():
				return
			case text := <-heard:
				s.mu.Lock()
				breaks := s.breaks != nil && s.breaks.IntN(10) == 0
				s.mu.Unlock()
				if breaks || connection.Write(ctx, websocket.MessageText, []byte(text)) != nil {
					return
				}
			}
		}
	default:
		id, waits := strings.CutSuffix(id, "/wait")
		s.mu.Lock()
		end, known := s.ends[id]
		s.mu.Unlock()
		if !known || time.Since(end) > remembers {
			w.WriteHeader(404)
			fmt.Fprint(w, errorBody(404, "Operation not found"))
			return
		}
		if waits {
			select {
			case <-time.After(time.Until(end)):
			case <-r.Context().Done():
				return
			}
		}
		s.mu.Lock()
		body := s.render(id)
		s.mu.Unlock()
		fmt.Fprint(w, syncBody(body))
	}
}

// TestManyWatches checks that many operations, watched or waited for, need few connections, and that the ends of the watched
// are known long after the server has forgotten them: with the stream of events, with a stream that breaks, and without one.
func TestManyWatches(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	for name, s := range map[string]*endingServer{"events": {events: true}, "breaks": {events: true, breaks: rand.New(rand.NewPCG(seed, 2))}, "no events": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.ends, s.hear = make(map[string]time.Time), make(map[chan string]bool)
			f := unstartedFake(t)
			f.server.Config.Handler = s
			f.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				s.mu.Lock()
				defer s.mu.Unlock()
				switch state {
				case http.StateNew:
					s.open++
					s.most = max(s.most, s.open)
				case http.StateClosed, http.StateHijacked:
					s.open--
				}
			}
			f.start(f.server.Start)
			c := f.client(nil)
			var all []*Operation
			var waiting sync.WaitGroup
			for i := range *manyWatches {
				reply, err := c.Do(t.Context(), Request{Method: "POST", Path: fmt.Sprintf("/1.0/instances?name=%s%d", strings.Repeat("o", i%97), i)})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, reply.Operation)
				if s.events && i%3 > 0 {
					waiting.Go(func() { _, _ = reply.Operation.WaitTimeout(t.Context(), time.Minute) })
				} else {
					reply.Operation.Watch()
				}
			}
			waiting.Wait()
			time.Sleep(2500 * time.Millisecond) // all have ended
			for i, o := range all {
				_, err := o.WaitTimeout(t.Context(), time.Minute)
				if failed := i%2 == 1; failed != errors.Is(err, errors.Operation) || !failed && err != nil {
					t.Fatalf("operation %d of %d: %v", i, len(all), err)
				}
			}
			if s.most > 2*maxWatches {
				t.Errorf("%d connections at a time", s.most)
			}
			// Another one, after the goroutine was idle.
			reply, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances?name=last2"})
			if err != nil {
				t.Fatal(err)
			}
			reply.Operation.Watch()
			if _, err := reply.Operation.WaitTimeout(t.Context(), time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
}
