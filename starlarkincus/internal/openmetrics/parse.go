// Package openmetrics parses the text format of OpenMetrics, and that of Prometheus, from which it comes.
//
// The parser of Prometheus itself isn't used, because the protocol buffers in it would make the binary 2.5 MB larger. Tests
// compare the samples with its own.
package openmetrics

import (
	"fmt"
	"strconv"
	"strings"

	"incus-star/errors"
)

// A Sample is one value of a metric.
type Sample struct {
	Name   string
	Labels []Label
	Value  float64
	Type   string // of the metric: counter, gauge, …; empty if unknown
	Help   string // of the metric
}

// A Label is a name with its value.
type Label struct{ Name, Value string }

// A family is the type and the help of a metric.
type family struct{ kind, help string }

// suffixes are the suffixes of sample names after the name of their metric.
var suffixes = []string{"_total", "_bucket", "_count", "_sum", "_created", "_info"}

// Parse returns the samples of a text, in order, without timestamps and exemplars.
func Parse(text string) ([]Sample, error) {
	families := make(map[string]*family)
	var samples []Sample
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if comment, is := strings.CutPrefix(strings.TrimLeft(line, " \t"), "#"); is {
			describe(families, strings.TrimLeft(comment, " \t"))
			continue
		}
		if strings.Trim(line, " \t") == "" {
			continue
		}
		sample, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if f := familyOf(families, sample.Name); f != nil {
			sample.Type, sample.Help = f.kind, f.help
		}
		samples = append(samples, sample)
	}
	return samples, nil
}

// describe parses a comment, which may contain the type or the help of a metric.
func describe(families map[string]*family, comment string) {
	word, rest, _ := strings.Cut(comment, " ")
	name, text, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
	if word != "HELP" && word != "TYPE" || name == "" {
		return
	}
	f := families[name]
	if f == nil {
		f = new(family)
		families[name] = f
	}
	if word == "TYPE" {
		f.kind = strings.Trim(text, " \t")
	} else {
		f.help = unescape(strings.TrimLeft(text, " \t"))
	}
}

// familyOf returns the description of a sample's metric; nil if there is none.
func familyOf(families map[string]*family, name string) *family {
	if f := families[name]; f != nil {
		return f
	}
	for _, suffix := range suffixes {
		if f := families[strings.TrimSuffix(name, suffix)]; f != nil {
			return f
		}
	}
	return nil
}

func parseSample(line string) (Sample, error) {
	line = strings.TrimLeft(line, " \t")
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 {
		return Sample{}, fmt.Errorf("no value follows the name in %q", line)
	}
	s := Sample{Name: line[:end]}
	rest := strings.TrimLeft(line[end:], " \t")
	if strings.HasPrefix(rest, "{") {
		var err error
		if s.Labels, rest, err = parseLabels(rest[1:]); err != nil {
			return Sample{}, err
		}
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return Sample{}, fmt.Errorf("%s has no value", s.Name)
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // which gives an infinity
		return Sample{}, fmt.Errorf("%s: %q is no number", s.Name, fields[0])
	}
	s.Value = value
	return s, nil
}

// parseLabels parses labels and the closing brace.
func parseLabels(text string) (labels []Label, rest string, err error) {
	for {
		text = strings.TrimLeft(text, " \t,")
		if after, ended := strings.CutPrefix(text, "}"); ended {
			return labels, after, nil
		}
		name, value, found := strings.Cut(text, "=")
		value, quoted := strings.CutPrefix(strings.TrimLeft(value, " \t"), `"`)
		if !found || !quoted {
			return nil, "", fmt.Errorf("a label has no value in %q", text)
		}
		name = strings.Trim(name, " \t")
		if !isName(name) {
			return nil, "", fmt.Errorf("%q isn't the name of a label", name)
		}
		end := closing(value)
		if end < 0 {
			return nil, "", fmt.Errorf("the value of the label %q doesn't end", name)
		}
		labels = append(labels, Label{name, unescape(value[:end])})
		text = value[end+1:]
	}
}

// closing returns the position of the quote that ends a value; -1 if none does. A comma or the brace follows it.
// Incus doesn't escape other quotes, such as those in the path of a disk.
func closing(value string) int {
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			if rest := strings.TrimLeft(value[i+1:], " \t"); rest == "" || rest[0] == ',' || rest[0] == '}' {
				return i
			}
		}
	}
	return -1
}

// isName reports whether a text is the name of a label.
func isName(text string) bool {
	for i, r := range text {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

var unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

func unescape(text string) string { return unescaper.Replace(text) }
