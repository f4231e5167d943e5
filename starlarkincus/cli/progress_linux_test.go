package cli

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus/rest"

	"golang.org/x/sys/unix"
)

// A viewer emulates a terminal.
type viewer struct {
	t          *testing.T
	terminal   *os.File // for the output
	master     *os.File
	mu         sync.Mutex
	width      int
	lines      [][]rune
	row, col   int
	escape     []rune   // nil outside of an escape sequence
	everything []string // all lines that were ever complete
}

// newViewer returns a viewer of a new pseudo-terminal.
func newViewer(t *testing.T) *viewer {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("no pseudo-terminal: ", err)
	}
	v := &viewer{t: t, master: os.NewFile(uintptr(fd), "ptmx"), width: 80, lines: make([][]rune, 1)}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		v.terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := v.master.Read(buf)
			v.show(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		v.terminal.Close()
		v.master.Close()
		<-read
	})
	return v
}

// show interprets output. It knows only the sequences that a screen writes.
func (v *viewer) show(data []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range string(data) {
		switch {
		case v.escape != nil:
			if v.escape = append(v.escape, r); r >= 'A' && r != '[' {
				v.sequence(string(v.escape[1:]))
				v.escape = nil
			}
		case r == '\x1b':
			v.escape = []rune{r}
		case r == '\r':
			v.col = 0
		case r == '\n':
			v.everything = append(v.everything, string(v.lines[v.row]))
			v.row++
			if v.row == len(v.lines) {
				v.lines = append(v.lines, nil)
			}
		default:
			line := v.lines[v.row]
			for len(line) <= v.col {
				line = append(line, ' ')
			}
			line[v.col] = r
			v.lines[v.row] = line
			if v.col++; v.col > v.width {
				v.t.Errorf("a line is too long: %q", string(line))
			}
		}
	}
}

func (v *viewer) sequence(s string) {
	n, _ := strconv.Atoi(strings.Trim(s, "[AJ"))
	switch {
	case strings.HasSuffix(s, "A") && n > 0:
		if v.row -= n; v.row < 0 {
			v.t.Errorf("up over the first line")
			v.row = 0
		}
	case s == "[J":
		v.lines = v.lines[:v.row+1]
		v.lines[v.row] = v.lines[v.row][:min(v.col, len(v.lines[v.row]))]
	default:
		v.t.Errorf("unknown sequence %q", s)
	}
}

// resize sets the width of the terminal. The writer is to it.
func (v *viewer) resize(width int, out io.Writer) {
	v.t.Helper()
	raw, err := v.master.SyscallConn()
	if err != nil {
		v.t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(width)})
	})
	if err != nil {
		v.t.Fatal(err)
	}
	text := fmt.Sprintf("%d columns", width)
	fmt.Fprintln(out, text)
	v.sees(text) // and so all output before it
	v.mu.Lock()
	defer v.mu.Unlock()
	v.width = width
}

// text returns the text on the terminal.
func (v *viewer) text() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, line := range v.lines {
		out = append(out, strings.TrimRight(string(line), " "))
	}
	return out
}

// sees waits until the terminal shows a text.
func (v *viewer) sees(what string) {
	v.t.Helper()
	for begun := time.Now(); !strings.Contains(strings.Join(v.text(), "\n"), what); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			v.t.Fatalf("no %q in\n%s", what, strings.Join(v.text(), "\n"))
		}
	}
}

