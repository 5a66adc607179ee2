package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestALicenceIsKnownByItsSentencesOrForAPersonToRead(t *testing.T) {
	for text, want := range map[string]string{
		"MIT License\n\nPermission is hereby\n granted, free of charge, ... WITHOUT WARRANTY OF ANY KIND":                 "MIT",
		"Apache License\n        Version 2.0, January 2004":                                                               "Apache-2.0",
		"Redistribution and use in source and binary forms, ... used to endorse or promote products derived":              "BSD-3-Clause",
		"Redistribution and use in source and binary forms, with or without":                                              "BSD-2-Clause",
		"Mozilla Public License Version 2.0 ... GNU General Public License":                                               "MPL-2.0",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                                                                               "GPL",
		"Permission to use, copy, modify, and distribute ... THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS": "ISC",
		"All rights reserved.": "",
	} {
		if got := classify(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestALicenceThatAsksForMoreIsRefusedAndMozillasStandsInTestsOnly(t *testing.T) {
	modules := []module{
		{Path: "a", Licence: "MIT", Shipped: true}, {Path: "b", Licence: "GPL", Shipped: true}, {Path: "c", Shipped: true},
		{Path: "d", Licence: "MPL-2.0", Shipped: true}, {Path: "e", Licence: "MPL-2.0"}, {Path: "f", Licence: "GPL"},
	}
	if got := report(io.Discard, modules); got != 4 {
		t.Errorf("%d are refused, want b, c, d and f", got)
	}
}

func TestOnlyAMissingDatabaseIsForgiven(t *testing.T) {
	for text, want := range map[string]bool{
		`govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: lookup vuln.go.dev: no such host`: true,
		`govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/x": context deadline exceeded`:                                      true,
		`govulncheck: loading packages: there are errors with the provided package patterns`:                                                 false,
		`Your code is affected by 1 vulnerability from 1 module.`:                                                                            false,
		`govulncheck: fetching vulnerabilities: json: cannot unmarshal`:                                                                      false,
		``: false,
	} {
		if got := offline([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestTheBillHoldsWhatShipsWithItsHashAndIsTheSameTwice(t *testing.T) {
	modules := []module{{Path: "x.org/a", Version: "v1.0.0", Licence: "MIT", SHA256: "ab", Shipped: true}, {Path: "x.org/t", Version: "v2.0.0"}}
	first, err := billOf(modules, "v9")
	if err != nil {
		t.Fatal(err)
	}
	second, _ := billOf(modules, "v9")
	var b bill
	if err := json.Unmarshal(first, &b); err != nil || !slices.Equal(first, second) {
		t.Fatal(err, string(first))
	}
	if len(b.Components) != 1 || b.Components[0].PURL != "pkg:golang/x.org/a@v1.0.0" || b.Components[0].Hashes[0].Content != "ab" {
		t.Error(string(first))
	}
	modules[0].SHA256 = ""
	if _, err := billOf(modules, "v9"); err == nil || !strings.Contains(err.Error(), "go.sum") {
		t.Error("a library without a hash is no part of a bill", err)
	}
}
