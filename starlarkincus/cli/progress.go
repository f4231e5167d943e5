package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/rest"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

const (
	// barDelay is the time before an operation or a transfer gets a line.
	barDelay = 500 * time.Millisecond
	// plainInterval is the time between two lines about it without a terminal.
	plainInterval = 10 * time.Second
	// speedInterval is the shortest time over which a speed is measured.
	speedInterval = time.Second

	maxLabel = 32
	minLabel = 8   // on a narrow terminal
	maxStage = 160 // without a terminal
	barWidth = 30
)

// progressModes are the values of --progress.
var progressModes = []string{"auto", "plain", "never"}

// A progress shows operations and transfers on standard error: as lines on a terminal that change and go, or as plain
// lines every few seconds.
type progress struct {
	screen *screen           // nil for plain lines
	say    func(line string) // prints a plain line

	begun atomic.Int64 // the number of meters so far

	mu    sync.Mutex
	bars  *mpb.Progress // nil while there is no bar
	shown int           // the number of bars
}

var _ rest.Progress = (*progress)(nil)

// showProgress returns the progress to show, nil for none, and the writers for all other output.
func (f *flags) showProgress(stdout, stderr *os.File) (p *progress, out, errs io.Writer) {
	switch {
	case f.progress == "plain":
		return &progress{say: func(line string) { f.note(stderr, "progress", line) }}, stdout, stderr
	case f.progress == "never", f.errorFormat == "json", !term.IsTerminal(int(stderr.Fd())), terminal.Dumb():
		return nil, stdout, stderr
	}
	p = &progress{screen: &screen{terminal: stderr}}
	terminal.OnTake(p.screen.yield)
	out, errs = stdout, p.screen.writer(stderr)
	if term.IsTerminal(int(stdout.Fd())) {
		out = p.screen.writer(stdout)
	}
	return p, out, errs
}

// Begin begins to show an operation or a transfer, if it takes longer than a moment.
func (p *progress) Begin(label string, total int64) rest.Meter {
	m := &meter{progress: p, label: printable.Line(label), total: total, began: time.Now(), step: rest.Step{Percent: -1}}
	m.lastTime = m.began
	m.number = int(p.begun.Add(1))
	if p.screen != nil {
		m.timer = time.AfterFunc(barDelay, m.show)
	} else {
		m.timer = time.AfterFunc(plainInterval, m.print)
	}
	return m
}

// A meter is one operation or transfer.
type meter struct {
	progress *progress
	label    string
	number   int   // of its beginning, by which the lines are ordered
	total    int64 // negative if unknown
	began    time.Time
	timer    *time.Timer

	mu    sync.Mutex
	ended bool
	bar   *mpb.Bar // nil before it is shown
	bytes int64
	step  rest.Step // of an operation

	// of the last measurement of the speed
	speed     float64
	lastTime  time.Time
	lastBytes int64
}

// Add adds transferred bytes.
func (m *meter) Add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += n
}

// Report sets the progress of an operation.
func (m *meter) Report(step rest.Step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.step = step
}

// End removes the line.
func (m *meter) End() {
	m.timer.Stop()
	m.mu.Lock()
	bar, again := m.bar, m.ended
	m.ended, m.bar = true, nil
	m.mu.Unlock()
	if bar != nil && !again {
		m.progress.remove(bar)
	}
}

// show adds the bar.
func (m *meter) show() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.bar = m.progress.add(m)
	}
}

// print prints a plain line, and another one later.
func (m *meter) print() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	m.progress.say(m.label + ": " + strings.Join(m.facts(maxStage), ", "))
	m.timer.Reset(plainInterval)
}

// fraction returns the part that is done, as two numbers; the second is 0 if it is unknown.
func (m *meter) fraction() (done, total int64) {
	switch {
	case m.step.Percent >= 0:
		return int64(m.step.Percent), 100
	case m.total > 0:
		return min(m.bytes, m.total), m.total
	}
	return 0, 0
}

// facts returns the known facts: the stage, cut to a width, or without it if that is 0, the percentage or the size, the speed,
// and the elapsed time.
func (m *meter) facts(stage int) []string {
	var facts []string
	if stage > 0 && m.step.Stage != "" {
		facts = append(facts, printable.Cut(printable.Line(m.step.Stage), stage))
	}
	size := max(m.bytes, m.step.Bytes)
	if done, total := m.fraction(); total > 0 {
		facts = append(facts, fmt.Sprintf("%d%%", done*100/total))
	} else if size > 0 {
		facts = append(facts, inBytes(size))
	}
	if speed := m.measured(); speed > 0 {
		facts = append(facts, inBytes(speed)+"/s")
	}
	return append(facts, time.Since(m.began).Round(time.Second).String())
}

// inBytes returns a number of bytes with a unit.
func inBytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(n))
}

// measured returns the speed in bytes per second; 0 if unknown.
func (m *meter) measured() int64 {
	if m.step.Speed > 0 {
		return m.step.Speed
	}
	if passed := time.Since(m.lastTime); passed >= speedInterval {
		now := float64(m.bytes-m.lastBytes) / passed.Seconds()
		if m.lastBytes > 0 {
			now = (now + m.speed) / 2
		}
		m.speed, m.lastTime, m.lastBytes = now, time.Now(), m.bytes
	}
	return int64(m.speed)
}

// add adds a bar below the others.
func (p *progress) add(m *meter) *mpb.Bar {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		p.bars = mpb.New(mpb.WithConsoleWriter(p.screen))
	}
	p.shown++
	filler := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]").Build()
	return p.bars.New(0, mpb.NopStyle(), mpb.BarPriority(m.number), mpb.BarWidth(barWidth), mpb.BarFillerTrim(),
		mpb.BarFillerMiddleware(func(mpb.BarFiller) mpb.BarFiller {
			return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
				m.mu.Lock()
				s.Current, s.Total = m.fraction()
				m.mu.Unlock()
				if s.Total == 0 || s.AvailableWidth < 10 {
					return nil
				}
				return filler.Fill(w, s)
			})
		}),
		mpb.PrependDecorators(decor.Any(func(s decor.Statistics) string {
			return printable.Cut(m.label, min(maxLabel, max(minLabel, s.AvailableWidth/2))) + " "
		}, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			m.mu.Lock()
			defer m.mu.Unlock()
			text := " " + strings.Join(m.facts(0), "  ")
			room := s.AvailableWidth - runewidth.StringWidth(text) - len("  ")
			if _, total := m.fraction(); total > 0 {
				room = min(room, maxLabel) // leaves some for the bar
			}
			if room >= minLabel {
				text = " " + strings.Join(m.facts(room), "  ")
			}
			return text
		})))
}

// remove removes a bar. With the last one the renderer ends.
func (p *progress) remove(bar *mpb.Bar) {
	bar.Abort(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown--; p.shown == 0 {
		p.bars.Shutdown()
		p.bars = nil
		p.screen.clear()
	}
}

// close removes all bars.
func (p *progress) close() {
	if p == nil {
		return
	}
	terminal.OnTake(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars != nil {
		p.bars.Shutdown()
		p.screen.clear()
	}
}
