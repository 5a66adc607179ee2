package arch

import (
	"fmt"
	"go/ast"
)

const (
	// MaxFileLines is the most lines a Go file has, tests and comments counted.
	MaxFileLines = 400
	// MaxFunctionLines is the most lines a function has, from its first word to its closing brace.
	MaxFunctionLines = 70
)

// Sizes holds the two caps. Nothing is exempt: generated code would have to fit too, and there is none.
func Sizes(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		if f.Lines > MaxFileLines {
			text := fmt.Sprintf("%d lines, at most %d", f.Lines, MaxFileLines)
			found = append(found, Finding{"size", f.Path, text})
		}
		if ast.IsGenerated(f.Tree) {
			found = append(found, Finding{"size", f.Path, "generated code is not kept here"})
		}
		ast.Inspect(f.Tree, func(n ast.Node) bool {
			lines, isFunction := functionLines(f, n)
			if lines > MaxFunctionLines {
				found = append(found, f.found("size", n, "a function of %d lines, at most %d", lines, MaxFunctionLines))
			}
			return !isFunction // what is inside a function is counted with it
		})
	}
	return found
}

func functionLines(f File, n ast.Node) (lines int, isFunction bool) {
	switch n.(type) {
	case *ast.FuncDecl, *ast.FuncLit:
		return f.line(n.End()) - f.line(n.Pos()) + 1, true
	}
	return 0, false
}
