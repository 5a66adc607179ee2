package arch

import (
	"go/ast"
	"path"
	"slices"
	"strings"
)

// TopLevel holds the fixed names beside go.mod: a new room at the top is a decision about the whole house.
func TopLevel(names []string) []Finding {
	var found []Finding
	for _, name := range names {
		if strings.HasPrefix(name, ".") || slices.Contains(topLevel, name) {
			continue
		}
		if ext := path.Ext(name); ext == ".test" || ext == ".out" || ext == ".prof" {
			continue // left by go test, ignored by git
		}
		found = append(found, Finding{"top level", name, "is not one of the fixed names"})
	}
	return found
}

// Names refuses words that say nothing: a package called util is where things go that nobody placed.
func Names(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		for _, word := range strings.Split(strings.TrimSuffix(f.Path, ".go"), "/") {
			if slices.Contains(emptyWords, strings.TrimSuffix(word, "_test")) {
				found = append(found, Finding{"name", f.Path, word + " says nothing about what lives there"})
			}
		}
		if slices.Contains(emptyWords, strings.TrimSuffix(f.Tree.Name.Name, "_test")) {
			found = append(found, f.found("name", f.Tree.Name, "package %s", f.Tree.Name.Name))
		}
		ast.Inspect(f.Tree, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && endsEmpty(spec.Name.Name) {
				found = append(found, f.found("name", n, "type %s: name the job", spec.Name.Name))
			}
			return true
		})
	}
	return found
}

func endsEmpty(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc(emptyWords, func(w string) bool { return strings.HasSuffix(lower, w) })
}

// Interfaces refuses a named interface that the table does not explain.
// An interface that only limits a type parameter is no seam and is left alone, and so is what a test asks of its subject.
func Interfaces(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		if f.Test() {
			continue
		}
		ast.Inspect(f.Tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.InterfaceType)
			if !ok || isConstraint(body) {
				return true
			}
			name := f.Package() + "." + spec.Name.Name
			if interfaces[name] == "" {
				found = append(found, f.found("interface", n, "%s is not listed: interfaces stand at process boundaries only", name))
			}
			return true
		})
	}
	return found
}

func isConstraint(body *ast.InterfaceType) bool {
	for _, field := range body.Methods.List {
		switch field.Type.(type) {
		case *ast.BinaryExpr, *ast.UnaryExpr:
			return true
		}
	}
	return false
}
