package starlarkincus

import (
	"math"
	"math/big"

	"incus-star/starlarkincus/internal/openmetrics"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// metrics reads and parses the server's metrics.
func metrics(c *invocation) (starlark.Value, error) {
	request := c.request(c.ref, "GET", nil)
	request.MaxBytes = maxList
	text, reply, err := c.ref.client.raw(c.ctx, request)
	if err != nil {
		return nil, err
	}
	samples, err := openmetrics.Parse(string(text))
	if err != nil {
		return nil, unreadable(request.Method, request.Path, reply, err)
	}
	out := make([]starlark.Value, len(samples))
	for i, s := range samples {
		out[i] = metricValue(s)
	}
	return starlark.NewList(out), nil
}

// metricValue returns a sample as a struct.
func metricValue(s openmetrics.Sample) starlark.Value {
	labels := starlark.NewDict(len(s.Labels))
	for _, label := range s.Labels {
		_ = labels.SetKey(starlark.String(label.Name), starlark.String(label.Value)) // can't fail: it isn't frozen
	}
	labels.Freeze()
	known := func(text string) starlark.Value {
		if text == "" {
			return starlark.None
		}
		return starlark.String(text)
	}
	return starlarkstruct.FromStringDict(starlark.String("Metric"), starlark.StringDict{
		"name": starlark.String(s.Name), "labels": labels, "value": number(s.Value), "type": known(s.Type), "help": known(s.Help)})
}

// number returns an int for a whole number, and a float for any other.
func number(v float64) starlark.Value {
	if v != math.Trunc(v) || math.IsInf(v, 0) {
		return starlark.Float(v)
	}
	whole, _ := big.NewFloat(v).Int(nil)
	return starlark.MakeBigInt(whole)
}
