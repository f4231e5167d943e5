// Package secret knows which values give access, by the names that they have and by what they look like, and takes them
// out of what is printed, logged, traced or put in an error.
//
// [Hide] works on decoded JSON, [Text] on text whose form isn't known, and [Values] collects what a request sends so
// that [Remove] can take it out of the server's answer.
package secret

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Hidden stands in a secret's place.
const Hidden = "[redacted]"

// words are those of a name that make its value a secret, in whatever case, beside others or alone.
var words = set("password passwords passwd passphrase passcode pwd secret secrets token tokens jwt otp bearer fds credential credentials " +
	"authorization cookie cookies apikey accesskey secretkey privatekey sshkey keyring")

// harmless are last words of a name that make its value something about a secret.
var harmless = set("expiry expires expiration length type name required size count url path hint helper")

// publicKey are words before "key" that make it no secret.
var publicKey = set("public pub config host sort primary foreign dictionary")

func set(list string) map[string]bool {
	m := make(map[string]bool)
	for _, word := range strings.Fields(list) {
		m[word] = true
	}
	return m
}

// Key reports whether the value of a field, a configuration key, a header, a query's parameter or an environment's
// variable of that name is a secret.
func Key(name string) bool {
	if name == "acme.provider.environment" { // NAME=value lines, of which any may be
		return true
	}
	parts := split(name)
	if len(parts) == 0 || harmless[parts[len(parts)-1]] {
		return false
	}
	last := len(parts) - 1
	if parts[last] == "key" {
		if last == 0 { // mostly the name of a configuration key
			return false
		}
		return !slices.ContainsFunc(parts[:last], func(word string) bool { return publicKey[word] })
	}
	return slices.ContainsFunc(parts, func(word string) bool { return words[word] })
}

// split returns a name's words in lower case: access-key, accessKey and ACCESS_KEY have the same two.
func split(name string) []string {
	var parts []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			parts = append(parts, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	small := false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			small = false
			continue
		}
		if unicode.IsUpper(r) && small {
			end()
		}
		small = !unicode.IsUpper(r)
		word = append(word, r)
	}
	end()
	return parts
}

// Hide replaces secrets in decoded JSON, in place, and returns it.
func Hide(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if Key(name) && holds(inner) {
				v[name] = Hidden
			} else {
				v[name] = Hide(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = Hide(inner)
		}
	case string:
		return Text(v)
	}
	return v
}

// holds reports whether a value is more than the statement that there is none.
func holds(v any) bool {
	switch v := v.(type) {
	case nil, bool:
		return false
	case string:
		return v != ""
	}
	return true
}

// HideQuery replaces secrets in a query, in place, and returns it.
func HideQuery(query url.Values) url.Values {
	for name, values := range query {
		for i, value := range values {
			if Key(name) {
				values[i] = Hidden
			} else {
				values[i] = Text(value)
			}
		}
	}
	return query
}

// Values adds the secrets in decoded JSON to a list.
func Values(list []string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if Key(name) {
				list = leaves(list, inner)
			} else {
				list = Values(list, inner)
			}
		}
	case []any:
		for _, inner := range v {
			list = Values(list, inner)
		}
	case string:
		for _, span := range spans(v, false) {
			list = append(list, v[span.from:span.to])
		}
	}
	return list
}

// leaves adds all that a secret consists of.
func leaves(list []string, v any) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			list = leaves(list, inner)
		}
	case []any:
		for _, inner := range v {
			list = leaves(list, inner)
		}
	case string:
		list = append(list, v)
		// Lines of a key and of an environment may be repeated one by one.
		if lines := strings.Split(v, "\n"); len(lines) > 1 {
			for _, line := range lines {
				_, value, _ := strings.Cut(line, "=")
				list = append(list, line, value)
			}
		} else if _, value, ok := strings.Cut(v, " "); ok { // a header's: Bearer and the token
			list = append(list, value)
		}
	case interface{ String() string }: // a json.Number
		list = append(list, v.String())
	}
	return list
}

// shortest is the length from which a secret is removed wherever it stands; a shorter one only where it stands in
// quotes, because it may be part of any word.
const shortest = 4

// Remove takes values out of a text that may repeat them, as they are, quoted, or escaped.
func Remove(text string, values []string) string {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	for _, value := range slices.Compact(sorted) {
		value = strings.TrimSpace(value)
		switch value {
		case "", "true", "false", Hidden:
			continue
		}
		quoted := strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1], url.QueryEscape(value), url.PathEscape(value)} {
			if len(form) >= shortest {
				text = strings.ReplaceAll(text, form, Hidden)
				continue
			}
			for _, quote := range []string{`"`, "'", "`"} {
				text = strings.ReplaceAll(text, quote+form+quote, quote+Hidden+quote)
			}
		}
	}
	return text
}

// RemoveAll is Remove for all strings in decoded JSON, in place; it returns the value.
func RemoveAll(v any, values []string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = RemoveAll(inner, values)
		}
	case []any:
		for i, inner := range v {
			v[i] = RemoveAll(inner, values)
		}
	case string:
		return Remove(v, values)
	}
	return v
}
