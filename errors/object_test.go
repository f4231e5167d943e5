package errors

import (
	"fmt"
	"io/fs"
	"net/url"
	"testing"
)

// The object of a failure is the one that the request makes or acts on, by its path, its body or its headers.
func TestAbout(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		header, query      map[string][]string
		want               string
	}{
		{method: "GET", path: "/1.0/instances/web", want: `instance "web"`},
		{method: "GET", path: "/1.0/instances/a%2Fb/state", want: `instance "a/b"`},
		{method: "PUT", path: "/1.0/instances/web/snapshots/s1", want: `instance snapshot "s1"`},
		{method: "GET", path: "/1.0/instances/web/files", query: url.Values{"path": {"/etc/x"}}, want: `file "/etc/x"`},
		{method: "GET", path: "/1.0/storage-pools/p/volumes/custom/v", want: `storage volume "v"`},
		{method: "GET", path: "/1.0/storage-pools/p/volumes/custom", want: `storage pool "p"`},
		{method: "GET", path: "/1.0/storage-pools/p/volumes/custom/v/backups/b", want: `storage volume backup "b"`},
		{method: "GET", path: "/1.0/images/aliases/a", want: `image alias "a"`},
		{method: "GET", path: "/1.0/network-zones/z/records/r", want: `network zone record "r"`},
		{method: "GET", path: "/1.0/cluster/members/m", want: `cluster member "m"`},
		{method: "POST", path: "/1.0/instances", body: `{"name": "web"}`, want: `instance "web"`},
		{method: "POST", path: "/1.0/instances", header: map[string][]string{"X-Incus-Name": {"web"}}, want: `instance "web"`},
		{method: "POST", path: "/1.0/networks/n/forwards", body: `{"listen_address": "10.0.0.1"}`, want: `network forward "10.0.0.1"`},
		{method: "POST", path: "/1.0/cluster/members", body: `{"server_name": "m"}`, want: `cluster member "m"`},
		{method: "POST", path: "/1.0/instances/web/exec", body: `{"name": "other"}`, want: `instance "web"`},
		{method: "POST", path: "/1.0/instances", body: `not JSON`},
		{method: "GET", path: "/1.0"},
	} {
		r := &Request{Method: c.method, Path: c.path, Body: []byte(c.body), Header: c.header, Query: c.query}
		got := ""
		if o := About(r); o != nil {
			got = o.String()
		}
		if got != c.want {
			t.Errorf("%s %s %s: got %s, want %s", c.method, c.path, c.body, got, c.want)
		}
	}
	if o := About(nil); o != nil {
		t.Errorf("no request is about %s", o)
	}
}

// The object that is missing is the one that the message names, by the name there, or in the path, the query or the body.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		message, path, body string
		query               url.Values
		header              map[string][]string
		want                string
	}{
		{message: `Instance "web" not found`, want: `instance "web"`},
		{message: "Storage pool not found", path: "/1.0/storage-pools/p", want: `storage pool "p"`},
		{message: "Snapshot not found", path: "/1.0/instances/web/snapshots/s1", want: `instance snapshot "s1"`},
		{message: "Can't find a storage pool 'fast'", path: "/1.0/instances/web", want: `storage pool "fast"`},
		{message: `Missing source path "/srv/x"`, path: "/1.0/instances", want: `path "/srv/x"`},
		{message: "Image not found", path: "/1.0/instances", body: `{"source": {"alias": "debian"}}`, want: `image "debian"`},
		{message: "Image not found", path: "/1.0/instances", body: `{"source": {"alias": "a", "fingerprint": "b"}}`, want: "image"},
		{message: `Image not found: "b"`, path: "/1.0/instances", body: `{"source": {"alias": "a", "fingerprint": "b"}}`, want: `image "b"`},
		{message: "Instance not found", path: "/1.0/instances", body: `{"source": {"type": "instance", "name": "web"}}`, want: `instance "web"`},
		{message: "Instance snapshot not found", path: "/1.0/instances/web", body: `{"restore": "s1"}`, want: `instance snapshot "s1"`},
		{message: "Storage volume not found", path: "/1.0/storage-pools/p/volumes", body: `{"source": {"name": "v"}}`, want: `storage volume "v"`},
		{message: "Profile not found", path: "/1.0/instances", body: `{"profiles": ["small"]}`, want: `profile "small"`},
		{message: "Profile not found", path: "/1.0/instances", body: `{"profiles": ["small", "big"]}`, want: "profile"},
		{message: "Project not found", path: "/1.0/instances", query: url.Values{"project": {"p"}}, want: `project "p"`},
		{message: "Storage pool not found", path: "/1.0/instances", body: `{"devices": {"root": {"pool": "fast"}}}`, want: `storage pool "fast"`},
		{message: "Network not found", path: "/1.0/instances", body: `{"devices": {"eth0": {"network": "lan"}}}`, want: `network "lan"`},
		{message: "Cluster member not found", path: "/1.0/instances", query: url.Values{"target": {"m1"}}, want: `cluster member "m1"`},
		{message: "Storage pool not found", path: "/1.0/instances", header: map[string][]string{"X-Incus-Pool": {"fast"}, "X-Incus-Name": {"web"}}, want: `storage pool "fast"`},
		{message: "Cluster group not found", path: "/1.0/instances", query: url.Values{"target": {"@g"}}, want: `cluster group "g"`},
		{message: "not found", path: "/1.0/profiles/p", want: `profile "p"`},
	} {
		f := Failure{Status: 404, Message: c.message, Request: &Request{Method: "POST", Path: c.path, Body: []byte(c.body), Query: c.query, Header: c.header}}
		e := NewReply(f, nil, nil)
		got := ""
		if e.Object != nil {
			got = e.Object.String()
		}
		if e.Class != NotFound || got != c.want {
			t.Errorf("%s for %s %s: got the class %s and %s, want %s", c.message, c.path, c.body, e.Class, got, c.want)
		}
	}
}

