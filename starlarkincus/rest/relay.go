package rest

import (
	"context"
	"io"
	"net/url"
	"sync"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// A link is a pair of websockets of two operations.
type link struct{ source, target *websocket.Conn }

// relay carries the data between the websockets of both operations until these are closed, or ctx ends, which closes
// them. It returns an error if they can't be connected.
func (m *Migration) relay(ctx context.Context) error {
	links, err := m.connect(ctx)
	defer func() {
		for _, l := range links {
			for _, conn := range []*websocket.Conn{l.source, l.target} {
				if conn != nil {
					conn.CloseNow()
				}
			}
		}
	}()
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for _, l := range links {
		running.Go(func() { carry(ctx, l.source, l.target) })
		running.Go(func() { carry(ctx, l.target, l.source) })
	}
	running.Wait()
	return nil
}

// connect connects the websockets of the target's operation, and those of the same names of the source's. If it fails,
// it also returns those that it has connected.
func (m *Migration) connect(ctx context.Context) (map[string]*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	links := make(map[string]*link)
	for name := range m.TargetSecrets {
		if m.SourceSecrets[name] == "" {
			return nil, errors.New(errors.Connection, "the other server expects a connection %q, which this one doesn't offer", name)
		}
		links[name] = new(link)
	}
	var mu sync.Mutex
	var failed error
	var connecting sync.WaitGroup
	open := func(o *Operation, secret string, conn **websocket.Conn) {
		connecting.Go(func() {
			made, _, err := o.client.websocket(ctx, o.Path()+"/websocket", url.Values{"secret": {secret}}, unanswered)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if failed == nil {
					failed = o.identify(err)
				}
				cancel()
				return
			}
			made.SetReadLimit(-1) // a message is read in pieces
			*conn = made
		})
	}
	for name, l := range links {
		open(m.Source, m.SourceSecrets[name], &l.source)
		open(m.Target, m.TargetSecrets[name], &l.target)
	}
	connecting.Wait()
	return links, failed
}

// carry forwards the messages from one websocket to the other until either is closed, and then closes the other with
// the same status, so that a broken connection doesn't look like the end of the data.
func carry(ctx context.Context, from, to *websocket.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		kind, r, err := from.Reader(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code == websocket.StatusNormalClosure {
				_ = to.Close(code, "")
			} else {
				to.CloseNow()
			}
			return
		}
		w, err := to.Writer(ctx, kind)
		if err == nil {
			if _, err = io.CopyBuffer(w, r, buffer); err == nil {
				err = w.Close()
			}
		}
		if err != nil {
			from.CloseNow()
			to.CloseNow()
			return
		}
	}
}
