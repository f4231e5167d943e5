package starlarkincus_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports lists the packages of the project that each package may import.
var imports = map[string][]string{
	"incus-star":                                    {"incus-star/starlarkincus/cli"},
	"incus-star/errors":                             {},
	"incus-star/starlarkincus/spec":                 {},
	"incus-star/starlarkincus/rest":                 {"incus-star/errors", "incus-star/starlarkincus/internal/secret"},
	"incus-star/starlarkincus/internal/secret":      {},
	"incus-star/starlarkincus/internal/printable":   {},
	"incus-star/starlarkincus/internal/archive":     {"incus-star/errors"},
	"incus-star/starlarkincus/internal/atomicfile":  {"incus-star/errors"},
	"incus-star/starlarkincus/internal/xdg":         {},
	"incus-star/starlarkincus/internal/feed":        {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/internal/input":       {},
	"incus-star/starlarkincus/internal/nesting":     {"incus-star/errors"},
	"incus-star/starlarkincus/internal/openmetrics": {"incus-star/errors"},
	"incus-star/starlarkincus/internal/owner":       {},
	"incus-star/starlarkincus/internal/process":     {"incus-star/errors"},
	"incus-star/starlarkincus/internal/fakeexec":    {},
	"incus-star/starlarkincus/internal/screen":      {},
	"incus-star/starlarkincus/internal/terminal":    {"incus-star/errors"},
	"incus-star/starlarkincus/internal/fakesftp":    {},
	"incus-star/starlarkincus/internal/fakeoidc":    {"incus-star/errors"},
	"incus-star/starlarkincus/remote":               {"incus-star/errors", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/owner", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/process", "incus-star/starlarkincus/internal/secret"},
	"incus-star/starlarkincus/oidc":                 {"incus-star/errors", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/remote"},
	"incus-star/starlarkincus/value":                {"incus-star/errors"},
	"incus-star/starlarkincus/files":                {"incus-star/starlarkincus/internal/atomicfile", "incus-star/errors", "incus-star/starlarkincus/internal/input"},
	"incus-star/starlarkincus/streams":              {"incus-star/errors", "incus-star/starlarkincus/rest"},
	"incus-star/starlarkincus/show":                 {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/starlarkincus/spec"},
	"incus-star/starlarkincus/lib/base64":           {"incus-star/starlarkincus/builtin"},
	"incus-star/starlarkincus/lib/csv":              {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/lib/table", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/lib/hash":             {"incus-star/starlarkincus/builtin"},
	"incus-star/starlarkincus/lib/json":             {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/lib/math":             {"incus-star/starlarkincus/builtin"},
	"incus-star/starlarkincus/lib/re":               {"incus-star/starlarkincus/builtin"},
	"incus-star/starlarkincus/lib/table":            {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/show", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/lib/time":             {"incus-star/starlarkincus/builtin"},
	"incus-star/starlarkincus/lib/yaml":             {"incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/builtin":              {"incus-star/errors"},
	"incus-star/starlarkincus": {"incus-star/starlarkincus/builtin", "incus-star/starlarkincus/files", "incus-star/starlarkincus/internal/archive", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus/internal/feed", "incus-star/starlarkincus/internal/openmetrics", "incus-star/starlarkincus/internal/terminal", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/secret", "incus-star/errors", "incus-star/starlarkincus/spec", "incus-star/starlarkincus/rest",
		"incus-star/starlarkincus/oidc", "incus-star/starlarkincus/remote", "incus-star/starlarkincus/streams", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/report": {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/host": {"incus-star/starlarkincus/internal/terminal", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/report", "incus-star/starlarkincus/lib/base64", "incus-star/starlarkincus/lib/csv", "incus-star/starlarkincus/lib/hash", "incus-star/starlarkincus/lib/json", "incus-star/starlarkincus/lib/math", "incus-star/starlarkincus/lib/re", "incus-star/starlarkincus/lib/table", "incus-star/starlarkincus/lib/time", "incus-star/starlarkincus/lib/yaml",
		"incus-star/starlarkincus/internal/owner", "incus-star/starlarkincus/internal/feed", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/nesting", "incus-star/starlarkincus/internal/process", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/errors", "incus-star/starlarkincus/value"},
	"incus-star/starlarkincus/reference": {"incus-star/errors", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/spec"},
	"incus-star/starlarkincus/repl": {"incus-star/starlarkincus/show", "incus-star/starlarkincus/rest", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/xdg", "incus-star/starlarkincus/internal/terminal", "incus-star/starlarkincus/reference", "incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/nesting", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/errors", "incus-star/starlarkincus", "incus-star/starlarkincus/host",
		"incus-star/starlarkincus/spec", "incus-star/starlarkincus/value", "incus-star/starlarkincus/remote"},
	"incus-star/starlarkincus/suite": {"incus-star/starlarkincus/builtin", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/errors", "incus-star/starlarkincus", "incus-star/starlarkincus/host",
		"incus-star/starlarkincus/rest"},
	"incus-star/starlarkincus/check": {"incus-star/starlarkincus/builtin", "incus-star/starlarkincus/report", "incus-star/starlarkincus/internal/input", "incus-star/errors", "incus-star/starlarkincus/internal/atomicfile", "incus-star/starlarkincus", "incus-star/starlarkincus/host",
		"incus-star/starlarkincus/spec", "incus-star/starlarkincus/suite"},
	"incus-star/starlarkincus/cli": {"incus-star/starlarkincus/internal/xdg", "incus-star/starlarkincus/internal/terminal", "incus-star/starlarkincus/reference", "incus-star/starlarkincus/internal/input", "incus-star/starlarkincus/internal/nesting", "incus-star/starlarkincus/internal/printable", "incus-star/starlarkincus/internal/secret", "incus-star/errors", "incus-star/starlarkincus", "incus-star/starlarkincus/host",
		"incus-star/starlarkincus/repl", "incus-star/starlarkincus/rest", "incus-star/starlarkincus/remote",
		"incus-star/starlarkincus/suite", "incus-star/starlarkincus/check"},
}

// foreign lists the modules that packages at the bottom may import besides the standard library.
var foreign = map[string][]string{
	"incus-star/errors":                {},
	"incus-star/starlarkincus/spec":    {},
	"incus-star/starlarkincus/rest":    {"github.com/coder/websocket", "github.com/go-json-experiment/json/jsontext", "golang.org/x/sys/unix"},
	"incus-star/starlarkincus/files":   {"github.com/pkg/sftp"},
	"incus-star/starlarkincus/streams": {},
}

func TestImportsGoOneWay(t *testing.T) {
	seen := make(map[string]bool)
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != ".." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Join("incus-star", filepath.ToSlash(filepath.Dir(strings.TrimPrefix(file, "../"))))
		allowed, known := imports[pkg]
		if !known {
			t.Errorf("%s: the package %s isn't in imports, in layout_test.go", file, pkg)
		}
		seen[pkg] = true
		test := strings.HasSuffix(file, "_test.go")
		for _, spec := range f.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if target == "errors" && pkg != "incus-star/errors" {
				t.Errorf("%s imports the standard package errors: ours passes on what it offers", file)
			}
			switch first, _, _ := strings.Cut(target, "/"); {
			case test:
			case first == "incus-star":
				if !slices.Contains(allowed, target) {
					t.Errorf("%s imports %s, which imports in layout_test.go doesn't allow", file, target)
				}
			case strings.Contains(first, "."):
				if modules, bottom := foreign[pkg]; bottom && !slices.Contains(modules, target) {
					t.Errorf("%s imports %s; it may import of other modules only %q", file, target, modules)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range imports {
		if !seen[pkg] {
			t.Errorf("the layout has a package %s that isn't there", pkg)
		}
	}
}

// TestPatternsAreCompiledWhenNeeded checks that no package compiles a regular expression when the program starts.
func TestPatternsAreCompiledWhenNeeded(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			vars, ok := decl.(*ast.GenDecl)
			if !ok || vars.Tok != token.VAR {
				continue
			}
			ast.Inspect(vars, func(n ast.Node) bool {
				if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "MustCompile" {
					t.Errorf("%s: a package variable is compiled at the start: use sync.OnceValue", file)
				}
				_, function := n.(*ast.FuncLit)
				return !function
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTopLevelHoldsNothingElse(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	due := []string{"go.mod", "go.sum", "main.go", "starlarkincus", "errors", "scripts", "README.md", "CHANGELOG.md", "docs"}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && name != "incus-star" && !strings.HasPrefix(name, "LICENSE") && !slices.Contains(due, name) {
			t.Errorf("%s stands at the top level", name)
		}
	}
	for _, name := range due {
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Errorf("%s is missing: %v", name, err)
		}
	}
}
