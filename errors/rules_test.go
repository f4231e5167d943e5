package errors

import (
	"fmt"
	"slices"
	"testing"
)

// creation is a request that creates an instance, change one that changes it.
var (
	creation = &Request{Method: "POST", Path: "/1.0/instances", Body: []byte(`{"name": "c1"}`)}
	change   = &Request{Method: "PATCH", Path: "/1.0/instances/c1"}
)

// TestRules checks that each rule, and none before it, decides the failures with its own examples, from every source
// and with every status that it applies to.
func TestRules(t *testing.T) {
	for i := range rules {
		r := &rules[i]
		if r.about == "" {
			t.Errorf("rule %d has no about", i)
		}
		if (r.text == "") != (r.seen60 == "" && r.seen70 == "") || (r.text == "") == (r.status == nil) && r.text == "" || r.text != "" && (r.seen60 == "" || r.seen70 == "") {
			t.Errorf("rule %q: a rule has text, seen60 and seen70, or else only a status", r.about)
		}
		if r.text == "" {
			for _, status := range r.status {
				if got := (&Failure{Status: status, Message: "no rule knows this"}).decide(replies); got != r {
					t.Errorf("%s: the status %d is another rule's", r.about, status)
				}
			}
			continue
		}
		request := change
		if r.making {
			request = creation
		}
		for _, message := range append([]string{r.seen60, r.seen70}, r.more...) {
			var froms []source
			for _, from := range []source{replies, operations} {
				if r.from == 0 || r.from&from != 0 {
					froms = append(froms, from)
				}
			}
			for _, from := range froms {
				statuses := r.status
				if from == operations {
					statuses = []int{400}
				} else if statuses == nil {
					statuses = []int{400, 500}
				}
				for _, status := range statuses {
					f := Failure{Status: status, Message: message, Request: request}
					if got := f.decide(from); got != r {
						taken := "no rule"
						if got != nil {
							taken = fmt.Sprintf("the rule %q", got.about)
						}
						t.Errorf("rule %q: its message %q, with the status %d, matches %s first", r.about, message, status, taken)
					}
				}
			}
		}
	}
	// Each class that a server reports by the text alone has a rule.
	for _, class := range []*Class{AlreadyExists, Conflict, Busy, Limit, Permission, State, NotFound, BadRequest, Unavailable} {
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.text != "" && r.class == class }) {
			t.Errorf("no rule gives %s", class)
		}
	}
}
