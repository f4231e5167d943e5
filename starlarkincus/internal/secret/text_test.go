package secret

import (
	"strings"
	"testing"
)

// TestLetters checks that the letters of each form are in a match that has nothing else.
func TestLetters(t *testing.T) {
	shortest := []string{"-----BEGIN PRIVATE KEY-----", "a://b@", "://a:b@", "basic abcdefgh", `'a':"b`, `"a":'b'`, `a="b"`, "a='b'", "a=b"}
	if len(shortest) != len(forms()) {
		t.Fatal("a form has no text")
	}
	for i, f := range forms() {
		if match := f.pattern.FindString(shortest[i]); match != shortest[i] {
			t.Errorf("form %d matches %q of %q", i, match, shortest[i])
		}
		for _, letter := range f.letters {
			if !strings.ContainsRune(shortest[i], letter) {
				t.Errorf("form %d matches %q without %q", i, shortest[i], letter)
			}
		}
	}
}
