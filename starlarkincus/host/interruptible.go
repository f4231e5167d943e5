package host

// interruptible runs work that may wait for long and can't be cancelled, such as reading a pipe. If the thread's context ends
// first, it returns the cause, and the work goes on by itself.
func interruptible[T any](c *invocation, work func() (T, error)) (v T, err error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := work()
		done <- outcome{v, err}
	}()
	c.host().block(func() {
		select {
		case o := <-done:
			v, err = o.v, o.err
		case <-c.ctx.Done():
			err = causeOf(c.ctx)
		}
	})
	return v, err
}
