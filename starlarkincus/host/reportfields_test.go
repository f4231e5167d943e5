package host

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"
)

// TestReportedFields raises errors with fields of each type of value, alone and within others, and compares their JSON. No secret
// is in it.
func TestReportedFields(t *testing.T) {
	const failed = `{"class": "IncusBusyError", "message": "boo", "status": 400, "response": null, "operation_id": null, "method": null, "path": null, "object": null,
		"outcome": "refused", "remote": "s2", "cause": null, "frames": [], "tasks": []}`
	raise := `raise_(IncusBusyError, "boo", status_code = 400, outcome = "refused", remote = "s2")`
	values := map[string]string{
		`None`: `null`, `True`: `true`, `7`: `7`, `1 << 70`: `1180591620717411303424`, `1.5`: `1.5`, `float("nan")`: `"nan"`, `float("-inf")`: `"-inf"`,
		`"text"`: `"text"`, `""`: `""`, `"é"[0:1]`: `"\"\\xc3\""`, `b"abc"`: `"b\"abc\""`,
		`[]`: `[]`, `[1, [2, "x"]]`: `[1, [2, "x"]]`, `(1, None)`: `[1, null]`, `set([1])`: `[1]`, `range(3)`: `"range(3)"`,
		`{}`: `{}`, `{"a": {"b": [1.0]}}`: `{"a": {"b": [1]}}`, `{1: 2, (3,): 4}`: `{"1": 2, "(3,)": 4}`,
		`struct(a = 1, b = struct(c = len))`: `{"a": 1, "b": {"c": "<built-in function len>"}}`, `len`: `"<built-in function len>"`, `IncusBusyError`: `"IncusBusyError"`,
		`try_(lambda: [1])`:                                 `{"value": [1]}`,
		`try_(` + strings.Replace(raise, "(", ", ", 1):      `{"error": ` + failed + `}`,
		`parallel(lambda n: n + 1, [1])`:                    `[{"item": 1, "value": 2}]`,
		`try_(lambda: ` + raise + `).error`:                 failed,
		`fleet(["s1"]).map(lambda s: {"id": s})`:            `[{"remote": "s1", "value": {"id": "s1"}}]`,
		`fleet(["s2"]).map(lambda s: ` + raise + `)`:        `[{"remote": "s2", "error": ` + failed + `}]`,
		`{"password": "p4ss", "n": 1}`:                      `{"password": "[redacted]", "n": 1}`,
		`[struct(token = "p4ss")]`:                          `[{"token": "[redacted]"}]`,
		`try_(lambda: {"client_secret": "p4ss"})`:           `{"value": {"client_secret": "[redacted]"}}`,
		`try_(raise_, Error, "x", password = "p4ss")`:       `{"error": {"class": "Error", "message": "x", "status": null, "response": null, "operation_id": null, "method": null, "path": null, "object": null, "outcome": null, "remote": null, "cause": null, "frames": [], "tasks": [], "fields": {"password": "[redacted]"}}}`,
		`"https://user:p4ss@192.0.2.1/"`:                    `"https://[redacted]@192.0.2.1/"`,
		`fleet(["s1"]).map(lambda s: {"password": "p4ss"})`: `[{"remote": "s1", "value": {"password": "[redacted]"}}]`,
	}
	wraps := map[string]string{"%": "%", "[0, %]": "[0, %]", `{"k": %}`: `{"k": %}`, "struct(k = %)": `{"k": %}`, "try_(lambda: %)": `{"value": %}`, "(try_(lambda: [%]),)": `[{"value": [%]}]`}
	for v, want := range values {
		for wrap, wanted := range wraps {
			script := "raise_(Error, 'x', f = " + strings.Replace(wrap, "%", v, 1) + ")"
			h := New(Options{JSON: true, Servers: namedServers, Predeclared: starlark.StringDict{}})
			var fields any
			if err := json.Unmarshal([]byte(`{"f": `+strings.Replace(wanted, "%", want, 1)+`}`), &fields); err != nil {
				t.Fatal(err)
			}
			got := readReport(t, h, h.RunSource(context.Background(), "x.star", []byte(script)))
			if diff := cmp.Diff(fields, got["fields"]); diff != "" {
				t.Errorf("%s: -want +got:\n%s", script, diff)
			}
		}
	}
	for name, script := range map[string]string{
		"a list in itself":   "l = []\nl.append(l)\nraise_(Error, 'x', f = l)",
		"an error in itself": "l = []\ne = try_(raise_, Error, 'x', f = l).error\nl.append(e)\nraise_(e)",
		"a secret name":      "raise_(Error, 'x', token = 'p4ss')",
	} {
		h := New(Options{JSON: true})
		got := readReport(t, h, h.RunSource(context.Background(), "x.star", []byte(script)))
		if fields, ok := got["fields"].(map[string]any); !ok || fields["f"] == nil && fields["token"] != "[redacted]" {
			t.Errorf("%s: %v", name, got)
		}
	}
	// The Results of a rollout that stops.
	h := New(Options{JSON: true, Servers: namedServers})
	got := readReport(t, h, h.RunSource(context.Background(), "x.star", []byte("def f(s):\n    return 1 if s == 's1' else "+raise+"\nfleet(['s1', 's2', 's3']).rollout(f, waves = [1, 1, 1])")))
	var results any
	if err := json.Unmarshal([]byte(`[{"remote": "s1", "value": 1}, {"remote": "s2", "error": `+failed+`}]`), &results); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(results, got["fields"].(map[string]any)["results"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
