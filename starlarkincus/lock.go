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

	"go.starlark.net/starlark"
)

// A lock is a profile named lock.NAME.GENERATION. Of several clients that create the same profile, one succeeds, on any
// member of a cluster. A change with an ETag may succeed for several, so profiles are never changed:
//
//   - A client that finds no unexpired generation creates the next one, and looks again. It has the lock unless another
//     unexpired generation exists by then; in that case it deletes its own. The second look covers clients that paused
//     after the first one, while that generation was used and expired.
//   - To renew, the holder creates the next generation. The second look isn't needed if the old one hasn't expired.
//   - The holder deletes older generations. One that it can't delete is deleted by the next renewal, or by the release, which
//     deletes all that the server lists with the holder's id: an answer may be lost, so that only the server knows them.
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

	// lockCleanup is the time that a call has to delete its generations after it was stopped.
	lockCleanup = 5 * time.Second
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
	deleting     bool          // release has begun to delete the generations
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
func (l *locker) look(ctx context.Context) (held []*holding, now time.Time, err error) {
	query := l.profiles.query(0)
	query.Set("recursion", "1")
	query.Set("filter", "name eq ^"+lockPrefix+regexp.QuoteMeta(l.lock)+"[.][0-9]+$")
	v, reply, err := l.profiles.read(ctx, query, maxList)
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
		return false, l.undo(h, err) // it may exist, if only the answer was lost
	}
	return true, nil
}

// lasting returns a context for cleaning up, which ends a while after the call was stopped.
func (l *locker) lasting() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.ctx))
	unhook := context.AfterFunc(l.ctx, func() {
		select {
		case <-time.After(lockCleanup):
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { unhook(); cancel() }
}

// undo deletes a generation of this client after a failure, even while the script is being stopped, and returns the failure. A
// failure after the creation has an unknown outcome. If the generation may be left, the hint says so.
func (l *locker) undo(h *holding, failure error) error {
	ctx, cancel := l.lasting()
	defer cancel()
	builtin.In(ctx).Block(func() { l.creation.Settle(ctx) })
	e := (*errors.Error)(nil)
	unsure := l.creation.Unsure() || errors.As(failure, &e) && e.Outcome == errors.Unknown
	err := l.deleteOwn(ctx, h, unsure)
	if err == nil {
		l.creation.Undone(ctx)
		return failure
	}
	return l.left(ctx, cmp.Or(failure, err), h)
}

// deleteOwn deletes a generation if it is this client's. Unsure tells that the answer to its creation was lost: then the server
// may be about to make it, which takes it less than lateBackup.
func (l *locker) deleteOwn(ctx context.Context, h *holding, unsure bool) error {
	on := l.at(h.generation)
	for begun := time.Now(); ; {
		reply, err := l.profiles.client.sendAside(ctx, rest.Request{Method: "GET", Path: on.path, Query: on.query(0)})
		missing, limit := errors.Is(err, errors.NotFound), lateBackup
		if away(err) {
			limit = restartTime
		}
		switch {
		case err == nil && strings.Contains(string(reply.Metadata), h.id):
			if err = on.clear(ctx, false); errors.Is(err, errors.NotFound) {
				err = nil
			}
			return err
		case err == nil, missing && (!unsure || time.Since(begun) > limit):
			return nil
		case !missing && (!away(err) || time.Since(begun) > limit):
			return err
		}
		if err := pause(ctx, lateBackup/20); err != nil {
			return err
		}
	}
}

// left makes a failure name generations of this client that may be left, or the report of a stopped script.
func (l *locker) left(ctx context.Context, failure error, held ...*holding) error {
	var names, calls []string
	var until time.Time
	for _, h := range held {
		name := l.profile(h.generation)
		names, calls = append(names, name), append(calls, fmt.Sprintf("incus.profiles.delete(%q)", name))
		if until.Before(h.until) {
			until = h.until
		}
	}
	holds := fmt.Sprintf("the profile %s may be left, which holds the lock %s until %s", strings.Join(names, " and "), l.lock, until.Format(time.RFC3339))
	if l.ctx.Err() != nil {
		l.profiles.leave(ctx, holds)
	}
	if e := (*errors.Error)(nil); errors.As(failure, &e) {
		e.Outcome = errors.Unknown
		e.Hint = strings.TrimSuffix(fmt.Sprintf("%s; %s ends it at once; %s", holds, strings.Join(calls, " and "), e.Hint), "; ")
	}
	return failure
}

// unsure returns the failure to look at the lock after a generation of it was created.
func unsure(err error) error {
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Unknown
	}
	return err
}

// clear deletes older generations. The release deletes those of this client that are left, and others have expired.
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
	held, now, err := l.look(l.ctx)
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
	held, now, err = l.look(l.ctx)
	if err != nil || other(held, now, me.id) != nil || me.over(now) {
		return false, nil, l.undo(me, unsure(err))
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
