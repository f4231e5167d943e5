package check

import (
	"regexp"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// directive is a part of a time in the layouts of other languages.
var directive = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%-?[A-Za-z]`) })

// layouts replaces such parts by those of a layout here.
var layouts = strings.NewReplacer("%Y", "2006", "%y", "06", "%m", "01", "%B", "January", "%b", "Jan", "%d", "02", "%j", "002", "%A", "Monday", "%a", "Mon",
	"%H", "15", "%I", "03", "%p", "PM", "%M", "04", "%S", "05", "%z", "-0700", "%Z", "MST", "%F", "2006-01-02", "%T", "15:04:05")

// checkLayout reports a layout of a time in the form of other languages, which the time's format returns as it is.
func (m *module) checkLayout(arg syntax.Expr) {
	value, _, _ := argument(arg)
	layout, ok := starlark.AsString(m.literal(value))
	found := directive().FindString(layout)
	if !ok || found == "" || m.isParam(value) {
		return
	}
	meant := layouts.Replace(layout)
	if directive().MatchString(meant) {
		meant = "2006-01-02T15:04:05"
	}
	m.report(syntax.Start(value), "", "a layout has no %s: it is the time 2006-01-02T15:04:05 in the desired form, write %q", found, meant)
}
