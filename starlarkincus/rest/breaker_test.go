package rest

import (
	"context"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// Three failures in a row open the breaker for as long as they took; then one request is let through.
func TestBreaker(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	failed := errors.Plain("no answer")
	b := new(Breaker)
	try := func(want bool, err error, took time.Duration) {
		t.Helper()
		if got := b.allow(now) == nil; got != want {
			t.Fatalf("allowed: %v, want %v", got, want)
		}
		if want {
			now = now.Add(took)
			b.count(err, false, took, now)
		}
	}
	for range 2 {
		try(true, failed, 5*time.Second)
		try(true, failed, 5*time.Second)
		try(true, nil, time.Second) // an answer counts from the beginning
	}
	for range BreakerFailures {
		try(true, failed, 5*time.Second)
	}
	try(false, nil, 0)
	now = now.Add(14 * time.Second)
	try(false, nil, 0)
	now = now.Add(time.Second)
	if b.allow(now) != nil || b.allow(now) == nil { // only one is let through
		t.Error("not one is let through")
	}
	b.count(failed, false, 5*time.Second, now) // which prolongs the refusals
	now = now.Add(19 * time.Second)
	try(false, nil, 0)
	now = now.Add(time.Second)
	try(true, nil, 0)
	for range BreakerFailures { // cheap failures open it for the least time
		try(true, failed, 0)
	}
	now = now.Add(BreakerLeast - 1)
	try(false, nil, 0)
	now = now.Add(1)
	if b.allow(now) != nil {
		t.Error("refused after the least time")
	}
	b.count(failed, true, time.Hour, now) // abandoned by its caller
	try(true, failed, time.Hour)
	now = now.Add(BreakerMost - 1)
	try(false, nil, 0)
	now = now.Add(1)
	try(true, nil, 0)
}

// Only requests whose context has the client's breaker are refused, and the error tells the failures.
func TestGuardedRequests(t *testing.T) {
	breaker, other := new(Breaker), new(Breaker)
	c, err := New(Config{Remote: "far", Socket: t.TempDir() + "/none", Breaker: breaker})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	guarded := breaker.Guard(t.Context())
	ask := func(ctx context.Context, method string) *errors.Error {
		_, err := c.Do(ctx, Request{Method: method, Path: "/1.0/profiles"})
		return asError(t, err)
	}
	breaker.count(errors.Plain("no answer"), false, time.Hour, time.Now())
	breaker.count(errors.Plain("no answer"), false, time.Hour, time.Now())
	if e := ask(guarded, "GET"); e.Class != errors.Connection || errors.As(e.Cause, new(*broken)) {
		t.Errorf("got %v", e)
	}
	for method, outcome := range map[string]errors.Outcome{"GET": "", "POST": errors.NotSent} {
		e := ask(guarded, method)
		if want := "3 requests in a row had no answer, so this one wasn't sent; the next is tried in "; e.Class != errors.Connection ||
			!strings.HasPrefix(e.Message, "the Incus socket "+c.config.Socket+" isn't asked: "+want) || e.Outcome != outcome || e.Remote != "far" || e.CauseMessage() == "" {
			t.Errorf("%s: got %+v", method, e)
		}
	}
	for _, ctx := range []context.Context{t.Context(), other.Guard(t.Context())} {
		if e := ask(ctx, "GET"); e.Message == "" || errors.Is(e, errors.Timeout) || e.CauseMessage() != "no such file or directory" {
			t.Errorf("got %+v", e)
		}
	}
}
