package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"
)

// A durationFlag is the value of a flag for a time. Unlike the flag library's own, its error for a number without a
// unit shows one with it.
type durationFlag time.Duration

func (d *durationFlag) Set(text string) error {
	if _, err := strconv.ParseFloat(text, 64); err == nil && text != "0" {
		return fmt.Errorf("a time needs a unit: write %ss, or %[1]sm for minutes", text)
	}
	parsed, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("want a time such as 90s, 10m or 1h30m")
	case parsed < 0:
		return fmt.Errorf("%v is negative", parsed)
	}
	*d = durationFlag(parsed)
	return nil
}

func (d *durationFlag) String() string { return time.Duration(*d).String() }
func (d *durationFlag) Type() string   { return "duration" }

// durationVar defines a flag for a time that is not negative.
func durationVar(set *pflag.FlagSet, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	set.Var((*durationFlag)(d), name, usage)
}
