package cli

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"os"
	"regexp"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"incus-star/starlarkincus/internal/terminal"

	"github.com/spf13/pflag"
)

// A memoryLimit is the value of --max-memory, and the error of a script that exceeds it.
type memoryLimit struct {
	bytes uint64 // 0 for no limit
	text  string
}

var _ pflag.Value = (*memoryLimit)(nil)

// ExitStatus returns the exit status, which is that of a timeout.
func (memoryLimit) ExitStatus() int { return 124 }

// ReportClass returns the class under --error-format json.
func (memoryLimit) ReportClass() string { return "MemoryLimit" }

func (m memoryLimit) Error() string  { return "the memory limit is reached: " + m.text }
func (m memoryLimit) String() string { return m.text }
func (memoryLimit) Type() string     { return "size" }

// memoryUnits are the units of sizes in Incus.
var memoryUnits = map[string]uint64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

var memorySize = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+)([A-Za-z]*)$`) })

// minMemory is the memory of the command itself, with room for a small script.
const minMemory = 32 << 20

// Set parses a size.
func (m *memoryLimit) Set(s string) error {
	parts := memorySize().FindStringSubmatch(s)
	if parts == nil || memoryUnits[parts[2]] == 0 {
		return fmt.Errorf("want a size such as 512MiB or 2GiB")
	}
	n, _ := new(big.Int).SetString(parts[1], 10)
	n.Mul(n, new(big.Int).SetUint64(memoryUnits[parts[2]]))
	if !n.IsInt64() || n.Int64() < minMemory {
		return fmt.Errorf("want at least 32MiB")
	}
	*m = memoryLimit{n.Uint64(), s}
	return nil
}

// watch returns a context that ends when the process uses more memory than the limit. A single call of a builtin can't
// be interrupted: so if memory then grows by another quarter of the limit, or is at twice the limit already, watch ends
// the process, before the kernel kills this or another one. Stop ends the watch, but not the kernel's limit of four
// times as much, and some for the runtime. A limit of 0 is none.
func (m memoryLimit) watch(ctx context.Context, stderr io.Writer) (_ context.Context, stop func()) {
	if m.bytes == 0 {
		return ctx, func() {}
	}
	// Near the limit Go collects garbage, so that garbage doesn't count.
	before := debug.SetMemoryLimit(int64(m.bytes))
	refuseBeyond(4 * min(m.bytes, 1<<60))
	ctx, cancel := context.WithCancelCause(ctx)
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		deadly := 2 * uint64(m.bytes)
		for {
			select {
			case <-end:
				return
			case <-tick.C:
			}
			used := memoryUsed()
			if used > deadly {
				fmt.Fprintf(stderr, "incus-star: %v, by far: given up, clean-up was not run\n", m.Error())
				terminal.Restore()
				os.Exit(m.ExitStatus())
			}
			if used > uint64(m.bytes) && ctx.Err() == nil {
				cancel(m)
				deadly = used + uint64(m.bytes)/4
			}
		}
	}()
	return ctx, func() {
		close(end)
		<-done
		cancel(nil)
		debug.SetMemoryLimit(before)
	}
}

// memoryUsed returns the memory that Go's runtime has obtained from the system and not returned, as for its own limit.
func memoryUsed() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
