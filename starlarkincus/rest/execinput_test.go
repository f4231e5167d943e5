package rest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// TestTerminalInputEnds checks that a program on a terminal gets as many ends of its input as it reads, after all of the input, and
// that one which never heeds them ends as any other.
func TestTerminalInputEnds(t *testing.T) {
	for name, input := range map[string]func() io.Reader{
		"none":  func() io.Reader { return nil },
		"empty": func() io.Reader { return strings.NewReader("") },
		"text":  func() io.Reader { return strings.NewReader("text") },
		"a pipe": func() io.Reader {
			r, w := io.Pipe()
			go func() { _, _ = w.Write([]byte("text")); w.Close() }()
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := ""
			if in := input(); in != nil {
				data, _ := io.ReadAll(in)
				want = string(data)
			}
			for ends := range 4 {
				f := newExecFake(t, func(c *fakeCommand) int {
					var got []byte
					for bytes.Count(got, []byte(endOfInput)) <= ends {
						data, more := c.read()
						if !more {
							return 1
						}
						got = append(got, data...)
					}
					c.write(Stdin, bytes.TrimRight(got, emptyLine+endOfInput))
					return 7
				})
				e := f.begin(t.Context(), f.client(), ExecOptions{Terminal: true, Stdin: input()})
				code, err := e.Wait(t.Context())
				if out, _ := e.Output(); code != 7 || err != nil || string(out) != want {
					t.Errorf("%d ends: %d, %v, %q", ends+1, code, err, out)
				}
			}
			f := newExecFake(t, lineEditor)
			e := f.begin(t.Context(), f.client(), ExecOptions{Terminal: true, Stdin: input()})
			if code, err := e.Wait(t.Context()); code != 7 || err != nil {
				t.Errorf("a line editor: %d, %v", code, err)
			}
			f = newExecFake(t, heeding(sigTerm))
			e = f.begin(t.Context(), f.client(), ExecOptions{Terminal: true, Stdin: input(), Timeout: 200 * time.Millisecond})
			if _, err := e.Wait(t.Context()); !errors.Is(err, errors.OperationTimeout) {
				t.Error(err)
			}
			parent, stop := context.WithCancel(t.Context())
			ctx, w := Track(parent)
			e = f.begin(ctx, f.client(), ExecOptions{Terminal: true, Stdin: input()})
			stop()
			if _, err := e.Wait(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			w.Settle(t.Context(), time.Minute)
			w.Close()
		})
	}
}

// lineEditor is a shell that edits its lines, and found a zero byte in place of the first end of its input.
func lineEditor(c *fakeCommand) int {
	line, first := "", true
	for {
		data, more := c.read()
		if !more {
			return 1
		}
		for _, key := range string(data) {
			switch {
			case string(key) == endOfInput && first:
				line, first = line+"\x00", false
			case string(key) == endOfInput && line == "":
				return 7
			case string(key) == endOfInput:
			case string(key) == emptyLine:
				line = ""
			default:
				line += string(key)
			}
		}
	}
}
