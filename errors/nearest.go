package errors

import (
	"slices"
	"strings"
)

// Nearest returns the element of names that is closest to name, as a suggestion for a misspelt one, or the only one of
// which name is a word, as acls is of network_acls; empty if none is close.
func Nearest(name string, names []string) string {
	best, limit := "", 1+len(name)/5
	lower := strings.ToLower(name)
	for _, candidate := range names {
		other := strings.ToLower(candidate)
		if more := len(lower) - len(other); max(more, -more) > limit {
			continue // the distance is at least that
		}
		if d := distance(lower, other); d <= limit && d < len(candidate) {
			best, limit = candidate, d-1
		}
	}
	if whole := only(name, names); whole != "" && (best == "" || limit > 0) { // else there is one slip at most
		return whole
	}
	return best
}

// NearestReading is like [Nearest], and of names that are equally close it returns one that doesn't change the server, if
// there is one: a slip of the pen must not suggest more than what was meant. So a participle, such as deleted, is no slip of
// delete. For a common verb that isn't among the names it returns the one that is.
func NearestReading(name string, names []string, changes func(name string) bool) string {
	for _, verb := range verbs[name] {
		if slices.Contains(names, verb) {
			return verb
		}
	}
	ordered := slices.Clone(names)
	slices.SortStableFunc(ordered, func(a, b string) int {
		switch {
		case changes(a) == changes(b):
			return 0
		case changes(a):
			return 1
		}
		return -1
	})
	near := Nearest(name, ordered)
	if near != "" && changes(near) && (name == near+"d" || name == near+"ed") {
		return Nearest(name, slices.DeleteFunc(ordered, changes))
	}
	return near
}

// verbs are the names of methods by the words that other programs and libraries have for them.
var verbs = map[string][]string{
	"list": {"names", "read"}, "ls": {"list", "names"}, "names": {"list"}, "all": {"list", "names"},
	"read": {"get", "refresh"}, "get": {"read", "refresh", "list"}, "show": {"get", "read", "refresh", "fields"}, "info": {"get", "stat", "state", "fields", "server"},
	"describe": {"get", "stat", "fields"}, "cat": {"read", "get"}, "stat": {"get", "state"},
	"rm": {"delete", "remove"}, "remove": {"delete"}, "delete": {"remove"}, "destroy": {"delete"},
	"set": {"update", "write"}, "edit": {"update"}, "modify": {"update"}, "add": {"create", "write"}, "new": {"create", "add"}, "make": {"create", "add"}, "create": {"add", "write"}, "ensure": {"create", "add"}, "mv": {"rename", "move"},
	"result": {"wait"}, "join": {"wait"}, "kill": {"signal"},
}

// only returns the only element of names that has name among the words between its underscores, dots or dashes.
func only(name string, names []string) string {
	const shortest = 3
	if len(name) < shortest {
		return ""
	}
	separator := func(r rune) bool { return strings.ContainsRune("_.-", r) }
	found, lower := "", strings.ToLower(name)
	for _, candidate := range names {
		other := strings.ToLower(candidate)
		switch {
		case !strings.Contains(other, lower) || !slices.Contains(strings.FieldsFunc(other, separator), lower):
		case found != "" && found != candidate:
			return ""
		default:
			found = candidate
		}
	}
	return found
}

// distance returns the number of bytes to insert, delete or replace, or neighbours to swap, that turns a into b.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
