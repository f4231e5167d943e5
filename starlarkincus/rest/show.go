package rest

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// showDelay is the time before the stream of events is connected for the progress of an operation. Most operations
// end earlier.
const showDelay = 500 * time.Millisecond

// show shows the operation's progress until end is called.
func (o *Operation) show(ctx context.Context) (end func()) {
	progress := o.client.config.Progress
	if progress == nil || o.known() != nil {
		return func() {}
	}
	meter := progress.Begin(o.label(), -1)
	stop := o.track(ctx, func(s State) { meter.Report(s.Step()) })
	return func() {
		stop()
		meter.End()
	}
}

// track keeps the last known state up to date by the stream of events, and calls report for each, until end is called.
func (o *Operation) track(ctx context.Context, report func(State)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var tracking sync.WaitGroup
	tracking.Go(func() {
		timer := time.NewTimer(showDelay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if !o.client.Listen(ctx) {
			return
		}
		f := o.client.events.follow(o.id)
		defer o.client.events.unfollow(f)
		if s := o.now(ctx); s != nil {
			o.update(s)
			report(*s)
		}
		o.deliver(ctx, f, nil, report)
	})
	return func() {
		cancel()
		tracking.Wait()
	}
}

// now reads the state of the running operation; nil for none. Its last event may have come before the stream was connected, and
// the next may come late.
func (o *Operation) now(ctx context.Context) *State {
	reply, err := o.client.Do(ctx, Request{Path: o.Path()})
	if err != nil {
		return nil
	}
	state, err := readState(reply.Metadata)
	if err != nil || state.Final() { // the wait gets the end, with a better error
		return nil
	}
	return state
}

// label returns the description of the operation with the name of its object.
func (o *Operation) label() string {
	s := o.State()
	if s == nil || s.Description == "" {
		return "Waiting for operation " + o.id
	}
	urls := s.Resources["instances"]
	for _, only := range s.Resources {
		if len(s.Resources) == 1 {
			urls = only
		}
	}
	if len(urls) == 1 {
		if u, err := url.Parse(urls[0]); err == nil {
			return o.Clean(secret.Text(s.Description + " " + path.Base(u.Path)))
		}
	}
	return o.Clean(secret.Text(s.Description + o.named(s)))
}

// named returns the name of the object of the operation, after a space, if the operation lists none and its description ends
// with that kind of object: the name in the request, such as that of "Evacuating cluster member", or the fingerprint of the
// image that was made. Else it is empty.
func (o *Operation) named(s *State) string {
	if len(s.Resources) > 0 {
		return ""
	}
	if about := errors.About(o.request); about != nil && strings.HasSuffix(s.Description, about.Kind) {
		return " " + about.Name
	}
	var made struct{ Fingerprint string }
	if strings.HasSuffix(s.Description, "image") && json.Unmarshal(s.Metadata, &made) == nil && made.Fingerprint != "" {
		return " " + made.Fingerprint
	}
	return ""
}

// stepText matches a text such as "rootfs: 45% (10.51MB/s)": the stage, the percentage or the size, and the speed.
var stepText = sync.OnceValue(func() *regexp.Regexp {
	const size = `(\d+(?:\.\d+)?[kMGTPE]?B)`
	return regexp.MustCompile(`^(?:(.*): )?(?:(\d{1,3})%|` + size + `)?(?: ?\(?` + size + `/s\)?)?$`)
})

// parseSize returns the bytes of a text such as "10.51MB"; 0 for none.
func parseSize(text string) int64 {
	number := strings.TrimRight(text, "kMGTPEB")
	size, _ := strconv.ParseFloat(number, 64)
	for range strings.Index("BkMGTPE", (text + "B")[len(number):][:1]) {
		size *= 1000
	}
	return int64(size)
}

// Step returns the progress in the operation's metadata: numbers in the key progress, and a text in a key that ends
// with _progress. Servers send one or both.
func (s *State) Step() Step {
	step := Step{Percent: -1}
	var metadata map[string]json.RawMessage
	if json.Unmarshal(s.Metadata, &metadata) != nil {
		return step
	}
	var numbers struct{ Stage, Percent, Processed, Speed string }
	if json.Unmarshal(metadata["progress"], &numbers) == nil {
		step.Stage = strings.ReplaceAll(numbers.Stage, "_", " ")
		step.Bytes, _ = strconv.ParseInt(numbers.Processed, 10, 64)
		step.Speed, _ = strconv.ParseInt(numbers.Speed, 10, 64)
		if n, err := strconv.Atoi(numbers.Percent); err == nil {
			step.Percent = min(n, 100)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		var text string
		raw := metadata[key]
		if stage, is := strings.CutSuffix(key, "_progress"); !is || json.Unmarshal(raw, &text) != nil ||
			numbers.Stage != "" && stage != numbers.Stage { // of an earlier stage
			continue
		}
		parts := stepText().FindStringSubmatch(text)
		if parts == nil {
			step.Stage = text
			continue
		}
		step.Stage = parts[1]
		if parts[2] != "" && step.Percent < 0 {
			n, _ := strconv.Atoi(parts[2])
			step.Percent = min(n, 100)
		}
		step.Bytes, step.Speed = max(step.Bytes, parseSize(parts[3])), max(step.Speed, parseSize(parts[4]))
	}
	step.Stage = secret.Text(step.Stage)
	return step
}
