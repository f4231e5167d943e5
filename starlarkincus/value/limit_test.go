package value

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"incus-star/errors"
)

// TestDecodeLimits checks that the values of no text take more memory than the limit. All sizes are a sixteenth of the
// real ones.
func TestDecodeLimits(t *testing.T) {
	const size, most = 16 << 20 / 16, maxDecoded / 16
	fill := func(first, repeat, last string) string {
		return first + strings.Repeat(repeat, (size-len(first)-len(last))/len(repeat)) + last
	}
	var keys []string
	for i := range 1 << 15 {
		keys = append(keys, `"`+strconv.Itoa(i)+`":0`)
	}
	wide := "{" + strings.Join(keys, ",") + "}"
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	for name, test := range map[string]struct {
		text    string
		refused bool
	}{
		"empty objects":         {fill("[{}", ",{}", "]"), true},
		"small objects":         {fill("[{}", `,{"a":0}`, "]"), true},
		"nested objects":        {fill(`[0`, `,{"a":{"b":{}}}`, "]"), true},
		"empty lists":           {fill("[[]", ",[]", "]"), true},
		"after a wide object":   {"[" + wide + fill("", ",{}", "]"), true},
		"deep lists":            {"[" + strings.TrimSuffix(strings.Repeat(deep+",", size/len(deep)-1), ",") + "]", true},
		"too deep":              {fill("", "[", ""), true},
		"numbers":               {fill("[0", ",0", "]"), true},
		"nulls":                 {fill("[null", ",null", "]"), false},
		"short strings":         {fill(`[""`, `,""`, "]"), false},
		"a wide object":         {wide, false},
		"one string":            {fill(`"`, "a", `"`), false},
		"one number":            {fill("", "9", ""), true},
		"a number with a point": {fill("0.", "9", ""), true},
		"a large exponent":      {"1e" + strings.Repeat("9", 2000), true},
	} {
		data := []byte(test.text)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		v, err := decode(t.Context(), data, most)
		runtime.GC()
		runtime.ReadMemStats(&after)
		live, all := int(after.HeapAlloc)-int(before.HeapAlloc), int(after.TotalAlloc-before.TotalAlloc)
		if live > most || all > 3*most {
			t.Errorf("%s: %d MiB allocated, %d MiB live, for a limit of %d MiB (%v)", name, all>>20, live>>20, most>>20, err)
		}
		if test.refused != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		runtime.KeepAlive(v)
	}
	// Ten thousand instances take less than half of the limit.
	if _, err := decode(t.Context(), instances(10_000/16), most/2); err != nil {
		t.Error(err)
	}
}

func TestDecodeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.Plain("over")
	cancel(cause)
	if _, err := DecodeContext(ctx, []byte("["+strings.Repeat("0,", 10_000)+"0]")); !errors.Is(err, cause) {
		t.Error(err)
	}
}
