package rest

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"incus-star/errors"
)

// A recorded is a recorded failure of a real daemon, with the expected class. See record.go.
type recorded struct {
	Line      string
	Method    string
	Path      string
	Query     string
	Header    map[string][]string
	Body      json.RawMessage
	Text      string
	Operation bool // the operation of the request failed
	Status    int
	Message   string
	Class     string
	Object    *errors.Object // nil for any
	Member    string         // the cluster member that ran the operation
	Misleads  bool           // the request contains words that indicate a class
}

// request returns a name of the request that is the same for both lines.
func (r *recorded) request() string {
	return strings.Join([]string{r.Method, r.Path, r.Query, string(r.Body), r.Text}, " ")
}

// failure returns the error that a client returns.
func (r *recorded) failure(t *testing.T, c *Client) *errors.Error {
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Method: r.Method, Path: r.Path, Query: query, Header: r.Header}
	if r.Body != nil {
		request.Body = r.Body
	} else if r.Text != "" {
		request.Body = []byte(r.Text)
	}
	k, err := c.prepare(request)
	if err != nil {
		t.Fatal(err)
	}
	f := errors.Failure{Status: r.Status, Message: r.Message, Request: k.described(), Member: r.Member}
	if r.Operation {
		return errors.NewOperation(opID, f, nil)
	}
	return errors.NewReply(f, nil, func() bool { return true })
}

// classOf returns the most specific class: that of the cause of an operation's failure, if there is one.
func classOf(e *errors.Error) *errors.Class {
	if cause, ok := e.Cause.(*errors.Error); ok && e.Class == errors.Operation {
		return cause.Class
	}
	return e.Class
}

// TestCorpus checks that every recorded failure has the expected class, and that the same request has the same class on
// both lines of Incus.
func TestCorpus(t *testing.T) {
	file, err := os.Open("testdata/failures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c, err := New(Config{Socket: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	right, misleading, both := 0, 0, 0
	messages, kinds := make(map[string]bool), make(map[string]bool)
	classes := make(map[string]map[string]string) // by request, then by line
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	total := 0
	for ; scanner.Scan(); total++ {
		var r recorded
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		e := r.failure(t, c)
		if got := classOf(e); got.Name() != r.Class {
			t.Errorf("%s: %s: %d %s: got %s, want %s", r.Line, r.request(), r.Status, r.Message, got, r.Class)
		} else {
			right++
		}
		if r.Operation && !errors.Is(e, errors.Operation) {
			t.Errorf("%s: %s: no failure of an operation", r.Line, r.Message)
		}
		if r.Object != nil && (e.Object == nil || *e.Object != *r.Object) {
			t.Errorf("%s: %s: %s: is about %v, want %v", r.Line, r.request(), r.Message, e.Object, r.Object)
		}
		if r.Misleads {
			misleading++
		}
		messages[r.Line+r.Message] = true
		kinds[r.Method+" "+pattern(r.Path)] = true
		if classes[r.request()] == nil {
			classes[r.request()] = make(map[string]string)
		}
		classes[r.request()][r.Line] = e.Class.Name() // as in scripts
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	for request, lines := range classes {
		if len(lines) > 1 {
			both++
			if lines["6.0"] != lines["7.0"] {
				t.Errorf("%s: %s on 6.0, %s on 7.0", request, lines["6.0"], lines["7.0"])
			}
		}
	}
	t.Logf("%d of %d failures right; %d messages of %d resources and verbs, %d of requests that mislead; %d requests on both lines",
		right, total, len(messages), len(kinds), misleading, both)
	if len(messages) < 300 || len(kinds) < 40 || misleading < 60 || both < 300 {
		t.Error("the corpus is too small")
	}
}

// pattern returns a path without the names in it.
func pattern(p string) string {
	parts := strings.Split(strings.TrimPrefix(p, "/1.0/"), "/")
	for i := 1; i < len(parts); i += 2 {
		if parts[i] != "aliases" && parts[i] != "members" && parts[i] != "groups" {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}
