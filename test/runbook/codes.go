package runbook

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pm/test/arch"
)

// Codes are what the source can end, warn or stop entries with.
type Codes struct {
	Halts, Warnings, Causes []string
}

// code is the form of a code of a halt or of a warning.
var code = regexp.MustCompile(`^[A-Z][A-Z_]+$`)

// CodesOf reads the codes from the source. A code is a constant of cmd/pm or projections named code... or Code...; those of the
// snapshot's and the database's state only warn. A cause is a constant of cmd/pm named ...Reason, and whatever the domain gives as Reason
// where it sets REDUCING.
func CodesOf(files []arch.File) Codes {
	var c Codes
	constants := map[string]string{}
	for _, f := range files {
		if f.Test() {
			continue
		}
		for name, value := range stringsOf(f.Tree) {
			constants[f.Package()+"."+name] = value
			switch {
			case f.Package() != "pm/cmd/pm" && f.Package() != "pm/projections":
			case strings.HasPrefix(strings.ToLower(name), "code") && code.MatchString(value):
				if strings.HasPrefix(value, "SNAPSHOT_") || strings.HasPrefix(value, "DB_") {
					c.Warnings = append(c.Warnings, value)
				} else {
					c.Halts = append(c.Halts, value)
				}
			case f.Package() == "pm/cmd/pm" && strings.HasSuffix(name, "Reason"):
				c.Causes = append(c.Causes, value)
			}
		}
	}
	for _, f := range files {
		if f.Package() == "pm/domain" && !f.Test() {
			c.Causes = append(c.Causes, reducingIn(f.Tree, constants)...)
		}
	}
	for _, list := range []*[]string{&c.Halts, &c.Warnings, &c.Causes} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return c
}

// stringsOf gives the constants of a file that are string literals.
func stringsOf(file *ast.File) map[string]string {
	found := map[string]string{}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			s, ok := spec.(*ast.ValueSpec)
			if !ok || len(s.Names) != len(s.Values) {
				continue
			}
			for i, value := range s.Values {
				if text, ok := literal(value); ok {
					found[s.Names[i].Name] = text
				}
			}
		}
	}
	return found
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// reducingIn finds TradingStateChanged{To: Reducing, Reason: ...} and gives the reasons that are written there.
func reducingIn(file *ast.File, constants map[string]string) (reasons []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		made, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if name, ok := made.Type.(*ast.Ident); !ok || name.Name != "TradingStateChanged" {
			return true
		}
		fields := map[string]ast.Expr{}
		for _, element := range made.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok {
					fields[key.Name] = pair.Value
				}
			}
		}
		if to, ok := fields["To"].(*ast.Ident); !ok || to.Name != "Reducing" {
			return true
		}
		if text, ok := literal(fields["Reason"]); ok {
			reasons = append(reasons, text)
		} else if name, ok := fields["Reason"].(*ast.Ident); ok {
			reasons = append(reasons, constants["pm/domain."+name.Name])
		}
		return true
	})
	return reasons
}
