package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/value"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A reportedError is a report for machines. What no server said is null. Besides the classes that scripts know, class
// may be SyntaxError, where errors lists them all; UsageError; Exit, which is die's; Interrupt, Timeout, StepLimit,
// MemoryLimit and OutputClosed, which scripts can't hold; and InternalError.
type reportedError struct {
	Context     string           `json:"context,omitempty"` // why it is reported although the script went on
	Class       string           `json:"class"`
	Message     string           `json:"message"`
	Status      *int             `json:"status"`
	Response    any              `json:"response"`
	OperationID *string          `json:"operation_id"`
	Method      *string          `json:"method"`
	Path        *string          `json:"path"`
	Object      *reportedObject  `json:"object"`
	Outcome     *string          `json:"outcome"`
	Fields      map[string]any   `json:"fields,omitempty"` // what the class or the script added
	Cause       *reportedError   `json:"cause"`
	Notes       []string         `json:"notes,omitempty"`
	Running     []reportedWork   `json:"still_running,omitempty"`      // on the server
	Ended       []reportedWork   `json:"done_after_stop,omitempty"`    // the same
	Unfinished  []string         `json:"unfinished_cleanup,omitempty"` // the calls that were cut short, or never made
	Errors      []reportedSyntax `json:"errors,omitempty"`
	Frames      []reportedFrame  `json:"frames"` // the most recent call last
	Tasks       []reportedTask   `json:"tasks"`  // of parallel, the innermost last
	ExitStatus  *int             `json:"exit_status,omitempty"`
}

// A reportedObject is what an error is about.
type reportedObject struct {
	Kind string  `json:"kind"`
	Name *string `json:"name"`
}

// A reportedFrame is a call in a script, and the builtins that it called; or it stands for many that were left out.
type reportedFrame struct {
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Function string   `json:"function,omitempty"`
	Source   string   `json:"source,omitempty"`
	Builtins []string `json:"builtins,omitempty"`
	Elided   int      `json:"elided,omitempty"`
}

// A reportedWork is what the server goes on with.
type reportedWork struct {
	Description string  `json:"description"` // such as "creating instance web"
	OperationID *string `json:"operation_id"`
}

type reportedSyntax struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Source  string `json:"source"`
}

// A reportedTask is one item of a call of parallel; Index counts from 0.
type reportedTask struct {
	Index int    `json:"index"`
	Count int    `json:"count"`
	Item  string `json:"item"`
}

// reportJSON is a report as one line of JSON; empty where there is nothing to report.
func (h *Host) reportJSON(context string, err error) string {
	r := h.describe(err)
	if r == nil {
		return ""
	}
	r.Context = strings.TrimSuffix(context, ":")
	if context == "" {
		status := ExitStatus(err)
		r.ExitStatus = &status
	}
	line, err := lineOf(r)
	if err != nil {
		// What a script or a server gave can't be written as JSON, such as an infinite number.
		for e := r; e != nil; e = e.Cause {
			e.Fields, e.Response = nil, nil
		}
		line, _ = lineOf(r)
	}
	return line
}

func lineOf(v any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return string(printable.JSON(b.Bytes())), err
}

func (h *Host) describe(err error) *reportedError {
	var exit *ExitError
	var internal *internalError
	var usage *UsageError
	var parse syntax.Error
	var names resolve.ErrorList
	running, ended := reportedRunning(err, false), reportedRunning(err, true)
	cut := cutOf(err)
	switch {
	case err == nil, errors.As(err, &exit) && exit.Message == "" && running == nil && ended == nil:
		return nil
	case exit != nil:
		return &reportedError{Class: "Exit", Message: exit.Message, Running: running, Ended: ended, Frames: []reportedFrame{}, Tasks: []reportedTask{}}
	}
	r := &reportedError{Class: errors.Script.Name(), Notes: notesOf(err)}
	stop, failure := stopOf(err), failureOf(err)
	switch {
	case errors.As(err, &internal):
		r.Class, r.Message = "InternalError", internal.Error()
	case stop != nil:
		r.Class, r.Message = stopClass(stop), stop.Error()
		err = stop
	case errors.As(err, &usage) && len(stackOf(err)) == 0:
		r.Class, r.Message = "UsageError", usage.Error()
	case failure != nil:
		r = h.describeValue(valueOf(h, err, failure))
		r.Notes = notesOf(err)
	case errors.As(err, &parse):
		h.addSyntax(r, []resolve.Error{{Pos: parse.Pos, Msg: parse.Msg}})
	case errors.As(err, &names):
		h.addSyntax(r, names)
	default:
		r.Message = ownMessage(err)
	}
	h.addStack(r, stackOf(err))
	r.Running, r.Ended, r.Unfinished = running, ended, cut
	return r
}

