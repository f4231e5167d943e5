package remote

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const oneRemote = "default-remote: local\nremotes:\n  prod:\n    addr: https://a.example:8443\n  local:\n    addr: unix://\n"

// emptied empties config.yml, as the incus command does before it writes it.
func (w *world) emptied() string { return w.write("config/incus/config.yml", "") }

// TestEmptiedConfig reads and changes a configuration that another program has just emptied, and then writes: nothing is lost.
func TestEmptiedConfig(t *testing.T) {
	defer func(old time.Duration) { writeTime = old }(writeTime)
	writeTime = time.Minute
	for name, change := range map[string]editing{
		"read":    nil,
		"add":     adding("new", server),
		"default": choosing("prod"),
		"rename":  renaming("prod", "other"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("config/incus/config.yml", oneRemote)
			before := w.load()
			path := w.emptied()
			var writer sync.WaitGroup
			writer.Go(func() {
				time.Sleep(time.Duration(rand.N(100)) * time.Millisecond)
				if err := os.WriteFile(path, []byte(oneRemote), 0o600); err != nil {
					t.Error(err)
				}
			})
			now, err := before, error(nil)
			if name == "read" {
				now, err = Load(t.Context(), w.env())
			} else {
				now, err = change(t.Context(), before)
			}
			writer.Wait()
			want := "prod"
			if name == "rename" {
				want = "other"
			}
			if err != nil || !slices.Contains(now.Names(), want) || name == "add" && !slices.Contains(w.load().Names(), "new") {
				t.Errorf("%v, %v", now, err)
			}
		})
	}
}

// TestEmptyConfig reads a config.yml that stays empty, whose time is old or new: it has no remotes of the user's. The wait can be ended.
func TestEmptyConfig(t *testing.T) {
	w := newWorld(t)
	path := w.emptied()
	if got := w.load().Names(); !slices.Equal(got, []string{"local"}) {
		t.Errorf("got %q", got)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := w.load().Names(); !slices.Equal(got, []string{"local"}) {
		t.Errorf("got %q", got)
	}
	w.emptied()
	if _, err := Load(ended, w.env()); err != context.Canceled {
		t.Errorf("ended: %v", err)
	}
}

// TestOutdoneChange lets another program change config.yml while this one does, at random moments: the remotes of both are there, unless
// the other one never ends.
func TestOutdoneChange(t *testing.T) {
	w := newWorld(t)
	path := w.write("config/incus/config.yml", oneRemote)
	c := w.load()
	for _, times := range []int{1, 3, maxEditions} {
		n := 0
		check := func(now *Config) error { return now.CheckNew(fmt.Sprintf("own%d", times)) }
		_, err := c.edit(t.Context(), edition{Edit: adds, New: fmt.Sprintf("own%d", times)}, check, func(_ *Config, changes *change) error {
			changes.prepare = func() error {
				if n++; n > times {
					return nil
				}
				content, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(path, fmt.Appendf(content, "  other%d-%d:\n    addr: https://b.example:8443\n", times, n), 0o600)
				}
				return err
			}
			changes.add(fmt.Sprintf("own%d", times), server.Normal().entry())
			return nil
		})
		names := w.load().Names()
		own := slices.Contains(names, fmt.Sprintf("own%d", times))
		if fails := times == maxEditions; own == fails || (err != nil) != fails || err != nil && !strings.Contains(err.Error(), "changes "+path+" all the time") {
			t.Errorf("%d times: %q, %v", times, names, err)
		}
		for i := range times {
			if other := fmt.Sprintf("other%d-%d", times, i+1); !slices.Contains(names, other) {
				t.Errorf("%d times: %s is lost: %q", times, other, names)
			}
		}
		if exists(c.editionPath()) {
			t.Error("the record of the change is left")
		}
	}
}
