package suite

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/printable"
)

// The types of JUnit's XML. It has no standard: these are the elements that all CI systems read.

type xmlSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	xmlCounts
	Suites []xmlSuite `xml:"testsuite"`
}

type xmlCounts struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type xmlSuite struct {
	xmlCounts
	Cases []xmlCase `xml:"testcase"`
}

type xmlCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	File    string      `xml:"file,attr"`
	Time    string      `xml:"time,attr"`
	Failure *xmlProblem `xml:"failure"`
	Error   *xmlProblem `xml:"error"`
	Skipped *xmlProblem `xml:"skipped"`
	Output  *xmlText    `xml:"system-out"`
}

type xmlText struct {
	Text string `xml:",cdata"`
}

type xmlProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

// writeJUnit writes the results to a file as JUnit's XML.
func writeJUnit(path string, files []*file, took time.Duration) error {
	all := xmlSuites{xmlCounts: xmlCounts{Name: "incus-star test", Time: seconds(took)}}
	for _, f := range files {
		s := f.junit()
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		all.Suites = append(all.Suites, s)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	b.WriteByte('\n')
	return writeReport(path, b.Bytes())
}

// writeReport atomically replaces the file with the report. If path is not a regular file, or is that of an
// open one, such as /dev/stdout, it writes to it.
func writeReport(path string, data []byte) error {
	opened, err := atomicfile.Opened(path)
	if err != nil {
		return err
	}
	if opened != nil {
		_, err = opened.Write(data)
		return errors.Join(err, opened.Close())
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0o666)
	}
	return atomicfile.Write(path, data, atomicfile.Mode{Perm: 0o666})
}

func (f *file) junit() xmlSuite {
	name := shown(f.path)
	s := xmlSuite{xmlCounts: xmlCounts{Name: name, Tests: len(f.results), Time: seconds(f.took)}}
	if f.unread != "" {
		s.Tests, s.Errors = 1, 1
		s.Cases = []xmlCase{{Name: "(file)", Class: name, File: name, Time: seconds(0),
			Error: &xmlProblem{"the file can't be run", plain(f.unread)}}}
		return s
	}
	for _, t := range f.results {
		c := xmlCase{Name: t.name, Class: name, File: name, Time: seconds(t.took)}
		if t.output != "" {
			c.Output = &xmlText{plain(t.output)}
		}
		problem := &xmlProblem{plain(t.reason), plain(t.report)}
		switch t.outcome {
		case failure:
			c.Failure = problem
			s.Failures++
		case broken:
			c.Error = problem
			s.Errors++
		case skips:
			c.Skipped = problem
			s.Skipped++
		case notRun:
			c.Skipped = &xmlProblem{Message: "the run was interrupted"}
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

var colours = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;]*m") })

// plain returns a text without terminal colours, and with characters that XML can't hold or a terminal interprets
// replaced.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff {
			return unicode.ReplacementChar
		}
		return r
	}, printable.Text(colours().ReplaceAllString(text, "")))
}
