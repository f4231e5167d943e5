package starlarkincus

import "time"

// SetAnswerTimeout sets the time for answers after timeout=, and returns a function that sets it again.
func SetAnswerTimeout(d time.Duration) (undo func()) {
	before := answerTimeout
	answerTimeout = d
	return func() { answerTimeout = before }
}
