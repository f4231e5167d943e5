package rest

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// maxPage is the size of the part of a page that is searched for its title.
const maxPage = 16 << 10

// markup are the patterns for the text of an HTML page.
type markup struct{ page, title, hidden, block, tag *regexp.Regexp }

var patterns = sync.OnceValue(func() markup {
	return markup{
		page:   regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(!doctype|html|head|body|title|h1|center)\b`),
		title:  regexp.MustCompile(`(?is)<title\b[^>]*>(.*?)</title\s*>`),
		hidden: regexp.MustCompile(`(?is)<!--.*?-->|<(script|style|head)\b.*?</(script|style|head)\s*>`),
		block:  regexp.MustCompile(`(?i)<(/?(p|div|h[1-6]|tr|table|body|html|center|li|ul)\b[^>]*|br\s*/?|hr\s*/?)>`),
		tag:    regexp.MustCompile(`<[^>]*>`),
	}
})

// title returns the title of an HTML page, else its first line of text, after the name of the server that sent it, such as
// "nginx: 502 Bad Gateway"; empty for what isn't such a page, and for one without text.
func title(header http.Header, body []byte) string {
	page := string(body[:min(len(body), maxPage)])
	p := patterns()
	if !p.page.MatchString(page) && !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		return ""
	}
	plain := func(text string) string {
		return strings.Join(strings.Fields(html.UnescapeString(p.tag.ReplaceAllString(text, ""))), " ")
	}
	text := ""
	if found := p.title.FindStringSubmatch(page); found != nil {
		text = plain(found[1])
	}
	if text == "" {
		for line := range strings.Lines(p.block.ReplaceAllString(p.hidden.ReplaceAllString(page, ""), "\n")) {
			if text = plain(line); text != "" {
				break
			}
		}
	}
	name, _, _ := strings.Cut(header.Get("Server"), "/")
	if text != "" && name != "" && !strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
		text = name + ": " + text
	}
	return text
}
