package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// numbered is a mutant and the number by which the program is told to be it.
type numbered struct {
	mutant
	n int
}

// edit is a text that is put in at an offset.
type edit struct {
	at   int
	text string
	rank int // of two at one offset the lower comes first
}

// rewrite writes a file anew with all of its mutants in it. Each comparison is asked only where it was asked before: what stands before it
// may be what makes it safe.
func rewrite(s *source, mutants []numbered) string {
	var edits []edit
	around := func(from, to int, before, after string, depth int) {
		// What holds more opens first and closes last.
		edits = append(edits, edit{from, before, depth}, edit{to, after, -depth})
	}
	for depth, m := range outermostFirst(mutants) {
		ask := "!mutated(%d) && ("
		if m.made {
			ask = "mutated(%d) || ("
		}
		before := "(" + fmt.Sprintf(ask, m.n)
		if m.of >= 0 {
			before += fmt.Sprintf("mutatedTag%d == ", m.of)
		}
		around(m.from, m.to, before, "))", depth)
	}
	for i, t := range s.tags {
		around(t.from, t.to, fmt.Sprintf("mutatedTag%d := ", i), "; ", -1)
	}
	// An end comes before a beginning at the same place.
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	var out strings.Builder
	done := 0
	for _, e := range edits {
		out.WriteString(s.text[done:e.at])
		out.WriteString(e.text)
		done = e.at
	}
	out.WriteString(s.text[done:])
	return out.String()
}

func outermostFirst(mutants []numbered) []numbered {
	return slices.SortedStableFunc(slices.Values(mutants), func(a, b numbered) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
}

// helper is the further file of a package whose files were rewritten.
func helper(pkg string) string {
	return "package " + pkg + `

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func mutated(n int) bool { return mutant == n }
`
}

// variable of the environment says which mutant a program is; empty: none.
const variable = "MUTANT"
