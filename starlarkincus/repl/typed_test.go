package repl

import (
	"bytes"
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/host"
)

var (
	programs = flag.Int("repl.programs", 60, "how many random programs are typed")
	seed     = flag.Uint64("repl.seed", 0, "the seed of random programs and texts; 0 for a new one")
)

// newRand returns a source of random numbers, and logs the flag that reproduces it.
func newRand(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("-repl.seed %d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// runFile runs a program as a file, and returns its output and the end of its error's report.
func runFile(t *testing.T, text string) (out, failure string) {
	var stdout, stderr bytes.Buffer
	h := host.New(host.Options{Stdout: &stdout, MaxSteps: maxSteps})
	if err := h.RunSource(t.Context(), "file", []byte(text)); err != nil {
		h.Report(&stderr, err)
	}
	return stdout.String(), lastError(stderr.String())
}

var position = regexp.MustCompile(`^[^ ]*:\d+:\d+: `)

// maxSteps ends runaway programs, which aren't compared.
const maxSteps = 100_000

func ranAway(failure string) bool { return strings.HasPrefix(failure, host.ErrSteps.Error()) }

// lastError returns the first error of a report, without its position.
func lastError(report string) string {
	for line := range strings.Lines(report) {
		if strings.HasPrefix(line, "Traceback") || strings.HasPrefix(line, " ") {
			continue
		}
		return position.ReplaceAllString(line, "")
	}
	return ""
}

// lines is a source of typed lines. It ends after the first error.
type lines struct {
	inputs []string
	errors *bytes.Buffer
}

func (l *lines) line(context.Context, question) (string, error) {
	if len(l.inputs) == 0 || l.errors.Len() > 0 {
		return "", io.EOF
	}
	next := l.inputs[0]
	l.inputs = l.inputs[1:]
	return next, nil
}

func (l *lines) remember(string) {}
func (l *lines) close()          {}

// enterAll runs entries at a prompt.
func enterAll(t *testing.T, inputs []string) (out, failure string) {
	var stdout, stderr bytes.Buffer
	h := host.New(host.Options{Stdout: &stdout, Stderr: &stderr, MaxSteps: maxSteps})
	p := &prompt{Options: Options{Host: h, Stdout: &stdout, Stderr: &stderr}, session: h.NewSession(), typed: true}
	p.source = &lines{inputs, &stderr}
	if err := p.loop(t.Context()); err != nil {
		t.Error(err)
	}
	return stdout.String(), lastError(stderr.String())
}

// typing returns the lines of statements as a person types them, with a blank line after each block.
func typing(statements []string) (inputs []string) {
	for _, s := range statements {
		inputs = append(inputs, strings.Split(strings.TrimSuffix(s, "\n"), "\n")...)
		if blockStart.MatchString(s) {
			inputs = append(inputs, "")
		}
	}
	return inputs
}

var blockStart = regexp.MustCompile(`(?m)^(def|if|for|while)\b`)

func TestTypedPrograms(t *testing.T) {
	r := newRand(t)
	failed := 0
	for n := range *programs {
		g := &grammar{Rand: r, fails: n%4 == 0, tabs: n%3 == 0}
		statements := g.program(1 + r.IntN(6))
		text := strings.Join(statements, "")
		wantOut, wantError := runFile(t, text)
		if ranAway(wantError) {
			continue
		}
		if !g.fails && wantError != "" {
			t.Fatalf("the grammar wrote a program that fails: %s\n%s", wantError, text)
		}
		indented := make([]string, len(statements))
		for i, s := range statements {
			indented[i] = indentedBy("  ", s)
		}
		for way, inputs := range map[string][]string{
			"typed":    typing(statements),
			"indented": typing(indented),
			"pasted":   {text},
		} {
			out, failure := enterAll(t, inputs)
			if out != wantOut || failure != wantError {
				t.Errorf("%s:\n%s\ngot  %q, %q\nwant %q, %q", way, strings.Join(inputs, "\n"), out, failure, wantOut, wantError)
				failed++
			}
		}
		if failed > 3 {
			t.FailNow()
		}
	}
}

// indentedBy indents the lines of a statement, except those within brackets or strings.
func indentedBy(margin, statement string) string {
	var s scanner
	var b strings.Builder
	for line := range strings.Lines(statement) {
		if !s.within() {
			b.WriteString(margin)
		}
		b.WriteString(line)
		s.add(line)
	}
	return b.String()
}

// TestPastedPrograms checks that pasted text and programs may have blank lines within blocks.
func TestPastedPrograms(t *testing.T) {
	r := newRand(t)
	for n := range *programs {
		g := &grammar{Rand: r, blank: true, fails: n%4 == 0, tabs: n%3 == 0}
		text := strings.Join(g.program(1+r.IntN(6)), "")
		if n%5 == 0 {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		wantOut, wantError := runFile(t, text)
		if ranAway(wantError) {
			continue
		}
		out, failure := enterAll(t, []string{text})
		if out != wantOut || failure != wantError {
			t.Fatalf("pasted:\n%s\ngot  %q, %q\nwant %q, %q", text, out, failure, wantOut, wantError)
		}
		_, out, errs := runProgram(t.Context(), strings.NewReader(text), nil)
		if failure := lastError(errs); out != wantOut || failure != wantError {
			t.Fatalf("piped:\n%s\ngot  %q, %q\nwant %q, %q", text, out, failure, wantOut, wantError)
		}
	}
}

// blankLine matches a text with a blank line.
var blankLine = regexp.MustCompile(`\n[ \t]*\n`)

// TestTypedMistakes checks that the prompt reports a mistake if and only if a file would, and nearly always the same
// one: the mistake in a later line may differ because earlier lines have run.
func TestTypedMistakes(t *testing.T) {
	r := newRand(t)
	different := 0
	for range 5 * *programs {
		g := &grammar{Rand: r}
		statement := []rune(g.program(1)[1])
		at := r.IntN(len(statement))
		end := min(len(statement), at+1+r.IntN(3))
		mutant := string(statement[:at]) + g.one("", "", "(", ")", "'", ":", "else", "=", "\\", "1 x") + string(statement[end:])
		if strings.HasPrefix(mutant, " ") || strings.HasSuffix(mutant, "\\") {
			continue // not a mistake at a prompt
		}
		text := "v1 = 1; v2 = 2\n" + mutant
		_, wantError := runFile(t, text)
		_, failure := enterAll(t, append(strings.Split(strings.TrimSuffix(text, "\n"), "\n"), "", ""))
		ended := strings.HasPrefix(failure, "got outdent") && blankLine.MatchString(mutant) // a blank line ends a block at the prompt
		if (failure == "") != (wantError == "") && !strings.HasPrefix(wantError, "got indent") && !ended {
			t.Errorf("%s\ngot  %q\nwant %q", text, failure, wantError)
		}
		if failure != wantError {
			different++
		}
	}
	if t.Logf("%d of %d differ", different, 5**programs); different > *programs/2 { // 4 of 300, as a rule
		t.Fail()
	}
}