// reportedRunning returns what the server goes on with, or what it has ended after the stop.
func reportedRunning(err error, ended bool) []reportedWork {
	var out []reportedWork
	for _, one := range runningOf(err) {
		if one.Ended == ended {
			out = append(out, reportedWork{one.Description, stringOrNull(one.OperationID)})
		}
	}
	return out
}

// valueOf is the value that a failure in a chain would have in a script.
func valueOf(h *Host, err error, failure *errors.Error) *errorValue {
	var r *raised
	if errors.As(err, &r) && r.value.err == failure {
		return r.value
	}
	return &errorValue{host: h, err: failure}
}

// stopClass is what stopped a run. A cause that a program gave may say it itself.
func stopClass(stop *stopError) string {
	var own interface{ ReportClass() string }
	switch {
	case errors.As(stop.cause, &own):
		return own.ReportClass()
	case errors.Is(stop, ErrTimeout):
		return "Timeout"
	case errors.Is(stop, ErrSteps):
		return "StepLimit"
	}
	return "Interrupt"
}

// describeValue is an error with its causes, without the place where it was raised last.
func (h *Host) describeValue(v *errorValue) *reportedError {
	e := v.err
	r := &reportedError{Class: e.Class.Name(), Message: e.Message, Response: e.Response, OperationID: stringOrNull(e.OperationID),
		Method: stringOrNull(e.Method), Path: stringOrNull(e.Path), Outcome: stringOrNull(string(e.Outcome)), Frames: []reportedFrame{}, Tasks: []reportedTask{}}
	if e.Status != 0 {
		r.Status = &e.Status
	}
	if e.Object != nil {
		r.Object = &reportedObject{e.Object.Kind, stringOrNull(e.Object.Name)}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		field := e.Fields[name]
		if s, ok := field.(starlark.Value); ok {
			var err error
			if field, err = value.ToGo(s); err != nil {
				field = s.String()
			}
		}
		if r.Fields == nil {
			r.Fields = make(map[string]any)
		}
		r.Fields[name] = field
	}
	if cause := v.causeValue(); cause != nil {
		r.Cause = h.describeValue(cause)
		if cause.trace != nil {
			h.addStack(r.Cause, stackOf(cause.trace))
		}
	}
	return r
}

func stringOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// maxReported is how many errors of a script a report for machines lists.
const maxReported = 100

func (h *Host) addSyntax(r *reportedError, list []resolve.Error) {
	r.Class = "SyntaxError"
	for i, e := range list {
		if i == maxReported {
			r.Notes = append(r.Notes, fmt.Sprintf("and %s more errors", printable.Count(len(list)-i)))
			break
		}
		r.Errors = append(r.Errors, reportedSyntax{e.Pos.Filename(), int(e.Pos.Line), int(e.Pos.Col), e.Msg, h.source(e.Pos)})
	}
	r.Message = list[0].Error()
}

// addStack adds the frames and tasks of a stack, without the middle of a long one.
func (h *Host) addStack(r *reportedError, stack starlark.CallStack) {
	r.Frames, r.Tasks = []reportedFrame{}, []reportedTask{}
	places := placesOf(stack)
	left := len(places) - 2*endPlaces
	for i, at := range places {
		frame := reportedFrame{File: at.pos.Filename(), Line: int(at.pos.Line), Column: int(at.pos.Col), Function: at.function, Source: h.source(at.pos)}
		if at.pos.Line == 0 {
			frame = reportedFrame{}
		}
		for _, name := range at.builtins {
			if t, ok := readTask(name); ok {
				r.Tasks = append(r.Tasks, t)
			} else {
				frame.Builtins = append(frame.Builtins, name)
			}
		}
		switch {
		case left > 1 && i == endPlaces:
			r.Frames = append(r.Frames, reportedFrame{Elided: left})
		case left > 1 && i > endPlaces && i < endPlaces+left:
		default:
			r.Frames = append(r.Frames, frame)
		}
	}
	if most := 2 * endPlaces; len(r.Tasks) > most {
		r.Tasks = r.Tasks[len(r.Tasks)-most:]
	}
}

func (h *Host) source(pos syntax.Position) string {
	return strings.TrimSpace(secret.Mask(h.sources.line(pos.Filename(), int(pos.Line))))
}
