// Package secret recognizes secrets such as passwords, tokens and keys, by their names and by their form, and removes
// them from output, logs, traces and errors.
//
// [Hide] works on decoded JSON, [Text] on text of unknown form. [Values] collects the secrets that a request sends, so
// that [Remove] can remove them from the server's answer.
package secret

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Hidden replaces a secret.
const Hidden = "[redacted]"

// words are the words that make a name that of a secret, in any case, alone or among others.
var words = set("password passwords passwd passphrase passcode pwd secret secrets token tokens jwt otp bearer fds credential credentials " +
	"authorization cookie cookies apikey accesskey secretkey privatekey sshkey keyring")

// harmless are the last words of a name whose value describes a secret without revealing it.
var harmless = set("expiry expires expiration length type name required size count url path hint helper")

// publicKey are the words before "key" in the name of a key that is no secret.
var publicKey = set("public pub config host sort primary foreign dictionary")

// set returns the set of the words in list.
func set(list string) map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		m[word] = true
	}
	return m
}

// Key reports whether name is that of a secret. It may be the name of a field, a configuration key, a header, a query
// parameter or an environment variable.
func Key(name string) bool {
	if name == "acme.provider.environment" { // NAME=value lines, any of which may be a secret
		return true
	}
	parts := split(name)
	if len(parts) == 0 || harmless[parts[len(parts)-1]] {
		return false
	}
	last := len(parts) - 1
	if parts[last] == "key" {
		if last == 0 { // usually a field whose value is the name of a configuration key
			return false
		}
		return !slices.ContainsFunc(parts[:last], func(word string) bool { return publicKey[word] })
	}
	return slices.ContainsFunc(parts, func(word string) bool { return words[word] })
}

// split returns the words of a name in lower case: access-key, accessKey and ACCESS_KEY all become access and key.
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

// Hide replaces the secrets in decoded JSON, in place, and returns the result.
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

// holds reports whether a value may be a secret, not the lack of one or, as a bool, a statement about one.
func holds(v any) bool {
	switch v := v.(type) {
	case nil, bool:
		return false
	case string:
		return v != ""
	}
	return true
}

// HideQuery replaces the secrets in a query, in place, and returns it.
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

// Values appends the secrets in decoded JSON to a list.
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

// leaves appends all values inside a secret to a list.
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
		// A server may repeat single lines of a key, or of an environment.
		if lines := strings.Split(v, "\n"); len(lines) > 1 {
			for _, line := range lines {
				_, value, _ := strings.Cut(line, "=")
				list = append(list, line, value)
			}
		} else if _, value, ok := strings.Cut(v, " "); ok { // a header, such as Bearer and a token
			list = append(list, value)
		}
	case interface{ String() string }: // a json.Number
		list = append(list, v.String())
	}
	return list
}

// shortest is the length from which a secret is removed everywhere. A shorter one is removed only within quotes,
// because it may be part of any word.
const shortest = 4

// Remove replaces the values in a text: literal, quoted, and escaped as in a URL.
func Remove(text string, values []string) string {
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, func(a, b string) int { return len(b) - len(a) }) // longest first, because one may be part of another
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

// RemoveAll applies [Remove] to all strings in decoded JSON, in place, and returns the result.
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
