package arch

import (
	"slices"
	"strings"
)

// Imports holds the table of packages: an import that the table does not name is a finding, and so is a package that
// the table does not list.
func Imports(files []File) []Finding {
	var found []Finding
	for _, f := range files {
		rule, listed := ruleOf(f.Package())
		if !listed {
			found = append(found, Finding{"imports", f.Path, f.Package() + " is not listed in test/arch/tables.go"})
			continue
		}
		for _, spec := range f.Tree.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if text := refused(f, rule, name); text != "" {
				found = append(found, f.found("imports", spec, "%s", text))
			}
		}
	}
	return found
}

func ruleOf(pkg string) (packageRule, bool) {
	if rule, ok := packages[pkg]; ok {
		return rule, true
	}
	for key, rule := range packages {
		if strings.HasSuffix(key, "/...") && matches(key, pkg) {
			return rule, true
		}
	}
	return packageRule{}, false
}

// refused says why a file may not import a package, "" when it may.
func refused(f File, rule packageRule, name string) string {
	switch {
	case below(name, Module):
		return refusedRoom(f, rule, name)
	case strings.Contains(strings.Split(name, "/")[0], "."):
		return refusedDriver(f, name)
	default:
		return refusedStd(f, name)
	}
}

func refusedRoom(f File, rule packageRule, name string) string {
	pkg := f.Package()
	for _, tree := range nobodyImports {
		if below(name, tree) && !below(pkg, tree) {
			return "nobody imports " + tree + ": " + name
		}
	}
	allowed := rule.imports
	if f.Test() {
		allowed = slices.Concat(allowed, rule.tests, suites, []string{pkg})
	}
	if !matchesAny(allowed, name) {
		return pkg + " may not import " + name
	}
	if slices.Contains(suites, name) && !f.Test() && !below(pkg, "pm/test") {
		return "only tests import the suite " + name
	}
	return ""
}

func refusedDriver(f File, name string) string {
	for library, importers := range drivers {
		if !below(name, library) {
			continue
		}
		testing := f.Test() || slices.Contains(suites, f.Package()) || below(f.Package(), "pm/test")
		if matchesAny(importers, f.Package()) || importers == nil && testing || importers != nil && f.Test() && testsMay(library) {
			return ""
		}
		return f.Package() + " is not among the importers of " + library
	}
	return name + " is not a listed library"
}

// testsMay says which libraries a test may use in any room: values, and the bare system calls that a measurement is held against.
func testsMay(library string) bool {
	return slices.Contains([]string{"github.com/quagmt/udecimal", "github.com/google/uuid", "golang.org/x/sys"}, library)
}

func refusedStd(f File, name string) string {
	rule, ok := stdRules[f.Package()]
	if !ok || f.Test() {
		return ""
	}
	if rule.allowed != nil && !slices.Contains(rule.allowed, name) {
		return name + " is not in the part of the standard library that " + f.Package() + " may use"
	}
	for _, tree := range rule.banned {
		if below(name, tree) && !slices.Contains(rule.except, name) {
			return f.Package() + " may not use " + name
		}
	}
	return ""
}

// below says whether name is the tree's root or lies under it.
func below(name, tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") }

func matches(pattern, name string) bool {
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return below(name, tree)
	}
	return pattern == name
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}
