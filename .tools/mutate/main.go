// Command mutate disables each comparison of some files in turn and runs the tests that must notice: what survives is a check that
// nothing proves.
//
//	mutate -test ./projections/... projections/recover.go projections/judge.go
//
// A comparison is the condition of an if, or of a case of a switch without a value. It is disabled by making it false. Exit code 1
// says that some survived, 2 that the tests do not even pass unchanged.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mutant is one condition of one file.
type mutant struct {
	file       string
	line       int
	from, to   int // offsets of the condition
	text       string
	exceptions string
}

func main() {
	tests := flag.String("test", "./...", "packages whose tests must notice")
	timeout := flag.Duration("timeout", 2*time.Minute, "for one run of the tests")
	flag.Parse()
	if out, err := run(*tests, "", *timeout); err != nil {
		fmt.Fprintf(os.Stderr, "mutate: the tests do not pass as they are:\n%s", out)
		os.Exit(2)
	}
	caught, survived := 0, 0
	for _, file := range flag.Args() {
		source, err := os.ReadFile(file)
		if err != nil {
			fatal(err)
		}
		for _, m := range mutants(file, source) {
			if strings.Contains(m.exceptions, "mutate:equal") {
				continue
			}
			if survives(m, source, *tests, *timeout) {
				survived++
				fmt.Printf("SURVIVED %s:%d %s\n", m.file, m.line, m.text)
			} else {
				caught++
			}
		}
	}
	fmt.Printf("%d of %d disabled comparisons were caught\n", caught, caught+survived)
	if survived > 0 {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "mutate:", err)
	os.Exit(2)
}

// mutants finds the conditions of a file.
func mutants(file string, source []byte) (all []mutant) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, parser.ParseComments)
	if err != nil {
		fatal(err)
	}
	lines := strings.Split(string(source), "\n")
	add := func(e ast.Expr) {
		from, to := set.Position(e.Pos()), set.Position(e.End())
		all = append(all, mutant{file, from.Line, from.Offset, to.Offset, string(source[from.Offset:to.Offset]), lines[from.Line-1]})
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			add(n.Cond)
		case *ast.SwitchStmt:
			if n.Tag != nil {
				return true
			}
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					add(e)
				}
			}
		}
		return true
	})
	return all
}

// survives runs the tests with the condition made false. A mutant that does not compile proves nothing and counts as one that survived.
func survives(m mutant, source []byte, tests string, timeout time.Duration) bool {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		fatal(err)
	}
	defer os.RemoveAll(dir)
	changed := append(append(append([]byte{}, source[:m.from]...), ("false && ("+m.text+")")...), source[m.to:]...)
	replacement := filepath.Join(dir, filepath.Base(m.file))
	abs, err := filepath.Abs(m.file)
	if err != nil {
		fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{abs: replacement}})
	if err != nil {
		fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	for name, content := range map[string][]byte{replacement: changed, list: overlay} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			fatal(err)
		}
	}
	out, err := run(tests, list, timeout)
	if err != nil && bytes.Contains(out, []byte("[build failed]")) {
		fmt.Printf("does not compile: %s:%d\n%s", m.file, m.line, out)
		return true
	}
	return err == nil
}

func run(tests, overlay string, timeout time.Duration) ([]byte, error) {
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", timeout.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	return exec.Command("go", append(args, strings.Fields(tests)...)...).CombinedOutput()
}
