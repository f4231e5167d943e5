package openmetrics

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var record = flag.String("record", "", "the file for the metrics that TestRealMetrics reads, with two samples of each")

// line describes a sample, to compare it.
func line(name string, labels []string, value float64, kind, help string) string {
	slices.Sort(labels)
	if math.IsNaN(value) {
		value = math.NaN() // one of them
	}
	return fmt.Sprintf("%s{%s} %v %s %s", name, strings.Join(labels, ","), value, kind, help)
}

// ours returns the samples of a text that this package finds.
func ours(t *testing.T, text string) []string {
	t.Helper()
	samples, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range samples {
		var labels []string
		for _, l := range s.Labels {
			labels = append(labels, fmt.Sprintf("%s=%q", l.Name, l.Value))
		}
		lines = append(lines, line(s.Name, labels, s.Value, s.Type, s.Help))
	}
	slices.Sort(lines)
	return lines
}

// theirs returns the samples of a text that the parser of Prometheus finds.
func theirs(t *testing.T, text string) []string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range families {
		for _, metric := range family.Metric {
			var labels []string
			for _, l := range metric.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue() + metric.GetUntyped().GetValue()
			lines = append(lines, line(family.GetName(), labels, value, strings.ToLower(family.GetType().String()), family.GetHelp()))
		}
	}
	slices.Sort(lines)
	return lines
}

// The files of testdata have two samples of each metric of a real server.
func TestParsersAgree(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := theirs(t, string(text))
		if diff := cmp.Diff(want, ours(t, string(text))); diff != "" || len(want) == 0 {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestRealMetrics compares the samples of the testbed's server, with one of an instance.
func TestRealMetrics(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	incus := func(args ...string) error {
		out, err := exec.Command("incus", args...).CombinedOutput()
		if err != nil {
			t.Errorf("incus %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return err
	}
	if incus("launch", os.Getenv("INCUS_STAR_TESTBED_IMAGE"), "metrics", "-q") != nil {
		return
	}
	t.Cleanup(func() { incus("delete", "-f", "metrics") })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"))
	}}}
	var text string
	for began := time.Now(); !strings.Contains(text, `name="metrics"`); time.Sleep(time.Second) { // the server caches them
		response, err := client.Get("http://incus/1.0/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(response.Status, err)
		}
		text = string(body)
		if time.Since(began) > time.Minute {
			t.Fatalf("there are no metrics of the instance:\n%s", text)
		}
	}
	got := ours(t, text)
	t.Logf("%d samples", len(got))
	if diff := cmp.Diff(theirs(t, text), got); diff != "" {
		t.Error(diff)
	}
	if *record != "" {
		if err := os.WriteFile(*record, []byte(shortened(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// shortened returns a text with the first two samples of each metric.
func shortened(text string) string {
	var out strings.Builder
	samples := make(map[string]int)
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		if name != "#" {
			samples[name]++
		}
		if samples[name] <= 2 {
			out.WriteString(line)
		}
	}
	return out.String()
}
