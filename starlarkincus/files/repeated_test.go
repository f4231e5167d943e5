package files

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"incus-star/errors"
)

// A transfer whose connection is cut, wherever that is, and that is begun again with another one, has in its result what both
// attempts wrote, as if there had been one.
func TestResultOfARepeatedTransfer(t *testing.T) {
	r, here, source, whole, total := treeToCut(t)
	for _, pull := range []bool{false, true} {
		f := newFake(t)
		p := f.pool(false)
		to := filepath.Join(f.dir, "a")
		if pull {
			mustDo(t, do(t, p, func(c *Call) error { _, err := c.Push(source, "/a", Attributes{}); return err }))
			to = filepath.Join(here, "b")
		}
		calls, wrote := 0, false // in the first of several calls
		transfer := func() (out Transfer, err error) {
			calls, wrote = 0, false
			err = p.Do(t.Context(), "place", !pull, func(c *Call) (err error) {
				calls++
				if pull {
					out, err = c.Pull("/a", to)
				} else {
					out, err = c.Push(source, "/a", Attributes{})
				}
				wrote = wrote || err != nil && len(out.Paths) > 0
				return err
			})
			return out, err
		}
		mustDo(t, os.RemoveAll(to))
		want, err := transfer()
		p.CloseIdle()
		if err != nil || len(want.Paths) != len(whole) {
			t.Fatalf("%d of %d: %v", len(want.Paths), len(whole), err)
		}
		repeated, due, n := 0, min(*cuts, 8), 0
		for ; repeated < due && n < 100*due; n++ {
			mustDo(t, os.RemoveAll(to))
			most := 1 + r.IntN(total)
			if !pull {
				most = 1 + r.IntN(400) // a push that has changed something isn't repeated
			}
			f.limit(most)
			err := do(t, p, func(c *Call) error { _, err := c.Stat("/", false); return err })
			f.limit(0)
			if err != nil {
				f.serves.Wait()
				continue
			}
			got, err := transfer()
			if calls > 1 && (wrote || !pull) {
				repeated++
			}
			switch e := (*errors.Error)(nil); {
			case err == nil && !reflect.DeepEqual(got, want):
				t.Errorf("pull %v, cut after %d bytes, %d calls: got %d paths with %d bytes, want %d with %d", pull, most, calls, len(got.Paths), got.Bytes, len(want.Paths), want.Bytes)
			case err != nil && (pull || !errors.As(err, &e) || e.Class != errors.Connection):
				t.Errorf("pull %v, cut after %d bytes: %v", pull, most, err)
			}
			p.CloseIdle()
			f.serves.Wait()
		}
		if t.Logf("%d transfers", n); repeated < due {
			t.Errorf("pull %v: only %d transfers were begun again", pull, repeated)
		}
	}
}
