// Package arch holds the rules of the house that a compiler does not know: who may import whom, how long a file or a
// function may be, what stays out of the domain, which names exist at the top, and that what is exported is explained.
//
// A rule is a function from parsed files to findings, so that its own test can hand it a small guilty source and see it
// caught. house_test.go hands every rule the whole repository and wants no finding. The tables that a person edits
// when a package, a driver or an interface is added stand in tables.go; nothing that is missing there passes.
package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Module is the module path; a package's import path is Module + "/" + its folder.
const Module = "pm"

// Finding is one breach of a rule, with the place where it stands.
type Finding struct {
	Rule  string
	Place string // file:line, a file, or a package
	Text  string
}

// String writes a finding as a line that an editor can jump to.
func (f Finding) String() string { return f.Place + ": " + f.Rule + ": " + f.Text }

// File is one parsed Go file.
type File struct {
	Path  string // relative to the root, with slashes
	Lines int
	Tree  *ast.File
	set   *token.FileSet
}

// Package is the import path of the file's folder. An external test package (x_test) counts as its folder's.
func (f File) Package() string { return path.Join(Module, path.Dir(f.Path)) }

// Test says whether only `go test` compiles the file.
func (f File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// found makes a finding at a node of the file.
func (f File) found(rule string, at ast.Node, format string, args ...any) Finding {
	place := fmt.Sprintf("%s:%d", f.Path, f.line(at.Pos()))
	return Finding{Rule: rule, Place: place, Text: fmt.Sprintf(format, args...)}
}

func (f File) line(p token.Pos) int { return f.set.Position(p).Line }

// Parse reads one Go source, which need not exist on disk.
func Parse(name, source string) (File, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, fmt.Errorf("parse %s: %w", name, err)
	}
	lines := strings.Count(source, "\n")
	if source != "" && !strings.HasSuffix(source, "\n") {
		lines++
	}
	return File{Path: name, Lines: lines, Tree: tree, set: set}, nil
}

// Load parses every Go file under root, except in folders that the Go tool ignores too (dot, underscore, testdata).
func Load(root string) ([]File, error) {
	var files []File
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipIgnored(at, entry.Name())
		}
		if path.Ext(at) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(tree, at)
		if err != nil {
			return err
		}
		file, err := Parse(at, string(source))
		files = append(files, file)
		return err
	})
	return files, err
}

func skipIgnored(at, name string) error {
	hidden := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata"
	if at != "." && hidden {
		return fs.SkipDir
	}
	return nil
}

// Root is the folder of go.mod at or above the working directory.
func Root() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("no go.mod at or above the working directory")
		}
		at = up
	}
}
