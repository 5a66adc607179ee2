package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// mutant is one comparison of one file and what it is made.
type mutant struct {
	file     string
	line     int
	from, to int    // offsets of the comparison
	text     string // of it
	within   string // the whole condition, where the comparison is a part of one
	made     bool   // what it is made
	stronger bool   // only with -true
	of       int    // the switch with a value that it is a case of, as an index of source.tags; -1: none
}

func (m mutant) String() string {
	text := fmt.Sprintf("%s:%d %s", m.file, m.line, m.text)
	if m.within != "" {
		text += "   in   " + m.within
	}
	if m.stronger {
		text += "   made true"
	}
	return text
}

// source is a file with its comparisons.
type source struct {
	file, pkg string
	text      string
	set       *token.FileSet
	mutants   []mutant
	tags      []tag
	seen      map[token.Pos]token.Pos // comparisons that are taken: begin and end
}

// tag is the value of a switch.
type tag struct{ from, to int }

// find lists the comparisons of a file.
func find(file, text string) (*source, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := &source{file: file, pkg: tree.Name.Name, text: text, set: set, seen: map[token.Pos]token.Pos{}}
	var failed error
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			s.whole(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				s.whole(n.Cond)
			}
		case *ast.SwitchStmt:
			if n.Init != nil && n.Tag != nil {
				failed = fmt.Errorf("%s: a switch with both a statement and a value is more than this can change", set.Position(n.Pos()))
			}
			s.cases(n)
		case *ast.BinaryExpr: // wherever it stands: returned, assigned, handed over
			if s.seen[n.Pos()] < n.End() && (logical(n.Op) || compares(n.Op)) {
				s.whole(n)
			}
		}
		return true
	})
	return s, failed
}

func logical(op token.Token) bool { return op == token.LAND || op == token.LOR }

func compares(op token.Token) bool {
	return slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, op)
}

func (s *source) cases(n *ast.SwitchStmt) {
	of := -1
	if n.Tag != nil {
		of = len(s.tags)
		s.tags = append(s.tags, tag{s.offset(n.Tag.Pos()), s.offset(n.Tag.End())})
	}
	for _, c := range n.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			if of < 0 {
				s.whole(e)
				continue
			}
			m := s.at(e)
			m.of, m.within = of, "switch "+s.text[s.tags[of].from:s.tags[of].to]
			s.mutants = append(s.mutants, m)
		}
	}
}

// whole takes a condition and the parts of it.
func (s *source) whole(e ast.Expr) {
	m := s.at(e)
	always := m
	always.made, always.stronger = true, true
	s.mutants = append(s.mutants, m, always)
	s.parts(e, e)
}

// parts takes each operand of && and ||, made what it is when nobody asks it: true beside &&, false beside ||. Made the other thing it
// would decide the whole condition, which is a mutant of its own.
func (s *source) parts(of, e ast.Expr) {
	s.seen[e.Pos()] = max(s.seen[e.Pos()], e.End())
	switch e := e.(type) {
	case *ast.ParenExpr:
		s.parts(of, e.X)
	case *ast.UnaryExpr:
		s.parts(of, e.X)
	case *ast.BinaryExpr:
		if !logical(e.Op) {
			return
		}
		for _, x := range []ast.Expr{e.X, e.Y} {
			same, chain := x.(*ast.BinaryExpr)
			if !chain || same.Op != e.Op { // of a && b && c: a, b and c
				m := s.at(x)
				m.made, m.within = e.Op == token.LAND, s.line(of)
				s.mutants = append(s.mutants, m)
			}
			s.parts(of, x)
		}
	}
}

func (s *source) at(e ast.Expr) mutant {
	from, to := s.set.Position(e.Pos()), s.set.Position(e.End())
	return mutant{file: s.file, line: from.Line, from: from.Offset, to: to.Offset, text: s.line(e), of: -1}
}

func (s *source) offset(p token.Pos) int { return s.set.Position(p).Offset }

// line is an expression on one line.
func (s *source) line(e ast.Expr) string {
	return strings.Join(strings.Fields(s.text[s.offset(e.Pos()):s.offset(e.End())]), " ")
}
