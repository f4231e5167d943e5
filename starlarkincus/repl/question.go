package repl

// A question is what a source asks for: the next line of an entry.
type question struct {
	prompt  string
	before  string // the part of the entry read so far
	suggest string // the text that the line starts with, for editing
}

// A revision is the error of a source for a line that, with those before it, is to be edited as a whole, in an editor or
// line by line.
type revision struct {
	line   string
	byLine bool
}

func (*revision) Error() string { return "the entry is to be edited" }
