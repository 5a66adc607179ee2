package arch

import (
	"go/ast"
	"slices"
	"strings"
)

// clock are the functions of package time that ask the machine: for the hour, for a wait, or for its zone files.
var clock = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation",
}

// floating are calls that turn a decimal, a rational or a text into a float or back.
var floating = []string{
	"InexactFloat64", "NewFromFloat64", "MustFromFloat64", "Float64", "Float32", "SetFloat64", "ParseFloat", "FormatFloat",
}

// Purity holds what an import table cannot see: that code below domain/ has no float, that the pure packages ask no
// clock and start no goroutine, and that no test sleeps.
func Purity(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		ast.Inspect(f.Tree, func(n ast.Node) bool {
			if text := impure(f, n); text != "" {
				found = append(found, f.found("purity", n, "%s", text))
			}
			return true
		})
	}
	return found
}

func impure(f File, n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		return impureSelector(f, n)
	case *ast.Ident:
		if isFloat(n.Name) && noFloats(f) {
			return n.Name + ": money, prices and ratios are decimals"
		}
	case *ast.BasicLit:
		if n.Kind.String() == "FLOAT" && noFloats(f) {
			return n.Value + ": write a decimal, D(\"" + n.Value + "\")"
		}
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && noFloats(f) && slices.Contains(floating, sel.Sel.Name) {
			return sel.Sel.Name + " leaves the exact numbers"
		}
	case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
		if isPure(f) {
			return "no goroutine and no channel in a pure package"
		}
	}
	return ""
}

func impureSelector(f File, sel *ast.SelectorExpr) string {
	from, ok := sel.X.(*ast.Ident)
	if !ok || from.Name != "time" {
		return ""
	}
	if isPure(f) && slices.Contains(clock, sel.Sel.Name) {
		return "time." + sel.Sel.Name + ": time arrives inside commands"
	}
	if f.Test() && sel.Sel.Name == "Sleep" {
		return "time.Sleep: a test waits for what it wants to see"
	}
	return ""
}

func isFloat(name string) bool {
	return slices.Contains([]string{"float32", "float64", "complex64", "complex128"}, name)
}

func noFloats(f File) bool { return below(f.Package(), "pm/domain") && !f.Test() }

func isPure(f File) bool { return slices.Contains(pure, f.Package()) && !f.Test() }

// Unfinished finds marks of work that somebody meant to do later.
func Unfinished(files []File) []Finding {
	marks := []string{"TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"}
	var found []Finding
	for _, f := range files {
		for _, group := range f.Tree.Comments {
			for _, mark := range marks {
				if strings.Contains(group.Text(), mark) {
					found = append(found, f.found("unfinished", group, "%s: do it or file it", mark))
				}
			}
		}
	}
	return found
}
