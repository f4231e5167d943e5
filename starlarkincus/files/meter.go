package files

// A Meter shows the progress of a push or a pull. Its methods may be called from any goroutine.
type Meter interface {
	// Add adds copied bytes. They are negative for those that have to be copied again.
	Add(n int64)
	// Done ends the meter.
	Done()
}

// begin starts the meter of a push or a pull of total bytes, negative if unknown.
func (c *Call) begin(total int64) (done func()) {
	if c.Watch == nil {
		return func() {}
	}
	c.meter = c.Watch(total)
	return c.meter.Done
}

// count adds to the meter.
func (c *Call) count(n int) {
	if c.meter != nil {
		c.meter.Add(int64(n))
	}
}
