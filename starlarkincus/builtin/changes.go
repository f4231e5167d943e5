package builtin

// Changes counts the changes that calls have asked servers for.
type Changes struct {
	// Sent counts those that a server accepted or may have accepted, Done those that are known to be made.
	Sent, Done int

	into *Changes // the count that these were added to; nil before
}

// AddTo adds the changes to another count.
func (c *Changes) AddTo(into *Changes) {
	into.Sent += c.Sent
	into.Done += c.Done
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
