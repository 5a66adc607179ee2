package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allowed licences ask for a notice and for nothing else of a program that is handed on.
var allowed = []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT AND Apache-2.0"}

// allowedInTests are fine for what is never handed on.
var allowedInTests = []string{"MPL-2.0"}

func (m module) allowed() bool {
	return slices.Contains(allowed, m.Licence) || !m.Shipped && slices.Contains(allowedInTests, m.Licence)
}

// marks are sentences that stand in one licence only, in the order in which they are looked for. A text that carries none of them, or
// one of a licence that asks for more, is for a person to read.
var marks = []struct {
	id   string
	all  []string
	none []string
}{
	{id: "GPL", all: []string{"general public license"}, none: []string{"mozilla public license", "apache license"}},
	{id: "MPL-2.0", all: []string{"mozilla public license version 2.0"}},
	{id: "MIT AND Apache-2.0", all: []string{"two different licenses: mit and apache", "permission is hereby granted, free of charge"}},
	{id: "Apache-2.0", all: []string{"apache license version 2.0"}},
	{id: "MIT", all: []string{"permission is hereby granted, free of charge", "without warranty of any kind"}},
	{id: "ISC", all: []string{"permission to use, copy, modify, and", "the software is provided \"as is\" and the author"}},
	{id: "BSD-3-Clause", all: []string{"redistribution and use in source and binary forms", "endorse or promote products"}},
	{id: "BSD-2-Clause", all: []string{"redistribution and use in source and binary forms"}},
}

var space = regexp.MustCompile(`\s+`)

// classify names the licence of a text, "" if it is not known.
func classify(text string) string {
	text = strings.ToLower(space.ReplaceAllString(text, " "))
	has := func(s string) bool { return strings.Contains(text, s) }
	for _, m := range marks {
		if !slices.ContainsFunc(m.all, func(s string) bool { return !has(s) }) && !slices.ContainsFunc(m.none, has) {
			return m.id
		}
	}
	return ""
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)(\.(txt|md))?$`)

// licenceIn reads the licence of a module's folder.
func licenceIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		return classify(string(text)), err
	}
	return "", errors.New("the module has no licence file")
}
