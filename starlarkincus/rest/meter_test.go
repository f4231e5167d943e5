package rest_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"incus-star/starlarkincus/rest"
)

// A meters is a rest.Progress that records its calls.
type meters struct {
	mu    sync.Mutex
	calls []string
}

func (m *meters) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, fmt.Sprintf(format, args...))
}

func (m *meters) Begin(label string, total int64) rest.Meter {
	m.note("begin %s %d", label, total)
	return &recordedMeter{m, label}
}

type recordedMeter struct {
	all   *meters
	label string
}

func (m *recordedMeter) Add(n int64)           { m.all.note("%s +%d", m.label, n) }
func (m *recordedMeter) Report(step rest.Step) { m.all.note("%s %v", m.label, step) }
func (m *recordedMeter) End()                  { m.all.note("%s end", m.label) }

func TestTransfer(t *testing.T) {
	shown := new(meters)
	for _, progress := range []rest.Progress{nil, shown} {
		client, err := rest.New(rest.Config{Socket: "/nowhere", Progress: progress})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		transfer := client.Transfer("Pushing a", 7)
		if data, err := io.ReadAll(transfer.Reader(strings.NewReader("abc"))); string(data) != "abc" || err != nil {
			t.Error(string(data), err)
		}
		var out bytes.Buffer
		if _, err := transfer.Writer(&out).Write([]byte("abcd")); out.String() != "abcd" || err != nil {
			t.Error(out.String(), err)
		}
		transfer.Add(1)
		transfer.Done()
	}
	const want = "begin Pushing a 7, Pushing a +3, Pushing a +0, Pushing a +4, Pushing a +1, Pushing a end"
	if got := strings.Join(shown.calls, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
