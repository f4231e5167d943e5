package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A reportedError is the JSON of a report. Fields that no server filled are null. Besides the classes that scripts know,
// class may be SyntaxError, with the list errors; UsageError; Exit, after die(); Interrupt, Timeout, StepLimit,
// MemoryLimit and OutputClosed, which scripts can't hold; and InternalError.
type reportedError struct {
	Context     string           `json:"context,omitempty"` // the reason for a report while the script goes on
	Class       string           `json:"class"`
	Message     string           `json:"message"`
	Status      *int             `json:"status"`
	Response    any              `json:"response"`
	OperationID *string          `json:"operation_id"`
	Method      *string          `json:"method"`
	Path        *string          `json:"path"`
	Object      *reportedObject  `json:"object"`
	Outcome     *string          `json:"outcome"`
	Remote      *string          `json:"remote"`
	Fields      map[string]any   `json:"fields,omitempty"` // added by the class or the script
	Cause       *reportedError   `json:"cause"`
	Notes       []string         `json:"notes,omitempty"`
	Running     []reportedWork   `json:"still_running,omitempty"`      // on the server
	Ended       []reportedWork   `json:"done_after_stop,omitempty"`    // the same
	Stopped     []reportedWork   `json:"ended_after_stop,omitempty"`   // commands in instances, and copies that were removed
	Left        []reportedWork   `json:"left_after_stop,omitempty"`    // unfinished objects
	Unknown     []reportedWork   `json:"unknown_after_stop,omitempty"` // operations, and requests without an answer
	Unfinished  []string         `json:"unfinished_cleanup,omitempty"` // calls
	Errors      []reportedSyntax `json:"errors,omitempty"`
	Frames      []reportedFrame  `json:"frames"` // the most recent call last
	Tasks       []reportedTask   `json:"tasks"`  // of parallel, the innermost last
	ExitStatus  *int             `json:"exit_status,omitempty"`
}

// A reportedObject is the object that an error concerns.
type reportedObject struct {
	Kind string  `json:"kind"`
	Name *string `json:"name"`
}

// A reportedFrame is a frame of a script with the builtins that it called, or the number of frames that were left out.
type reportedFrame struct {
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Function string   `json:"function,omitempty"`
	Source   string   `json:"source,omitempty"`
	Builtins []string `json:"builtins,omitempty"`
	Elided   int      `json:"elided,omitempty"`
}

// A reportedWork is an operation of the server that outlives the run.
type reportedWork struct {
	Description string  `json:"description"` // such as "creating instance web"
	OperationID *string `json:"operation_id"`
	Remote      *string `json:"remote"`
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

// json returns a report as one line of JSON.
func (p *Printer) json(r *Report) string {
	out := p.reported(r)
	line, err := JSONLine(out)
	if err != nil {
		// A value of a script or a server can't be written as JSON, such as an infinite number.
		for e := out; e != nil; e = e.Cause {
			e.Fields, e.Response = nil, nil
		}
		line, _ = JSONLine(out)
	}
	return line
}

// JSONLine returns a value as one line of JSON that is safe for a terminal.
func JSONLine(v any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return string(printable.JSON(b.Bytes())), err
}

func (p *Printer) reported(r *Report) *reportedError {
	out := &reportedError{Class: r.Class, Message: r.Message}
	if r.Error != nil {
		out = p.reportedError(r.Error, r.Causes, 0)
	}
	out.Context, out.Notes, out.Unfinished = r.Context, r.Notes, r.Unfinished
	if r.Mistakes != nil {
		p.addMistakes(out, r.Mistakes)
	}
	p.addFrames(out, r.Frames)
	for _, one := range r.Running {
		work := reportedWork{one.Description, stringOrNull(one.OperationID), stringOrNull(one.Remote)}
		switch {
		case one.Ended:
			out.Ended = append(out.Ended, work)
		case one.Left:
			out.Left = append(out.Left, work)
		case one.Unknown:
			out.Unknown = append(out.Unknown, work)
		case one.Stopped:
			out.Stopped = append(out.Stopped, work)
		default:
			out.Running = append(out.Running, work)
		}
	}
	if r.Context == "" {
		out.ExitStatus = &r.Status
	}
	return out
}

// reportedError returns an error at a depth of nesting, with its causes and the backtraces of these, without its own backtrace.
func (p *Printer) reportedError(e *errors.Error, causes [][]Frame, depth int) *reportedError {
	r := &reportedError{Class: e.Class.Name(), Message: e.Message, Response: e.Response, OperationID: stringOrNull(e.OperationID),
		Method: stringOrNull(e.Method), Path: stringOrNull(e.Path), Outcome: stringOrNull(string(e.Outcome)), Remote: stringOrNull(e.Remote), Frames: []reportedFrame{}, Tasks: []reportedTask{}}
	if e.Status != 0 {
		r.Status = &e.Status
	}
	if e.Object != nil {
		r.Object = &reportedObject{e.Object.Kind, stringOrNull(e.Object.Name)}
	}
	r.Fields = p.fields(e, depth)
	if cause := Cause(e); cause != nil {
		var frames []Frame
		if len(causes) > 0 {
			frames, causes = causes[0], causes[1:]
		}
		r.Cause = p.reportedError(cause, causes, depth+1)
		p.addFrames(r.Cause, frames)
	}
	return r
}

func stringOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// maxReported is the number of mistakes that JSON lists.
const maxReported = 100

func (p *Printer) addMistakes(r *reportedError, list []resolve.Error) {
	for i, e := range list {
		if i == maxReported {
			r.Notes = append(r.Notes, fmt.Sprintf("and %s more errors", printable.Count(len(list)-i)))
			break
		}
		r.Errors = append(r.Errors, reportedSyntax{e.Pos.Filename(), int(e.Pos.Line), int(e.Pos.Col), e.Msg, p.source(e.Pos)})
	}
}

// addFrames adds the frames and tasks of a backtrace, without the middle of a long one.
func (p *Printer) addFrames(r *reportedError, frames []Frame) {
	r.Frames, r.Tasks = []reportedFrame{}, []reportedTask{}
	left := elided(len(frames))
	for i, f := range frames {
		frame := reportedFrame{}
		if f.Pos.Line > 0 {
			frame = reportedFrame{File: f.Pos.Filename(), Line: int(f.Pos.Line), Column: int(f.Pos.Col), Function: f.Function, Source: p.source(f.Pos)}
		}
		for _, step := range f.Steps {
			if t := step.Task; t != nil {
				item := t.Item
				if text, err := strconv.Unquote(item); err == nil {
					item = text
				}
				r.Tasks = append(r.Tasks, reportedTask{t.Index, t.Count, item})
			} else {
				frame.Builtins = append(frame.Builtins, step.Builtin)
			}
		}
		switch {
		case left > 0 && i == endFrames:
			r.Frames = append(r.Frames, reportedFrame{Elided: left})
		case left > 0 && i > endFrames && i < endFrames+left, !f.placed():
		default:
			r.Frames = append(r.Frames, frame)
		}
	}
	if most := 2 * endFrames; len(r.Tasks) > most {
		r.Tasks = r.Tasks[len(r.Tasks)-most:]
	}
}

func (p *Printer) source(pos syntax.Position) string {
	return strings.TrimSpace(p.Sources.shown(pos))
}
