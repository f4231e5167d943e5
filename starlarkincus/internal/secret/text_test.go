package secret

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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

// TestHintsAreShown checks that the texts of this program in which … stands for a secret, such as token=…, are shown as they
// are, and that a secret in the place of … isn't.
func TestHintsAreShown(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(src), "=…") && !strings.Contains(string(src), `= "…`) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, _ := strconv.Unquote(literal.Value)
			if strings.Contains(text, "=…") {
				seen++
				if shown := Text(text); shown != text {
					t.Errorf("%s: %q is shown as %q", path, text, shown)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d texts, %v", seen, err)
	}
	for _, name := range []string{"token", "password", "secret", "cluster_token", "trust_token"} {
		for _, around := range []string{`f("x", %=…)`, `f(%=…, y=1)`, `f(% = "…")`, `"%": "…"`, `see %=….`, `%=…`} {
			hint := strings.ReplaceAll(around, "%", name)
			if shown := Text(hint); shown != hint {
				t.Errorf("%q is shown as %q", hint, shown)
			}
			for _, value := range []string{"s3cret", "…s3cret", "s3cret…"} {
				if shown := Text(strings.ReplaceAll(hint, "…", value)); strings.Contains(shown, "s3cret") {
					t.Errorf("%s shows a secret: %q", around, shown)
				}
			}
		}
	}
}
