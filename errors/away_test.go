package errors

import (
	"net/url"
	"strings"
	"testing"
)

// TestBareBreak checks that an error whose message only says how a connection ended says of what, and names the member that was lost,
// as far as that is known; and that any other message is left as it is.
func TestBareBreak(t *testing.T) {
	const read = "read tcp 10.0.0.1:40000->10.0.0.2:8443: read: "
	evacuate := &Request{Method: "POST", Path: "/1.0/cluster/members/m2/state"}
	create := &Request{Method: "POST", Path: "/1.0/instances"}
	on := &Request{Method: "POST", Path: "/1.0/instances", Query: url.Values{"target": {"m2"}}}
	group := &Request{Method: "POST", Path: "/1.0/instances", Query: url.Values{"target": {"@g"}}}
	for message, lost := range map[string]bool{
		"EOF": true, "unexpected EOF": true, "websocket: close 1006 (abnormal closure): unexpected EOF": true,
		"connection reset by peer": false, read + "connection reset by peer": false, "broken pipe": false, "write unix @->/run/incus: write: broken pipe": false,
		"write: broken pipe": false, "i/o timeout": false, read + "i/o timeout": false, "use of closed network connection": false, "no route to host": false, read + "connection timed out": false,
	} {
		for _, test := range []struct {
			request *Request
			member  string
			named   bool
		}{
			{evacuate, "m2", true}, {evacuate, "", true}, {create, "m2", true}, {create, "", false}, {on, "", true}, {group, "", false}, {nil, "m2", true}, {nil, "", false},
		} {
			f := Failure{Status: 400, Message: message, Request: test.request, Member: test.member}
			for from, e := range map[string]*Error{"reply": NewReply(f, nil, nil), "operation": NewOperation("o", f, nil)} {
				named := lost && test.named
				if !strings.HasSuffix(e.Message, ": "+message) || strings.Contains(e.Message, `cluster member "m2"`) != named || !strings.Contains(e.Message, "connection") ||
					strings.Contains(e.Message, "during its operation") != (from == "operation") || (from == "reply" && (e.Hint != "") != named) ||
					from == "operation" && lost && test.member != "" && !strings.Contains(e.Hint, `members.get("m2")`) || strings.Count(e.Error(), message) != 1 {
					t.Errorf("%s, %+v: %v, hint %q", from, test, e, e.Hint)
				}
				if now := OutcomeOfReply(Unavailable, e.Message, true); now != OutcomeOfReply(Unavailable, message, true) {
					t.Errorf("%s: the outcome became %s", message, now)
				}
			}
		}
	}
	for _, message := range []string{"Failed migration: unexpected EOF", `Get "https://10.0.0.2:8443/1.0": EOF`, "EOF in the file", "Not found", ""} {
		f := Failure{Status: 400, Message: message, Request: evacuate, Member: "m2"}
		if e := NewReply(f, nil, nil); e.Message != message {
			t.Errorf("%q became %q", message, e.Message)
		}
		if e := NewOperation("o", f, nil); message != "" && e.Message != message {
			t.Errorf("%q became %q", message, e.Message)
		}
	}
	// The answer to a wait has the message of the operation, which is judged later.
	if e := NewReply(Failure{Status: 400, Message: "EOF", Request: &Request{Method: "GET", Path: "/1.0/operations/o/wait"}}, nil, nil); e.Message != "EOF" {
		t.Error(e)
	}
}
