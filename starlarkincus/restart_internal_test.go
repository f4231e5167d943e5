package starlarkincus

import (
	"testing"
	"time"
)

// SetRestartTime shortens the time in which a server that is away may have been started again, until the end of the test.
func SetRestartTime(t *testing.T, d time.Duration) {
	before := restartTime
	restartTime = d
	t.Cleanup(func() { restartTime = before })
}
