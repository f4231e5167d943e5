package rest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"incus-star/errors"
)

var quiet = log.New(io.Discard, "", 0)

// TestAnswers tests the errors of unsuccessful answers.
func TestAnswers(t *testing.T) {
	const request = "GET /1.0/instances/c1"
	const notIncus = "the answer to GET /1.0/instances/c1 isn't what Incus sends: "
	page := "<html><head><title>502 Bad Gateway</title></head><body><h1>Not found: already exists</h1></body></html>"
	for name, test := range map[string]struct {
		step    step
		class   *errors.Class
		status  int
		message string
		cause   error // nil for any
	}{
		"not found":           {step{status: 404, body: errorBody(404, "Instance not found")}, errors.NotFound, 404, "Instance not found", nil},
		"status in text only": {step{status: 500, body: errorBody(500, `Instance "c1" already exists`)}, errors.Conflict, 500, `Instance "c1" already exists`, nil},
		"error under 200":     {step{body: errorBody(423, "the pool is in use")}, errors.Busy, 423, "the pool is in use", nil},
		"body knows better":   {step{status: 500, body: errorBody(404, "No such object")}, errors.NotFound, 404, "No such object", nil},
		"empty error text":    {step{status: 400, body: errorBody(400, "")}, errors.BadRequest, 400, `{"error":"","error_code":400,"metadata":null,"operation":"","status":"","status_code":0,"type":"error"}`, nil},
		"proxy's page":        {step{status: 502, body: page}, errors.Unavailable, 502, "502 Bad Gateway", nil},
		"nginx's page": {step{status: 503, header: map[string]string{"Server": "nginx/1.22.1", "Content-Type": "text/html"},
			body: "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"},
			errors.Unavailable, 503, "nginx: 503 Service Temporarily Unavailable", nil},
		"page without title":  {step{status: 502, body: "<!DOCTYPE html><head><style>b { }</style></head><script>x</script><!-- y -->\n<h1>No <b>upstream</b> &amp; no\x1b luck</h1><p>Sorry</p>"}, errors.Unavailable, 502, "No upstream & no luck", nil},
		"page of haproxy":     {step{status: 504, body: "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>"}, errors.Unavailable, 504, "504 Gateway Time-out", nil},
		"page that names it":  {step{status: 500, header: map[string]string{"Server": "Caddy"}, body: "<title>caddy failed</title>"}, errors.Server, 500, "caddy failed", nil},
		"page without text":   {step{status: 500, body: "<html><hr></html>"}, errors.Server, 500, "<html><hr></html>", nil},
		"page without an end": {step{status: 500, body: "<html><title>" + strings.Repeat("<", 600)}, errors.Server, 500, strings.Repeat("<", 500) + "…", nil},
		"gateway":             {step{status: 503, body: "no healthy upstream"}, errors.Unavailable, 503, "no healthy upstream", nil},
		"plain HTTP to HTTPS": {step{status: 400, body: "Client sent an HTTP request to an HTTPS server.\n"}, errors.BadRequest, 400, "Client sent an HTTP request to an HTTPS server.", nil},
		"error without body":  {step{status: 500}, errors.Server, 500, "Internal Server Error", nil},
		"odd status":          {step{status: 599}, errors.Server, 599, "the server gives no reason", nil},
		"long text":           {step{status: 500, body: strings.Repeat("é", 100000)}, errors.Server, 500, strings.Repeat("é", 500) + "…", nil},
		"control characters":  {step{status: 500, body: " \x1b[31mred\x00\xff\n"}, errors.Server, 500, "[31mred", nil},
		"other JSON":          {step{status: 404, body: `{"message": "nope", "token": "abc"}`}, errors.NotFound, 404, `{"message":"nope","token":"[redacted]"}`, nil},
		"code as a string":    {step{status: 404, body: `{"type":"error","error":"gone","error_code":"404"}`}, errors.NotFound, 404, "gone", nil},
		"error as an object":  {step{status: 404, body: `{"type":"error","error":{"a":1},"error_code":404}`}, errors.NotFound, 404, `{"error":{"a":1},"error_code":404,"type":"error"}`, nil},
		"success that failed": {step{status: 500, body: syncBody(`{}`)}, errors.Server, 500, `{"error":"","error_code":0,"metadata":{},"operation":"","status":"Success","status_code":200,"type":"sync"}`, nil},
		"redirect":            {step{status: 301, header: map[string]string{"Location": "https://elsewhere/?secret=abc"}}, errors.API, 301, "the server sends this request elsewhere, which is not followed", nil},

		"not JSON":           {step{body: "<html>hello</html>"}, errors.Connection, 0, notIncus + "invalid character '<' at start of value", nil},
		"empty":              {step{}, errors.Connection, 0, notIncus + "the body is empty", nil},
		"no content":         {step{status: 204}, errors.Connection, 0, notIncus + "the body is empty", nil},
		"white space":        {step{body: " \n"}, errors.Connection, 0, notIncus + "the body is empty", nil},
		"null":               {step{body: "null"}, errors.Connection, 0, notIncus + "the body is null, not an object", nil},
		"list":               {step{body: "[1, 2]"}, errors.Connection, 0, notIncus + "the body is a list, not an object", nil},
		"string":             {step{body: `"secret"`}, errors.Connection, 0, notIncus + "the body is a string, not an object", nil},
		"number":             {step{body: `1`}, errors.Connection, 0, notIncus + "the body is a number, not an object", nil},
		"truncated JSON":     {step{body: `{"type":"sync","metadata":{"a":`}, errors.Connection, 0, notIncus + "unexpected EOF within \"/metadata/a\" after offset 31", io.ErrUnexpectedEOF},
		"malformed metadata": {step{body: `{"type":"sync","metadata":{"a":tru}}`}, errors.Connection, 0, notIncus + "invalid character '}' in literal true (expecting 'e') within \"/metadata/a\" after offset 34", nil},
		"two values":         {step{body: `{"type":"sync"} {}`}, errors.Connection, 0, notIncus + "more after the object (byte 16)", nil},
		"no type":            {step{body: `{"metadata":{}}`}, errors.Connection, 0, notIncus + `the field "type" is missing`, nil},
		"type null":          {step{body: `{"type":null}`}, errors.Connection, 0, notIncus + `the field "type" is missing`, nil},
		"unknown type":       {step{body: `{"type":"stream"}`}, errors.Connection, 0, notIncus + `the type "stream" is unknown`, nil},
		"type as a number":   {step{body: `{"type":1}`}, errors.Connection, 0, notIncus + `the field "type" is a number, not a string`, nil},
		"error code unusable": {step{body: `{"type":"error","error":"oh","error_code":"500"}`}, errors.Connection, 0,
			notIncus + `the field "error_code" is a string, not a number`, nil},
		"error code odd":       {step{body: errorBody(7, "oh")}, errors.Connection, 0, notIncus + "the error code is 7: oh", nil},
		"async without object": {step{status: 202, body: asyncBody("null")}, errors.Connection, 0, notIncus + "the operation is missing", nil},
		"async, odd operation": {step{status: 202, body: `{"type":"async","operation":[],"metadata":{}}`}, errors.Connection, 0,
			notIncus + `the field "operation" is a list, not a string`, nil},
		"async, odd status": {step{status: 202, body: asyncBody(`{"id":"x","status_code":"103"}`)}, errors.Connection, 0,
			notIncus + "the operation can't be read: json: cannot unmarshal string into Go struct field State.status_code of type int", nil},
		"async, no status": {step{status: 202, body: asyncBody(`{"id":"x"}`)}, errors.Connection, 0, notIncus + "the operation has no status_code", nil},
		"async, no id":     {step{status: 202, body: `{"type":"async","metadata":{"status_code":103}}`}, errors.Connection, 0, notIncus + "the operation has no id", nil},

		"cut body": {step{body: `{"type":"sync",`, announce: 100}, errors.Connection, 0,
			"the connection to SERVER broke before the answer was complete: unexpected EOF", io.ErrUnexpectedEOF},
		"cut header": {step{raw: "HTTP/1.1 200 OK\r\n"}, errors.Connection, 0,
			"the connection to SERVER broke before the answer was complete: unexpected EOF", io.ErrUnexpectedEOF},
		"announced too large": {step{body: "{", announce: 2000}, errors.Connection, 0,
			"the answer to GET /1.0/instances/c1 is too large", nil},
		"too large": {step{body: strings.Repeat(" ", 5000)}, errors.Connection, 0,
			"the answer to GET /1.0/instances/c1 is too large", nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.step.want = request
			f := newFake(t, test.step)
			c := f.client(nil)
			limit := int64(1000)
			if strings.Contains(name, "text") {
				limit = 0
			}
			_, err := c.Do(t.Context(), Request{Path: "/1.0/instances/c1", MaxBytes: limit})
			e := asError(t, err)
			message := strings.ReplaceAll(test.message, "SERVER", "the Incus socket "+f.socket)
			if e.Class != test.class || e.Status != test.status || e.Message != message {
				t.Errorf("got  %s (%d): %s\nwant %s (%d): %s", e.Class, e.Status, e.Message, test.class, test.status, message)
			}
			if e.Method != "GET" || e.Path != "/1.0/instances/c1" {
				t.Errorf("the request is %s %s", e.Method, e.Path)
			}
			if test.cause != nil && !errors.Is(err, test.cause) {
				t.Errorf("the cause is %v, want %v", e.Cause, test.cause)
			}
			if e.Class == errors.Connection && e.Cause == nil {
				t.Error("there is no cause")
			}
		})
	}
}

