package spec

import (
	"slices"
	"strings"
)

// A Key is a server's description of a configuration key or of a key of devices. Its texts are the server's, in Markdown.
type Key struct {
	Name     string // a part may be the user's choice, see [KeyMatches]
	Of       string // kind of objects that has it, see [Keys]; that of devices begins with device_
	Type     string
	Default  string
	Initial  string // value that a new object gets
	Doc      string
	More     string
	When     string // condition for its use
	Live     string // whether a change of a running instance works
	Required string
	Scope    string
}

// For returns the words for the objects that have the key.
func (k Key) For() string {
	if of, ok := strings.CutPrefix(k.Of, "device_"); ok {
		kind, sort, _ := strings.Cut(of, "-")
		if slices.ContainsFunc(DeviceTypes, func(t DeviceType) bool { return t.Name == of }) || sort == "" {
			return "devices of type " + of
		}
		if kind == "unix" {
			return "devices of type unix-char and unix-block"
		}
		return "devices of type " + kind + " (" + sort + ")"
	}
	for _, r := range Collections {
		for _, r := range append([]*Resource{r}, r.Children...) {
			by, ok := strings.CutPrefix(k.Of, r.Keys.Kind+"_")
			switch {
			case r == Instances && k.Of == r.Keys.Kind:
				return "instances and profiles"
			case k.Of == "" || r.Keys.Kind == "" || !r.Keys.Describes(k.Of, ""):
			case r.Keys.By != "" && ok:
				return r.Name + " of " + r.Keys.By + " " + by
			default:
				return r.Name
			}
		}
	}
	return strings.ReplaceAll(k.Of, "_", " ")
}

// Servers describe keys of which a part is the user's choice as user.*, volatile.<name>.hwaddr or tunnel.NAME.id.

// chosen returns the start and the end of the first part of a described key that is the user's choice; -1 if there is none.
func chosen(key string) (start, end int) {
	for i := 0; i < len(key); {
		part, _, _ := strings.Cut(key[i:], ".")
		capitals := len(part) > 2 && strings.Trim(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
		if part == "*" || strings.HasPrefix(part, "<") && strings.HasSuffix(part, ">") || capitals {
			return i, i + len(part)
		}
		i += len(part) + 1
	}
	return -1, -1
}

// FixedPart returns the part of a described key that is the same in all keys that it describes.
func FixedPart(key string) (part string, whole bool) {
	if start, _ := chosen(key); start >= 0 {
		return key[:start], false
	}
	return key, true
}

// KeyMatches reports whether the description of a key is that of the given key.
func KeyMatches(described, key string) bool {
	for {
		start, end := chosen(described)
		if start < 0 {
			return described == key
		}
		if len(key) <= start || key[:start] != described[:start] {
			return false
		}
		described, key = described[end:], key[start:]
		if described == "" {
			return true
		}
		i := strings.IndexByte(key, '.')
		if i <= 0 {
			return false
		}
		key = key[i:]
	}
}
