package value

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// TestOutput decodes random output by every encoding, and compares type and content.
func TestOutput(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"a", "\n", "é", "\x00", "\xff", "\xe4se", "日本", "\r\n", "\xed\xa0\x80", "�"}
	for range 2000 {
		var data []byte
		for range r.IntN(6) {
			data = append(data, pieces[r.IntN(len(pieces))]...)
		}
		valid := utf8.Valid(data)
		for _, encoding := range []string{AutoEncoding, TextEncoding, BytesEncoding} {
			if err := CheckEncoding("encoding", encoding); err != nil {
				t.Fatal(err)
			}
			v, err := Output("stdout", bytes.Clone(data), encoding)
			if encoding == TextEncoding && !valid {
				lines := 1
				for !utf8.Valid([]byte(strings.Join(strings.SplitAfter(string(data), "\n")[:lines-1], ""))) ||
					utf8.ValidString(strings.SplitAfter(string(data), "\n")[lines-1]) {
					lines++
				}
				if err == nil || !strings.HasPrefix(err.Error(), "stdout: line "+string(rune('0'+lines))+" is not UTF-8") {
					t.Fatalf("seed %d: %q: got %v, want line %d", seed, data, err, lines)
				}
				continue
			}
			text, isText := v.(starlark.String)
			octets, isBytes := v.(starlark.Bytes)
			if err != nil || string(text)+string(octets) != string(data) || isText != (valid && encoding != BytesEncoding) || isText == isBytes {
				t.Fatalf("seed %d: %q as %s: got %v, %v", seed, data, encoding, v, err)
			}
		}
	}
	for _, encoding := range []string{"", "utf8", "latin-1", "Bytes"} {
		if err := CheckEncoding("encoding", encoding); err == nil || !strings.HasSuffix(err.Error(), `want "auto", "utf-8" or "bytes"`) {
			t.Errorf("%q: %v", encoding, err)
		}
	}
}

func TestExecError(t *testing.T) {
	clean := func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }
	e := ExecError("login", 3, starlark.Bytes("\xff"), starlark.String("one\nno hunter2\n"), clean)
	if e.Message != "login ended with status 3: no …" || e.Class != errors.Exec || e.Outcome != errors.Done ||
		e.Fields["exit_code"] != 3 || e.Fields["stdout"] != starlark.Bytes("\xff") || e.Fields["stderr"] != starlark.String("one\nno …\n") {
		t.Errorf("got %+v", e)
	}
	for _, stderr := range []starlark.Value{starlark.String(" \n"), starlark.Bytes("\xff")} {
		if e := ExecError("x", 1, starlark.String(""), stderr, clean); e.Message != "x ended with status 1" {
			t.Errorf("got %s", e.Message)
		}
	}
}
