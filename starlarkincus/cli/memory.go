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
	"time"

	"github.com/spf13/pflag"
)

// A memoryLimit is how much memory --max-memory allows; as an error, its end. Its status is that of a time that is over.
type memoryLimit struct {
	bytes uint64 // 0: all
	text  string
}

var _ pflag.Value = (*memoryLimit)(nil)

func (memoryLimit) ExitStatus() int { return 124 }

// ReportClass is what --error-format json calls it.
func (memoryLimit) ReportClass() string { return "MemoryLimit" }

func (m memoryLimit) Error() string  { return "the memory limit is reached: " + m.text }
func (m memoryLimit) String() string { return m.text }
func (memoryLimit) Type() string     { return "size" }

// memoryUnits are those of Incus.
var memoryUnits = map[string]uint64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

var memorySize = regexp.MustCompile(`^([0-9]+)([A-Za-z]*)$`)

// minMemory is what the command itself needs, with room for a small script.
const minMemory = 32 << 20

func (m *memoryLimit) Set(s string) error {
	parts := memorySize.FindStringSubmatch(s)
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

// watch gives a context that ends when the process uses more memory than the limit allows. A call of one builtin
// can't be ended: where memory grows on by a quarter of the limit, or has grown to twice the limit at once, the process
// ends, before the kernel kills it or another. Stop ends the watch; that the kernel refuses four times the limit stays.
// A limit of 0 allows all.
func (m memoryLimit) watch(ctx context.Context, stderr io.Writer) (_ context.Context, stop func()) {
	if m.bytes == 0 {
		return ctx, func() {}
	}
	// Garbage doesn't count: near the limit it's collected.
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

// memoryUsed is what Go's runtime has from the system and hasn't given back: what its own limit goes by.
func memoryUsed() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