// TestTooLargeCloses checks that the rest of an oversized body is not read.
func TestTooLargeCloses(t *testing.T) {
	ended := make(chan error, 1)
	f := newFake(t, step{want: "GET /1.0", serve: func(w http.ResponseWriter, r *http.Request) {
		var err error
		for err == nil { // until the client hangs up
			_, err = w.Write(bytes.Repeat([]byte(" "), 1<<16))
		}
		ended <- err
	}})
	_, err := f.client(nil).Do(t.Context(), Request{Path: "/1.0"})
	if e := asError(t, err); e.CauseMessage() != "the body is larger than the limit of 16 MiB" {
		t.Error(e)
	}
	if <-ended == nil {
		t.Error("the connection was not closed")
	}
}

// TestResponse checks that an error has the whole body, with exact numbers and without secrets.
func TestResponse(t *testing.T) {
	f := newFake(t, step{want: "GET /1.0", status: 400, body: `{"type":"error","error":"no","error_code":400,
		"metadata":{"big":12345678901234567890,"fds":{"0":"abc"},"list":[{"secret":"abc","password":null}],"token":"abc"}}`})
	_, err := f.client(nil).Do(t.Context(), Request{Path: "/1.0"})
	e := asError(t, err)
	want := decodeObject([]byte(`{"type":"error","error":"no","error_code":400,
		"metadata":{"big":12345678901234567890,"fds":"[redacted]","list":[{"secret":"[redacted]","password":null}],"token":"[redacted]"}}`))
	if diff := cmp.Diff(want, e.Response); diff != "" {
		t.Error(diff)
	}
}

