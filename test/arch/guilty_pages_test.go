package arch_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pm/test/arch"
)

func exists(names ...string) func(string) bool {
	return func(name string) bool { return strings.Contains(strings.Join(names, " "), name) }
}

func TestALinkToNothingIsFound(t *testing.T) {
	page := arch.Page{Path: "docs/A.md", Text: "See [b](B.md#part), [top](../README.md) and [web](https://example.org).\n"}
	none(t, arch.Links([]arch.Page{page}, exists("docs/B.md", "README.md")))
	found := arch.Links([]arch.Page{page}, exists("docs/B.md"))
	require.Len(t, found, 1)
	require.Contains(t, found[0].String(), "../README.md does not exist")
}

func TestAnUnknownOrSilentTargetIsFound(t *testing.T) {
	page := []arch.Page{{Path: "README.md", Text: "Call `make run`, then `make tset`:\n\n    make rnu # and see\n"}}
	found := arch.Targets(page, "run: build ## builds and starts\nbuild:\n")
	require.Len(t, found, 3)
	require.Contains(t, found[0].String(), "build has no sentence")
	require.Contains(t, found[1].String(), "make tset does not exist")
	require.Contains(t, found[2].String(), "make rnu does not exist")
}

func TestADecisionRecordOutOfFormIsFound(t *testing.T) {
	whole := "# 0001 One\n\n## Context\n\nx\n\n## Decision\n\nx\n\n## Alternatives\n\nx\n\n## Consequences\n\nx\n"
	record := func(name, text string) []arch.Page { return []arch.Page{{Path: "docs/adr/" + name, Text: text}} }
	none(t, arch.Records(record("0001-one.md", whole)))
	for name, bad := range map[string][]arch.Page{
		"a gap in the numbers": record("0002-one.md", whole),
		"another title":        record("0001-one.md", strings.Replace(whole, "0001", "0003", 1)),
		"a missing section":    record("0001-one.md", strings.Replace(whole, "## Alternatives\n", "", 1)),
		"two pages":            record("0001-one.md", whole+strings.Repeat("x\n", arch.MaxADRLines)),
	} {
		require.Len(t, arch.Records(bad), 1, name)
	}
}

func TestAWordThatAPageDoesNotExplainIsFound(t *testing.T) {
	page := arch.Page{Path: "docs/GLOSSARY.md", Text: "`OrderFilled`: a fill."}
	none(t, arch.Mentioned(page, []string{"OrderFilled"}))
	require.Len(t, arch.Mentioned(page, []string{"OrderFilled", "StopMoved"}), 1)
}
