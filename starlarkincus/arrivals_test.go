package starlarkincus_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An arrival is a request received by the server.
type arrival struct {
	method, path, query string
	body                map[string]any
}

// operationID is the id of all operations in arrivals.
const operationID = "11111111-2222-3333-4444-000000000000"

// idDigits is the number of digits at the end of an operation's id that differ.
const idDigits = 12

// idOf returns the id of an operation by its number.
func idOf(n int) string {
	return fmt.Sprintf("%s%0*d", operationID[:len(operationID)-idDigits], idDigits, n)
}

// record adds a request to the log, unless it is about a forgotten operation.
func (a *answers) record(r arrival) {
	head, tail, found := strings.Cut(r.path, operationID[:len(operationID)-idDigits])
	if found && len(tail) >= idDigits {
		if n, _ := strconv.Atoi(tail[:idDigits]); n <= a.forgotten {
			return
		}
		r.path = head + operationID + tail[idDigits:]
	}
	a.log = append(a.log, r)
}

// forget drops the requests until now, and all later ones about the operations until now, which are sent in the background.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log, a.forgotten = nil, a.started
}

// take returns the requests since the last call.
func (a *answers) take() []arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.log
	a.log = nil
	return log
}

// await returns the requests since the last call of take or await, once they are complete, or after some seconds.
func (a *answers) await(complete func([]arrival) bool) []arrival {
	arrived := a.take()
	for deadline := time.Now().Add(time.Minute); !complete(arrived) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		arrived = append(arrived, a.take()...)
	}
	return arrived
}

// oneWebsocket leaves one of the requests for a command's websockets, before the wait: they are sent at the same time.
func oneWebsocket(all []arrival) []arrival {
	var out []arrival
	for _, r := range all {
		switch {
		case !isWebsocket(r):
			out = append(out, r)
		case !slices.ContainsFunc(out, isWebsocket):
			if n := len(out); n > 0 && isWait(out[n-1]) {
				out = append(out[:n-1], r, out[n-1])
			} else {
				out = append(out, r)
			}
		}
	}
	return out
}

func isWait(r arrival) bool { return strings.HasSuffix(r.path, "/wait") }

func isWebsocket(r arrival) bool { return strings.HasSuffix(r.path, "/websocket") }

// pattern compiles a path of the table into a regular expression.
func pattern(path string) *regexp.Regexp {
	if made, ok := patterns.Load(path); ok {
		return made.(*regexp.Regexp)
	}
	text := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(strings.Replace(path, "/{path}", "/.*", 1), "[^/]+")
	text = strings.Replace(text, "[/[^/]+]", "(?:/[^/]+)?", 1)
	made := regexp.MustCompile("^" + text + "$")
	patterns.Store(path, made)
	return made
}

var patterns sync.Map // of path to *regexp.Regexp

// reset restores the initial state and behavior.
func (a *answers) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made, a.empty, a.free, a.sync, a.busy, a.override, a.log = make(map[string]map[string]any), false, false, false, 0, nil, nil
	a.lacks, a.streamed, a.breaks = "", "", 0
	a.closeFiles()
	a.restoreFiles()
	a.failing, a.failed, a.result, a.texts = nil, "", nil, nil
}
