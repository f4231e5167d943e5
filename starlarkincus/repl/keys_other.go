//go:build !unix || solaris || aix || illumos

package repl

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/peterh/liner"
)

// keys lets the line editor read the terminal directly on these systems: pasted text counts as typed.
type keys struct {
	file                     *os.File
	refused, resume, suspend func()
	left                     atomic.Bool
}

var continued, resizes []os.Signal

func newKeys(terminal *os.File) (*keys, error) { return &keys{file: terminal}, nil }

func (k *keys) waiting() bool           { return false }
func (k *keys) start(string, int, bool) {}
func (k *keys) stop()                   {}
func (k *keys) interrupt()              {}
func (k *keys) inject(string)           {}
func (k *keys) gone() bool              { return false }
func (k *keys) block() string           { return "" }
func (k *keys) inFront() bool           { return true }
func (k *keys) leave()                  {}
func (k *keys) stopProcess()            {}
func (k *keys) end()                    {}
func (k *keys) hold()                   {}
func (k *keys) release()                {}
func (k *keys) interrupted() bool       { return false }
func (k *keys) drain()                  {}
func (k *keys) give() []byte            { return nil }
func (k *keys) close()                  {}

func (k *keys) signalsAs(liner.ModeApplier, io.Writer) {}

func withoutSignals(liner.ModeApplier) {}

func withFlow(_, _ liner.ModeApplier) {}
