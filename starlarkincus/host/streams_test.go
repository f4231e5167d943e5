package host

import (
	"context"
	"strings"
	"testing"
)

// TestStreamsOfASession reads streams in other entries than those that made them, after which the entry's context has
// ended, and in a deferred call.
func TestStreamsOfASession(t *testing.T) {
	var out strings.Builder
	s := newHost(&out).NewSession()
	for _, step := range []struct{ src, want string }{
		{`s = run_stream(["seq", "3"])`, "None"},
		{`run(["cat"], stdin=s).stdout`, `"1\n2\n3\n"`},
		{`s = run_stream(["seq", "3"])`, "None"},
		{`[x for x in s]`, `[b"1\n2\n3\n"]`},
		{`s = run_stream(["cat"], stdin=run_stream(["seq", "2"]))`, "None"},
		{`s = run_stream(["cat"], stdin=s)`, "None"},
		{`run(["cat"], stdin=s).stdout`, `"1\n2\n"`},
		{`s = run_stream(["sh", "-c", "exit 3"])`, "None"},
		{`try_(list, s).error.message`, `"sh ended with status 3"`},
		{`catch(Error, list, s).error.message`, `"this stream was read already: a stream is read once"`},
		{`late, unread = run_stream(["seq", "1"]), run_stream(["sleep", "1000"])`, "None"},
		{`defer(lambda: print(list(late)))`, "None"},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		v, err := s.Eval(ctx, step.src)
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", step.src, err)
		}
		if got := v.String(); got != step.want {
			t.Errorf("%s: got %s, want %s", step.src, got, step.want)
		}
	}
	if err := s.Close(context.Background()); err != nil || out.String() != "[b\"1\\n\"]\n" {
		t.Errorf("at the end: got %q, %v", out.String(), err)
	}
	// The end of the session ended the command that nothing read.
	if got := mustEval(t, s, `try_(list, unread).error.class_`); got != `"IncusStateError"` {
		t.Errorf("after the end: got %s", got)
	}
}
