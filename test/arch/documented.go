package arch

import (
	"go/ast"
	"go/token"
	"slices"
)

// Documented wants a sentence at everything exported that ships, and one package comment a package.
func Documented(files []File) []Finding {
	var found []Finding
	comments := map[string][]string{}
	for _, f := range files {
		if f.Test() {
			continue
		}
		if _, seen := comments[f.Package()]; !seen {
			comments[f.Package()] = nil
		}
		if f.Tree.Doc != nil {
			comments[f.Package()] = append(comments[f.Package()], f.Path)
		}
		for _, decl := range f.Tree.Decls {
			found = append(found, undocumented(f, decl)...)
		}
	}
	for pkg, at := range comments {
		if len(at) == 0 {
			found = append(found, Finding{"documentation", pkg, "has no package comment"})
		}
		if len(at) > 1 {
			slices.Sort(at)
			found = append(found, Finding{"documentation", at[1], "a second package comment; the first stands in " + at[0]})
		}
	}
	return found
}

func undocumented(f File, decl ast.Decl) []Finding {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !wellKnown(d) {
			return []Finding{f.found("documentation", d, "%s has no comment", d.Name.Name)}
		}
	case *ast.GenDecl:
		return undocumentedSpecs(f, d)
	}
	return nil
}

// undocumentedSpecs takes a comment on the group for every constant and variable in it; a type wants its own.
func undocumentedSpecs(f File, d *ast.GenDecl) []Finding {
	var found []Finding
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			alone := d.Doc != nil && d.Lparen == token.NoPos
			if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && !alone {
				found = append(found, f.found("documentation", s, "%s has no comment", s.Name.Name))
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || d.Doc != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() {
					found = append(found, f.found("documentation", s, "%s has no comment", name.Name))
				}
			}
		}
	}
	return found
}

// wellKnown are methods whose meaning the language fixes; what an error's text says is read in the type's own comment.
func wellKnown(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String"}, d.Name.Name)
}

// exportedReceiver is true for functions and for methods of exported types: go doc shows no others.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch t := receiver.(type) {
		case *ast.StarExpr:
			receiver = t.X
		case *ast.IndexExpr:
			receiver = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}
