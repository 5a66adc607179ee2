package arch

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Page is a document of the project.
type Page struct {
	Path string // relative to the root, with slashes
	Text string
}

var (
	link   = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	fence  = regexp.MustCompile("(?s)```.*?```")
	target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	called = regexp.MustCompile("(?m)(?:`|^    )make ([a-z][a-z0-9-]*)")
)

// Links finds links of a page that point at no file of the project. exists answers for a path relative to the root.
func Links(pages []Page, exists func(string) bool) []Finding {
	var found []Finding
	for _, p := range pages {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(p.Text, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if to := path.Join(path.Dir(p.Path), m[1]); !exists(to) {
				found = append(found, Finding{"link", p.Path, m[1] + " does not exist"})
			}
		}
	}
	return found
}

// Targets finds make targets that a page tells the reader to call and the Makefile does not have, and targets without
// the sentence that `make help` prints.
func Targets(pages []Page, makefile string) []Finding {
	var found []Finding
	var have []string
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		have = append(have, m[1])
		if !regexp.MustCompile(`(?m)^` + m[1] + `:.*## \S`).MatchString(makefile) {
			found = append(found, Finding{"make", "Makefile", m[1] + " has no sentence for make help"})
		}
	}
	for _, p := range pages {
		for _, m := range called.FindAllStringSubmatch(p.Text, -1) {
			if !slices.Contains(have, m[1]) {
				found = append(found, Finding{"make", p.Path, "make " + m[1] + " does not exist"})
			}
		}
	}
	return found
}

// adrSections are the headings of a decision record, in this order.
var adrSections = []string{"## Context", "## Decision", "## Alternatives", "## Consequences"}

// MaxADRLines keeps a decision record on one page.
const MaxADRLines = 70

// Records holds the form of the decision records: dense numbers from 0001, the four sections, one page each.
func Records(pages []Page) []Finding {
	var found []Finding
	for i, p := range pages {
		number := fmt.Sprintf("%04d", i+1)
		if !strings.HasPrefix(path.Base(p.Path), number+"-") {
			found = append(found, Finding{"adr", p.Path, "the next number is " + number})
		}
		if !strings.HasPrefix(p.Text, "# "+number+" ") {
			found = append(found, Finding{"adr", p.Path, "the title begins with # " + number})
		}
		rest := p.Text
		for _, heading := range adrSections {
			_, after, ok := strings.Cut(rest, "\n"+heading+"\n")
			if !ok {
				found = append(found, Finding{"adr", p.Path, "lacks, or has out of order, " + heading})
				break
			}
			rest = after
		}
		if lines := strings.Count(p.Text, "\n"); lines > MaxADRLines {
			found = append(found, Finding{"adr", p.Path, fmt.Sprintf("%d lines, at most %d", lines, MaxADRLines)})
		}
	}
	return found
}

// Mentioned finds words that a page must explain and does not name in code quotes.
func Mentioned(p Page, words []string) []Finding {
	var found []Finding
	for _, word := range words {
		if !strings.Contains(p.Text, "`"+word+"`") {
			found = append(found, Finding{"words", p.Path, word + " is missing"})
		}
	}
	return found
}

// EventTypes reads the keys of domain.EventTypes from the source, so that the rules can be asked while the domain does not compile.
func EventTypes(files []File) []string {
	var types []string
	for _, f := range files {
		if f.Package() != "pm/domain" {
			continue
		}
		ast.Inspect(f.Tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || spec.Names[0].Name != "EventTypes" {
				return true
			}
			if table, ok := spec.Values[0].(*ast.CompositeLit); ok {
				types = append(types, keysOf(table)...)
			}
			return false
		})
	}
	return types
}

func keysOf(table *ast.CompositeLit) []string {
	var keys []string
	for _, row := range table.Elts {
		pair, ok := row.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(key.Value); err == nil {
				keys = append(keys, text)
			}
		}
	}
	return keys
}
