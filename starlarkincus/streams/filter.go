package streams

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
)

// filter returns the images that match an expression of Incus; all if it is empty.
func (c *catalog) filter(expression string) ([]*Image, error) {
	clauses, err := parse(expression)
	if err != nil {
		return nil, err
	}
	out := make([]*Image, 0, len(c.images))
	for _, image := range c.images {
		matches := true
		for _, clause := range clauses {
			same, err := clause.match(image)
			switch {
			case err != nil:
				return nil, err
			case clause.or:
				matches = matches || same
			default:
				matches = matches && same
			}
		}
		if matches {
			out = append(out, image)
		}
	}
	return out, nil
}

// A clause is a comparison in an expression.
type clause struct {
	or, not          bool // or joins it to those before it
	field, op, value string
	pattern          *regexp.Regexp // value of a text; nil if it isn't a pattern
}

// parse splits an expression: FIELD OPERATOR VALUE, with and, or and not. Servers evaluate it from left to right.
func parse(expression string) ([]clause, error) {
	wrong := func(format string, args ...any) error {
		return errors.New(errors.BadRequest, "filter: "+format, args...)
	}
	words := strings.Fields(expression)
	next := func() (word string) {
		if len(words) > 0 {
			word, words = words[0], words[1:]
		}
		return word
	}
	var out []clause
	for or := false; len(words) > 0; {
		c := clause{or: or, field: next()}
		if c.not = strings.EqualFold(c.field, "not"); c.not {
			c.field = next()
		}
		c.op, c.value = next(), next()
		if c.value == "" {
			return nil, wrong("a clause isn't FIELD OPERATOR VALUE")
		}
		if !slices.Contains(operators, c.op) {
			return nil, wrong("the operator %q is none of %s", c.op, strings.Join(operators, ", "))
		}
		if quote := c.value[:1]; quote == `"` || quote == "'" {
			c.value = c.value[1:]
			for !strings.HasSuffix(c.value, quote) {
				if len(words) == 0 {
					return nil, wrong("a quotation has no end")
				}
				c.value += " " + next()
			}
			c.value = strings.TrimSuffix(c.value, quote)
		}
		if !strings.Contains(c.value, ",") {
			text := c.value
			if !strings.ContainsAny(text, "^$") {
				text = "^" + text + "$"
			}
			c.pattern, _ = regexp.Compile("(?i)" + text)
		}
		out = append(out, c)
		switch join := next(); {
		case join == "" && len(words) == 0:
		case join != "and" && join != "or" || len(words) == 0:
			return nil, wrong("between clauses is and or or, not %q", join)
		default:
			or = join == "or"
		}
	}
	return out, nil
}

// operators are the comparisons; those after the first two are of numbers.
var operators = []string{"eq", "ne", "gt", "lt", "ge", "le"}

// match reports whether the image satisfies the clause.
func (c *clause) match(i *Image) (bool, error) {
	wrong := errors.New(errors.BadRequest, "filter: %s %s %s: this field can't be compared so", c.field, c.op, c.value)
	if c.field == "size" {
		n, err := strconv.ParseInt(c.value, 10, 64)
		if err != nil {
			return false, wrong
		}
		return map[string]bool{"eq": i.Size == n, "ne": i.Size != n, "gt": i.Size > n, "lt": i.Size < n, "ge": i.Size >= n, "le": i.Size <= n}[c.op] != c.not, nil
	}
	if c.op != "eq" && c.op != "ne" {
		return false, wrong
	}
	same := false
	if flag, ok := map[string]bool{"public": i.Public, "auto_update": i.AutoUpdate, "cached": i.Cached}[c.field]; ok {
		want, err := strconv.ParseBool(c.value)
		if err != nil {
			return false, wrong
		}
		same = flag == want
	} else {
		text, ok := map[string]string{"fingerprint": i.Fingerprint, "type": i.Type, "architecture": i.Architecture, "filename": i.Filename, "project": ""}[c.field]
		if key, isProperty := strings.CutPrefix(c.field, "properties."); isProperty {
			text, ok = i.Properties[key], true
		}
		if !ok {
			return false, wrong
		}
		same = c.equal(text)
	}
	return same == (c.op == "eq") != c.not, nil
}

// equal compares a text like servers: with a pattern, or with one of several values, without case.
func (c *clause) equal(text string) bool {
	if c.pattern != nil {
		return c.pattern.MatchString(text)
	}
	return strings.EqualFold(text, c.value) || slices.ContainsFunc(strings.Split(c.value, ","), func(v string) bool { return strings.EqualFold(text, v) })
}
