package starlarkincus_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// project is the importer of the project's packages. Others are empty, so only what uses none of their types is known.
type project struct {
	files *token.FileSet
	info  *types.Info
	known map[string]*types.Package
	trees []*ast.File
}

func (p *project) Import(path string) (*types.Package, error) {
	if known := p.known[path]; known != nil {
		return known, nil
	}
	if !strings.HasPrefix(path, "incus-star/") {
		empty := types.NewPackage(path, filepath.Base(path))
		empty.MarkComplete()
		p.known[path] = empty
		return empty, nil
	}
	var trees []*ast.File
	dir := filepath.Join("..", strings.TrimPrefix(path, "incus-star/"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") {
			continue
		}
		tree, err := parser.ParseFile(p.files, filepath.Join(dir, name), nil, 0)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
	config := types.Config{Importer: p, Error: func(error) {}}
	p.known[path], _ = config.Check(path, p.files, trees, p.info)
	p.trees = append(p.trees, trees...)
	return p.known[path], nil
}

// callee returns what an expression refers to as a function; nil for anything unknown.
func (p *project) callee(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return p.info.Uses[e]
	case *ast.SelectorExpr:
		return p.info.Uses[e.Sel]
	}
	return nil
}

// uses returns the functions and variables that a node refers to.
func (p *project) uses(n ast.Node) (all []types.Object) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch o := p.info.Uses[id].(type) {
			case *types.Func, *types.Var:
				all = append(all, o)
			}
		}
		return true
	})
	return all
}

// TestBlockIsNotNested checks that no function that a Block calls, while the lock of the threads is released, calls another Block or a
// script's function. That would end the process.
func TestBlockIsNotNested(t *testing.T) {
	p := &project{files: token.NewFileSet(), known: make(map[string]*types.Package), info: &types.Info{Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object)}}
	for _, path := range []string{"cli", "repl", "host", "suite"} {
		if _, err := p.Import("incus-star/starlarkincus/" + path); err != nil {
			t.Fatal(err)
		}
	}
	isBlock := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		if !ok || s.Sel.Name != "Block" && s.Sel.Name != "block" {
			return false
		}
		o := p.info.Uses[s.Sel]
		return o != nil && (o.Pkg().Path() == "incus-star/starlarkincus/builtin" || o.Pkg().Path() == "incus-star/starlarkincus/host")
	}
	type function struct {
		object types.Object
		decl   *ast.FuncDecl
	}
	var functions []function
	for _, tree := range p.trees {
		for _, decl := range tree.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil && p.info.Defs[fn.Name] != nil {
				functions = append(functions, function{p.info.Defs[fn.Name], fn})
			}
		}
	}
	// Releases are the functions that release the lock, or need it; methods of interfaces are told apart by their names.
	releases := make(map[types.Object]bool)
	byName := make(map[string]bool)
	knows := func(pkg *types.Package) bool { // others can't release it
		return pkg.Path() == "incus-star/starlarkincus/builtin" || slices.ContainsFunc(pkg.Imports(), func(i *types.Package) bool { return i.Path() == "incus-star/starlarkincus/builtin" })
	}
	release := func(f function) {
		if !knows(f.object.Pkg()) {
			return
		}
		releases[f.object] = true
		if f.decl.Recv != nil {
			byName[f.decl.Name.Name] = true
		}
	}
	releasing := func(o types.Object) bool {
		fn, ok := o.(*types.Func)
		if !ok {
			return false
		}
		recv := fn.Signature().Recv()
		return releases[fn] || recv != nil && types.IsInterface(recv.Type()) && byName[fn.Name()]
	}
	// Inside are the nodes that run in a Block. A function may call its parameter in one.
	inside := make(map[ast.Node]bool)
	running := make(map[types.Object]bool)
	for _, f := range functions {
		ast.Inspect(f.decl.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Call" {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "starlark" {
						release(f)
					}
				}
				if isBlock(n.Fun) {
					release(f)
					inside[n.Args[0]] = true
				}
			}
			return true
		})
	}
	if len(inside) < 40 {
		t.Fatal("found only ", len(inside), " blocks")
	}
	used := make(map[types.Object][]types.Object)
	for _, f := range functions {
		used[f.object] = p.uses(f.decl.Body)
	}
	for more := true; more; {
		more = false
		for _, f := range functions {
			if knows(f.object.Pkg()) && !releases[f.object] && slices.ContainsFunc(used[f.object], releasing) {
				release(f)
				more = true
			}
		}
		for node := range inside {
			for _, o := range p.uses(node) {
				if v, ok := o.(*types.Var); ok && !running[v] {
					running[v], more = true, true
				}
			}
		}
		for _, f := range functions {
			ast.Inspect(f.decl.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				fn, _ := p.callee(call.Fun).(*types.Func)
				if fn == nil {
					return true
				}
				params := fn.Signature().Params()
				for i, arg := range call.Args {
					if i < params.Len() && running[params.At(i)] && !inside[arg] {
						if _, literal := arg.(*ast.FuncLit); literal {
							inside[arg], more = true, true
						}
					}
				}
				return true
			})
		}
	}
	for node := range inside {
		for _, o := range p.uses(node) {
			if releasing(o) {
				t.Errorf("%s: %s releases the lock, or needs it, which isn't held there", p.files.Position(node.Pos()), o.Name())
			}
		}
	}
}
