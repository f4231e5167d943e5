package starlarkincus

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A lock is a profile named lock.NAME.GENERATION. Of several clients that create the same profile, one succeeds, on any
// member of a cluster. A change with an ETag may succeed for several, so profiles are never changed:
//
//   - A client that finds no unexpired generation creates the next one, and looks again. It has the lock unless another
//     unexpired generation exists by then; in that case it deletes its own. The second look covers clients that paused
//     after the first one, while that generation was used and expired.
//   - To renew, the holder creates the next generation. The second look isn't needed if the old one hasn't expired.
//   - The holder deletes older generations.
//
// Times are the server's, taken from the headers of its answers, to the second, so the clocks of the clients are
// irrelevant. A generation expires a second late, so that rounding never shortens it.
const (
	lockPrefix    = "lock."
	lockKeys      = "user.lock."
	lockTTL       = 10 * time.Minute
	longestTTL    = 1e9 * time.Second // representable as a time
	lockAttempts  = 20
	lockFirstWait = 50 * time.Millisecond
	lockLastWait  = time.Second
)

// lockName matches names that servers accept as a part of a profile's name.
var lockName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]([-_.A-Za-z0-9]{0,38}[A-Za-z0-9])?$`) })

// A holding is one generation of a lock.
type holding struct {
	generation   int
	id           string // identifies the holder
	host, user   string
	pid          int
	since, until time.Time
	ttl          time.Duration // of this script's lock
	released     bool          // by this script
}

func (h *holding) String() string {
	return fmt.Sprintf("%s on %s (process %d) since %s", h.user, h.host, h.pid, h.since.Format(time.RFC3339))
}

// over reports whether the generation has expired.
func (h *holding) over(now time.Time) bool { return now.After(h.until) }

// A locker takes and renews a lock.
type locker struct {
	ctx      context.Context
	lock     string
	profiles ref
	creation rest.Part
}

func newLocker(c *invocation, name string) *locker {
	return &locker{ctx: c.ctx, lock: name, profiles: ref{client: c.ref.client, res: spec.Profiles, path: spec.Profiles.Path, project: c.ref.project}}
}

func (l *locker) at(generation int) ref { return l.profiles.item(l.profile(generation)) }

// profile returns the name of the profile of a generation.
func (l *locker) profile(generation int) string {
	return lockPrefix + l.lock + "." + strconv.Itoa(generation)
}

// look reads all generations, and the server's time.
func (l *locker) look() (held []*holding, now time.Time, err error) {
	query := l.profiles.query(0)
	query.Set("recursion", "1")
	query.Set("filter", "name eq ^"+lockPrefix+regexp.QuoteMeta(l.lock)+"[.][0-9]+$")
	v, reply, err := l.profiles.read(l.ctx, query, maxList)
	if err != nil {
		return nil, now, err
	}
	if now, err = http.ParseTime(reply.Header.Get("Date")); err != nil {
		now = time.Now()
	}
	elems, ok := elements(spec.Profiles, v, "")
	if !ok {
		return nil, now, unreadable("GET", l.profiles.path, reply, fmt.Errorf("got a %s instead of a list", v.Type()))
	}
	for _, elem := range elems {
		text := func(path string) string { s, _ := starlark.AsString(orNone(at(elem, path))); return s }
		key := func(name string) string { return text("config." + lockKeys + name) }
		suffix, ours := strings.CutPrefix(text("name"), lockPrefix+l.lock+".")
		generation, err := strconv.Atoi(suffix)
		if !ours || err != nil {
			continue
		}
		h := &holding{generation: generation, id: key("id"), host: key("host"), user: key("user")}
		h.pid, _ = strconv.Atoi(key("pid"))
		h.since, _ = time.Parse(time.RFC3339, key("since"))
		h.until, _ = time.Parse(time.RFC3339, key("until"))
		held = append(held, h)
	}
	return held, now, nil
}

func orNone(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}

// create creates a generation. It reports false if that exists.
func (l *locker) create(h *holding) (bool, error) {
	body := map[string]any{
		"name":        l.profile(h.generation),
		"description": "lock of incus-star, held by " + h.String(),
		"config": map[string]string{
			lockKeys + "id": h.id, lockKeys + "host": h.host, lockKeys + "user": h.user, lockKeys + "pid": strconv.Itoa(h.pid),
			lockKeys + "since": h.since.Format(time.RFC3339), lockKeys + "until": h.until.Format(time.RFC3339),
		},
	}
	switch _, err := l.profiles.create(l.creation.Track(l.ctx), body, patience{}); {
	case errors.Is(err, errors.AlreadyExists):
		return false, nil
	case err != nil:
		l.undo(h) // it may exist, if only the answer was lost
		return false, err
	}
	return true, nil
}

// unsure returns the failure to look at the lock after a generation of it was created.
func unsure(err error) error {
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Unknown
	}
	return err
}

// undo deletes a generation of this client, even while the script is being stopped.
func (l *locker) undo(h *holding) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), 5*time.Second)
	defer cancel()
	builtin.In(l.ctx).Block(func() { l.creation.Settle(ctx) })
	on := l.at(h.generation)
	reply, err := l.profiles.client.sendAside(ctx, rest.Request{Method: "GET", Path: on.path, Query: on.query(0)})
	if err == nil && strings.Contains(string(reply.Metadata), h.id) {
		if _, err = l.profiles.client.sendAside(ctx, rest.Request{Method: "DELETE", Path: on.path, Query: on.query(0)}); err == nil {
			l.creation.Undone(ctx)
		}
	}
}

// clear deletes older generations. Leftover ones are harmless.
func (l *locker) clear(held []*holding, newest int) {
	for _, h := range held {
		if h.generation < newest {
			_, _ = l.at(h.generation).remove(l.ctx, patience{})
		}
	}
}

// other returns an unexpired generation of another holder; nil for none.
func other(held []*holding, now time.Time, id string) *holding {
	for _, h := range held {
		if h.id != id && !h.over(now) {
			return h
		}
	}
	return nil
}

// has reports whether a holder has one of the generations.
func has(held []*holding, id string) bool {
	return slices.ContainsFunc(held, func(h *holding) bool { return h.id == id })
}

func next(held []*holding) int {
	n := 0
	for _, h := range held {
		n = max(n, h.generation)
	}
	return n + 1
}

// take tries once. It returns the holder if there is another one, and nil if it lost a race.
func (l *locker) take(me *holding, ttl time.Duration) (got bool, by *holding, err error) {
	held, now, err := l.look()
	if err != nil {
		return false, nil, err
	}
	if by = other(held, now, ""); by != nil {
		return false, by, nil
	}
	me.generation, me.since, me.until, me.ttl = next(held), now, now.Add(ttl), ttl
	if made, err := l.create(me); !made || err != nil {
		return false, nil, err
	}
	held, now, err = l.look()
	if err != nil || other(held, now, me.id) != nil || me.over(now) {
		l.undo(me)
		return false, nil, unsure(err)
	}
	l.clear(held, me.generation)
	return true, nil, nil
}

// ttl returns the argument ttl, or otherwise.
func (c *invocation) ttl(otherwise time.Duration) (time.Duration, error) {
	ttl := otherwise
	if c.args.has("ttl") {
		ttl = (min(c.args.duration("ttl"), longestTTL) + time.Second - 1).Truncate(time.Second)
	}
	if ttl < time.Second {
		return 0, fmt.Errorf("%s: ttl: got %v, want at least a second", c.name, ttl)
	}
	return ttl, nil
}

func lock(c *invocation) (starlark.Value, error) {
	ttl, err := c.ttl(lockTTL)
	if err != nil {
		return nil, err
	}
	name := c.args.string("name")
	if !lockName().MatchString(name) {
		return nil, fmt.Errorf("%s: name: %q: want up to 40 letters, digits, - _ and ., the first and last a letter or a digit", c.name, name)
	}
	l := newLocker(c, name)
	me := newHolding()
	limit, attempts, begin := c.args.duration("timeout"), 0, time.Now()
	for delay := lockFirstWait; ; delay = min(delay*3/2, lockLastWait) {
		got, by, err := l.take(me, ttl)
		if err != nil {
			return nil, err
		}
		if got {
			return l.object(me)
		}
		left := limit - time.Since(begin)
		if attempts++; by == nil && attempts < lockAttempts {
			left, delay = lockFirstWait, lockFirstWait
		}
		if left <= 0 {
			return nil, l.busy(by)
		}
		if err := pause(c.ctx, min(delay/2+mathrand.N(delay), left)); err != nil {
			return nil, err
		}
	}
}

// newHolding returns a holding of this process.
func newHolding() *holding {
	h := &holding{id: rand.Text(), pid: os.Getpid()}
	h.host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		h.user = u.Username
	}
	h.host, h.user = cmp.Or(h.host, "unknown"), cmp.Or(h.user, strconv.Itoa(os.Getuid()))
	return h
}

func (l *locker) busy(by *holding) error {
	if by == nil {
		return errors.New(errors.Busy, "the lock %s is being taken by somebody else", l.lock)
	}
	e := errors.New(errors.Busy, "the lock %s is held by %s, until %s", l.lock, by, by.until.Format(time.RFC3339))
	e.Fields = map[string]any{"holder": map[string]any{"host": by.host, "user": by.user, "pid": by.pid,
		"since": by.since.Format(time.RFC3339), "expires_at": by.until.Format(time.RFC3339)}}
	e.Hint = fmt.Sprintf("timeout= waits for its release or its end; if its holder is dead, incus.profiles.delete(%q) ends it at once", l.profile(by.generation))
	return e
}

// object returns the Lock object of scripts.
func (l *locker) object(h *holding) (*Object, error) {
	on := l.at(h.generation)
	on.res = spec.Locks
	o := newObject(on)
	return o, o.setLock(l, h)
}

func (o *Object) setLock(l *locker, h *holding) error {
	v, err := value.FromGo(map[string]any{"name": l.lock, "host": h.host, "user": h.user, "pid": h.pid,
		"since": h.since.Format(time.RFC3339), "expires_at": h.until.Format(time.RFC3339)})
	if err != nil {
		return err
	}
	on := l.at(h.generation)
	o.ref.path, o.lock = on.path, h
	return o.set(v, "")
}

// lost returns the error for a lock that may have another holder.
func (o *Object) lost(l *locker, by *holding, now time.Time) error {
	text := fmt.Sprintf("the lock %s was lost: its time was over at %s", l.lock, o.string("expires_at"))
	if !o.lock.over(now) {
		text = fmt.Sprintf("the lock %s is gone, though its time is over at %s only: it was released or deleted elsewhere", l.lock, o.string("expires_at"))
	}
	if by != nil {
		text += ", and it is held by " + by.String()
	}
	return errors.New(errors.Conflict, "%s", text)
}

func renewLock(c *invocation) (starlark.Value, error) {
	l, old := newLocker(c, c.obj.key()), c.obj.lock
	ttl, err := c.ttl(old.ttl)
	if err != nil {
		return nil, err
	}
	if old.released {
		return nil, l.released()
	}
	me := *old
	for range lockAttempts {
		held, now, err := l.look()
		if err != nil {
			return nil, err
		}
		if by := other(held, now, me.id); !has(held, me.id) || by != nil && old.over(now) {
			return nil, c.obj.lost(l, by, now)
		}
		me.generation, me.until, me.ttl = next(held), now.Add(ttl), ttl
		made, err := l.create(&me)
		if err != nil {
			return nil, err
		}
		if !made {
			continue
		}
		if held, now, err = l.look(); err != nil {
			l.undo(&me)
			return nil, unsure(err)
		}
		if by := other(held, now, me.id); by != nil && old.over(now) || me.over(now) {
			l.undo(&me)
			return nil, c.obj.lost(l, by, now)
		}
		l.clear(held, me.generation)
		return c.obj, c.obj.setLock(l, &me)
	}
	return nil, l.busy(nil)
}

// released returns the error for a lock that this script has released.
func (l *locker) released() error {
	return errors.New(errors.Conflict, "the lock %s was released already", l.lock)
}

func releaseLock(c *invocation) (starlark.Value, error) {
	l := newLocker(c, c.obj.key())
	if c.obj.lock.released {
		return nil, l.released()
	}
	_, err := l.at(c.obj.lock.generation).remove(c.ctx, patience{})
	if errors.Is(err, errors.NotFound) {
		held, now, looked := l.look()
		if looked != nil {
			return nil, looked
		}
		return nil, c.obj.lost(l, other(held, now, c.obj.lock.id), now)
	}
	c.obj.lock.released = err == nil
	return starlark.None, err
}
