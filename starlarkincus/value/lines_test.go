package value

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// TestLines cuts random output into random pieces: the lines are those of the whole.
func TestLines(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		whole := map[string]string{}
		got := map[string][]string{}
		lines := NewLines(BytesEncoding, false)
		collect := func() {
			for {
				line, ok := lines.Next("")
				if !ok {
					return
				}
				got[line.Stream] = append(got[line.Stream], string(line.Text.(starlark.Bytes)))
			}
		}
		for range r.IntN(20) {
			stream := []string{"stdout", "stderr"}[r.IntN(2)]
			piece := ""
			for range r.IntN(5) {
				piece += []string{"a", "\n", "\r", "\xff", "é", "\x00"}[r.IntN(6)]
			}
			whole[stream] += piece
			if err := lines.Add(stream, []byte(piece)); err != nil {
				t.Fatal(err)
			}
			collect()
		}
		if err := lines.End(); err != nil || !lines.Over() {
			t.Fatal(err)
		}
		collect()
		for stream, text := range whole {
			want := strings.Split(text, "\n")
			if last := len(want) - 1; want[last] == "" {
				want = want[:last]
			}
			if !slices.Equal(got[stream], want) {
				t.Fatalf("seed %d: %q: got %q, want %q", seed, text, got[stream], want)
			}
		}
		if lines.Any() != (whole["stdout"]+whole["stderr"] != "") {
			t.Fatalf("seed %d: output isn't noticed", seed)
		}
	}
}

// A function gets the name of the stream if it has to be given two arguments.
func TestLineArguments(t *testing.T) {
	for text, want := range map[string]int{
		"lambda line: 0": 1, "lambda line, stream: 0": 2, "lambda line, stream=None: 0": 1, "lambda *args: 0": 1, "lambda line, *rest: 0": 1,
		"lambda line, **kwargs: 0": 1, "lambda line, stream, *rest: 0": 2, "len": 1, "[].append": 1,
	} {
		v, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "test", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(Line{"stdout", starlark.None}.Arguments(v.(starlark.Callable))); got != want {
			t.Errorf("%s: called with %d arguments, want %d", text, got, want)
		}
	}
}