// Of every class, the reply says that the change was refused, but for failures of the server that may come in the middle
// of the work; an operation is judged by the reason that it reports.
func TestOutcomes(t *testing.T) {
	for _, class := range Classes() {
		for _, own := range []bool{true, false} {
			for message, interrupted := range map[string]bool{"no": false, "unexpected EOF": true} {
				want := Refused
				if class.IsA(Server) && !class.IsA(NotImplemented) && (!class.IsA(Unavailable) || !own || interrupted) {
					want = Unknown
				}
				if got := OutcomeOfReply(class, message, own); got != want {
					t.Errorf("%s, %q, own answer %v: got %s, want %s", class, message, own, got, want)
				}
			}
		}
		if !class.IsA(API) {
			continue
		}
		e := &Error{Class: Operation, Message: "no", Cause: &Error{Class: class, Message: "no"}}
		for steps, want := range map[bool]Outcome{false: OutcomeOfReply(class, "no", true), true: Unknown} {
			if class.IsA(Busy) {
				want = Refused
			}
			if got := OutcomeOfOperation(e, steps); got != want {
				t.Errorf("an operation that failed with %s, of several steps %v: got %s, want %s", class, steps, got, want)
			}
		}
	}
	for _, class := range []*Class{Operation, OperationCancelled} {
		if got := OutcomeOfOperation(&Error{Class: class}, false); got != Unknown {
			t.Errorf("%s without a reason: got %s", class, got)
		}
	}
	// Whatever the member is, nothing began if it needn't be changed.
	for message, want := range map[string]Outcome{
		"Cluster member is already evacuated":                               Refused,
		"Cluster member is already restored":                                Refused,
		"Cannot evacuate or restore a pending cluster member":               Refused,
		"Failed to evacuate instances: Cluster member is already evacuated": Unknown,
		"Failed to restore: Instance is running":                            Unknown,
	} {
		if e := NewOperation("u", Failure{Status: 400, Message: message}, nil); OutcomeOfOperation(e, true) != want || !Is(e, State) && want == Refused {
			t.Errorf("%s: got %s of %v, want %s", message, OutcomeOfOperation(e, true), e, want)
		}
	}
	for o, want := range map[Outcome]bool{"": true, NotSent: true, Refused: true, Done: true, Unknown: true, "lost": false, "DONE": false} {
		if o.Valid() != want {
			t.Errorf("%q is valid: %v", o, o.Valid())
		}
	}
}

// The functions of the standard package are passed on, and know the classes.
func TestStandard(t *testing.T) {
	cause := &Error{Class: NotFound, Message: "gone", Cause: fs.ErrNotExist}
	outer := &Error{Class: Operation, Message: "failed", Cause: cause}
	all := Join(Plain("plain"), fmt.Errorf("wrapped: %w", outer))
	var found *Error
	if !Is(all, Operation) || !Is(all, NotFound) || !Is(all, API) || !Is(all, fs.ErrNotExist) || Is(all, Conflict) || !As(all, &found) || found != outer || Unwrap(outer) != error(cause) {
		t.Errorf("the chain of %v", all)
	}
	outer.Object = &Object{Kind: "instance", Name: "web"}
	if got, want := outer.Error(), Operation.Name()+`: failed: gone (instance "web")`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	outer.Message = "web failed"
	if got, want := outer.Error(), Operation.Name()+": web failed: gone"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
