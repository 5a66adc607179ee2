package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guarded has a comparison of each kind, some of which nothing proves.
const guarded = `package guarded

type kind string

func first(list []int) int {
	if len(list) == 0 || list[0] < 0 { // the second must not be asked without the first
		return -1
	}
	return list[0]
}

func name(n int) kind {
	switch n % 3 {
	case 0:
		return "fizz"
	case 1, 2:
		return "none"
	}
	return "?"
}

func sum(n int) (s int) {
	for i := 1; i <= n; i++ {
		switch even := i%2 == 0; {
		case even && i > 2:
			s += i
		case i == 7:
			s += 100
		}
	}
	return s
}

func same(a, b string) bool { return a == b }

func unproven(n int) int {
	if n > 10 {
		return 10
	}
	return n
}
`

const proof = `package guarded

import "testing"

func TestAll(t *testing.T) {
	if first(nil) != -1 || first([]int{-3}) != -1 || first([]int{0}) != 0 {
		t.Fatal("first")
	}
	if name(3) != "fizz" || name(4) != "none" || name(5) != "none" {
		t.Fatal("name")
	}
	if sum(6) != 10 || sum(7) != 110 {
		t.Fatal("sum")
	}
	if !same("a", "a") || same("a", "b") {
		t.Fatal("same")
	}
	unproven(3)
}
`

// module writes a module with the tests given and works in it.
func module(t *testing.T, tests string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module guarded\n\ngo 1.26\n", "guarded.go": guarded, "guarded_test.go": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

var quick = options{tests: []string{"."}, timeout: 5 * time.Second, at: 2}

func TestWhatNothingProvesSurvivesAndNothingElse(t *testing.T) {
	module(t, proof)
	sources, mutants, err := mutantsOf([]string{"guarded.go"}, true)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := build(t.TempDir(), sources, mutants, quick.tests)
	if err != nil {
		t.Fatal(err)
	}
	l, err := unchanged(programs, quick.timeout)
	if err != nil {
		t.Fatal(err)
	}
	var survived []string
	for i, said := range runAll(programs, mutants, l, quick.at) {
		if <-said == "" {
			survived = append(survived, mutants[i].String())
		}
	}
	want := []string{"guarded.go:37 n > 10", "guarded.go:37 n > 10   made true"}
	if fmt.Sprint(survived) != fmt.Sprint(want) {
		t.Fatalf("survived:\n%s", strings.Join(survived, "\n"))
	}
	if len(mutants) != 14+7 {
		t.Fatalf("%d mutants:\n%v", len(mutants), mutants)
	}
}

func TestTheExitCodeSaysWhetherSomeSurvivedOrNothingWasProven(t *testing.T) {
	module(t, proof)
	for want, tests := range map[int]string{
		0: strings.Replace(proof, "unproven(3)", `if unproven(11) != 10 { t.Fatal("unproven") }`, 1),
		1: proof,
		2: strings.Replace(proof, "unproven(3)", `t.Fatal("fails unchanged")`, 1),
	} {
		if err := os.WriteFile("guarded_test.go", []byte(tests), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := mutate([]string{"guarded.go"}, quick); got != want {
			t.Fatalf("exit code %d, not %d: %v", got, want, err)
		}
	}
	if got, _ := mutate(nil, quick); got != 2 {
		t.Fatalf("exit code %d where there is nothing to disable", got)
	}
}

func TestTheFilesAreLeftAsTheyAre(t *testing.T) {
	module(t, proof)
	if _, err := mutate([]string{"guarded.go"}, quick); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("guarded.go")
	if err != nil || string(text) != guarded {
		t.Fatal("the source was changed", err)
	}
	if out, err := exec.Command("ls").Output(); err != nil || string(out) != "go.mod\nguarded.go\nguarded_test.go\n" {
		t.Fatalf("%s left: %v", out, err)
	}
}
