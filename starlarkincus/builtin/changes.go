package builtin

// Changes counts the changes that calls have asked servers for, and the calls that need a person.
type Changes struct {
	// Sent counts those that a server accepted or may have accepted, Done those that are known to be made.
	Sent, Done int
	// Typed counts the calls that connect the terminal with a shell or a console.
	Typed int

	into *Changes // the count that these were added to; nil before
}

// AddTo adds the counts to others.
func (c *Changes) AddTo(into *Changes) {
	into.Sent += c.Sent
	into.Done += c.Done
	into.Typed += c.Typed
	c.into = into
}

// Refused removes a change that turned out to be refused, from this count and from those that it was added to.
func (c *Changes) Refused() {
	for ; c != nil; c = c.into {
		c.Sent--
	}
}

// Retry begins calls that are repeated after a failure that allows it, and counts their changes apart from the earlier ones. The
// caller must call join at the end.
func (b *Binding) Retry() (own *Changes, join func()) {
	outer, before := b.Changes, b.Retries
	b.Changes, b.Retries = new(Changes), true
	own = b.Changes
	return own, func() {
		own.AddTo(outer)
		b.Changes, b.Retries = outer, before
	}
}
