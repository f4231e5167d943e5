package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"incus-star/errors"
)

// FuzzEnvelope compares the envelope and its fields with those of encoding/json.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		"", " ", "{}", "null", "[]", "[1,2.5e-3,-0,\"a\\u00e9\\n\"]", `{"type":"sync","metadata":{"a":[true,false,null]}}`,
		`{"type":"error","error":"x","error_code":404,"metadata":null}`, `{"a":}`, `{"a" 1}`, `{,}`, `[1,]`, `01`, `-`, `1.`, `1e`, `1e+`,
		"\"\x01\"", `"\x"`, `"\u12g4"`, `"\u`, "\"\xff\"", "{}x", "tru", "truex", "\x00", "{\x00}", `{"type":"sync","type":"async"}`,
		"[[[[]]]]", strings.Repeat("[", 100), "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readFields(body)
		var want map[string]json.RawMessage
		object := json.Unmarshal(body, &want) == nil && want != nil
		if (err == nil) != object {
			t.Fatalf("%q: %v, want an object: %v", body, err, object)
		}
		for key, value := range got {
			if !bytes.Equal(value, want[key]) {
				t.Errorf("%q: %s is %q, want %q", body, key, value, want[key])
			}
		}
		readEnvelope(body)
	})
}

// TestTruncated checks that a truncated answer isn't reported as malformed JSON.
func TestTruncated(t *testing.T) {
	body := `{"type":"sync", "metadata": {"a": [1, -2.5e3, "b\u00e9\n", true, false, null], "c": {}}}`
	for i := 1; i < len(body); i++ {
		if _, err := readEnvelope([]byte(body[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", body[:i], err)
		}
	}
	if e, err := readEnvelope([]byte(body)); err != nil || e.kind != "sync" || len(e.metadata) != strings.LastIndexByte(body, '}')-strings.Index(body, `{"a"`) {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestDepth(t *testing.T) {
	for depth, valid := range map[int]bool{10000 - 1: true, 10000 + 1: false, 1 << 20: false} {
		body := `{"type":"sync","metadata":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
		if _, err := readEnvelope([]byte(body)); (err == nil) != valid {
			t.Errorf("%d: %v", depth, err)
		}
	}
}

// instances returns a list like that of a server with n instances.
func instances(n int) []byte {
	one := `{"name":"c1","status":"Running","config":{"image.os":"Debian","volatile.eth0.hwaddr":"00:16:3e:00:00:01",
		"description":"a \"quoted\" text"},"devices":{"root":{"path":"/","pool":"default","type":"disk"}},"profiles":["default"],
		"expanded_config":{"limits.cpu":"2","security.nesting":"true","image.description":"Debian bookworm amd64 (20240101)"}}`
	return []byte(syncBody("[" + strings.Repeat(one+",", n-1) + one + "]"))
}

func BenchmarkEnvelope(b *testing.B) {
	body := instances(1000)
	b.Run("readEnvelope", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := readEnvelope(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var e struct{ Metadata json.RawMessage }
			if err := json.Unmarshal(body, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("everything by encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			var e any
			if err := json.Unmarshal(body, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
