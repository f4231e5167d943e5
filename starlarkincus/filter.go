package starlarkincus

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// stateCondition is a condition on an instance's state: older servers drop the connection on it.
var stateCondition = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(^|\s)state\.`) })

// filterExpression is what list's filter= sends: an expression as it is, or a dict of fields and the values that all
// of them must have.
func filterExpression(path string, v starlark.Value) (string, error) {
	var expression string
	if m, ok := v.(starlark.IterableMapping); ok {
		var clauses []string
		for _, item := range m.Items() {
			field, ok := starlark.AsString(item[0])
			if !ok || field == "" || strings.ContainsAny(field, " \t\r\n\"'") {
				return "", fmt.Errorf("%s: the key %s is not the name of a field", path, item[0])
			}
			operand, err := filterValue(value.Index(path, field), item[1])
			if err != nil {
				return "", err
			}
			clauses = append(clauses, field+" eq "+operand)
		}
		expression = strings.Join(clauses, " and ")
	} else if text, err := value.String(path, v); err != nil {
		return "", &value.TypeError{Path: path, Got: v.Type(), Want: "string or dict of fields and values"}
	} else {
		expression = text
	}
	if stateCondition().MatchString(expression) {
		return "", fmt.Errorf("%s: servers can't filter by state.*; use list(recursion=2) and compare in the script", path)
	}
	return expression, nil
}

// filterValue is a value as it matches just itself. The server splits an expression at white space, splits values at
// commas, and takes each for a regular expression that ignores case.
func filterValue(path string, v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		text, err := value.String(path, v)
		if err != nil {
			return "", err
		}
		var escaped strings.Builder
		for _, r := range regexp.QuoteMeta(text) {
			if r <= ' ' || strings.ContainsRune(`,"'`, r) || r == 0x7f || r == 0x85 || r == 0xa0 || r >= 0x1680 && strings.TrimSpace(string(r)) == "" {
				fmt.Fprintf(&escaped, `\x{%x}`, r)
			} else {
				escaped.WriteRune(r)
			}
		}
		return "^(?-i:" + escaped.String() + ")$", nil
	case starlark.Bool, starlark.Int:
		return strings.ToLower(v.String()), nil
	case *starlark.List, starlark.Tuple:
		list, err := value.Strings(path, v)
		if err != nil {
			return "", err
		}
		data, err := json.Marshal(list)
		return strings.ReplaceAll(string(data), " ", `\u0020`), err
	}
	return "", &value.TypeError{Path: path, Got: v.Type(), Want: "string, int, bool or list of string"}
}
