package rest

import (
	"testing"

	"incus-star/errors"
)

// TestWaitForAnAbsentMember checks that a wait goes on while the member that runs the operation is unavailable.
func TestWaitForAnAbsentMember(t *testing.T) {
	const get = "GET " + opPath
	away := errorBody(500, "Target cluster member is unavailable")
	for name, test := range map[string]struct {
		steps   []step
		class   *errors.Class // nil for success
		outcome errors.Outcome
	}{
		"it is back": {[]step{{want: waitRequest, status: 500, body: away}, {want: waitRequest, status: 500, body: errorBody(500, "Server isn't ready yet")},
			{want: waitRequest, body: syncBody(operation(200, "", "null"))}}, nil, ""},
		"it has forgotten the operation": {[]step{{want: waitRequest, status: 500, body: away}, {want: waitRequest, status: 404, body: errorBody(404, "Operation not found")}},
			errors.Unavailable, ""},
		"it was lost in the middle of the wait": {[]step{{want: waitRequest, body: errorBody(400, "unexpected EOF")}, {want: get, status: 500, body: away},
			{want: waitRequest, body: syncBody(operation(200, "", "null"))}}, nil, ""},
		"it was lost and has forgotten the operation": {[]step{{want: waitRequest, body: errorBody(400, "unexpected EOF")}, {want: get, status: 500, body: away},
			{want: waitRequest, body: errorBody(404, "Operation not found")}, {want: get, status: 404, body: errorBody(404, "Operation not found")}},
			errors.Unavailable, errors.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newFake(t, test.steps...).client(nil).Operation(opPath).Wait(t.Context())
			if test.class == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := asError(t, err); !errors.Is(e, test.class) || e.OperationID != opID || e.Outcome != test.outcome {
				t.Errorf("%+v, %q", e, e.Outcome)
			}
		})
	}
}