// TestProgressLines checks the lines on a terminal, and that short ones aren't shown.
func TestProgressLines(t *testing.T) {
	v := newViewer(t)
	t.Setenv("TERM", "xterm")
	p, out, errs := (&flags{progress: "auto"}).showProgress(v.terminal, v.terminal)
	begun := time.Now()
	short := p.Begin("short", 1)
	short.End()
	wasShort := time.Since(begun) < 100*time.Millisecond // on a machine that stalls it may not be
	transfer := p.Begin("Pushing \x1b[31mä", 200<<20)
	operation := p.Begin("Creating instance web1", -1)
	unknown := p.Begin(strings.Repeat("long ", 40), -1)
	transfer.Add(50 << 20)
	transfer.Add(50 << 20)
	operation.Report(rest.Step{Stage: "Unpacking image", Percent: 73, Speed: 5 << 20})
	unknown.Add(3 << 10)
	fmt.Fprintln(out, "before")
	for _, text := range []string{`Pushing \x1b[31mä`, "[===", "=>", "50%", "Creating instance web1", "Unpacking image  73%  5.0 MiB/s", "long long", "3.0 KiB"} {
		v.sees(text)
	}
	fmt.Fprint(errs, "in the middle")
	v.sees("in the middle")
	fmt.Fprintln(errs, " of a line")
	v.sees("Creating instance web1")
	p.screen.yield(true)
	time.Sleep(300 * time.Millisecond)
	if got, want := v.text(), []string{"before", "in the middle of a line", ""}; !slices.Equal(got, want) {
		t.Errorf("while the terminal is taken: %q, want %q", got, want)
	}
	p.screen.yield(false)
	v.sees("Creating instance web1")
	for _, m := range []rest.Meter{transfer, operation, unknown, unknown} {
		m.End()
	}
	fmt.Fprintln(out, "after")
	p.close()
	v.sees("after")
	if got, want := v.text(), []string{"before", "in the middle of a line", "after", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range v.everything {
		if wasShort && strings.Contains(line, "short") {
			t.Errorf("shown: %q", line)
		}
	}
}

// TestProgressNarrow checks that lines fit in a narrow terminal, with the percentage, also when it becomes narrower.
func TestProgressNarrow(t *testing.T) {
	v := newViewer(t)
	t.Setenv("TERM", "xterm")
	p, out, _ := (&flags{progress: "auto"}).showProgress(v.terminal, v.terminal)
	m := p.Begin("Creating instance web1 with a long name", -1)
	m.Report(rest.Step{Stage: "Unpacking an image", Percent: 73, Speed: 5 << 20})
	v.sees("73%")
	var want []string
	for i, width := range []int{100, 61, 40, 20, 12, 80} {
		v.resize(width, out)
		percent := 10 + i
		m.Report(rest.Step{Stage: "Unpacking an image", Percent: percent, Speed: 5 << 20})
		v.sees("Creat")
		if width >= 20 {
			v.sees(fmt.Sprintf("%d%%", percent))
		}
		want = append(want, fmt.Sprintf("%d columns", width))
	}
	m.End()
	p.close()
	fmt.Fprintln(out, "after")
	v.sees("after")
	if got := v.text(); !slices.Equal(got, append(want, "after", "")) {
		t.Errorf("%q", got)
	}
}

// TestProgressAndText writes text from several tasks while bars come and go. All of the text, and nothing else, must be
// left.
func TestProgressAndText(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	v := newViewer(t)
	t.Setenv("TERM", "xterm")
	p, out, errs := (&flags{progress: "auto"}).showProgress(v.terminal, v.terminal)
	var tasks sync.WaitGroup
	const lines = 30
	for task := range 6 {
		random := rand.New(rand.NewPCG(seed, uint64(task)))
		tasks.Go(func() {
			for i := range lines {
				fmt.Fprintf([]io.Writer{out, errs}[random.IntN(2)], "task %d line %d\n", task, i)
				m := p.Begin(fmt.Sprintf("working on %d", i), int64(random.IntN(100)))
				m.(*meter).show()
				m.Add(int64(random.IntN(100)))
				if random.IntN(3) == 0 {
					time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
				}
				m.End()
			}
		})
	}
	tasks.Wait()
	p.close()
	fmt.Fprintln(out, "the end")
	v.sees("the end")
	got := v.text()
	for task := range 6 {
		next := 0
		for _, line := range got {
			if line == fmt.Sprintf("task %d line %d", task, next) {
				next++
			}
		}
		if next != lines {
			t.Errorf("task %d: only %d lines, in order", task, next)
		}
	}
	if len(got) != 6*lines+2 {
		t.Errorf("%d lines, want %d:\n%s", len(got), 6*lines+2, strings.Join(got, "\n"))
	}
}

// TestProgressModes checks where lines are shown, and in which form.
func TestProgressModes(t *testing.T) {
	v := newViewer(t)
	file, err := os.Create(t.TempDir() + "/errors")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct {
		flags  flags
		stderr *os.File
		term   string
		screen bool
		plain  bool
	}{
		{flags{progress: "auto"}, v.terminal, "xterm", true, false},
		{flags{progress: "auto"}, v.terminal, "dumb", false, false},
		{flags{progress: "auto", errorFormat: "json"}, v.terminal, "xterm", false, false},
		{flags{progress: "auto"}, file, "xterm", false, false},
		{flags{progress: "never"}, v.terminal, "xterm", false, false},
		{flags{progress: "plain"}, v.terminal, "xterm", false, true},
		{flags{progress: "plain"}, file, "xterm", false, true},
		{flags{progress: "plain", errorFormat: "json"}, file, "xterm", false, true},
	} {
		t.Setenv("TERM", test.term)
		p, out, errs := test.flags.showProgress(file, test.stderr)
		if got := p != nil && p.screen != nil; got != test.screen {
			t.Errorf("%+v: a screen: %v", test.flags, got)
		}
		if got := p != nil && p.say != nil; got != test.plain {
			t.Errorf("%+v: plain: %v", test.flags, got)
		}
		if out != io.Writer(file) || (errs == io.Writer(test.stderr)) == test.screen {
			t.Errorf("%+v: other writers", test.flags)
		}
		p.close()
		if !test.plain {
			continue
		}
		m := p.Begin("Exporting\tx", 10).(*meter)
		m.Add(5)
		m.print()
		m.End()
		m.print()
		if test.stderr != file {
			v.sees(`progress: Exporting\tx: 50%`)
		}
	}
	data, err := os.ReadFile(file.Name())
	if err != nil || bytes.Count(data, []byte("\n")) != 2 || bytes.Contains(data, []byte("\x1b")) ||
		!bytes.HasPrefix(data, []byte(`incus-star: progress: Exporting\tx: 50%, `)) || !bytes.Contains(data, []byte(`{"level":"progress","message":"Exporting\\tx: 50%, `)) {
		t.Errorf("%s, %v", data, err)
	}
}
