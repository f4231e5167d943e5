package errors

// An Outcome says what became of the change that a failed request was to make. It is empty for what changes nothing.
type Outcome string

const (
	// NotSent is a change that the server never got.
	NotSent Outcome = "not_sent"
	// Refused is a change that the server says it didn't make.
	Refused Outcome = "refused"
	// Done is a change that was made; what failed is a request after it.
	Done Outcome = "done"
	// Unknown is a change that may have been made, in whole or in part, or may still be made.
	Unknown Outcome = "unknown"
)

// Valid reports whether the outcome is one of the four, or empty.
func (o Outcome) Valid() bool {
	switch o {
	case "", NotSent, Refused, Done, Unknown:
		return true
	}
	return false
}
