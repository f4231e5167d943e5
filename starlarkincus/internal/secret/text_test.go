package secret

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
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
	capitals := regexp.MustCompile(`\b[a-z_]+=[A-Z]{3,}\b`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(src), "=…") && !strings.Contains(string(src), `= "…`) && !capitals.Match(src) {
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
			if strings.Contains(text, "=…") || capitals.MatchString(text) {
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
		for _, around := range []string{`f("x", %=…)`, `f(%=…, y=1)`, `f(% = "…")`, `"%": "…"`, `see %=….`, `%=…`, `f(%=…) joins`, `f(x, %=…), or [%=…], {%=…}, <%=…>: see`, "`%=…` (see %=…)"} {
			hint := strings.ReplaceAll(around, "%", name)
			if shown := Text(hint); shown != hint {
				t.Errorf("%q is shown as %q", hint, shown)
			}
			placed := strings.ReplaceAll(hint, "=…", "="+strings.ToUpper(name[strings.LastIndexByte(name, '_')+1:]))
			if shown := Text(placed); shown != placed {
				t.Errorf("%q is shown as %q", placed, shown)
			}
			for _, value := range []string{"s3cret", "…s3cret", "s3cret…"} {
				if shown := Text(strings.ReplaceAll(hint, "…", value)); strings.Contains(shown, "s3cret") {
					t.Errorf("%s shows a secret: %q", around, shown)
				}
			}
		}
	}
}

var (
	placements = flag.Int("placements", 2000, "number of random texts with a secret")
	placeSeed  = flag.Uint64("placement-seed", 0, "seed of the random texts; 0 for a random one")
)

// TestPlacedSecrets puts secrets into random texts: none is shown, and the characters around it stay.
func TestPlacedSecrets(t *testing.T) {
	seed := *placeSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-placement-seed=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	from := func(all ...string) string { return all[r.IntN(len(all))] }
	some := func(most int, all ...string) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteString(from(all...))
		}
		return b.String()
	}
	for range *placements {
		name := from("token", "password", "trust_token", "API_KEY", "DB_PASSWORD", "client.secret", "x-secret", "passphrase")
		value := "s3cr" + from("et", "ET", "e") + from("", "TOKEN", "PASSWORD", "KEY")
		before, plain := "", r.IntN(2) == 0 // plain: it is certain where the value ends
		if !plain {
			value = some(2, "(", ")", "[", "]", "{", "}", "`", "…", "TOKEN", "KEY") + value + some(3, "(", ")", "[", "]", "{", "}", "<", ">", "`", ".", ":", "!", "?", "$", "#", "…", "TOKEN") + value
			before = some(3, "a ", "(", "[", ")", "`x` ", "b=c ", "…, ")
		}
		opened, closed := "", ""
		for range r.IntN(4) {
			i := 2 * r.IntN(len(pairs)/2)
			if pairs[i] == '`' && strings.Contains(opened, "`") {
				continue // they don't nest
			}
			opened += some(2, "f", " ", "x, ", ": ") + pairs[i:i+1]
			closed = pairs[i+1:i+2] + closed
		}
		rest := from("", " joins", ", y=1", "; z", "\nnext", " (see x)")
		if closed != "" {
			rest = from("", ".", ": x", "?", "! ") + rest
		}
		text := before + opened + name + "=" + value + closed + rest
		shown := Text(text)
		if strings.Contains(shown, "s3c") {
			t.Fatalf("%q is shown as %q", text, shown)
		}
		if want := strings.Replace(text, value, Hidden, 1); plain && shown != want {
			t.Fatalf("%q is shown as %q, want %q", text, shown, want)
		}
	}
}
