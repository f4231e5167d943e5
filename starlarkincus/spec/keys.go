package spec

import "strings"

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