// TestForbidden checks that the class of a 403 depends on whether the server trusts the client.
func TestForbidden(t *testing.T) {
	forbidden := step{want: "GET /1.0/profiles", status: 403, body: errorBody(403, "not authorized")}
	for name, test := range map[string]struct {
		server step
		class  *errors.Class
	}{
		"trusted":          {step{body: syncBody(`{"auth":"trusted"}`)}, errors.Permission},
		"untrusted":        {step{body: syncBody(`{"auth":"untrusted"}`)}, errors.Authentication},
		"also forbidden":   {step{status: 403, body: errorBody(403, "not authorized")}, errors.Permission},
		"forbidden in 200": {step{body: errorBody(403, "not authorized")}, errors.Permission},
		"broken":           {step{raw: "HTTP/1.1"}, errors.Permission},
		"odd":              {step{body: syncBody(`[]`)}, errors.Permission},
	} {
		t.Run(name, func(t *testing.T) {
			test.server.want = "GET /1.0"
			_, err := newFake(t, forbidden, test.server).client(nil).Do(t.Context(), Request{Path: "/1.0/profiles"})
			if e := asError(t, err); e.Class != test.class || e.Status != 403 || e.Message != "not authorized" || e.Path != "/1.0/profiles" {
				t.Errorf("got %v of %s", e, e.Path)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	text := `{"type":"error","error_code":500,"error":"this is a user's file"}`
	f := newFake(t,
		step{want: "GET /1.0/instances/c1/files?path=%2Fa", body: text, header: map[string]string{"X-Incus-type": "file"}},
		step{want: "GET /1.0/instances/c1/files?path=%2Fb", status: 404, body: errorBody(404, "File not found")},
	)
	c := f.client(nil)
	request := Request{Path: "/1.0/instances/c1/files", Query: map[string][]string{"path": {"/a"}}}
	body, reply, err := c.Raw(t.Context(), request)
	if err != nil || string(body) != text || reply.Header.Get("X-Incus-type") != "file" {
		t.Errorf("got %q, %+v, %v", body, reply, err)
	}
	request.Query.Set("path", "/b")
	if _, _, err = c.Raw(t.Context(), request); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	f := newFake(t,
		step{want: "GET /1.0/a", body: "whole"},
		step{want: "GET /1.0/b", body: "part", announce: 100},
		step{want: "GET /1.0/c", status: 404, body: errorBody(404, "Image not found")},
		step{want: "GET /1.0/a", serve: func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
	)
	c := f.client(nil)
	body, reply, err := c.Open(t.Context(), Request{Path: "/1.0/a"})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(body); string(all) != "whole" || err != nil || reply.Status != 200 {
		t.Errorf("got %q, %v", all, err)
	}
	body.Close()

	body, _, err = c.Open(t.Context(), Request{Path: "/1.0/b"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(body)
	if e := asError(t, err); e.Class != errors.Connection || e.Path != "/1.0/b" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	body.Close()

	if _, _, err = c.Open(t.Context(), Request{Path: "/1.0/c"}); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}

	if body, _, err = c.Open(t.Context(), Request{Path: "/1.0/a"}); err != nil {
		t.Fatal(err)
	}
	body.Close() // ends the handler of the server, for which the fake waits
}
